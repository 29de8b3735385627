//! A Job that has failed, with no pod left that tells why.

use dreamops_sdk::json;
use dreamops_sdk::owner::{Kind, Subject};
use dreamops_sdk::prelude::*;
use dreamops_sdk::template;

/// What the Job itself says about its failure; none where it did not fail, or is no Job.
pub(crate) fn failure(subject: &Subject) -> Result<Option<String>, ReadFailure> {
    if subject.kind != Kind::Job || subject.object.kind != "Job" {
        return Ok(None);
    }
    let Some(job) = cluster::found(cluster::fetch(&subject.object))? else {
        return Ok(None);
    };
    let failed = json::condition(&job.body, "Failed").filter(|c| json::text(c, "/status") == "True");
    Ok(failed.map(|c| format!("{}: {}", json::text(c, "/reason"), json::text(c, "/message"))))
}

/// A person reads what is left, and runs it again.
pub(crate) fn conclude(subject: &Subject, mut inquiry: Inquiry, told: &str) -> Result<Finding, Failure> {
    let object = &subject.object;
    inquiry.saw(object, told);
    let about = format!("events of {object}");
    let events = inquiry.look(&about, cluster::events(object))?.unwrap_or_default();
    for event in events.iter().rev().take(3) {
        inquiry.saw(&about, event.line());
    }
    let change = format!(
        "what the log of its pod said, from where logs are kept; `restartPolicy: Never` leaves the pods and their logs \
         for a look; what it was: kubectl -n {} get {} -o yaml",
        object.namespace,
        object.kubectl()
    );
    let obstacle = template::obstacle(subject, &mut inquiry)?.unwrap_or_default();
    inquiry.decide_escalate(
        &format!("{obstacle}, and its pods are gone with their logs"),
        template::by_hand(subject, &change),
    );
    Ok(inquiry.cause("crash-loop", object, format!("{object} has failed: {told}"), 0.8))
}
