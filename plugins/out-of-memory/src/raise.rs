//! More memory for one container: how much, and in which proportion to its request.

use crate::scene::{Scene, memory};
use crate::{declared, room};
use dreamops_sdk::host::setting;
use dreamops_sdk::prelude::*;
use dreamops_sdk::quantity::{bytes, show_bytes};
use dreamops_sdk::template as pod_template;
use std::fmt;

/// The remedy.
pub(crate) const SET: &str = "set-resources";
/// The operator's setting for the most memory.
pub(crate) const CAP_SETTING: &str = "max_memory";
const CAP: u64 = 8 << 30;

/// Facts of the remedy: the container, its new limit and request, its old limit, and how long its last run took.
pub(crate) const CONTAINER: &str = "container";
pub(crate) const LIMIT: &str = "limit";
const REQUEST: &str = "request";
pub(crate) const OLD_LIMIT: &str = "old-limit";
pub(crate) const LASTED: &str = "lasted-ms";

const MIB: u64 = 1 << 20;
/// A run that lasted longer than this before the only kill tells of load or a leak rather than of a limit that is too low.
const LONG_RUN_MS: u64 = 3_600_000;

/// What one container should have, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sizes {
    /// The limit.
    pub(crate) limit: u64,
    /// The request; none where the template has none, so that it follows the limit.
    pub(crate) request: Option<u64>,
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "limit {}", show_bytes(self.limit))?;
        match self.request {
            Some(request) => write!(f, ", request {}", show_bytes(request)),
            None => Ok(()),
        }
    }
}

/// Half more than `now`, or `need`, in whole mebibytes, at most `cap`, with the request in proportion. None where that
/// would be no raise.
pub(crate) fn sizes(now: Sizes, need: u64, cap: u64) -> Option<Sizes> {
    let wanted = (now.limit + now.limit / 2).max(need).checked_next_multiple_of(MIB)?;
    let limit = wanted.min(cap);
    let scaled = |request: u64| {
        let exact = u128::from(request) * u128::from(limit) / u128::from(now.limit.max(1));
        let whole = u64::try_from(exact).unwrap_or(limit).next_multiple_of(MIB);
        whole.min(limit)
    };
    (limit > now.limit).then(|| Sizes {
        limit,
        request: now.request.map(scaled),
    })
}

/// What the container has now: its limit as the pod runs, its request where the template (or the namespace's default
/// beside the template) has one of its own.
pub(crate) fn present(scene: &Scene, template: &serde_json::Value) -> Option<Sizes> {
    let limit = scene.limit()?;
    let asked = crate::scene::container_in(template, &scene.container.name);
    let own_limit = asked.and_then(|c| memory(c, "limits"));
    let own_request = asked.and_then(|c| memory(c, "requests"));
    // a limit from the namespace's default brings a request of its own; once the template has a limit, it would not
    let filled_in = scene.within(scene.pod.body()).and_then(|c| memory(c, "requests"));
    Some(Sizes {
        limit,
        request: own_request.or(filled_in.filter(|_| own_limit.is_none())),
    })
}

/// What the container is known to need, with what tells so: a heap that it declares, or what it uses elsewhere.
fn need(scene: &Scene, inquiry: &mut Inquiry) -> Result<u64, Failure> {
    let object = &scene.subject.object;
    let mut need = 0;
    if let Some((amount, told)) = scene.within(scene.pod.body()).and_then(declared::need) {
        inquiry.saw(
            format!("template of {object}"),
            format!("{told}, which takes about {}", show_bytes(amount)),
        );
        need = amount;
    }
    let usage = inquiry
        .look(format!("usage of {object}"), cluster::usage(object))?
        .unwrap_or_default();
    let most = usage
        .iter()
        .filter(|u| u.container == scene.container.name)
        .max_by_key(|u| u.memory_bytes);
    if let Some(most) = most {
        inquiry.saw(
            format!("usage of {object}"),
            format!(
                "{} uses {} in {}",
                most.container,
                show_bytes(most.memory_bytes),
                most.pod
            ),
        );
        // a fifth above what is used leaves room for what the sample missed
        need = need.max(most.memory_bytes + most.memory_bytes / 5);
    }
    Ok(need)
}

/// How sure it is that more memory is the cure: a kill in each run says so, a single one after hours does not.
fn certainty(scene: &Scene) -> (f64, &'static str) {
    let Some(kill) = &scene.kill else {
        return (
            0.8,
            "it is near its limit, and more memory before the kill costs no outage",
        );
    };
    let long = kill.lasted_ms().is_some_and(|ms| ms >= LONG_RUN_MS);
    match (long, scene.container.restarts) {
        (true, 0..=1) => (0.7, "it ran for long before its only kill, so it may leak"),
        (false, 2..) => (0.9, "it is killed in each run, so it needs more than its limit"),
        _ => (0.85, "it needs more than its limit"),
    }
}

