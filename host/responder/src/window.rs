//! The healthy window: how long it has been unbroken, and how long it is worth waiting for one.

use crate::Settings;
use dreamops_domain::read::Health;
use dreamops_domain::time::Timestamp;
use std::time::Duration;

/// The longest that Kubernetes leaves a container that keeps ending before it starts it again
/// (`MaxContainerBackOff`): so late may a victim come back after its dependency.
const LONGEST_BACK_OFF: Duration = Duration::from_mins(5);

/// An unbroken time in which everything was well.
pub(crate) struct Window {
    /// Its first moment.
    pub(crate) since: Timestamp,
    began: Duration,
    restarts: u32,
    last_restart: Option<Timestamp>,
}

impl Window {
    /// Begins now, with what was just seen.
    pub(crate) fn open(now: Timestamp, monotonic: Duration, health: &Health) -> Self {
        Self {
            since: now,
            began: monotonic,
            restarts: health.restarts,
            last_restart: health.last_restart,
        }
    }

    /// Whether no container ended since it began. Fewer restarts than before are those of pods that are gone.
    pub(crate) fn unbroken(&self, health: &Health) -> bool {
        self.last_restart == health.last_restart && self.restarts >= health.restarts
    }

    /// Whether it was long enough.
    pub(crate) fn complete(&self, monotonic: Duration, length: Duration) -> bool {
        monotonic >= self.began + length
    }
}

/// How long a window has to be: as configured, and never less than the workload itself asks of a new pod.
pub(crate) fn length(settings: &Settings, health: &Health) -> Duration {
    settings
        .stability
        .max(Duration::from_secs(u64::from(health.min_ready_seconds)))
}

/// How long an improvement is waited for, from the last write.
///
/// | what is seen | waited for | from |
/// | --- | --- | --- |
/// | nothing moves | `heal_deadline` | the last write |
/// | a rollout makes progress | `heal_deadline`, and at least its own `progressDeadlineSeconds` | its last progress |
/// | a container that ended before the last write waits for its next start | until then, and a window longer | the last write |
/// | the subject is well, what the alert was about is not yet | the longest back-off | the last write |
///
/// A container that the kubelet leaves for minutes cannot show whether the change helped before it is started again. One
/// that ends after the change has shown it.
pub(crate) struct Patience {
    began: Duration,
    /// What had passed since the last write when watching began: more than nothing after a crash.
    before: Duration,
    acted: Timestamp,
    moved: Option<Duration>,
    /// How long after the last write the containers have started again that waited for it then.
    starts: Duration,
    best: (u32, u32),
}

impl Patience {
    /// Watching begins `now`, after a last write at `acted`.
    pub(crate) fn new(now: Timestamp, monotonic: Duration, acted: Timestamp) -> Self {
        Self {
            began: monotonic,
            before: now.since(acted),
            acted,
            moved: None,
            starts: Duration::ZERO,
            best: (0, 0),
        }
    }

    /// Takes note of a look.
    pub(crate) fn see(&mut self, monotonic: Duration, health: &Health) {
        let (ready, updated) = self.best;
        if health.ready > ready || health.updated > updated {
            self.best = (health.ready.max(ready), health.updated.max(updated));
            self.moved = Some(monotonic);
        }
        if let Some(at) = health.next_start {
            self.starts = self.starts.max(at.since(self.acted)).min(LONGEST_BACK_OFF);
        }
    }

    /// How long the containers are waited for that had ended before the last write, from there; `None` where none are, or
    /// one has ended since.
    fn start_deadline(&self, settings: &Settings, health: &Health) -> Option<Duration> {
        let waits = !self.starts.is_zero() && !self.ends_since(health);
        waits.then(|| self.starts + length(settings, health))
    }

    /// Whether containers have still to start that had ended before the last write.
    pub(crate) fn waits_for_start(&self, health: &Health) -> bool {
        health.next_start.is_some_and(|at| at > self.acted) && !self.ends_since(health)
    }

    fn ends_since(&self, health: &Health) -> bool {
        health.last_restart.is_some_and(|at| at > self.acted)
    }

    /// Whether the time for an improvement is over. `only_origin`: the subject is well, what the alert was about is not.
    pub(crate) fn exhausted(
        &self,
        settings: &Settings,
        monotonic: Duration,
        health: &Health,
        only_origin: bool,
    ) -> bool {
        let since_write = self.before + monotonic.saturating_sub(self.began);
        if only_origin {
            return since_write >= settings.heal_deadline.max(LONGEST_BACK_OFF);
        }
        let start = self.start_deadline(settings, health).unwrap_or_default();
        if since_write < start {
            return false;
        }
        match self.own_deadline(health) {
            Some(own) => {
                let still = self.moved.map_or(since_write, |at| monotonic.saturating_sub(at));
                still >= settings.heal_deadline.max(own)
            }
            None => since_write >= settings.heal_deadline,
        }
    }

