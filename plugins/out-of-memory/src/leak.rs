//! Memory that grows until the kill, whatever the limit: more memory only moves the kill.

use crate::raise;
use crate::scene::{Scene, container_in, memory};
use dreamops_sdk::host::now_ms;
use dreamops_sdk::owner;
use dreamops_sdk::prelude::*;
use dreamops_sdk::quantity::{bytes, show_bytes};
use dreamops_sdk::remedy;
use dreamops_sdk::revision::Record;
use dreamops_sdk::strategy::healed_or_waiting;
use dreamops_sdk::time::span;

/// The remedy for a leak that has not struck yet: one restart, and a word to a person.
pub(crate) const RESTART: &str = "restart-and-escalate";

/// Kubernetes tells times in whole seconds: runs that differ by less may have lasted as long.
const COARSE_MS: u64 = 3_000;

/// One run that ended in a kill.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Run {
    limit: u64,
    lasted_ms: u64,
}

/// What tells that memory leaks, as a sentence with the growth rate.
pub(crate) fn find(incident: &Incident, scene: &Scene, record: &Record) -> Option<String> {
    let runs = runs(scene);
    if let Some((low, high)) = longer_with_more(&runs) {
        return Some(format!(
            "at a limit of {} it lasted {}, at {} it lasted {}: memory leaks, by about {} whatever the limit",
            show_bytes(low.limit),
            span(low.lasted_ms),
            show_bytes(high.limit),
            span(high.lasted_ms),
            rate(high.limit - low.limit, high.lasted_ms - low.lasted_ms)
        ));
    }
    let history = incident.history();
    let raise = history.iter().find(|p| p.action == "set-resources")?;
    if !was_raised(scene, record) {
        return None;
    }
    let ago = span(now_ms().saturating_sub(raise.at_ms));
    let growth = growth(scene, &runs).map_or_else(String::new, |g| format!("; {g}"));
    Some(format!(
        "its limit was raised {ago} ago, and that did not help: it leaks, or needs far more{growth}"
    ))
}

/// Whether it was this container's limit that was raised, by what revisions had.
fn was_raised(scene: &Scene, record: &Record) -> bool {
    let limit = |r: &Revision| container_in(&r.template, &scene.container.name).and_then(|c| memory(c, "limits"));
    let now = record.current().and_then(limit);
    let mut others = record.others().peekable();
    others.peek().is_none() || others.any(|(r, _)| limit(r) != now)
}

/// All runs of the container that ended in a kill and are still told of, in all pods.
fn runs(scene: &Scene) -> Vec<Run> {
    let mut all = Vec::new();
    for pod in &scene.subject.pods {
        let Some(container) = pod.container(&scene.container.name) else {
            continue;
        };
        let limit = container_in(pod.body(), &container.name).and_then(|c| memory(c, "limits"));
        let now = match &container.state {
            State::Terminated(end) => Some(end),
            _ => None,
        };
        for end in now
            .into_iter()
            .chain(&container.last)
            .filter(|e| e.reason == "OOMKilled")
        {
            if let (Some(limit), Some(lasted_ms)) = (limit, end.lasted_ms()) {
                all.push(Run { limit, lasted_ms });
            }
        }
    }
    all
}

/// Two runs of which the one with the higher limit lasted clearly longer.
fn longer_with_more(runs: &[Run]) -> Option<(Run, Run)> {
    let low = runs.iter().min_by_key(|r| r.limit)?;
    let high = runs.iter().max_by_key(|r| r.limit)?;
    let more = high.limit > low.limit + low.limit / 10;
    let longer = high.lasted_ms >= (low.lasted_ms + low.lasted_ms / 4).max(low.lasted_ms + COARSE_MS);
    (more && longer).then_some((*low, *high))
}

/// How fast memory grows, from one run or from what is used now.
fn growth(scene: &Scene, runs: &[Run]) -> Option<String> {
    if let Some(run) = runs.iter().max_by_key(|r| r.lasted_ms).filter(|r| r.lasted_ms > 0) {
        return Some(format!(
            "from its start it reaches {} in {}, about {}",
            show_bytes(run.limit),
            span(run.lasted_ms),
            rate(run.limit, run.lasted_ms)
        ));
    }
    let usage = scene.usage.as_ref()?;
    let State::Running { since_ms } = scene.container.state else {
        return None;
    };
    let ran = usage.at_ms.saturating_sub(since_ms);
    (ran > 0).then(|| {
        format!(
            "it has reached {} in {}, about {}",
            show_bytes(usage.memory_bytes),
            span(ran),
            rate(usage.memory_bytes, ran)
        )
    })
}

