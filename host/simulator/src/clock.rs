//! Clocks: one that runs faster than real time, and one that stands until it is moved.

use async_trait::async_trait;
use dreamops_domain::ports::Clock;
use dreamops_domain::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::Notify;

/// Begins at the real present and runs so many times faster.
///
/// The simulated cluster and whoever watches it share one, so that a minute of healing takes seconds.
pub struct FastClock {
    speed: u32,
    start: Instant,
    wall: Timestamp,
}

impl FastClock {
    /// A clock that runs `speed` times faster than real time; 0 counts as 1.
    #[allow(
        clippy::disallowed_methods,
        reason = "this is an adapter that the Clock port stands for"
    )]
    pub fn new(speed: u32) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            speed: speed.max(1),
            start: Instant::now(),
            wall: Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

#[async_trait]
impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        self.wall + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed() * self.speed
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "this is an adapter that the Clock port stands for"
    )]
    async fn sleep_until(&self, deadline: Duration) {
        tokio::time::sleep_until((self.start + deadline / self.speed).into()).await;
    }
}

/// Stands still until it is moved by hand; for tests.
pub struct ManualClock {
    begin: Timestamp,
    millis: AtomicU64,
    moved: Notify,
}

impl ManualClock {
    /// A clock that stands at `begin`.
    pub fn new(begin: Timestamp) -> Self {
        Self {
            begin,
            millis: AtomicU64::new(0),
            moved: Notify::new(),
        }
    }

    /// Moves it on, and wakes those whose time has come.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.millis.fetch_add(by, Ordering::SeqCst);
        self.moved.notify_waiters();
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.begin + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.millis.load(Ordering::SeqCst))
    }

    async fn sleep_until(&self, deadline: Duration) {
        loop {
            // registered before the look, so that a move in between is not missed
            let moved = self.moved.notified();
            if self.monotonic() >= deadline {
                return;
            }
            moved.await;
        }
    }
}

/// The present moment of a world: where its clock stood at the start, and what has passed since.
///
/// The clock's `now` may jump; a world's time never does.
pub(crate) struct Present {
    clock: Arc<dyn Clock>,
    start: Timestamp,
    began: Duration,
}

impl Present {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let (start, began) = (clock.now(), clock.monotonic());
        Self { clock, start, began }
    }

    /// Milliseconds since 1970.
    pub(crate) fn millis(&self) -> u64 {
        (self.start + self.clock.monotonic().saturating_sub(self.began)).millis()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleeper_wakes_when_its_time_has_come_and_not_before() {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1000)));
        let sleeper = tokio::spawn({
            let clock = Arc::clone(&clock);
            async move { clock.sleep_until(Duration::from_secs(10)).await }
        });
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(9));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance(Duration::from_secs(1));
        assert!(sleeper.await.is_ok());
        assert_eq!(clock.now(), Timestamp::from_millis(11_000));
    }

    #[tokio::test]
    async fn a_fast_clock_sleeps_its_own_seconds() {
        let clock = FastClock::new(1000);
        let begin = clock.now();
        clock.sleep_until(clock.monotonic() + Duration::from_secs(5)).await;
        assert!(clock.now().since(begin) >= Duration::from_secs(5));
    }
}
