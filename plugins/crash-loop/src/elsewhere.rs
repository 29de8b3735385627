//! An alert that names a healthy object while another one fails.

use crate::job;
use crate::scene::trouble;
use crate::unplaced;
use dreamops_sdk::elsewhere;
use dreamops_sdk::host::now_ms;
use dreamops_sdk::owner::Subject;
use dreamops_sdk::prelude::*;

/// Words of alerts about containers that end.
const WORDS: [&str; 7] = [
    "crash",
    "restart",
    "backoff",
    "back-off",
    "not ready",
    "notready",
    "failing",
];

/// Whether the alert's words are about containers that end.
pub(crate) fn alert_tells_of_crashes(incident: &Incident) -> bool {
    elsewhere::alert_says(incident, &WORDS)
}

/// A pod of the namespace that fails and is not the subject's.
pub(crate) fn failing_pod(subject: &Subject) -> Result<Option<Pod>, ReadFailure> {
    let now = now_ms();
    elsewhere::failing_pod(subject, |pod| trouble(pod, now).is_some_and(|c| c.in_trouble()))
}

/// The subject is well: the finding, which names what fails elsewhere if the alert tells of crashes.
pub(crate) fn conclude(incident: &Incident, subject: &Subject, mut inquiry: Inquiry) -> Result<Finding, Failure> {
    if let Some(told) = job::failure(subject)? {
        return job::conclude(subject, inquiry, &told);
    }
    if let Some(unplaced) = unplaced::find(subject)? {
        return unplaced::conclude(incident, subject, inquiry, &unplaced);
    }
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
    match other {
        Some(pod) => {
            let state = pod.culprit().map(|c| c.to_string()).unwrap_or_default();
            elsewhere::conclude(inquiry, "crash-loop", subject, &health, (&pod, &state))
        }
        None if health.whole() => Ok(inquiry.healthy()),
        None => Ok(inquiry.unknown()),
    }
}
