//! How many requests a token or a source may send.
//!
//! Only what has proved itself is counted, so that nobody can use up the room of another.

use super::problem::{Kind, Problem};
use dreamops_domain::id::TokenId;
use dreamops_domain::ports::Clock;
use governor::clock::Clock as Measure;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

/// Who sends.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Key {
    /// A token.
    Token(TokenId),
    /// A source, by kind and name.
    Source(&'static str, String),
}

/// The program's clock, for the limiter.
#[derive(Clone)]
struct Measured(Arc<dyn Clock>);

impl Measure for Measured {
    type Instant = Duration;
    fn now(&self) -> Duration {
        self.0.monotonic()
    }
}

type Limiter = RateLimiter<Key, DashMapStateStore<Key>, Measured, NoOpMiddleware<Duration>>;

/// The limits of every token and source.
pub(super) struct Limits {
    tokens: Limiter,
    sources: Limiter,
    clock: Measured,
}

impl Limits {
    /// So many requests in each second, with a burst of ten seconds' worth.
    pub(super) fn new(per_second_token: NonZeroU32, per_second_source: NonZeroU32, clock: Arc<dyn Clock>) -> Self {
        let clock = Measured(clock);
        let limiter = |per_second: NonZeroU32| {
            let burst = per_second.saturating_mul(BURST);
            RateLimiter::dashmap_with_clock(Quota::per_second(per_second).allow_burst(burst), clock.clone())
        };
        Self {
            tokens: limiter(per_second_token),
            sources: limiter(per_second_source),
            clock: clock.clone(),
        }
    }

    /// Counts a request; refuses one too many.
    pub(super) fn check(&self, key: &Key) -> Result<(), Problem> {
        let (limiter, who) = match key {
            Key::Token(_) => (&self.tokens, "token"),
            Key::Source(..) => (&self.sources, "source"),
        };
        limiter.check_key(key).map_err(|until| {
            let wait = until.wait_time_from(self.clock.now());
            let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
            Problem::new(
                Kind::TooMany,
                format!("this {who} sends more requests than it may"),
                format!("send the request again after {seconds} s; the operator sets the limit"),
            )
            .retry_after(seconds)
        })
    }
}

/// How many seconds' worth may come at once.
const BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);
