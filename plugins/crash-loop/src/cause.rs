//! From a failing container to its cause: the order in which the table of this crate is gone through.

use crate::scene::{Scene, age};
use crate::signs::{self, How, Sign};
use crate::{command, configuration, dependency, elsewhere, probe, replica, rollout, setting};
use dreamops_sdk::change;
use dreamops_sdk::owner;
use dreamops_sdk::prelude::*;
use dreamops_sdk::revision::{self, Record, Standing};
use rollout::Fault;

/// Lines of a log that are read.
const TAIL: u32 = 100;

pub(crate) fn diagnose(incident: &Incident) -> Result<Finding, Failure> {
    let mut inquiry = Inquiry::new();
    let subject = owner::subject(incident)?;
    let scene = match Scene::of(subject) {
        Ok(scene) => scene,
        Err(subject) => return elsewhere::conclude(incident, &subject, inquiry),
    };
    inquiry.saw(scene.pod.reference(), scene.container.to_string());
    note_target(incident, &scene, &mut inquiry);
    if scene.container.lacks_image() {
        let reason = format!("{} waits for its image: {}", scene.title(), scene.container);
        return Ok(inquiry.hand_over("image-pull", &scene.subject.object, reason));
    }
    if scene.container.out_of_memory() {
        let reason = format!("{} was killed for memory: {}", scene.title(), scene.container);
        return Ok(inquiry.hand_over("out-of-memory", &scene.subject.object, reason));
    }
    let record = if scene.changeable() {
        revision::record(incident, &scene.subject, &mut inquiry)?
    } else {
        Record::default()
    };
    let scene = match scene.at_current(&record) {
        Ok(scene) => scene,
        Err(scene) => return Ok(being_replaced(&scene, &record, inquiry)),
    };
    let about = format!("events of {}", scene.pod.reference());
    let events = inquiry
        .look(&about, cluster::events(scene.pod.reference()))?
        .unwrap_or_default();
    for event in events.iter().filter(|e| e.severity == "Warning").rev().take(3) {
        inquiry.saw(&about, event.line());
    }
    if let Some((missing, message)) = configuration::find(&scene, &events) {
        return configuration::conclude(&scene, &record, inquiry, &missing, &message);
    }
    if let Some(culprit) = probe::find(&scene, &events) {
        return by_probe(incident, &scene, &record, inquiry, &culprit);
    }
    if let Some(told) = command::find(&scene.container) {
        if replica::alone(&scene) {
            return Ok(replica::conclude(incident, &scene, inquiry));
        }
        return command::conclude(&scene, &record, inquiry, &told);
    }
    by_log(incident, &scene, &record, inquiry)
}

/// Only pods of older revisions fail: the rollout that replaces them is under way.
fn being_replaced(scene: &Scene, record: &Record, mut inquiry: Inquiry) -> Finding {
    let to = record.current().map(Revision::title).unwrap_or_default();
    inquiry.decide_wait("a rollout is under way, and none of its pods fails");
    let cause = format!(
        "{} fails in a pod of an older revision, which the rollout to {to} replaces",
        scene.title()
    );
    inquiry.cause("crash-loop", &scene.subject.object, cause, 0.8)
}

/// The alert may name a pod that is well while another of the same owner fails.
fn note_target(incident: &Incident, scene: &Scene, inquiry: &mut Inquiry) {
    let target = incident.target();
    if target.kind == "Pod" && target.uid != scene.pod.reference().uid {
        let well = scene.subject.pods.iter().any(|p| p.reference().uid == target.uid);
        let state = if well { "does not fail" } else { "is gone" };
        inquiry.saw(
            "the alert",
            format!(
                "it names {target}, which {state}; {} of the same owner fails",
                scene.pod.reference()
            ),
        );
    }
}

fn by_probe(
    incident: &Incident,
    scene: &Scene,
    record: &Record,
    inquiry: Inquiry,
    culprit: &probe::Culprit,
) -> Result<Finding, Failure> {
    if replica::alone(scene) && culprit.kills {
        return Ok(replica::conclude(incident, scene, inquiry));
    }
    let mut inquiry = match probe::undo(scene, record, inquiry, culprit)? {
        Ok(finding) => return Ok(finding),
        Err(inquiry) => inquiry,
    };
    // a program may hang or be slow because of what it waits for
    let log = last_log(scene, &mut inquiry)?;
    if let Some(Sign::Unreachable { at, how, line }) = signs::read(&log, &[], &[]) {
        return dependency::conclude(scene, record, inquiry, &at, how, &line);
    }
    Ok(probe::propose(scene, record, inquiry, culprit))
}

