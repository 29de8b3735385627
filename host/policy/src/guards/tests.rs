use crate::{BuiltIn, Rules};
use dreamops_domain::decision::{Decision, IncidentFacts, PastAction, Surroundings};
use dreamops_domain::id::{IncidentId, MaintenanceWindowId};
use dreamops_domain::maintenance::{MaintenanceWindow, Opening};
use dreamops_domain::object::ObjectRef;
use dreamops_domain::phase::{Mode, Phase};
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
    within(mode, steps, history, &Surroundings::default())
}

/// The decision on one step in `yolo` on an owner without a past.
fn among(surroundings: &Surroundings) -> Decision {
    within(Mode::Yolo, (0, 1), &[], surroundings)
}

fn within(mode: Mode, steps: (usize, usize), history: &[PastAction], surroundings: &Surroundings) -> Decision {
    let owner = ObjectRef::new("Deployment", "shop", "web", "u");
    let (steps_done, steps_planned) = steps;
    let facts = IncidentFacts {
        mode,
        owner: &owner,
        now: NOW,
        history,
        steps_done,
        steps_planned,
        cluster: "production",
        namespace: "shop",
        strategy: "crash-loop",
        surroundings,
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

#[test]
fn a_window_of_maintenance_asks_a_person_in_its_place_and_time() {
    let window = |cluster: Option<&str>, namespace: Option<&str>, until: u64| MaintenanceWindow {
        id: MaintenanceWindowId::new(NOW),
        cluster: cluster.map(str::to_owned),
        namespace: namespace.map(str::to_owned),
        opening: Opening::Once {
            from: Timestamp::from_millis(NOW.millis() - 1),
            until: Timestamp::from_millis(NOW.millis() + until),
        },
        reason: "an upgrade".into(),
        created_by: "ana".into(),
        created_at: NOW,
    };
    let with = |window| Surroundings {
        windows: vec![window],
        ..Surroundings::default()
    };
    for open in [
        window(None, None, 1),
        window(Some("production"), None, 1),
        window(Some("production"), Some("shop"), 1),
        window(None, Some("shop"), 1),
    ] {
        asks(among(&with(open)), "guard maintenance: a window of maintenance by ana");
    }
    for other in [
        window(None, None, 0),
        window(Some("staging"), None, 1),
        window(None, Some("payments"), 1),
    ] {
        assert_eq!(among(&with(other)), Decision::Auto);
    }
}

#[test]
fn so_many_actions_within_an_hour_on_a_cluster_are_enough() {
    let after = |automated_last_hour| Surroundings {
        automated_last_hour,
        ..Surroundings::default()
    };
    assert_eq!(among(&after(19)), Decision::Auto);
    asks(among(&after(20)), "max_automated_actions_per_hour is 20");
}

#[test]
fn a_strategy_that_failed_several_times_in_a_row_asks_a_person_for_a_while() {
    let after = |outcomes: &[(u64, Phase)]| {
        let of_strategy = outcomes
            .iter()
            .map(|(ago, phase)| (Timestamp::from_millis(NOW.millis() - ago * 60_000), *phase));
        among(&Surroundings {
            of_strategy: of_strategy.collect(),
            ..Surroundings::default()
        })
    };
    let (failed, escalated) = (Phase::Reverted, Phase::Escalated);
    asks(
        after(&[(5, failed), (6, escalated), (7, failed)]),
        "guard circuit breaker: crash-loop",
    );
    // what is under way, or was stopped, says nothing
    asks(
        after(&[
            (1, Phase::Verifying),
            (5, failed),
            (6, Phase::Stopped),
            (6, failed),
            (7, failed),
        ]),
        "in 3 incidents",
    );
    for fine in [
        &[(5, failed), (6, failed)][..],
        &[(5, failed), (6, failed), (7, Phase::Resolved), (8, failed)],
        &[(60, failed), (61, failed), (62, failed)],
    ] {
        assert_eq!(after(fine), Decision::Auto, "{fine:?}");
    }
}
