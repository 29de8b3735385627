//! A clock that moves when somebody sleeps, or when told.

use async_trait::async_trait;
use dreamops_domain::ports::Clock;
use dreamops_domain::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// When every test begins, in milliseconds since 1970.
const BEGIN: u64 = 1_700_000_000_000;

pub struct ManualClock(AtomicU64);

impl ManualClock {
    pub fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(0)))
    }

    pub fn advance(&self, by: Duration) {
        self.0
            .fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(BEGIN + self.0.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }

    async fn sleep_until(&self, deadline: Duration) {
        self.advance(deadline.saturating_sub(self.monotonic()));
    }
}
