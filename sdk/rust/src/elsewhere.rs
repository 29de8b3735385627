//! Alerts that name a healthy object while another one fails.
//!
//! A healthy object is never touched. What fails and is not linked to the alert's object is named to a person.

use crate::cluster::{self, ReadFailure};
use crate::incident::{Health, Incident};
use crate::inquiry::Inquiry;
use crate::owner::Subject;
use crate::pod::Pod;
use crate::strategy::{Failure, Finding};

/// Whether the alert's title or description has one of these words. An alert's words decide nothing but where to look.
pub fn alert_says(incident: &Incident, words: &[&str]) -> bool {
    let text = format!("{} {}", incident.title(), incident.description()).to_ascii_lowercase();
    words.iter().any(|word| text.contains(word))
}

/// A pod of the namespace that `fails` and is not the subject's.
pub fn failing_pod(subject: &Subject, fails: impl Fn(&Pod) -> bool) -> Result<Option<Pod>, ReadFailure> {
    let all = cluster::pods(&subject.object.namespace, "")?;
    let own = |pod: &Pod| subject.pods.iter().any(|p| p.reference().uid == pod.reference().uid);
    Ok(all.into_iter().find(|pod| !pod.deleting() && !own(pod) && fails(pod)))
}

/// The alert's object does well as `health` says, and `pod` fails as `state` says: a person is told which to respond to.
pub fn conclude(
    mut inquiry: Inquiry,
    fault: &str,
    subject: &Subject,
    health: &Health,
    (pod, state): (&Pod, &str),
) -> Result<Finding, Failure> {
    let owner = inquiry
        .look(pod.reference(), cluster::owners(pod.reference()))?
        .and_then(|mut chain| chain.pop())
        .map_or_else(|| pod.reference().clone(), |top| top.object);
    inquiry.saw(pod.reference(), state);
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
    Ok(inquiry.cause(fault, &owner, cause, 0.9))
}
