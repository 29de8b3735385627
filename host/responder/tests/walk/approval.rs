//! A plan waits for a person, and what was approved is what runs.

use crate::clock::ManualClock;
use crate::cluster::good_is_healthy;
use crate::room::{Room, about, count, ring};
use crate::strategies::{Script, set_image};
use dreamops_domain::decision::Decision;
use dreamops_domain::event::Event;
use dreamops_domain::id::{MaintenanceWindowId, TenantId};
use dreamops_domain::incident::Incident;
use dreamops_domain::maintenance::{Maintenance, MaintenanceWindow, Opening};
use dreamops_domain::object::ObjectRef;
use dreamops_domain::phase::{Mode, Phase};
use dreamops_domain::ports::Clock;
use dreamops_responder::RespondError;
use dreamops_store::SqliteStore;
use std::sync::Arc;
use std::time::Duration;

async fn waiting() -> (Room, ObjectRef, Incident, String) {
    let room = Room::new().await;
    let web = room.cluster.add("Deployment", "web", "bad", good_is_healthy());
    room.install(Script::new("crash-loop", vec![set_image(&web, "good")]));
    let incident = room.respond(Mode::Approval).await;
    assert_eq!(incident.phase, Phase::AwaitingApproval);
    assert!(room.cluster.effects().is_empty());
    let digest = incident.case.plan_digest.clone().unwrap();
    (room, web, incident, digest)
}

#[tokio::test]
async fn an_approved_plan_is_carried_out() {
    let (room, _, incident, digest) = waiting().await;
    let done = room.responder().approve(incident.id, &digest, "ana").await.unwrap();
    assert_eq!(done.phase, Phase::Resolved);
    assert_eq!(room.cluster.effects().len(), 1);
}

#[tokio::test]
async fn in_a_window_of_maintenance_a_plan_waits_for_a_person_and_the_timeline_names_the_guard() {
    let clock = ManualClock::new();
    let store = SqliteStore::in_memory(ring(), Arc::clone(&clock) as Arc<dyn Clock>);
    let store = store.await.unwrap();
    let room = Room::around(Arc::clone(&clock), Arc::new(store.clone()));
    let web = room.cluster.add("Deployment", "web", "bad", good_is_healthy());
    room.install(Script::new("crash-loop", vec![set_image(&web, "good")]));
    let window = MaintenanceWindow {
        id: MaintenanceWindowId::new(clock.now()),
        cluster: Some(room.responder().cluster().name.clone()),
        namespace: None,
        opening: Opening::Once {
            from: clock.now(),
            until: clock.now() + Duration::from_hours(1),
        },
        reason: "an upgrade".into(),
        created_by: "ana".into(),
        created_at: clock.now(),
    };
    store.add_window(TenantId::DEFAULT, &window).await.unwrap();
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::AwaitingApproval);
    assert!(room.cluster.effects().is_empty());
    let held_back = incident.case.timeline.iter().any(|entry| {
        matches!(&entry.event, Event::Decided { decision: Decision::NeedsApproval { because }, .. }
            if because.starts_with("guard maintenance"))
    });
    assert!(held_back, "{:?}", incident.case.timeline);
    // a person's word is not held back
    let digest = incident.case.plan_digest.clone().unwrap();
    let done = room.responder().approve(incident.id, &digest, "bo").await.unwrap();
    assert_eq!(done.phase, Phase::Resolved);
}

#[tokio::test]
async fn another_digest_is_refused() {
    let (room, _, incident, digest) = waiting().await;
    let refused = room.responder().approve(incident.id, "0000", "ana").await.unwrap_err();
    assert!(matches!(refused, RespondError::OtherDigest { waiting, .. } if waiting == digest));
    assert_eq!(room.load(incident.id).await.phase, Phase::AwaitingApproval);
    assert!(room.cluster.effects().is_empty());
}

#[tokio::test]
async fn drift_voids_an_approval_and_asks_again() {
    let (room, web, incident, digest) = waiting().await;
    room.cluster.set(&web, "/spec/other", "x");
    let again = room.responder().approve(incident.id, &digest, "ana").await.unwrap();
    assert_eq!(again.phase, Phase::AwaitingApproval);
    assert!(room.cluster.effects().is_empty());
    let now = again.case.plan_digest.clone().unwrap();
    assert_ne!(now, digest);
    // the old word does not count for the new plan
    assert!(room.responder().approve(incident.id, &digest, "ana").await.is_err());
    let done = room.responder().approve(incident.id, &now, "ana").await.unwrap();
    assert_eq!(done.phase, Phase::Resolved);
}

