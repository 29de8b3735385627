//! From measured use to what should be done: the order in which the table of this crate is gone through.

use crate::measure::{Measured, Resource};
use crate::{memory, neighbour, processor};
use dreamops_sdk::host::now_ms;
use dreamops_sdk::owner::{self, Subject};
use dreamops_sdk::prelude::*;

/// A kill longer ago than this is over.
const CALM_MS: u64 = 600_000;

pub(crate) fn diagnose(incident: &Incident) -> Result<Finding, Failure> {
    let mut inquiry = Inquiry::new();
    let subject = owner::subject(incident)?;
    if let Some((pod, container, fault)) = ill(&subject) {
        inquiry.saw(pod.reference(), container.to_string());
        let reason = format!("container {} of {} fails: {container}", container.name, subject.object);
        return Ok(inquiry.hand_over(fault, &subject.object, reason));
    }
    let mut about = Resource::of_alert(incident);
    if about.is_empty() {
        about = vec![Resource::Memory, Resource::Cpu];
    }
    if incident.target().kind == "Node" {
        return neighbour::on_node(&incident.target(), &incident.namespace(), inquiry, &about);
    }
    let measured = match Measured::of(incident, &subject) {
        Ok(measured) if !measured.now.is_empty() => measured,
        Ok(_) => {
            let why = "there is no sample of its pods yet (the first comes about 20 seconds after a pod's start)";
            return Ok(without_metrics(&subject, inquiry, why));
        }
        Err(ReadFailure::Unavailable(why)) => return Err(Failure::Unavailable((true, why))),
        Err(failure) => return Ok(without_metrics(&subject, inquiry, &failure.sentence())),
    };
    for resource in &about {
        measured.note(&mut inquiry, *resource);
    }
    note_target(incident, &subject, &mut inquiry);
    for resource in &about {
        let hot = prefer(incident, measured.hot(*resource));
        if let Some(hottest) = hot.first() {
            return match resource {
                Resource::Memory => Ok(memory::conclude(&subject, inquiry, &measured, hottest)),
                Resource::Cpu => processor::conclude(incident, &subject, inquiry, &measured, &hot),
            };
        }
        inquiry.rule_out(format!(
            "{}: every container is below {} % of its limit",
            resource.name(),
            resource.threshold()
        ));
    }
    let inquiry = match neighbour::beside(&subject, inquiry, &measured, &about)? {
        Ok(finding) => return Ok(finding),
        Err(inquiry) => inquiry,
    };
    Ok(below(&subject, inquiry))
}

/// A container that crashes or was killed for memory lately, and whose case that is.
pub(crate) fn ill(subject: &Subject) -> Option<(&Pod, Container, &'static str)> {
    let lately = |c: &Container| {
        c.last_end()
            .is_some_and(|end| now_ms().saturating_sub(end.finished_ms) < CALM_MS)
    };
    subject.pods.iter().find_map(|pod| {
        pod.containers().into_iter().find_map(|container| {
            let fault = if container.out_of_memory() && (!container.ready || lately(&container)) {
                "out-of-memory"
            } else if container.lacks_image() {
                "image-pull"
            } else if container.crashes() && !container.ready {
                "crash-loop"
            } else {
                return None;
            };
            Some((pod, container, fault))
        })
    })
}

/// The container that the alert names comes first, where it is among them.
fn prefer<'a>(
    incident: &Incident,
    mut hot: Vec<&'a dreamops_sdk::cluster::Usage>,
) -> Vec<&'a dreamops_sdk::cluster::Usage> {
    if let Some(name) = incident.container() {
        hot.sort_by_key(|u| u.container != name);
    }
    hot
}

/// The alert may name one pod while another of the same owner is meant.
fn note_target(incident: &Incident, subject: &Subject, inquiry: &mut Inquiry) {
    let target = incident.target();
    let there = subject.pods.iter().any(|p| p.reference().uid == target.uid);
    if target.kind == "Pod" && !there {
        inquiry.saw(
            "the alert",
            format!(
                "it names {target}, which is gone; its owner {} is measured",
                subject.object
            ),
        );
    }
}

fn without_metrics(subject: &Subject, mut inquiry: Inquiry, why: &str) -> Finding {
    let object = &subject.object;
    inquiry.saw(format!("usage of {object}"), why);
    inquiry.decide_escalate(
        "without metrics nothing is guessed",
        format!(
            "look at what {object} uses in the alert's own source, or give this cluster metrics (metrics-server), then: \
             kubectl -n {} top pods --containers",
            object.namespace
        ),
    );
    let cause = format!("the alert says that {object} uses much, and no metrics are to be had here: {why}");
    inquiry.cause("high-usage", object, cause, 0.8)
}

/// Below every threshold when looked at.
fn below(subject: &Subject, mut inquiry: Inquiry) -> Finding {
    if let Some(pod) = subject.unready().next() {
        inquiry.saw(pod.reference(), "it is not ready");
        return inquiry.unknown();
    }
    inquiry.saw(&subject.object, "its use is below the threshold now");
    inquiry.healthy()
}