    /// The deadline of a rollout that makes progress; `None` where none does. Pods that end after the last write are no
    /// progress, whatever the controller says: it counts them as such until its own deadline.
    pub(crate) fn own_deadline(&self, health: &Health) -> Option<Duration> {
        let rolls = health.progressing && !health.settled && !self.ends_since(health);
        rolls.then(|| Duration::from_secs(u64::from(health.progress_deadline_seconds.unwrap_or(0))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn rolling(ready: u32) -> Health {
        Health {
            desired: 5,
            ready,
            updated: 5,
            progressing: true,
            progress_deadline_seconds: Some(600),
            ..Health::default()
        }
    }

    fn acted() -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000)
    }

    #[test]
    fn a_rollout_that_makes_progress_gets_its_own_deadline_from_its_last_progress() {
        let settings = Settings::default();
        let mut patience = Patience::new(acted(), seconds(0), acted());
        patience.see(seconds(0), &rolling(1));
        assert!(!patience.exhausted(&settings, seconds(599), &rolling(1), false));
        assert!(patience.exhausted(&settings, seconds(600), &rolling(1), false));
        patience.see(seconds(500), &rolling(2));
        assert!(!patience.exhausted(&settings, seconds(1099), &rolling(2), false));
        assert!(patience.exhausted(&settings, seconds(1100), &rolling(2), false));
    }

    #[test]
    fn pods_that_end_after_the_last_write_are_no_progress() {
        let settings = Settings::default();
        let patience = Patience::new(acted(), seconds(0), acted());
        let crashing = Health {
            last_restart: Some(acted() + seconds(5)),
            ..rolling(0)
        };
        assert!(!patience.exhausted(&settings, seconds(119), &crashing, false));
        assert!(patience.exhausted(&settings, seconds(120), &crashing, false));
    }

    #[test]
    fn a_container_that_waits_for_its_next_start_is_waited_for_and_a_window_longer() {
        let settings = Settings::default();
        let mut patience = Patience::new(acted(), seconds(0), acted());
        let waiting = Health {
            desired: 1,
            last_restart: Some(Timestamp::from_millis(acted().millis() - 20_000)),
            next_start: Some(acted() + seconds(280)),
            ..Health::default()
        };
        patience.see(seconds(0), &waiting);
        assert!(patience.waits_for_start(&waiting));
        let started = Health {
            next_start: None,
            ..waiting.clone()
        };
        patience.see(seconds(281), &started);
        assert!(!patience.exhausted(&settings, seconds(309), &started, false));
        assert!(patience.exhausted(&settings, seconds(310), &started, false));
        // one that ended again has shown what it has to show
        let ended = Health {
            last_restart: Some(acted() + seconds(282)),
            next_start: Some(acted() + seconds(582)),
            ..waiting
        };
        patience.see(seconds(283), &ended);
        assert!(patience.exhausted(&settings, seconds(283), &ended, false));
        assert!(!patience.waits_for_start(&ended));
    }

    #[test]
    fn the_deadline_counts_from_the_last_write_even_after_a_crash() {
        let settings = Settings::default();
        let patience = Patience::new(acted() + seconds(100), seconds(7), acted());
        let still = Health {
            desired: 1,
            ..Health::default()
        };
        assert!(!patience.exhausted(&settings, seconds(26), &still, false));
        assert!(patience.exhausted(&settings, seconds(27), &still, false));
    }

    #[test]
    fn a_restart_breaks_a_window_and_a_pod_that_goes_does_not() {
        let healthy = Health {
            desired: 2,
            ready: 2,
            updated: 2,
            settled: true,
            restarts: 4,
            ..Health::default()
        };
        let window = Window::open(acted(), seconds(10), &healthy);
        assert!(window.unbroken(&Health {
            restarts: 1,
            ..healthy.clone()
        }));
        assert!(!window.unbroken(&Health {
            restarts: 5,
            ..healthy.clone()
        }));
        assert!(!window.unbroken(&Health {
            last_restart: Some(acted()),
            ..healthy
        }));
        assert!(!window.complete(seconds(39), seconds(30)) && window.complete(seconds(40), seconds(30)));
    }

    #[test]
    fn a_window_is_never_shorter_than_min_ready_seconds() {
        let settings = Settings::default();
        assert_eq!(
            length(
                &settings,
                &Health {
                    min_ready_seconds: 90,
                    ..Health::default()
                }
            ),
            seconds(90)
        );
        assert_eq!(length(&settings, &Health::default()), settings.stability);
    }
}
