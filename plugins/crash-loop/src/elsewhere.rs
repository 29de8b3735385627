//! An alert that names a healthy object while another one fails.

use crate::scene::trouble;
use dreamops_sdk::host::now_ms;
use dreamops_sdk::owner::Subject;
use dreamops_sdk::prelude::*;

/// Whether the alert's words are about containers that end. Its words decide nothing else.
pub(crate) fn alert_tells_of_crashes(incident: &Incident) -> bool {
    let text = format!("{} {}", incident.title(), incident.description()).to_ascii_lowercase();
    [
        "crash",
        "restart",
        "backoff",
        "back-off",
        "not ready",
        "notready",
        "failing",
    ]
    .iter()
    .any(|word| text.contains(word))
}

/// A pod of the namespace that fails and is not the subject's.
pub(crate) fn failing_pod(subject: &Subject) -> Result<Option<Pod>, ReadFailure> {
    let now = now_ms();
    let all = cluster::pods(&subject.object.namespace, "")?;
    Ok(all.into_iter().find(|pod| {
        let own = subject.pods.iter().any(|p| p.reference().uid == pod.reference().uid);
        !own && !pod.deleting() && trouble(pod, now).is_some_and(|c| c.in_trouble())
    }))
}

/// The subject is well: the finding, which names what fails elsewhere if the alert tells of crashes.
pub(crate) fn conclude(incident: &Incident, subject: &Subject, mut inquiry: Inquiry) -> Result<Finding, Failure> {
    let health = cluster::health(&subject.object)?;
    inquiry.saw(&subject.object, health.to_string());
    if !health.whole() && subject.unready().next().is_some() {
        return Ok(inquiry.unknown());
    }
    let other = if alert_tells_of_crashes(incident) {
        inquiry.look("pods of the namespace", failing_pod(subject))?.flatten()
    } else {
        None
    };
    let Some(pod) = other else {
        return Ok(if health.whole() {
            inquiry.healthy()
        } else {
            inquiry.unknown()
        });
    };
    let owner = inquiry
        .look(pod.reference(), cluster::owners(pod.reference()))?
        .and_then(|mut chain| chain.pop())
        .map_or_else(|| pod.reference().clone(), |top| top.object);
    let state = pod.culprit().map(|c| c.to_string()).unwrap_or_default();
    inquiry.saw(pod.reference(), &state);
    inquiry.rule_out(format!("{} is healthy: {health}", subject.object));
    let cause = format!(
        "the alert names {}, which is healthy ({health}); what fails is {owner}: {state}",
        subject.object
    );
    inquiry.decide_escalate(
        "a healthy object is not touched, and nothing links the failing one to this alert",
        format!(
            "correct the alert, which points at {}; respond to {owner} instead: \
             `dreamops respond ALERT.json --namespace {} --target {}`",
            subject.object,
            owner.namespace,
            owner.kubectl()
        ),
    );
    Ok(inquiry.cause("crash-loop", &owner, cause, 0.9))
}
