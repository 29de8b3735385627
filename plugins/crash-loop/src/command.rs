//! A program that cannot be started at all.

use crate::rollout::{Fault, undo_or_escalate};
use crate::scene::Scene;
use dreamops_sdk::change;
use dreamops_sdk::prelude::*;
use dreamops_sdk::revision::Record;
use serde_json::Value;

/// Reasons of a container that the runtime could not start.
const REASONS: [&str; 3] = ["StartError", "ContainerCannotRun", "RunContainerError"];

/// What tells that the command or entry point is wrong. The runtime's own word is enough; an exit code alone may be
/// the program's (a script ends with 127 when it misses another one), so that the command must have changed as well.
pub(crate) fn find(scene: &Scene, record: &Record) -> Option<String> {
    let container = &scene.container;
    let message = container.waiting_message();
    let waits = container.waiting();
    let cannot_execute = [
        "executable file not found",
        "no such file or directory",
        "permission denied",
        "exec format",
    ]
    .iter()
    .any(|text| message.contains(text));
    if waits == "RunContainerError" || (waits == "CreateContainerError" && cannot_execute) {
        return Some(format!("{waits}: {message}"));
    }
    let end = container.last_end()?;
    let by_code = (126..=128).contains(&end.exit_code) && (changed(scene, record) || record.others().next().is_none());
    (by_code || REASONS.contains(&end.reason.as_str())).then(|| end.to_string())
}

/// Whether another revision starts something else.
fn changed(scene: &Scene, record: &Record) -> bool {
    let own = started(scene.wanted(record));
    record.others().any(|(r, _)| {
        let theirs = scene.in_template(&r.template);
        theirs.is_some() && started(theirs) != own
    })
}

/// Command, arguments and image: what decides what is started.
fn started(container: Option<&Value>) -> [Option<&Value>; 3] {
    ["command", "args", "image"].map(|field| container.and_then(|c| c.get(field)))
}

pub(crate) fn conclude(scene: &Scene, record: &Record, mut inquiry: Inquiry, told: &str) -> Result<Finding, Failure> {
    inquiry.saw(scene.pod.reference(), scene.container.to_string());
    let own = scene.wanted(record);
    let command: Vec<String> = ["command", "args"]
        .iter()
        .filter_map(|field| own?.get(field)?.as_array())
        .flatten()
        .filter_map(|part| part.as_str().map(str::to_owned))
        .collect();
    let what = if command.is_empty() {
        format!("the entry point of image {}", scene.container.image)
    } else {
        format!("`{}` in image {}", command.join(" "), scene.container.image)
    };
    let cause = format!("{} cannot start {what}: {told}", scene.title());
    let object = &scene.subject.object;
    let by_hand = format!(
        "correct `command` and `args` of container {} to a program that image {} has: \
         kubectl -n {} edit {}",
        scene.container.name,
        scene.container.image,
        object.namespace,
        object.kubectl()
    );
    // a mount may hide the program, a user or a security setting forbid it
    let explained = changed(scene, record);
    let fault = Fault {
        cause,
        certainty: 0.95,
        explained,
        by_hand,
    };
    undo_or_escalate(&scene.subject, record, inquiry, fault, |revision| {
        let theirs = scene.in_template(&revision.template);
        if explained {
            theirs.is_some() && started(theirs) != started(own)
        } else {
            !change::between(&revision.template, scene.template(record)).is_empty()
        }
    })
}
