//! A workload at zero replicas: the count that it had, and who may hold it at zero.

use crate::scene::{Scene, last_applied};
use dreamops_sdk::cluster::Object;
use dreamops_sdk::fields;
use dreamops_sdk::json;
use dreamops_sdk::prelude::*;
use dreamops_sdk::replicas::{self, Autoscaler};
use dreamops_sdk::time;

/// Parts of names of labels, annotations and field managers by which something scales to zero on purpose.
const HOLDERS: [&str; 11] = [
    "keda",
    "knative",
    "downscal",
    "sablier",
    "kube-green",
    "idling",
    "idled",
    "hibernat",
    "turndown",
    "snorlax",
    "zeropod",
];
/// More of them in names of field managers, where they mean less elsewhere.
const HOLDING_WRITERS: [&str; 4] = ["operator", "autoscaler", "cron", "schedul"];

/// Whether a workload has zero replicas. A DaemonSet has no count.
pub(crate) fn is_at_zero(workload: &Object) -> bool {
    workload.reference.kind != "DaemonSet" && replicas::wanted(&workload.body) == 0
}

/// Concludes: the last known count, or a person.
pub(crate) fn conclude(scene: &Scene, mut inquiry: Inquiry, workload: &Object) -> Result<Finding, Failure> {
    let (service, object) = (scene.object(), &workload.reference);
    let cause = format!("{object}, which {service} is for, is scaled to zero replicas");
    inquiry.saw(object, "0 replicas are wanted");
    let autoscaler = inquiry
        .look(format!("autoscaler of {object}"), replicas::autoscaler_of(object))?
        .flatten();
    if let Some(autoscaler) = &autoscaler {
        inquiry.saw(&autoscaler.object, autoscaler.line());
    }
    let count = known_count(workload, &mut inquiry)?;
    let hand = |replicas: Option<u32>| {
        let count = replicas.map_or_else(|| "COUNT".to_owned(), |n| n.to_string());
        format!(
            "kubectl -n {} scale {} --replicas={count}",
            object.namespace,
            object.kubectl()
        )
    };
    if let Some(holder) = holder(workload, autoscaler.as_ref(), &mut inquiry)? {
        let proposal = format!(
            "if it should run now, wake it where it is held ({holder}), or {}",
            hand(count)
        );
        inquiry.decide_escalate(&format!("it is held at zero on purpose: {holder}"), proposal);
        return Ok(inquiry.cause("service-down", object, cause, 0.9));
    }
    let (wanted, told) = match (count, &autoscaler) {
        (Some(count), Some(a)) => (
            count.clamp(a.min.max(1), a.max.max(1)),
            format!("it had {count}, and {} allows {} to {}", a.object, a.min, a.max),
        ),
        (Some(count), None) => (count, format!("it had {count} before")),
        (None, Some(a)) => (a.min.max(1), format!("{} sets at least {}", a.object, a.min.max(1))),
        (None, None) => {
            inquiry.decide_escalate("how many replicas it had is not known any more", hand(None));
            return Ok(inquiry.cause("service-down", object, cause, 0.9));
        }
    };
    inquiry.decide_scale(
        wanted,
        &format!("scale {object} to {wanted}: {told}"),
        &format!("{wanted} pods are ready and endpoints of {service}"),
    );
    inquiry.fact("service", service.to_fact());
    Ok(inquiry.cause("service-down", object, cause, 0.9))
}

/// The count before zero, by events and by what was last applied.
fn known_count(workload: &Object, inquiry: &mut Inquiry) -> Result<Option<u32>, Failure> {
    let object = &workload.reference;
    let source = format!("events of {object}");
    let events = inquiry.look(&source, cluster::events(object))?.unwrap_or_default();
    let scaled = events
        .iter()
        .rev()
        .find_map(|e| Some((e, scaled_down(&e.reason, &e.message)?)));
    if let Some((event, count)) = scaled {
        inquiry.saw(&source, event.line());
        return Ok(Some(count));
    }
    // a StatefulSet's pods go one by one, the highest first
    let highest = events
        .iter()
        .filter(|e| e.reason == "SuccessfulDelete" && object.kind == "StatefulSet")
        .filter_map(|e| ordinal(&e.message, &object.name))
        .max();
    if let Some(highest) = highest {
        inquiry.saw(
            &source,
            format!("its pods up to {}-{highest} were deleted", object.name),
        );
        return Ok(Some(highest + 1));
    }
    let applied = last_applied(&workload.body).and_then(|a| json::number(&a, "/spec/replicas"));
    let applied = applied.and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0);
    if let Some(count) = applied {
        inquiry.saw(object, format!("{count} replicas were last applied"));
    }
    Ok(applied)
}

