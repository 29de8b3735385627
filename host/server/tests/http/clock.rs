//! A clock that moves when it is told to.

use async_trait::async_trait;
use dreamops_domain::ports::Clock;
use dreamops_domain::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

pub(crate) struct TestClock(watch::Sender<Duration>);

impl TestClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(watch::Sender::new(Duration::from_secs(1_000))))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.0.send_modify(|now| *now += by);
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000) + *self.0.borrow()
    }

    fn monotonic(&self) -> Duration {
        *self.0.borrow()
    }

    async fn sleep_until(&self, deadline: Duration) {
        let mut now = self.0.subscribe();
        now.wait_for(|now| *now >= deadline).await.expect("the clock lives");
    }
}
