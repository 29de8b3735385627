//! Probes that kill, or that are never content.

use crate::rollout::{Fault, to_person, undo_or_escalate};
use crate::scene::Scene;
use dreamops_sdk::host::now_ms;
use dreamops_sdk::json;
use dreamops_sdk::prelude::*;
use dreamops_sdk::revision::Record;
use dreamops_sdk::time;
use serde_json::Value;

/// A first pod is given this long to become ready, one of a revision that has ready pods longer, and none more than the
/// last.
const FIRST_MS: u64 = 10_000;
const OTHERS_ARE_READY_MS: u64 = 60_000;
const LONGEST_START_MS: u64 = 300_000;
/// Many programs take longer than this to start.
const SHORT_START_S: i64 = 30;

/// A probe that makes a container fail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Culprit {
    /// `livenessProbe`, `startupProbe` or `readinessProbe`.
    pub(crate) probe: &'static str,
    /// What the probe said: `Get "http://…": context deadline exceeded`.
    pub(crate) said: String,
    /// Whether the kubelet killed the container for it.
    pub(crate) kills: bool,
}

/// What events tell: the kubelet says which probe it kills for.
pub(crate) fn find(scene: &Scene, events: &[Event]) -> Option<Culprit> {
    let said = |word: &str| {
        cluster::with_reason(events, &["Unhealthy"])
            .filter(|e| e.message.starts_with(word))
            .last()
            .map(|e| e.message.trim().to_owned())
    };
    let name = &scene.container.name;
    for (probe, word, kill) in [
        ("startupProbe", "Startup", "failed startup probe"),
        ("livenessProbe", "Liveness", "failed liveness probe"),
    ] {
        let killed = cluster::with_reason(events, &["Killing"])
            .any(|e| e.message.contains(kill) && e.message.contains(name.as_str()));
        if killed {
            return Some(Culprit {
                probe,
                said: said(word).unwrap_or_else(|| format!("{word} probe failed")),
                kills: true,
            });
        }
    }
    let waits = matches!(scene.container.state, State::Running { .. }) && !scene.container.ready;
    (waits && scene.container.restarts == 0)
        .then(|| said("Readiness"))?
        .map(|said| Culprit {
            probe: "readinessProbe",
            said,
            kills: false,
        })
}

/// Whether the program may still be starting: its pods of now or before took as long to become ready, or others of the
/// same revision did become ready.
pub(crate) fn still_starts(scene: &Scene) -> bool {
    let State::Running { since_ms } = scene.container.state else {
        return false;
    };
    let now = now_ms();
    let usual = scene
        .subject
        .pods
        .iter()
        .filter(|p| p.steady(now))
        .filter_map(|pod| {
            let State::Running { since_ms } = pod.container(&scene.container.name)?.state else {
                return None;
            };
            let ready = time::millis(json::text(pod.condition("Ready")?, "/lastTransitionTime"))?;
            Some(ready.saturating_sub(since_ms))
        })
        .max();
    let known = if scene.steady_equals().is_empty() {
        FIRST_MS
    } else {
        OTHERS_ARE_READY_MS
    };
    let patience = usual.map_or(known, |usual| known.max(2 * usual + FIRST_MS));
    now.saturating_sub(since_ms) < patience.min(LONGEST_START_MS)
}

/// Undo if the probe or the image changed. None where no revision differs in either: then another cause may explain
/// why the program is slow or hung.
pub(crate) fn undo(
    scene: &Scene,
    record: &Record,
    inquiry: Inquiry,
    culprit: &Culprit,
) -> Result<Result<Finding, Inquiry>, Failure> {
    let own = scene.wanted(record);
    let differs = |revision: &Revision| {
        let theirs = scene.in_template(&revision.template);
        theirs.is_some_and(|t| {
            ["image", culprit.probe]
                .iter()
                .any(|f| Some(t.get(f)) != own.map(|o| o.get(f)))
        })
    };
    let known = record.best(differs).is_some() || record.likely(differs).is_some();
    if !known || !scene.changeable() {
        return Ok(Err(inquiry));
    }
    // a newly changed probe explains the kill; a new image may be slower, or hang
    let by_probe = record.others().next().is_some_and(|(r, _)| {
        scene.in_template(&r.template).map(|t| t.get(culprit.probe)) != own.map(|o| o.get(culprit.probe))
    });
    let fault = Fault {
        cause: cause(scene, culprit),
        certainty: 0.9,
        explained: by_probe,
        by_hand: by_hand(scene, culprit),
    };
    undo_or_escalate(&scene.subject, record, inquiry, fault, differs).map(Ok)
}

