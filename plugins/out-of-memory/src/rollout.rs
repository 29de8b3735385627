//! Whether the rollout is to blame: it lowered the limit, or brought a program that needs more.

use crate::raise::{self, Sizes, Words};
use crate::room;
use crate::scene::{Scene, container_in, kills, memory};
use dreamops_sdk::change::{self, Part};
use dreamops_sdk::prelude::*;
use dreamops_sdk::quantity::show_bytes;
use dreamops_sdk::revision::{Record, Standing};
use dreamops_sdk::template as pod_template;
use serde_json::Value;

/// A run that ended sooner than this has to do with how the program starts, not with what happened to it later.
const SOON_MS: u64 = 600_000;

/// Concludes with an undo or the old limit where the rollout is to blame; gives the inquiry back where it is not.
pub(crate) fn conclude(
    scene: &Scene,
    record: &Record,
    mut inquiry: Inquiry,
    now: Sizes,
) -> Result<Result<Finding, Inquiry>, Failure> {
    let (Some(current), Some((before, _))) = (record.current(), record.others().next()) else {
        return Ok(Err(inquiry));
    };
    let limit = |r: &Revision| container_in(&r.template, &scene.container.name).map(|c| memory(c, "limits"));
    let higher = |r: &Revision| match (limit(r), limit(current).flatten()) {
        (Some(None), Some(_)) => true,
        (Some(Some(theirs)), Some(own)) => theirs > own,
        _ => false,
    };
    if higher(before) {
        return lowered(scene, record, inquiry, now, higher).map(Ok);
    }
    // not lowered: but a program that worked with this limit before it was changed
    let soon = scene
        .kill
        .as_ref()
        .is_some_and(|k| k.lasted_ms().is_none_or(|ms| ms < SOON_MS));
    let own = started(container_in(&current.template, &scene.container.name));
    let other_program = |r: &Revision| {
        let theirs = container_in(&r.template, &scene.container.name);
        theirs.is_some() && started(theirs) != own
    };
    match record.best(other_program) {
        Some((revision, standing)) if soon => {
            let cause = format!(
                "{} {}; {} brought a program that needs more memory",
                scene.title(),
                scene.state(),
                current.title()
            );
            Ok(Ok(undo(scene, inquiry, (revision, current), standing, cause, 0.85)?))
        }
        _ => {
            inquiry.rule_out(format!(
                "the rollout: {} did not lower the limit, and no other program is known to have worked with it",
                current.title()
            ));
            Ok(Err(inquiry))
        }
    }
}

/// What decides how much a program takes.
fn started(container: Option<&Value>) -> [Option<&Value>; 4] {
    ["image", "command", "args", "env"].map(|field| container.and_then(|c| c.get(field)))
}

fn lowered(
    scene: &Scene,
    record: &Record,
    inquiry: Inquiry,
    now: Sizes,
    higher: impl Fn(&Revision) -> bool,
) -> Result<Finding, Failure> {
    let held = |r: &Revision| higher(r) && !killed_in(scene, r);
    let choice = match record.best(held) {
        Some((revision, standing)) => Some((revision, standing.clone(), true)),
        None => record.likely(held).map(|r| (r, Standing::Untold, false)),
    };
    let (Some((revision, standing, known)), Some(current)) = (choice, record.current()) else {
        // each revision with a higher limit was ill in some way, so none is gone back to
        let least = least_beyond(scene, record, &higher);
        return raise::conclude(scene, inquiry, now, scene_template(record), least);
    };
    let theirs = container_in(&revision.template, &scene.container.name);
    let old = theirs.and_then(|c| memory(c, "limits"));
    let cause = format!(
        "{} {}; {} lowered its limit from {}",
        scene.title(),
        scene.state(),
        current.title(),
        old.map_or_else(|| "none".into(), show_bytes)
    );
    let changes = change::between(&revision.template, &current.template);
    let nothing_else = changes.iter().all(|c| c.part == Part::Resources);
    let strength = match standing {
        Standing::Ready(_) => 0.95,
        Standing::Sound(_) => 0.9,
        _ => 0.8,
    };
    let back = old.map(|limit| Sizes {
        limit,
        request: theirs.and_then(|c| memory(c, "requests")),
    });
    match back {
        Some(back) if !(known || nothing_else) => {
            let reason = format!(
                "set container {} back to {back}, as it was in {}; the rest of the rollout stays: {}",
                scene.container.name,
                revision.title(),
                change::line(&changes)
            );
            let words = Words {
                cause,
                reason,
                confidence: strength,
            };
            raise::set(scene, inquiry, &current.template, now, back, &words)
        }
        _ => {
            let mut inquiry = inquiry;
            if let Some(back) = back
                && let Some(lack) = room::lack(scene, &current.template, now, back, &mut inquiry)?
            {
                let hand = format!(
                    "make room first ({lack}), then undo the rollout to {}",
                    revision.title()
                );
                return Ok(raise::to_person(scene, inquiry, cause, &lack, &hand));
            }
            undo(scene, inquiry, (revision, current), &standing, cause, strength)
        }
    }
}

/// Whether the container was killed for memory in a pod of that revision as well.
fn killed_in(scene: &Scene, revision: &Revision) -> bool {
    let name = &scene.container.name;
    scene
        .subject
        .pods
        .iter()
        .filter(|pod| pod.is_of(&revision.name))
        .any(|pod| kills(pod).any(|(container, _)| container.name == *name))
}

/// What is needed at least by what higher limits have shown: half more than one that was not enough, as much as another.
fn least_beyond(scene: &Scene, record: &Record, higher: &impl Fn(&Revision) -> bool) -> u64 {
    record
        .others()
        .map(|(r, _)| r)
        .filter(|r| higher(r))
        .filter_map(|r| {
            let limit = container_in(&r.template, &scene.container.name).and_then(|c| memory(c, "limits"))?;
            Some(if killed_in(scene, r) { limit + limit / 2 } else { limit })
        })
        .max()
        .unwrap_or(0)
}

fn scene_template(record: &Record) -> &Value {
    record.current().map_or(&Value::Null, |r| &r.template)
}

fn undo(
    scene: &Scene,
    mut inquiry: Inquiry,
    (revision, current): (&Revision, &Revision),
    standing: &Standing,
    cause: String,
    confidence: f64,
) -> Result<Finding, Failure> {
    let workload = &scene.subject.object;
    if let Some(obstacle) = pod_template::obstacle(&scene.subject, &mut inquiry)? {
        let hand = format!(
            "kubectl -n {} rollout undo {} --to-revision={}",
            workload.namespace,
            workload.kubectl(),
            revision.number
        );
        return Ok(raise::to_person(scene, inquiry, cause, &obstacle, &hand));
    }
    let differs = change::line(&change::between(&revision.template, &current.template));
    inquiry.saw(format!("{} to {}", revision.title(), current.title()), &differs);
    inquiry.decide_undo(
        revision,
        &format!(
            "go back to {}: {}; since then: {differs}",
            revision.title(),
            standing.sentence()
        ),
        &format!(
            "all pods of {workload} are of the template of {} and ready",
            revision.title()
        ),
    );
    Ok(inquiry.cause("out-of-memory", workload, cause, confidence))
}
