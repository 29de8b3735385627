use crate::{BuiltIn, Rules};
use dreamops_domain::decision::{Decision, IncidentFacts, PastAction};
use dreamops_domain::id::IncidentId;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::phase::Mode;
use dreamops_domain::ports::Policy;
use dreamops_domain::time::Timestamp;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn past(minutes_ago: u64, outcome: &str, incident: IncidentId) -> PastAction {
    PastAction {
        at: Timestamp::from_millis(NOW.millis() - minutes_ago * 60_000),
        action: "undo-rollout".into(),
        strategy: "crash-loop".into(),
        outcome: outcome.into(),
        incident,
        fault: "crash-loop".into(),
    }
}

fn decision(mode: Mode, steps: (usize, usize), history: &[PastAction]) -> Decision {
    let owner = ObjectRef::new("Deployment", "shop", "web", "u");
    let (steps_done, steps_planned) = steps;
    let facts = IncidentFacts {
        mode,
        owner: &owner,
        now: NOW,
        history,
        steps_done,
        steps_planned,
    };
    BuiltIn::new(Rules::default()).expect("valid").incident(&facts)
}

/// After incidents of one action each, so many minutes ago, with their outcomes.
fn after(incidents: &[(u64, &str)]) -> Decision {
    let history: Vec<_> = incidents
        .iter()
        .map(|(ago, outcome)| past(*ago, outcome, IncidentId::new(NOW)))
        .collect();
    decision(Mode::Yolo, (0, 1), &history)
}

#[track_caller]
fn asks(decision: Decision, word: &str) {
    match decision {
        Decision::NeedsApproval { because } => assert!(because.contains(word), "{word:?} is not in: {because}"),
        other => panic!("{other:?}, not a question about {word}"),
    }
}

#[test]
fn an_owner_without_a_past_may_be_acted_upon() {
    assert_eq!(decision(Mode::Yolo, (0, 3), &[]), Decision::Auto);
}

#[test]
fn only_yolo_goes_without_a_person() {
    asks(decision(Mode::Approval, (0, 1), &[]), "mode approval");
    asks(decision(Mode::Observe, (0, 1), &[]), "mode observe");
    assert_eq!(
        decision(Mode::Observe, (0, 0), &[]),
        Decision::Auto,
        "a plan that writes nothing"
    );
}

#[test]
fn an_incident_makes_at_most_three_changes() {
    for (steps, mode) in [((0, 4), Mode::Yolo), ((2, 2), Mode::Yolo), ((3, 1), Mode::Approval)] {
        match decision(mode, steps, &[]) {
            Decision::Deny { because } => assert!(because.contains("max_steps_per_incident is 3"), "{because}"),
            other => panic!("{other:?} for {steps:?}"),
        }
    }
    assert_eq!(decision(Mode::Yolo, (1, 2), &[]), Decision::Auto);
}

#[test]
fn an_owner_is_left_alone_after_an_action() {
    for outcome in ["resolved", "open"] {
        asks(after(&[(14, outcome)]), "left alone for 15 minutes");
        assert_eq!(after(&[(15, outcome)]), Decision::Auto, "{outcome}");
    }
}

#[test]
fn each_failed_attempt_doubles_the_time_and_a_success_ends_it() {
    asks(after(&[(29, "escalated")]), "30 minutes after a failed attempt");
    assert_eq!(after(&[(30, "escalated")]), Decision::Auto);
    asks(
        after(&[(59, "reverted"), (200, "escalated")]),
        "60 minutes after 2 failed attempts",
    );
    assert_eq!(after(&[(60, "reverted"), (200, "escalated")]), Decision::Auto);
    assert_eq!(
        after(&[(15, "resolved"), (20, "escalated"), (30, "escalated")]),
        Decision::Auto
    );
    let many = vec![(23 * 60, "escalated"); 40];
    asks(after(&many), "1440 minutes after 40 failed attempts");
}

#[test]
fn several_actions_of_one_incident_are_one_attempt() {
    let incident = IncidentId::new(NOW);
    let history = [
        past(31, "escalated", incident),
        past(32, "escalated", incident),
        past(33, "escalated", incident),
    ];
    assert_eq!(decision(Mode::Yolo, (0, 1), &history), Decision::Auto);
}

#[test]
fn an_owner_is_changed_at_most_so_often_within_an_hour() {
    let actions = |n: usize, ago: u64| -> Vec<PastAction> {
        (0..n).map(|_| past(ago, "resolved", IncidentId::new(NOW))).collect()
    };
    asks(
        decision(Mode::Yolo, (0, 2), &actions(5, 59)),
        "7 actions within an hour",
    );
    assert_eq!(decision(Mode::Yolo, (0, 1), &actions(5, 59)), Decision::Auto);
    assert_eq!(decision(Mode::Yolo, (0, 2), &actions(5, 60)), Decision::Auto);
}

#[test]
fn a_clock_that_was_set_back_does_not_shorten_the_time() {
    let mut future = past(0, "resolved", IncidentId::new(NOW));
    future.at = Timestamp::from_millis(NOW.millis() + 3_600_000);
    asks(decision(Mode::Yolo, (0, 1), &[future]), "left alone");
}