/// Proposes slower probe values; a person is asked, because a hung program is rightly killed.
pub(crate) fn propose(scene: &Scene, record: &Record, mut inquiry: Inquiry, culprit: &Culprit) -> Finding {
    let spec = scene.in_template(scene.pod.body()).and_then(|c| c.get(culprit.probe));
    let patch = spec.and_then(|spec| slower(scene, culprit, spec));
    let place = position(scene, record);
    let (Some((field, value, why)), Some(place), true) = (patch, place, scene.changeable()) else {
        return to_person(
            &scene.subject,
            inquiry,
            fault(scene, culprit),
            "no revision that is known to work has another probe or image, and no probe timing would help",
        );
    };
    let object = &scene.subject.object;
    inquiry.decide_patch(
        object,
        &format!("/spec/template/spec/containers/{place}/{}/{field}", culprit.probe),
        &value.to_string(),
        &format!("set {field} of the {} to {value}: {why}", culprit.probe),
        &format!(
            "container {} is no longer killed by its {}",
            scene.container.name, culprit.probe
        ),
    );
    inquiry.cause("crash-loop", object, cause(scene, culprit), 0.7)
}

/// The fault, where neither probe nor image explain it.
pub(crate) fn fault(scene: &Scene, culprit: &Culprit) -> Fault {
    Fault {
        cause: cause(scene, culprit),
        certainty: 0.8,
        explained: false,
        by_hand: by_hand(scene, culprit),
    }
}

fn cause(scene: &Scene, culprit: &Culprit) -> String {
    let does = if culprit.kills { "kills" } else { "never accepts" };
    let end = match scene.container.last_end() {
        Some(end) if culprit.kills => format!(", which then {end}"),
        _ => String::new(),
    };
    format!("the {} {does} {}{end}: {}", culprit.probe, scene.title(), culprit.said)
}

fn by_hand(scene: &Scene, culprit: &Culprit) -> String {
    let object = &scene.subject.object;
    let spec = scene
        .in_template(scene.pod.body())
        .and_then(|c| c.get(culprit.probe))
        .map_or_else(String::new, Value::to_string);
    format!(
        "correct the {} of container {} (now {spec}) so that it answers when the program works: kubectl -n {} edit {}",
        culprit.probe,
        scene.container.name,
        object.namespace,
        object.kubectl()
    )
}

/// Where the container stands in the template.
fn position(scene: &Scene, record: &Record) -> Option<usize> {
    json::items(scene.template(record), "/spec/containers")
        .iter()
        .position(|c| json::text(c, "/name") == scene.container.name)
}

/// The one field that gives the program what it lacks: time to answer, or time to start.
fn slower(scene: &Scene, culprit: &Culprit, spec: &Value) -> Option<(&'static str, i64, String)> {
    let field = |name: &str, default: i64| json::number(spec, &format!("/{name}")).unwrap_or(default);
    let said = culprit.said.to_ascii_lowercase();
    let slow = ["deadline exceeded", "timed out", "timeout"]
        .iter()
        .any(|t| said.contains(t));
    if slow {
        let now = field("timeoutSeconds", 1);
        let value = (now * 3).max(5);
        return Some((
            "timeoutSeconds",
            value,
            format!("the program does not answer within {now} s"),
        ));
    }
    let silent = said.contains("refused") || said.contains("eof") || said.contains("reset");
    let (period, failures) = (field("periodSeconds", 10), field("failureThreshold", 3));
    let allowed = field("initialDelaySeconds", 0) + period * failures;
    // a program that answers "not yet" may only be starting, where it is given next to no time
    let starting = said.contains("statuscode: 5") && allowed < SHORT_START_S;
    if !silent && !starting {
        return None;
    }
    if culprit.probe == "startupProbe" {
        return Some((
            "failureThreshold",
            failures * 3,
            format!("the program has not started after {allowed} s"),
        ));
    }
    let lasted = scene
        .container
        .last_end()
        .and_then(Termination::lasted_ms)
        .and_then(|ms| i64::try_from(ms / 1_000).ok())?;
    // a program that had answered before hangs: more time to start does not cure that
    let grace = json::number(scene.pod.body(), "/spec/terminationGracePeriodSeconds").unwrap_or(30);
    (lasted <= allowed + grace + period).then(|| {
        (
            "initialDelaySeconds",
            (allowed * 2).max(30),
            format!("the program is not up after {allowed} s, each time"),
        )
    })
}