/// The log of the run that ended last. That is the present one of a container that is not started again yet: the
/// kubelet keeps one dead container.
fn last_log(scene: &Scene, inquiry: &mut Inquiry) -> Result<String, Failure> {
    let (pod, name) = (scene.pod.reference(), &scene.container.name);
    let order: &[bool] = match (&scene.container.state, &scene.container.last) {
        (State::Terminated(_), _) => &[false, true],
        (_, Some(_)) => &[true, false],
        (_, None) => &[false],
    };
    for &previous in order {
        let read = cluster::found(cluster::logs(pod, name, previous, TAIL));
        let which = if previous { "previous log" } else { "log" };
        let source = format!("{pod} {which} of {name}");
        let text = inquiry
            .look(&source, read)?
            .flatten()
            .map(|l| l.text)
            .unwrap_or_default();
        let end: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).rev().take(5).collect();
        if !end.is_empty() {
            let end: Vec<&str> = end.into_iter().rev().collect();
            inquiry.saw(source, end.join("\n"));
            return Ok(text);
        }
    }
    inquiry.saw(format!("{pod} log of {name}"), "it is empty");
    Ok(String::new())
}

fn by_log(incident: &Incident, scene: &Scene, record: &Record, mut inquiry: Inquiry) -> Result<Finding, Failure> {
    let log = last_log(scene, &mut inquiry)?;
    let known = setting::variables(scene, record);
    let changed = match (record.others().next(), record.current()) {
        (Some((older, _)), Some(current)) => setting::changed(&change::between(&older.template, &current.template)),
        _ => Vec::new(),
    };
    let sign = signs::read(&log, &known, &changed);
    match sign {
        Some(Sign::Setting { name, line }) => setting::of_variable(scene, record, inquiry, &name, &line),
        Some(Sign::Flag { flag, line }) => setting::of_flag(scene, record, inquiry, &flag, &line),
        _ if replica::alone(scene) => Ok(replica::conclude(incident, scene, inquiry)),
        Some(Sign::Unreachable { at, how, line }) => dependency::conclude(scene, record, inquiry, &at, how, &line),
        None if scene.container.init => init(scene, record, inquiry),
        None => unexplained(scene, record, inquiry, &log),
    }
}

/// An init container that says nothing: its command tells what it waits for.
fn init(scene: &Scene, record: &Record, mut inquiry: Inquiry) -> Result<Finding, Failure> {
    if let Some(at) = dependency::awaited(scene, &mut inquiry)? {
        let line = format!("its command waits for {}", at.host);
        return dependency::conclude(scene, record, inquiry, &at, How::Silent, &line);
    }
    unexplained(scene, record, inquiry, "")
}

/// Neither state nor events nor log explain it. Where it began with the rollout and an older revision worked, that is
/// the cause; else a person gets what was seen.
fn unexplained(scene: &Scene, record: &Record, mut inquiry: Inquiry, log: &str) -> Result<Finding, Failure> {
    let last = log.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or("").trim();
    let said = if last.is_empty() {
        "its log is empty".to_owned()
    } else {
        format!("its last words: \"{}\"", last.chars().take(300).collect::<String>())
    };
    let state = match scene.container.last_end() {
        Some(end) => end.to_string(),
        None => scene.container.to_string(),
    };
    let object = &scene.subject.object;
    let fault = Fault {
        cause: format!(
            "{} {state}, {} restarts; {said}",
            scene.title(),
            scene.container.restarts
        ),
        certainty: 0.9,
        explained: false,
        by_hand: format!(
            "find why the program ends: kubectl -n {} logs {} -c {} --previous; then correct {}",
            object.namespace,
            scene.pod.name(),
            scene.container.name,
            object.kubectl()
        ),
    };
    let ran_well = scene.ran_well_first() || matches!(record.present(), Standing::Ready(_));
    if ran_well {
        inquiry.rule_out(format!(
            "the rollout: the current revision has run well (pod {} is {} old)",
            scene.pod.name(),
            age(&scene.pod)
        ));
        let fault = Fault {
            certainty: 0.6,
            ..fault
        };
        let why = "the program ran well with this revision before; log, events and states do not tell what changed";
        return Ok(rollout::to_person(scene, inquiry, fault, why));
    }
    rollout::undo_or_escalate(scene, record, inquiry, fault, |revision| {
        !change::between(&revision.template, scene.template(record)).is_empty()
    })
}
