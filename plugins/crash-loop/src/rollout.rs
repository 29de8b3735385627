//! Undoing a rollout, or saying what a person should change where that is not possible.

use dreamops_sdk::change;
use dreamops_sdk::owner::Subject;
use dreamops_sdk::prelude::*;
use dreamops_sdk::revision::{Record, Standing};
use dreamops_sdk::template;

/// A cause that a revision of the workload may be free of.
pub(crate) struct Fault {
    /// One sentence that names container, code, setting or object.
    pub(crate) cause: String,
    /// How sure it is, 0 to 1.
    pub(crate) certainty: f64,
    /// Whether what differs in a fitting revision explains the failure.
    pub(crate) explained: bool,
    /// The change that a person should make where there is no revision to go back to.
    pub(crate) by_hand: String,
}

/// The confidence that a revision earns by its standing.
const READY: f64 = 0.95;
const SOUND: f64 = 0.9;
const LIKELY: f64 = 0.8;
const GUESSED: f64 = 0.6;

/// Concludes with an undo to the best revision that `fits`, else with a word to a person.
pub(crate) fn undo_or_escalate(
    subject: &Subject,
    record: &Record,
    mut inquiry: Inquiry,
    fault: Fault,
    fits: impl Fn(&Revision) -> bool,
) -> Result<Finding, Failure> {
    let workload = &subject.object;
    if let Some(obstacle) = template::obstacle(subject, &mut inquiry)? {
        return Ok(to_person(subject, inquiry, fault, &obstacle));
    }
    let likely = if fault.explained { LIKELY } else { GUESSED };
    let choice = match record.best(&fits) {
        Some((revision, standing @ Standing::Ready(_))) => Some((revision, standing.sentence(), READY)),
        Some((revision, standing)) => Some((revision, standing.sentence(), SOUND)),
        None => record.likely(&fits).map(|revision| {
            let sentence = "it was current before, and nothing speaks against it".to_owned();
            (revision, sentence, likely)
        }),
    };
    let (Some((revision, standing, strength)), Some(current)) = (choice, record.current()) else {
        let why = if record.others().next().is_none() {
            "there is no earlier revision".to_owned()
        } else {
            let ill: Vec<String> = record
                .others()
                .map(|(r, s)| format!("{}: {}", r.title(), s.sentence()))
                .collect();
            format!(
                "no earlier revision is free of it and known to work ({})",
                ill.join("; ")
            )
        };
        return Ok(to_person(subject, inquiry, fault, &why));
    };
    let changes = change::between(&revision.template, &current.template);
    let differs = change::line(&changes);
    inquiry.saw(format!("{} to {}", revision.title(), current.title()), &differs);
    inquiry.decide_undo(
        revision,
        &format!("go back to {}: {standing}; since then: {differs}", revision.title()),
        &format!(
            "all pods of {workload} are of the template of {} and ready",
            revision.title()
        ),
    );
    let cause = format!("{}; {} introduced it", fault.cause, current.title());
    Ok(inquiry.cause("crash-loop", workload, cause, fault.certainty.min(strength)))
}

/// Concludes with the exact change for a person.
pub(crate) fn to_person(subject: &Subject, mut inquiry: Inquiry, fault: Fault, why: &str) -> Finding {
    inquiry.decide_escalate(why, template::by_hand(subject, &fault.by_hand));
    inquiry.cause("crash-loop", &subject.object, fault.cause, fault.certainty)
}