/// `Scaled down replica set web-5d9c from 3 to 0` (older servers leave out `from 3`).
fn scaled_down(reason: &str, message: &str) -> Option<u32> {
    if reason != "ScalingReplicaSet" || !message.starts_with("Scaled down") {
        return None;
    }
    let (before, after) = message.split_once(" from ")?.1.split_once(" to ")?;
    let (before, after): (u32, u32) = (before.trim().parse().ok()?, after.trim().parse().ok()?);
    (after == 0 && before > 0).then_some(before)
}

/// `delete Pod db-2 in StatefulSet db successful`.
fn ordinal(message: &str, name: &str) -> Option<u32> {
    let pod = message.strip_prefix("delete Pod ")?.split(' ').next()?;
    pod.strip_prefix(name)?.strip_prefix('-')?.parse().ok()
}

/// Who holds the workload at zero; none where nobody is known to.
fn holder(
    workload: &Object,
    autoscaler: Option<&Autoscaler>,
    inquiry: &mut Inquiry,
) -> Result<Option<String>, Failure> {
    let object = &workload.reference;
    if let Some(a) = autoscaler.filter(|a| a.body.pointer("/spec/minReplicas").is_some() && a.min == 0) {
        return Ok(Some(format!("{} may set it to zero", a.object)));
    }
    let marks = [
        json::pairs(&workload.body, "/metadata/annotations"),
        json::pairs(&workload.body, "/metadata/labels"),
    ];
    let mark = marks
        .iter()
        .flatten()
        .find(|(key, _)| HOLDERS.iter().any(|h| key.to_ascii_lowercase().contains(h)));
    if let Some((key, value)) = mark {
        return Ok(Some(format!("{key}={value} on {object}")));
    }
    let chain = inquiry
        .look(format!("owners of {object}"), cluster::owners(object))?
        .unwrap_or_default();
    if let Some(owner) = chain.last().filter(|o| o.object.uid != object.uid) {
        return Ok(Some(format!("{} owns {object}", owner.object)));
    }
    let source = format!("writers of {object}");
    let writer = inquiry
        .look(&source, fields::writer(object, &["spec", "replicas"]))?
        .flatten();
    if let Some(writer) = &writer {
        let ago = time::span(dreamops_sdk::host::now_ms().saturating_sub(writer.at_ms));
        inquiry.saw(source, format!("the count was set by {:?} {ago} ago", writer.manager));
        let name = writer.manager.to_ascii_lowercase();
        if HOLDERS.iter().chain(&HOLDING_WRITERS).any(|h| name.contains(h)) {
            return Ok(Some(format!(
                "field manager {:?} set it to zero {ago} ago",
                writer.manager
            )));
        }
    }
    schedule(object, inquiry)
}

/// A CronJob that scales this workload.
fn schedule(object: &ObjectRef, inquiry: &mut Inquiry) -> Result<Option<String>, Failure> {
    let read = cluster::list(&Query::of("CronJob", &object.namespace));
    let jobs = inquiry.look("CronJobs of the namespace", read)?.unwrap_or_default();
    let found = jobs.items.iter().find(|job| {
        let text = job.body["spec"]["jobTemplate"].to_string();
        text.contains("scale") && (text.contains(&object.name) || text.contains("--all"))
    });
    Ok(found.map(|job| {
        format!(
            "{} scales it by the schedule \"{}\"",
            job.reference,
            json::text(&job.body, "/spec/schedule")
        )
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_before_zero_is_read_from_events() {
        let reason = "ScalingReplicaSet";
        assert_eq!(
            scaled_down(reason, "Scaled down replica set web-5d9c from 3 to 0"),
            Some(3)
        );
        assert_eq!(
            scaled_down(reason, "Scaled down replica set web-5d9c from 3 to 1"),
            None
        );
        assert_eq!(scaled_down(reason, "Scaled up replica set web-5d9c from 0 to 3"), None);
        assert_eq!(scaled_down(reason, "Scaled down replica set web-5d9c to 0"), None);
        assert_eq!(ordinal("delete Pod db-2 in StatefulSet db successful", "db"), Some(2));
        assert_eq!(
            ordinal("delete Pod other-2 in StatefulSet other successful", "db"),
            None
        );
    }
}