/// `4.0Mi per second`: per the shortest unit in which it is at least a mebibyte.
fn rate(amount: u64, in_ms: u64) -> String {
    let units = [(1_000, "second"), (60_000, "minute"), (3_600_000, "hour")];
    let per = |unit: u64| {
        let exact = u128::from(amount) * u128::from(unit) / u128::from(in_ms.max(1));
        u64::try_from(exact).unwrap_or(u64::MAX)
    };
    let (unit, name) = units
        .into_iter()
        .find(|(u, _)| per(*u) >= 1 << 20)
        .unwrap_or((86_400_000, "day"));
    format!("{} per {name}", show_bytes(per(unit)))
}

/// Concludes: a person has to find the leak. Where nothing was killed yet, one restart gives time.
pub(crate) fn conclude(incident: &Incident, scene: &Scene, mut inquiry: Inquiry, told: &str) -> Finding {
    let object = &scene.subject.object;
    let name = &scene.container.name;
    inquiry.saw(object, told);
    let restarted = ["restart-workload", "restart-pod"]
        .iter()
        .any(|action| incident.did(action, now_ms(), 24 * 3_600_000));
    let proposal = format!(
        "find what container {name} (image {}) keeps in memory; until that is mended, give it much more at once if it needs it \
         and the nodes have it: kubectl -n {} set resources {} -c {name} --limits=memory=AMOUNT",
        scene.container.image,
        object.namespace,
        object.kubectl()
    );
    let reason = "a further raise would only move the kill";
    if scene.kill.is_none() && !restarted {
        inquiry.fact("remedy", RESTART);
        inquiry.fact("reason", reason);
        inquiry.fact("proposal", proposal);
    } else {
        inquiry.decide_escalate(reason, proposal);
    }
    let cause = format!("{} {}; {told}", scene.title(), scene.state());
    inquiry.cause("out-of-memory", object, cause, 0.85)
}

/// Drafts [`RESTART`].
pub(crate) fn draft(diagnosis: &Diagnosis, draft: &Draft) -> Result<(), Failure> {
    let gives_time = why(
        "memory is near its limit and leaks; one restart frees it and gives time",
        "all pods are ready and use less memory",
    );
    draft.restart_workload(&diagnosis.target, &gives_time)?;
    remedy::escalate(diagnosis, draft)
}

/// A kill at the new limit shows that the raise does not help.
pub(crate) fn verify(incident: &Incident, execution: &Execution) -> Result<Verdict, Failure> {
    let facts = execution.facts();
    let fact = |name: &str| facts.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    let (Some(container), Some(limit)) = (fact(raise::CONTAINER), fact(raise::LIMIT).and_then(bytes)) else {
        return Ok(healed_or_waiting(execution));
    };
    let killed = owner::subject(incident)?.pods.iter().find_map(|pod| {
        let end = pod.container(container)?.last_end().cloned()?;
        let new = container_in(pod.body(), container).and_then(|c| memory(c, "limits")) == Some(limit);
        (new && end.reason == "OOMKilled").then_some(end)
    });
    let Some(end) = killed else {
        return Ok(healed_or_waiting(execution));
    };
    let lasted = end.lasted_ms().unwrap_or(0);
    let new = Run {
        limit,
        lasted_ms: lasted,
    };
    let old = fact(raise::OLD_LIMIT)
        .and_then(bytes)
        .zip(fact(raise::LASTED).and_then(|ms| ms.parse().ok()))
        .map(|(limit, lasted_ms)| Run { limit, lasted_ms });
    let told = match old.and_then(|old| longer_with_more(&[old, new])) {
        Some((low, high)) => format!(
            "after {} instead of {}: memory leaks by about {}",
            span(high.lasted_ms),
            span(low.lasted_ms),
            rate(high.limit - low.limit, high.lasted_ms - low.lasted_ms)
        ),
        None => format!("after {}: it leaks, or needs far more", span(lasted)),
    };
    Ok(Verdict::Worse(format!(
        "container {container} was killed for memory again at its new limit of {} {told}",
        show_bytes(limit)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_run_that_lasts_longer_with_more_is_a_leak() {
        let run = |mib: u64, s: u64| Run {
            limit: mib << 20,
            lasted_ms: s * 1_000,
        };
        assert!(longer_with_more(&[run(64, 10), run(128, 20)]).is_some());
        assert!(longer_with_more(&[run(64, 10), run(128, 11)]).is_none());
        assert!(longer_with_more(&[run(64, 1), run(128, 2)]).is_none());
        assert!(longer_with_more(&[run(64, 10), run(64, 90)]).is_none());
        assert!(longer_with_more(&[run(64, 90), run(128, 10)]).is_none());
        assert!(longer_with_more(&[]).is_none());
    }

    #[test]
    fn a_rate_is_told_in_the_unit_that_reads_best() {
        assert_eq!(rate(64 << 20, 16_000), "4Mi per second");
        assert_eq!(rate(64 << 20, 1_920_000), "2Mi per minute");
        assert_eq!(rate(48 << 20, 86_400_000), "2Mi per hour");
        assert_eq!(rate(1 << 20, 86_400_000), "1Mi per day");
    }
}
