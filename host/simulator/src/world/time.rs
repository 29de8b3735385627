//! How the world moves: from one due moment to the next.

use crate::controllers;
use crate::kubelet;
use crate::world::World;

/// So many rounds of controllers at one moment are more than any chain of causes takes.
const ROUNDS: usize = 500;

impl World {
    /// Has controllers look at the object with the uid again at a moment.
    pub(crate) fn wake_at(&mut self, moment: u64, uid: &str) {
        if moment > self.now {
            self.wakes.insert((moment, uid.to_owned()));
        }
    }

    /// Lets the world live until a moment. One that lies in the past changes nothing.
    pub(crate) fn live_until(&mut self, moment: u64) {
        self.settle();
        while let Some(due) = self.next_due().filter(|due| *due <= moment) {
            self.now = self.now.max(due);
            let later = self.wakes.split_off(&(self.now + 1, String::new()));
            let woken = std::mem::replace(&mut self.wakes, later);
            self.dirty.extend(woken.into_iter().map(|(_, uid)| uid));
            self.settle();
        }
        self.now = self.now.max(moment);
    }

    fn next_due(&self) -> Option<u64> {
        let wake = self.wakes.first().map(|(at, _)| *at);
        let kubelet = self.kubelet.next_due();
        match (wake, kubelet) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Kubelet and controllers act until there is nothing left to do at this moment.
    pub(crate) fn settle(&mut self) {
        for _ in 0..ROUNDS {
            kubelet::sync(self);
            let dirty = self.take_dirty();
            if dirty.is_empty() {
                return;
            }
            controllers::sync(self, &dirty);
        }
        tracing::warn!("the simulated controllers do not come to rest");
    }
}
