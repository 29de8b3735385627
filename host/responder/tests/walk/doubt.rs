//! Writes whose outcome nobody heard: read, and made once.

use crate::cluster::{Fate, good_is_healthy};
use crate::room::{Room, outcomes};
use crate::strategies::{Script, set_image};
use dreamops_domain::finding::Verdict;
use dreamops_domain::phase::{Mode, Phase};

async fn room(verdict: Option<Verdict>) -> Room {
    let room = Room::new().await;
    let web = room.cluster.add("Deployment", "web", "bad", good_is_healthy());
    let script = Script::new("crash-loop", vec![set_image(&web, "good")]);
    room.install(match verdict {
        Some(verdict) => script.saying(verdict),
        None => script,
    });
    room
}

#[tokio::test]
async fn a_write_whose_outcome_is_unknown_is_made_once() {
    for fate in [Fate::AnswerLost, Fate::Lost, Fate::Late] {
        let room = room(None).await;
        room.cluster.fate(fate);
        let incident = room.respond(Mode::Yolo).await;
        assert_eq!(incident.phase, Phase::Resolved);
        assert_eq!(room.cluster.effects().len(), 1);
        assert_eq!(outcomes(&incident), [("applied", false)]);
    }
}

#[tokio::test]
async fn a_write_that_arrived_late_is_ours_and_is_taken_back() {
    for fate in [Fate::AnswerLost, Fate::Lost, Fate::Late] {
        let room = room(Some(Verdict::Worse { why: "it burns".into() })).await;
        room.cluster.fate(fate);
        let incident = room.respond(Mode::Yolo).await;
        assert_eq!(incident.phase, Phase::Escalated);
        assert_eq!(
            room.cluster.effects(),
            ["Deployment/web /spec/image = good", "Deployment/web /spec/image = bad"]
        );
    }
}

#[tokio::test]
async fn a_cluster_that_is_away_for_a_moment_is_asked_again() {
    let room = room(None).await;
    room.cluster.fate(Fate::Unreachable);
    room.cluster.fate(Fate::Unreachable);
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Resolved);
    assert_eq!(room.cluster.effects().len(), 1);
}

#[tokio::test]
async fn a_rollback_knows_of_a_write_that_was_in_doubt_when_it_was_stopped() {
    let room = room(None).await;
    // the write arrives, the answer gets lost, and so does all that is asked then
    room.cluster.fate(Fate::AnswerLost);
    let id = room.open(Mode::Yolo, crate::room::about("Deployment", "web")).await;
    let web = dreamops_domain::object::ObjectRef::new("Deployment", "shop", "web", "uid-web");
    let responder = room.responder();
    let cut = crate::fuse::Fuse::new(crate::fuse::NEVER);
    let cut_in_settle = crate::fuse::ports(room.ports(), &cut);
    cut.blow_in("settle");
    let cut_off = dreamops_responder::Responder::new(cut_in_settle, room.identity.clone(), room.settings.clone());
    assert!(cut.run(Box::pin(cut_off.run(id))).await.is_none());
    room.pull_stop().await;
    room.seconds(91);
    let stopped = responder.run(id).await.unwrap();
    assert_eq!(stopped.phase, Phase::Stopped);
    assert_eq!(room.cluster.field(&web, "/spec/image"), "good");
    let back = responder.rollback(id, "ana").await.unwrap();
    assert_eq!(back.phase, Phase::Reverted);
    assert_eq!(room.cluster.field(&web, "/spec/image"), "bad");
}
