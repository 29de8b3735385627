//! A person's word through a server: recorded at once, acted upon by whoever walks next.

use crate::room::{about, broken};
use dreamops_domain::event::Event;
use dreamops_domain::phase::{Mode, Phase};
use dreamops_responder::RespondError;

#[tokio::test]
async fn a_yes_is_recorded_at_once_and_carried_out_by_the_next_walk() {
    let room = broken().await;
    let waiting = room.respond(Mode::Approval).await;
    let digest = waiting.case.plan_digest.clone().unwrap();
    let taken = room
        .responder()
        .take_approval(waiting.id, &digest, "ada")
        .await
        .unwrap();
    assert_eq!(taken.phase, Phase::Rehearsing);
    assert!(room.cluster.effects().is_empty());
    // what is recorded outlives the process that took it
    let ended = room.responder().run(waiting.id).await.unwrap();
    assert_eq!(ended.phase, Phase::Resolved);
    assert_eq!(room.cluster.effects().len(), 1);
}

#[tokio::test]
async fn a_yes_to_another_plan_is_not_taken() {
    let room = broken().await;
    let waiting = room.respond(Mode::Approval).await;
    let refusal = room.responder().take_approval(waiting.id, "other", "ada").await;
    assert!(matches!(refusal, Err(RespondError::OtherDigest { .. })));
    assert_eq!(room.load(waiting.id).await.phase, Phase::AwaitingApproval);
}

#[tokio::test]
async fn what_a_person_took_is_not_acted_upon_without_a_person() {
    let room = broken().await;
    let id = room.open(Mode::Yolo, about("Deployment", "web")).await;
    let taken = room.responder().take_acknowledgement(id, "ada").await.unwrap();
    assert!(
        matches!(&taken.case.timeline.last().unwrap().event, Event::Seen { .. }),
        "the change of mode is told"
    );
    let incident = room.responder().run(id).await.unwrap();
    assert_eq!(
        (incident.phase, incident.mode),
        (Phase::AwaitingApproval, Mode::Approval)
    );
    assert!(room.cluster.effects().is_empty());
    // another alert about it does not take the person out again
    let joined = room.respond(Mode::Yolo).await;
    assert_eq!((joined.id, joined.phase), (id, Phase::AwaitingApproval));
}

#[tokio::test]
async fn what_is_over_is_not_acknowledged() {
    let room = broken().await;
    let resolved = room.respond(Mode::Yolo).await;
    assert_eq!(resolved.phase, Phase::Resolved);
    let refusal = room.responder().take_acknowledgement(resolved.id, "ada").await;
    assert!(matches!(refusal, Err(RespondError::Over { .. })));
}
