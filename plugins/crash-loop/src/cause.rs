//! From a failing container to its cause: the order in which the table of this crate is gone through.

use crate::scene::{Scene, age};
use crate::signs::{self, How, Sign};
use crate::{command, configuration, dependency, elsewhere, probe, replica, rollout, setting};
use dreamops_sdk::change;
use dreamops_sdk::owner;
use dreamops_sdk::prelude::*;
use dreamops_sdk::revision::{self, Record, Standing};
use rollout::{Fault, undo_or_escalate};

/// Lines of a log that are read.
const TAIL: u32 = 100;
/// Pods whose logs are looked at.
const PODS: usize = 3;
/// What the kubelet writes in place of a log whose container was removed in the meantime.
const GONE: &str = "unable to retrieve container logs";

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
    let (scene, current) = scene.at_current(&record);
    if !current {
        return Ok(being_replaced(&scene, &record, inquiry));
    }
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
    if let Some(told) = command::find(&scene, &record) {
        if replica::alone(&scene) {
            return Ok(replica::conclude(incident, &scene, inquiry));
        }
        return command::conclude(&scene, &record, inquiry, &told);
    }
    by_log(incident, &scene, &record, inquiry)
}

/// Only pods of older revisions fail: the rollout that replaces them is under way. A StatefulSet waits for such a pod to
/// become ready before it replaces it, which never happens: deleting it lets the rollout go on.
fn being_replaced(scene: &Scene, record: &Record, mut inquiry: Inquiry) -> Finding {
    let to = record.current().map(Revision::title).unwrap_or_default();
    let object = &scene.subject.object;
    let cause = format!("{} fails in a pod of an older revision than {to}", scene.title());
    if object.kind == "StatefulSet" && !scene.pod.ready() {
        inquiry.decide_restart(
            scene.pod.reference(),
            "a StatefulSet does not replace a pod that is not ready; deleted, it comes back with the current revision",
            "the pod is of the current revision and ready",
        );
        let cause = format!("{cause}, and the rollout waits for it to become ready");
        return inquiry.cause("crash-loop", object, cause, 0.85);
    }
    inquiry.decide_wait("a rollout is under way, and none of its pods fails");
    inquiry.cause("crash-loop", object, format!("{cause}, which replaces it"), 0.8)
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
    if !culprit.kills && probe::still_starts(scene) {
        let mut inquiry = inquiry;
        inquiry.decide_wait("it runs since a moment ago, and may still be starting");
        let cause = format!("{} is not ready yet: {}", scene.title(), culprit.said);
        return Ok(inquiry.cause("crash-loop", &scene.subject.object, cause, 0.8));
    }
    let mut inquiry = match probe::undo(scene, record, inquiry, culprit)? {
        Ok(finding) => return Ok(finding),
        Err(inquiry) => inquiry,
    };
    // a program may hang or be slow because of what it waits for
    let log = last_log(scene, &mut inquiry)?;
    if let Some(Sign::Unreachable { at, how, line }) = signs::read(&log, &[], &[]) {
        return dependency::conclude(incident, scene, record, inquiry, &at, how, &line);
    }
    // the program may say itself that it is ill, since a rollout that changed neither probe nor image
    let differs = |r: &Revision| !change::between(&r.template, scene.template(record)).is_empty();
    if !ran_well(scene, record) && record.best(differs).is_some() {
        return undo_or_escalate(&scene.subject, record, inquiry, probe::fault(scene, culprit), differs);
    }
    Ok(probe::propose(scene, record, inquiry, culprit))
}

/// The log of the run that ended last; where the runtime no longer has it, that of another pod that fails alike.
fn last_log(scene: &Scene, inquiry: &mut Inquiry) -> Result<String, Failure> {
    let name = &scene.container.name;
    let own = [(&scene.pod, scene.container.clone())];
    let alike = scene
        .failing_equals()
        .filter(|p| p.reference().uid != scene.pod.reference().uid)
        .filter_map(|p| p.container(name).map(|c| (p, c)));
    for (pod, container) in own.into_iter().chain(alike).take(PODS) {
        for &previous in runs(&container) {
            let read = cluster::found(cluster::logs(pod.reference(), name, previous, TAIL));
            let which = if previous { "previous log" } else { "log" };
            let source = format!("{} {which} of {name}", pod.reference());
            let text = inquiry
                .look(&source, read)?
                .flatten()
                .map(|l| l.text)
                .unwrap_or_default();
            let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
            if let Some(first) = lines.first()
                && !first.starts_with(GONE)
            {
                inquiry.saw(source, lines[lines.len().saturating_sub(5)..].join("\n"));
                return Ok(text);
            }
        }
    }
    inquiry.saw(format!("{} log of {name}", scene.pod.reference()), "it is empty");
    Ok(String::new())
}

/// Which logs to look at, `true` for the previous one. The log of a container that has ended and is not started again
/// is the present one: the kubelet keeps one dead container.
fn runs(container: &Container) -> &'static [bool] {
    match (&container.state, &container.last) {
        (State::Terminated(_), _) => &[false, true],
        (_, Some(_)) => &[true, false],
        (_, None) => &[false],
    }
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
        Some(Sign::Unreachable { at, how, line }) => {
            dependency::conclude(incident, scene, record, inquiry, &at, how, &line)
        }
        None if scene.container.init => init(incident, scene, record, inquiry),
        None => unexplained(scene, record, inquiry, &log),
    }
}

/// An init container that says nothing: its command tells what it waits for.
fn init(incident: &Incident, scene: &Scene, record: &Record, mut inquiry: Inquiry) -> Result<Finding, Failure> {
    if let Some(at) = dependency::awaited(scene, &mut inquiry)? {
        let line = format!("its command waits for {}", at.host);
        return dependency::conclude(incident, scene, record, inquiry, &at, How::Silent, &line);
    }
    unexplained(scene, record, inquiry, "")
}

/// What an end without words means, and what a person should do about it.
fn meaning(scene: &Scene) -> (&'static str, String) {
    let object = &scene.subject.object;
    let name = &scene.container.name;
    if scene.container.last_end().is_some_and(|end| end.exit_code == 0) {
        let by_hand = format!(
            "give container {name} a program that stays, or run it as a Job: kubectl -n {} edit {}",
            object.namespace,
            object.kubectl()
        );
        return (
            "; it ends by itself, and is started again because it should stay",
            by_hand,
        );
    }
    let by_hand = format!(
        "find why the program ends: kubectl -n {} logs {} -c {name} --previous; then correct {}",
        object.namespace,
        scene.pod.name(),
        object.kubectl()
    );
    ("", by_hand)
}

/// Whether the current revision has worked: then the rollout is not to blame for what nothing else explains.
fn ran_well(scene: &Scene, record: &Record) -> bool {
    scene.ran_well_first() || matches!(record.present(), Standing::Ready(_))
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
        None => format!(
            "waits: {} ({})",
            scene.container.waiting(),
            scene.container.waiting_message()
        ),
    };
    let (meaning, by_hand) = meaning(scene);
    let fault = Fault {
        cause: format!(
            "{} {state}, {} restarts{meaning}; {said}",
            scene.title(),
            scene.container.restarts
        ),
        certainty: 0.9,
        explained: false,
        by_hand,
    };
    if ran_well(scene, record) {
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
        return Ok(rollout::to_person(&scene.subject, inquiry, fault, why));
    }
    undo_or_escalate(&scene.subject, record, inquiry, fault, |revision| {
        !change::between(&revision.template, scene.template(record)).is_empty()
    })
}