/// Concludes with a raise, to `least` bytes at least, or with its numbers for a person where it is not possible from here.
pub(crate) fn conclude(
    scene: &Scene,
    mut inquiry: Inquiry,
    now: Sizes,
    template: &serde_json::Value,
    least: u64,
) -> Result<Finding, Failure> {
    let cap = setting(CAP_SETTING).and_then(|text| bytes(&text)).unwrap_or(CAP);
    let need = need(scene, &mut inquiry)?.max(least);
    let cause = format!("{} {}", scene.title(), scene.state());
    let Some(new) = sizes(now, need, cap) else {
        let why = format!(
            "its limit of {} is at the cap of {} already",
            show_bytes(now.limit),
            show_bytes(cap)
        );
        let beyond = Sizes {
            limit: (now.limit + now.limit / 2).max(need),
            request: None,
        };
        return Ok(to_person(scene, inquiry, cause, &why, &by_hand(scene, beyond)));
    };
    let (confidence, because) = certainty(scene);
    let reason = format!(
        "raise container {} from {now} to {new}: {because}",
        scene.container.name
    );
    set(
        scene,
        inquiry,
        template,
        now,
        new,
        &Words {
            cause,
            reason,
            confidence,
        },
    )
}

/// What is said about a change of sizes.
pub(crate) struct Words {
    pub(crate) cause: String,
    pub(crate) reason: String,
    pub(crate) confidence: f64,
}

/// Concludes with new sizes, unless something stands in the way.
pub(crate) fn set(
    scene: &Scene,
    mut inquiry: Inquiry,
    template: &serde_json::Value,
    now: Sizes,
    new: Sizes,
    words: &Words,
) -> Result<Finding, Failure> {
    let hand = by_hand(scene, new);
    if let Some(obstacle) = pod_template::obstacle(&scene.subject, &mut inquiry)? {
        return Ok(to_person(scene, inquiry, words.cause.clone(), &obstacle, &hand));
    }
    if let Some(lack) = room::lack(scene, template, now, new, &mut inquiry)? {
        let hand = format!("make room first ({lack}), then {hand}");
        return Ok(to_person(scene, inquiry, words.cause.clone(), &lack, &hand));
    }
    inquiry.fact("remedy", SET);
    inquiry.fact("reason", words.reason.as_str());
    inquiry.fact(CONTAINER, scene.container.name.as_str());
    inquiry.fact(LIMIT, new.limit.to_string());
    inquiry.fact(OLD_LIMIT, now.limit.to_string());
    if let Some(request) = new.request {
        inquiry.fact(REQUEST, request.to_string());
    }
    if let Some(lasted) = scene.kill.as_ref().and_then(Termination::lasted_ms) {
        inquiry.fact(LASTED, lasted.to_string());
    }
    Ok(inquiry.cause(
        "out-of-memory",
        &scene.subject.object,
        words.cause.as_str(),
        words.confidence,
    ))
}

/// Drafts [`SET`].
pub(crate) fn draft(diagnosis: &Diagnosis, draft: &Draft) -> Result<(), Failure> {
    let amounts = |fact: &str| Amounts {
        cpu_millis: None,
        memory_bytes: diagnosis.fact(fact).and_then(bytes),
    };
    let container = diagnosis.fact(CONTAINER).unwrap_or("");
    let because = why(
        diagnosis.fact("reason").unwrap_or(&diagnosis.root_cause),
        format!("all pods are ready and container {container} is not killed for memory"),
    );
    draft.set_resources(&diagnosis.target, container, amounts(REQUEST), amounts(LIMIT), &because)?;
    Ok(())
}

fn by_hand(scene: &Scene, new: Sizes) -> String {
    let object = &scene.subject.object;
    let name = &scene.container.name;
    let requests = new
        .request
        .map_or_else(String::new, |r| format!(" --requests=memory={}", show_mib(r)));
    let change = if object.is_workload() && scene.list() == "containers" {
        format!(
            "kubectl -n {} set resources {} -c {name} --limits=memory={}{requests}",
            object.namespace,
            object.kubectl(),
            show_mib(new.limit)
        )
    } else {
        format!("set resources of container {name} to {new}")
    };
    pod_template::by_hand(&scene.subject, &change)
}

/// As commands take it: whole mebibytes are exact, `1.5Gi` reads better but is not always.
fn show_mib(amount: u64) -> String {
    format!("{}Mi", amount.div_ceil(MIB))
}

/// Concludes with the numbers for a person.
pub(crate) fn to_person(scene: &Scene, mut inquiry: Inquiry, cause: String, why: &str, by_hand: &str) -> Finding {
    inquiry.decide_escalate(why, by_hand);
    inquiry.cause("out-of-memory", &scene.subject.object, cause, 0.9)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mib(limit: u64, request: Option<u64>) -> Sizes {
        Sizes {
            limit: limit * MIB,
            request: request.map(|r| r * MIB),
        }
    }

    #[test]
    fn a_raise_is_by_half_or_to_the_need_and_keeps_the_proportion() {
        let cap = 1024 * MIB;
        assert_eq!(sizes(mib(64, None), 0, cap), Some(mib(96, None)));
        assert_eq!(sizes(mib(64, Some(32)), 0, cap), Some(mib(96, Some(48))));
        assert_eq!(sizes(mib(64, Some(64)), 200 * MIB + 1, cap), Some(mib(201, Some(201))));
        assert_eq!(sizes(mib(5, Some(1)), 0, cap), Some(mib(8, Some(2))));
    }

    #[test]
    fn the_cap_bounds_a_raise_and_a_limit_at_the_cap_is_not_raised() {
        assert_eq!(sizes(mib(900, Some(450)), 0, 1024 * MIB), Some(mib(1024, Some(512))));
        assert_eq!(sizes(mib(1024, None), 0, 1024 * MIB), None);
    }
}
