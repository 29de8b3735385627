//! From a killed container to what should be done: the order in which the table of this crate is gone through.

use crate::raise;
use crate::scene::{Scene, kills};
use crate::{leak, node, rollout, writer};
use dreamops_sdk::owner::{Kind, Subject};
use dreamops_sdk::prelude::*;
use dreamops_sdk::quantity::show_bytes;
use dreamops_sdk::revision::{self, Record};
use dreamops_sdk::{elsewhere, owner};

/// Words of alerts about kills for memory.
pub(crate) const WORDS: [&str; 4] = ["oom", "out of memory", "out-of-memory", "memory"];

pub(crate) fn diagnose(incident: &Incident) -> Result<Finding, Failure> {
    let mut inquiry = Inquiry::new();
    let subject = owner::subject(incident)?;
    let scene = match Scene::killed(subject, incident.container().as_deref()) {
        Ok(scene) => scene,
        Err(subject) => match not_killed(incident, *subject, inquiry)? {
            Unkilled::Near(scene, noted) => {
                inquiry = noted;
                *scene
            }
            Unkilled::Concluded(finding) => return Ok(finding),
        },
    };
    inquiry.saw(scene.pod.reference(), scene.container.to_string());
    note_target(incident, &scene, &mut inquiry);
    if let Some(told) = node::pressure(&scene, &mut inquiry)? {
        return Ok(node::conclude_pressure(&scene, inquiry, &told));
    }
    inquiry.rule_out(format!(
        "node {}: it was not out of memory as a whole",
        scene.pod.node()
    ));
    let record = if scene.subject.kind == Kind::Workload {
        revision::record(incident, &scene.subject, &mut inquiry)?
    } else {
        Record::default()
    };
    if let Some(told) = writer::contesting(incident, &scene, &record, &mut inquiry)? {
        return Ok(writer::conclude(&scene, inquiry, &told));
    }
    if let Some(told) = leak::find(incident, &scene, &record) {
        return Ok(leak::conclude(incident, &scene, inquiry, &told));
    }
    let template = record
        .current()
        .map_or_else(|| scene.pod.body().clone(), |r| r.template.clone());
    let Some(now) = raise::present(&scene, &template) else {
        // killed at a limit of the pod as a whole
        let hand = format!(
            "raise spec.resources.limits.memory in the pod template of {}",
            scene.subject.object
        );
        let cause = format!("{} {}", scene.title(), scene.state());
        let why = "the limit is the pod's as a whole, which is not set from here";
        return Ok(raise::to_person(&scene, inquiry, cause, why, &hand));
    };
    match rollout::conclude(&scene, &record, inquiry, now)? {
        Ok(finding) => Ok(finding),
        Err(inquiry) => raise::conclude(&scene, inquiry, now, &template, 0),
    }
}

/// The alert may name a pod that is well while another of the same owner is killed.
fn note_target(incident: &Incident, scene: &Scene, inquiry: &mut Inquiry) {
    let target = incident.target();
    if target.kind == "Pod" && target.uid != scene.pod.reference().uid {
        let there = scene.subject.pods.iter().any(|p| p.reference().uid == target.uid);
        let state = if there { "is not killed" } else { "is gone" };
        inquiry.saw(
            "the alert",
            format!(
                "it names {target}, which {state}; {} of the same owner is",
                scene.pod.reference()
            ),
        );
    }
}

/// Where no container was killed lately.
enum Unkilled {
    /// One is near its limit.
    Near(Box<Scene>, Inquiry),
    /// The case is concluded without one.
    Concluded(Finding),
}

fn not_killed(incident: &Incident, subject: Subject, mut inquiry: Inquiry) -> Result<Unkilled, Failure> {
    if let Some(eviction) = node::eviction(&incident.target(), &subject)? {
        return node::conclude_eviction(&subject, inquiry, &eviction).map(Unkilled::Concluded);
    }
    let mut subject = subject;
    let before_it_happens = incident.handed_over().as_deref() == Some("out-of-memory");
    let about_memory = elsewhere::alert_says(incident, &WORDS);
    if (before_it_happens || about_memory) && subject.kind != Kind::Service {
        let object = subject.object.clone();
        let usage = inquiry
            .look(format!("usage of {object}"), cluster::usage(&object))?
            .unwrap_or_default();
        for line in &usage {
            let limit = line
                .memory_limit
                .map_or_else(|| "no limit".into(), |l| format!("a limit of {}", show_bytes(l)));
            inquiry.saw(
                format!("usage of {}", line.pod),
                format!(
                    "container {} uses {} with {limit}",
                    line.container,
                    show_bytes(line.memory_bytes)
                ),
            );
        }
        subject = match Scene::near(subject, &usage) {
            Ok(scene) => return Ok(Unkilled::Near(Box::new(scene), inquiry)),
            Err(subject) => *subject,
        };
    }
    well(&subject, inquiry, about_memory).map(Unkilled::Concluded)
}

/// Nothing of the subject is killed: it is well, or something else is wrong with it.
fn well(subject: &Subject, mut inquiry: Inquiry, about_memory: bool) -> Result<Finding, Failure> {
    let health = cluster::health(&subject.object)?;
    inquiry.saw(
        &subject.object,
        format!("{health}; no container was killed for memory lately"),
    );
    let other = if about_memory {
        let killed = |pod: &Pod| kills(pod).next().is_some();
        inquiry
            .look("pods of the namespace", elsewhere::failing_pod(subject, killed))?
            .flatten()
    } else {
        None
    };
    match other {
        Some(pod) if health.whole() => {
            let state = kills(&pod).next().map(|(c, _)| c.to_string()).unwrap_or_default();
            elsewhere::conclude(inquiry, "out-of-memory", subject, &health, (&pod, &state))
        }
        _ if health.whole() => Ok(inquiry.healthy()),
        _ => Ok(inquiry.unknown()),
    }
}
