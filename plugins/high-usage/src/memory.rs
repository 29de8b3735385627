//! Memory near its limit.

use crate::measure::{Measured, Resource};
use dreamops_sdk::cluster::Usage;
use dreamops_sdk::host::now_ms;
use dreamops_sdk::owner::Subject;
use dreamops_sdk::prelude::*;
use dreamops_sdk::quantity::show_bytes;
use dreamops_sdk::{template, time};

/// From this share on, in percent, a kill is near however slowly it grows.
const IMMINENT_PERCENT: u64 = 95;
/// A program that has filled its limit within this time of its start is still growing; one that has run for longer at
/// the same level is steady.
const YOUNG_MS: u64 = 6 * 3_600_000;

/// Concludes: `out-of-memory` before it happens, or the numbers for a person where memory is steady.
pub(crate) fn conclude(subject: &Subject, mut inquiry: Inquiry, measured: &Measured, hot: &Usage) -> Finding {
    let object = &subject.object;
    let line = Resource::Memory.line(hot);
    if let Some(growth) = growth(subject, measured, hot) {
        let reason = format!("{line}, {growth}: it will be killed for memory");
        return inquiry.hand_over("out-of-memory", object, reason);
    }
    let limit = hot.memory_limit.unwrap_or(hot.memory_bytes);
    let half_more = (limit + limit / 2).next_multiple_of(1 << 20);
    let change = format!(
        "if it should have more room: kubectl -n {} set resources {} -c {} --limits=memory={}",
        object.namespace,
        object.kubectl(),
        hot.container,
        show_bytes(half_more)
    );
    inquiry.decide_escalate(
        "it is near its limit and does not grow, which is how caches look",
        template::by_hand(subject, &change),
    );
    let cause = format!("{line}, and was there for long without growing");
    inquiry.cause("high-usage", object, cause, 0.8)
}

/// What tells that memory grows, or that it is all but at its limit.
fn growth(subject: &Subject, measured: &Measured, hot: &Usage) -> Option<String> {
    if let Some(before) = measured.earlier(hot).filter(|b| b.memory_bytes < hot.memory_bytes) {
        return Some(format!(
            "and grew from {} in {}",
            show_bytes(before.memory_bytes),
            time::span(hot.at_ms - before.at_ms)
        ));
    }
    if Resource::Memory.percent(hot).is_some_and(|p| p >= IMMINENT_PERCENT) {
        return Some("and is all but there".into());
    }
    let pod = subject.pods.iter().find(|p| p.reference().uid == hot.pod.uid)?;
    let container = pod.container(&hot.container)?;
    if container.out_of_memory() {
        return Some("and was killed for it before".into());
    }
    match container.state {
        State::Running { since_ms } if now_ms().saturating_sub(since_ms) < YOUNG_MS => Some(format!(
            "which it has reached in {}",
            time::span(now_ms().saturating_sub(since_ms))
        )),
        _ => None,
    }
}
