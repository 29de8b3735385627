//! How the world moves: from one due moment to the next.

use crate::controllers;
use crate::kubelet;
use crate::world::World;

/// So many rounds of controllers at one moment are more than any chain of causes takes.
const ROUNDS: usize = 200;

impl World {
    /// Has controllers look again at a moment.
    pub(crate) fn wake_at(&mut self, moment: u64) {
        if moment > self.now {
            self.wakes.insert(moment);
        }
    }

    /// Lets the world live until a moment. One that lies in the past changes nothing.
    pub(crate) fn live_until(&mut self, moment: u64) {
        self.settle();
        while let Some(due) = self.next_due().filter(|due| *due <= moment) {
            self.now = self.now.max(due);
            self.wakes = self.wakes.split_off(&(self.now + 1));
            // a wake is a reason to look even where nothing has changed
            self.changes += 1;
            self.settle();
        }
        self.now = self.now.max(moment);
    }

    /// Lets it live for a time.
    pub(crate) fn live_for(&mut self, millis: u64) {
        self.live_until(self.now + millis);
    }

    fn next_due(&self) -> Option<u64> {
        let wake = self.wakes.first().copied();
        let kubelet = self.kubelet.next_due();
        match (wake, kubelet) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Kubelet and controllers act until there is nothing left to do at this moment.
    pub(crate) fn settle(&mut self) {
        for _ in 0..ROUNDS {
            let before = self.changes;
            kubelet::sync(self);
            if self.settled_at == Some(self.changes) {
                return;
            }
            controllers::sync(self);
            if self.changes == before {
                self.settled_at = Some(self.changes);
                return;
            }
        }
        tracing::warn!("the simulated controllers do not come to rest");
    }
}
