//! The emergency stop: before every step, for automatic reverts too, and not for a person's rollback.

use crate::cluster::{Cluster, Fate, good_is_healthy};
use crate::room::{Room, about, outcomes, stop};
use crate::strategies::{Script, set_image};
use dreamops_domain::decision::{ScopedStop, StopScope};
use dreamops_domain::finding::Verdict;
use dreamops_domain::id::TenantId;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::phase::{Mode, Phase};
use std::sync::Arc;

/// Two workloads and a plan of two steps.
async fn two_steps(verdict: Option<Verdict>) -> (Room, [ObjectRef; 2]) {
    let room = Room::new().await;
    let web = room.cluster.add("Deployment", "web", "bad", good_is_healthy());
    let db = room.cluster.add("Deployment", "db", "bad", good_is_healthy());
    let script = Script::new("crash-loop", vec![set_image(&web, "good"), set_image(&db, "good")]);
    room.install(match verdict {
        Some(verdict) => script.saying(verdict),
        None => script,
    });
    (room, [web, db])
}

/// Pulls the stop from within a write.
fn pulls(room: &Room) -> impl FnOnce(&Cluster) + Send + 'static {
    let (store, clock) = (Arc::clone(&room.store), Arc::clone(&room.clock));
    move |_: &Cluster| {
        let pull = async move { store.set_emergency_stop(Some(stop(clock.as_ref()))).await.unwrap() };
        // the write is made by the runtime that the store needs: it waits on another thread
        let runtime = tokio::runtime::Handle::current();
        std::thread::spawn(move || runtime.block_on(pull)).join().unwrap();
    }
}

#[tokio::test]
async fn nothing_begins_while_the_stop_is_on() {
    let (room, _) = two_steps(None).await;
    room.pull_stop().await;
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Stopped);
    assert!(room.cluster.effects().is_empty());
}

#[tokio::test]
async fn a_stop_of_the_team_or_the_cluster_holds_as_one_of_everything_and_another_clusters_does_not() {
    for (key, phase) in [
        (None, Phase::Stopped),
        (Some(true), Phase::Stopped),
        (Some(false), Phase::Resolved),
    ] {
        let (room, _) = two_steps(None).await;
        let tenant = TenantId::DEFAULT;
        let scope = match key {
            None => StopScope::Tenant(tenant),
            Some(mine) => StopScope::Cluster {
                tenant,
                key: if mine {
                    room.responder().cluster().key.clone()
                } else {
                    "another".into()
                },
                name: "production".into(),
            },
        };
        let stop = stop(room.clock.as_ref());
        assert!(room.store.pull_stop(&ScopedStop { scope, stop }).await.unwrap());
        let incident = room.respond(Mode::Yolo).await;
        assert_eq!(incident.phase, phase, "{key:?}");
        assert_eq!(room.cluster.effects().is_empty(), phase == Phase::Stopped);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_in_the_middle_of_a_plan_stops_before_the_next_step_and_reverts_nothing() {
    let (room, [web, db]) = two_steps(None).await;
    room.cluster.after(0, pulls(&room));
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Stopped);
    assert_eq!(room.cluster.field(&web, "/spec/image"), "good");
    assert_eq!(room.cluster.field(&db, "/spec/image"), "bad");
    assert_eq!(outcomes(&incident), [("applied", false), ("not-run", false)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_forbids_automatic_reverts_too() {
    let worse = Verdict::Worse { why: "it burns".into() };
    let (room, [web, db]) = two_steps(Some(worse)).await;
    // with the last write: verifying begins under the stop
    room.cluster.after(1, pulls(&room));
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Stopped);
    assert_eq!(
        [
            room.cluster.field(&web, "/spec/image"),
            room.cluster.field(&db, "/spec/image")
        ],
        ["good", "good"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_in_the_middle_of_a_revert_leaves_the_rest() {
    let worse = Verdict::Worse { why: "it burns".into() };
    let (room, [web, db]) = two_steps(Some(worse)).await;
    // the third write takes the second one back
    room.cluster.after(2, pulls(&room));
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Stopped);
    assert_eq!(
        [
            room.cluster.field(&web, "/spec/image"),
            room.cluster.field(&db, "/spec/image")
        ],
        ["good", "bad"]
    );
    // and a person may finish it, stop or not
    let back = room.responder().rollback(incident.id, "ana").await.unwrap();
    assert_eq!(back.phase, Phase::Reverted);
    assert_eq!(
        [
            room.cluster.field(&web, "/spec/image"),
            room.cluster.field(&db, "/spec/image")
        ],
        ["bad", "bad"]
    );
    assert_eq!(room.cluster.effects().len(), 4, "nothing was taken back twice");
}

#[tokio::test]
async fn a_rollback_by_a_person_works_under_the_stop() {
    let (room, [web, db]) = two_steps(None).await;
    let incident = room.respond_to(Mode::Yolo, about("Deployment", "web")).await.unwrap();
    assert_eq!(incident.phase, Phase::Resolved);
    room.pull_stop().await;
    let back = room.responder().rollback(incident.id, "ana").await.unwrap();
    assert_eq!(back.phase, Phase::Reverted);
    assert_eq!(
        [
            room.cluster.field(&web, "/spec/image"),
            room.cluster.field(&db, "/spec/image")
        ],
        ["bad", "bad"]
    );
    let effects = room.cluster.effects();
    assert!(
        effects[2].starts_with("Deployment/db") && effects[3].starts_with("Deployment/web"),
        "{effects:?}"
    );
    assert_eq!(outcomes(&back), [("applied", true), ("applied", true)]);
}

#[tokio::test]
async fn a_rollback_happens_once() {
    let (room, _) = two_steps(None).await;
    let incident = room.respond(Mode::Yolo).await;
    room.responder().rollback(incident.id, "ana").await.unwrap();
    assert!(room.responder().rollback(incident.id, "ana").await.is_err());
    assert_eq!(room.cluster.effects().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_did_not_arrive_is_not_sent_again_under_the_stop() {
    for fate in [Fate::Lost, Fate::Unreachable] {
        let (room, _) = two_steps(None).await;
        room.cluster.fate(fate);
        room.cluster.after(0, pulls(&room));
        let incident = room.respond(Mode::Yolo).await;
        assert_eq!(incident.phase, Phase::Stopped);
        assert!(room.cluster.effects().is_empty());
        assert!(
            room.responder().rollback(incident.id, "ana").await.is_err(),
            "there is nothing to take back"
        );
    }
}
