//! Somebody else who sets the limit: a webhook, an autoscaler, an operator, a scheduled job. Its change is not fought.

use crate::scene::{Scene, container_in, memory};
use dreamops_sdk::fields::{self, Writer};
use dreamops_sdk::json;
use dreamops_sdk::prelude::*;
use dreamops_sdk::quantity::show_bytes;
use dreamops_sdk::revision::Record;
use dreamops_sdk::time;

/// Managed fields have whole seconds.
const SECOND_MS: u64 = 1_000;

/// Who sets the limit against the template or back again, as a sentence; none where nobody does.
pub(crate) fn contesting(
    incident: &Incident,
    scene: &Scene,
    record: &Record,
    inquiry: &mut Inquiry,
) -> Result<Option<String>, Failure> {
    if let Some(told) = mutated(scene, record) {
        return Ok(Some(told));
    }
    let history = incident.history();
    let Some(raise) = history.iter().find(|p| p.action == "set-resources") else {
        return Ok(None);
    };
    let last = writer_of_limit(scene, inquiry)?;
    let again = match &last {
        Some(writer) => !writer.ours() && writer.at_ms + SECOND_MS > raise.at_ms,
        // the server does not tell: a raise that held is no longer there
        None => raise.outcome == "resolved" && lower_than_before(scene, record),
    };
    Ok(again.then(|| {
        let who = last.map_or_else(|| "somebody".to_owned(), |w| format!("field manager {:?}", w.manager));
        let now = scene.limit().map_or_else(|| "none".into(), show_bytes);
        format!(
            "{who} has set the limit back to {now} after it was raised {} ago",
            time::span(dreamops_sdk::host::now_ms().saturating_sub(raise.at_ms))
        )
    }))
}

/// The writer of the container's memory limit.
fn writer_of_limit(scene: &Scene, inquiry: &mut Inquiry) -> Result<Option<Writer>, Failure> {
    let element = fields::element(&scene.container.name);
    let path = [
        "spec",
        "template",
        "spec",
        scene.list(),
        element.as_str(),
        "resources",
        "limits",
        "memory",
    ];
    let object = &scene.subject.object;
    let writer = inquiry
        .look(format!("writers of {object}"), fields::writer(object, &path))?
        .flatten();
    if let Some(writer) = &writer {
        let ago = time::span(dreamops_sdk::host::now_ms().saturating_sub(writer.at_ms));
        inquiry.saw(
            format!("writers of {object}"),
            format!(
                "the memory limit of {} was set by {:?} {ago} ago",
                scene.container.name, writer.manager
            ),
        );
    }
    Ok(writer)
}

fn lower_than_before(scene: &Scene, record: &Record) -> bool {
    let name = &scene.container.name;
    let limit = |r: &Revision| container_in(&r.template, name).and_then(|c| memory(c, "limits"));
    match (
        record.current().and_then(limit),
        record.others().next().and_then(|(r, _)| limit(r)),
    ) {
        (Some(now), Some(before)) => now < before,
        _ => false,
    }
}

/// The pod does not run with what its template asks for: something changes pods as they are made.
fn mutated(scene: &Scene, record: &Record) -> Option<String> {
    let own = |r: &&Revision| scene.pod.is_of(&r.name);
    let revision = record
        .current()
        .filter(own)
        .or_else(|| record.others().map(|(r, _)| r).find(own))?;
    let asked = container_in(&revision.template, &scene.container.name).and_then(|c| memory(c, "limits"))?;
    let has = scene.limit()?;
    if asked == has {
        return None;
    }
    let by_autoscaler = json::pairs(scene.pod.body(), "/metadata/annotations")
        .iter()
        .any(|(key, _)| key.starts_with("vpa"));
    let who = if by_autoscaler {
        "a VerticalPodAutoscaler"
    } else {
        "an admission webhook, or something that resizes pods,"
    };
    Some(format!(
        "{who} gives the pod a limit of {} where its template has {}",
        show_bytes(has),
        show_bytes(asked)
    ))
}

/// Concludes: whoever sets the limit has to be asked.
pub(crate) fn conclude(scene: &Scene, mut inquiry: Inquiry, told: &str) -> Finding {
    let object = &scene.subject.object;
    inquiry.saw(object, told);
    inquiry.decide_escalate(
        "a limit that somebody else sets is not set once more",
        format!(
            "raise the memory limit of container {} where it is kept, or stop that writer from lowering it: {told}",
            scene.container.name
        ),
    );
    let cause = format!("{} {}; {told}", scene.title(), scene.state());
    inquiry.cause("out-of-memory", object, cause, 0.9)
}