#[tokio::test]
async fn a_rejected_plan_is_not_carried_out() {
    let (room, _, incident, digest) = waiting().await;
    let rejected = room.responder().reject(incident.id, "ana", "not now").await.unwrap();
    assert_eq!(rejected.phase, Phase::Rejected);
    let late = room.responder().approve(incident.id, &digest, "bo").await.unwrap_err();
    assert!(matches!(
        late,
        RespondError::NotWaiting {
            phase: Phase::Rejected,
            ..
        }
    ));
    assert!(room.cluster.effects().is_empty());
}

#[tokio::test]
async fn a_plan_that_waited_too_long_expires_even_if_alerts_joined() {
    let (room, _, incident, digest) = waiting().await;
    room.seconds(1800);
    let joined = room.respond(Mode::Approval).await;
    assert_eq!((joined.id, joined.phase), (incident.id, Phase::AwaitingApproval));
    room.seconds(1801);
    let late = room.responder().approve(incident.id, &digest, "ana").await.unwrap();
    assert_eq!(late.phase, Phase::Expired);
    assert!(room.cluster.effects().is_empty());
}

#[tokio::test]
async fn an_alert_that_joins_an_overdue_plan_asks_anew_from_what_is_found_now() {
    let (room, _, incident, _) = waiting().await;
    room.seconds(4000);
    let again = room.respond(Mode::Approval).await;
    assert_eq!((again.id, again.phase), (incident.id, Phase::AwaitingApproval));
    assert_eq!(room.scripts.count("crash-loop diagnose"), 2);
    assert_eq!(count(&again, |e| matches!(e, Event::ApprovalAsked { .. })), 2);
    let digest = again.case.plan_digest.clone().unwrap();
    let done = room.responder().approve(incident.id, &digest, "ana").await.unwrap();
    assert_eq!(done.phase, Phase::Resolved);
}

#[tokio::test]
async fn an_observer_who_joins_a_waiting_plan_changes_nothing() {
    let (room, _, incident, digest) = waiting().await;
    let seen = room.respond(Mode::Observe).await;
    assert_eq!(
        (seen.id, seen.phase, seen.mode),
        (incident.id, Phase::AwaitingApproval, Mode::Approval)
    );
    let done = room.responder().approve(incident.id, &digest, "ana").await.unwrap();
    assert_eq!(done.phase, Phase::Resolved);
}

#[tokio::test]
async fn an_alert_in_yolo_carries_a_waiting_plan_out() {
    let (room, _, incident, _) = waiting().await;
    let done = room.respond(Mode::Yolo).await;
    assert_eq!((done.id, done.phase), (incident.id, Phase::Resolved));
    assert_eq!(room.cluster.effects().len(), 1);
}

#[tokio::test]
async fn observe_proposes_and_writes_nothing_even_under_the_stop() {
    let room = Room::new().await;
    let web = room.cluster.add("Deployment", "web", "bad", good_is_healthy());
    room.install(Script::new("crash-loop", vec![set_image(&web, "good")]));
    room.pull_stop().await;
    let incident = room.respond(Mode::Observe).await;
    assert_eq!(incident.phase, Phase::Proposed);
    assert!(incident.case.plan_digest.is_some());
    assert!(room.cluster.effects().is_empty() && room.journal(incident.id).await.is_empty());
}

#[tokio::test]
async fn what_policy_forbids_is_escalated_with_the_plan() {
    let mut room = Room::new().await;
    room.settings.timeout = std::time::Duration::from_hours(1);
    let mut steps = Vec::new();
    for n in 0..4 {
        let object = room
            .cluster
            .add("Deployment", &format!("web-{n}"), "bad", good_is_healthy());
        steps.push(set_image(&object, "good"));
    }
    room.install(Script::new("crash-loop", steps));
    let incident = room.respond_to(Mode::Yolo, about("Deployment", "web-0")).await.unwrap();
    assert_eq!(incident.phase, Phase::Escalated);
    assert!(
        crate::room::words(&incident).contains("policy forbids the fix"),
        "{}",
        crate::room::words(&incident)
    );
    assert!(room.cluster.effects().is_empty());
}
