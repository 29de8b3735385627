//! The component that began with an incident answers for it to the end, whatever is installed by then.

use crate::cluster::good_is_healthy;
use crate::fuse;
use crate::room::{Room, about, count, words};
use crate::strategies::{Script, set_image};
use dreamops_domain::event::Event;
use dreamops_domain::id::IncidentId;
use dreamops_domain::incident::Incident;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::phase::{Mode, Phase};
use dreamops_responder::Responder;

async fn room() -> (Room, ObjectRef) {
    let room = Room::new().await;
    let web = room.cluster.add("Deployment", "web", "bad", good_is_healthy());
    room.install(Script::new("crash-loop", vec![set_image(&web, "good")]));
    (room, web)
}

/// Another version, which would do and say something else.
fn newer(web: &ObjectRef) -> Script {
    let mut newer = Script::new("crash-loop", vec![set_image(web, "other")]);
    newer.version = "0.2.0";
    newer
}

/// Nothing is left of a removed version but its file.
fn without_file(room: &Room) {
    room.scripts.replace(None);
    room.scripts.removed.lock().unwrap().clear();
}

/// Runs an incident up to a call, and kills what runs it.
async fn killed_in(room: &Room, call: &'static str) -> IncidentId {
    let id = room.open(Mode::Yolo, about("Deployment", "web")).await;
    let cut = fuse::Fuse::new(fuse::NEVER);
    cut.blow_in(call);
    let ports = fuse::ports(room.ports(), &cut);
    let run = Responder::new(ports, room.identity.clone(), room.settings.clone());
    assert!(cut.run(Box::pin(run.run(id))).await.is_none());
    room.seconds(91);
    id
}

fn notes_of_kept(incident: &Incident) -> usize {
    count(
        incident,
        |e| matches!(e, Event::Seen { evidence } if evidence.text.contains("goes on with its kept file")),
    )
}

#[tokio::test]
async fn what_was_approved_is_judged_by_the_file_that_drafted_it() {
    for removed in [false, true] {
        let (room, web) = room().await;
        let waiting = room.respond(Mode::Approval).await;
        let digest = waiting.case.plan_digest.clone().unwrap();
        room.scripts.replace((!removed).then(|| newer(&web)));
        let done = room.responder().approve(waiting.id, &digest, "ana").await.unwrap();
        assert_eq!(done.phase, Phase::Resolved);
        assert_eq!(room.cluster.effects(), ["Deployment/web /spec/image = good"]);
        assert!(room.scripts.count("crash-loop verify") > 0);
        assert_eq!(room.scripts.count("crash-loop 0.2.0 verify"), 0);
        assert_eq!(notes_of_kept(&done), 1);
        let strategy = done.case.strategy.unwrap();
        assert_eq!(strategy.version, "0.1.0");
        assert_eq!(room.store.pinned(&strategy.digest).await.unwrap(), None, "it is over");
    }
}

#[tokio::test]
async fn a_plan_whose_component_is_gone_for_good_goes_to_a_person_and_changes_nothing() {
    let (room, _) = room().await;
    let waiting = room.respond(Mode::Approval).await;
    without_file(&room);
    let digest = waiting.case.plan_digest.clone().unwrap();
    let done = room.responder().approve(waiting.id, &digest, "ana").await.unwrap();
    assert_eq!(done.phase, Phase::Escalated);
    assert!(
        words(&done).contains("which drafted the plan, cannot be asked"),
        "{}",
        words(&done)
    );
    assert!(room.cluster.effects().is_empty());
}

#[tokio::test]
async fn a_run_that_was_killed_while_it_watched_goes_on_with_the_file_it_began_with() {
    let (room, web) = room().await;
    let id = killed_in(&room, "verify").await;
    room.scripts.replace(Some(newer(&web)));
    let done = room.responder().run(id).await.unwrap();
    assert_eq!(done.phase, Phase::Resolved);
    assert_eq!(room.scripts.count("crash-loop 0.2.0 verify"), 0);
    assert_eq!(notes_of_kept(&done), 1);
}

#[tokio::test]
async fn a_change_that_nobody_can_judge_is_kept_for_a_person() {
    let (room, web) = room().await;
    let id = killed_in(&room, "verify").await;
    without_file(&room);
    let done = room.responder().run(id).await.unwrap();
    assert_eq!(done.phase, Phase::Escalated);
    assert!(words(&done).contains("incident rollback"), "{}", words(&done));
    assert_eq!(room.cluster.field(&web, "/spec/image"), "good");
    let back = room.responder().rollback(id, "ana").await.unwrap();
    assert_eq!(back.phase, Phase::Reverted);
    assert_eq!(room.cluster.field(&web, "/spec/image"), "bad");
}

#[tokio::test]
async fn what_was_written_before_the_component_was_lost_is_taken_back() {
    let (room, web) = room().await;
    let id = killed_in(&room, "after apply").await;
    without_file(&room);
    let done = room.responder().run(id).await.unwrap();
    assert_eq!(done.phase, Phase::Escalated);
    assert!(words(&done).contains("cannot be asked"), "{}", words(&done));
    assert_eq!(room.cluster.field(&web, "/spec/image"), "bad");
}

#[tokio::test]
async fn before_anything_is_drafted_the_installed_version_looks_anew() {
    let (room, web) = room().await;
    let id = killed_in(&room, "diagnose").await;
    without_file(&room);
    room.scripts.replace(Some(newer(&web)));
    let done = room.responder().run(id).await.unwrap();
    assert_eq!(done.case.strategy.as_ref().unwrap().version, "0.2.0");
    assert_eq!(room.scripts.count("crash-loop 0.2.0 diagnose"), 1);
}
