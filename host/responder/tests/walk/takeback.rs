//! Taking back: in reverse order, without a fight, then the fallback once, then a person.

use crate::cluster::{Fate, always, good_is_healthy, pods};
use crate::room::{Room, count, outcomes, words};
use crate::strategies::{Script, restart, set, set_image, two_writes};
use dreamops_domain::event::Event;
use dreamops_domain::finding::Verdict;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::phase::{Mode, Phase};
use dreamops_responder::RespondError;

fn worse() -> Verdict {
    Verdict::Worse { why: "it burns".into() }
}

/// Two broken workloads; `web` is the one that alerts are about.
async fn two() -> (Room, ObjectRef, ObjectRef) {
    let room = Room::new().await;
    let web = room.cluster.add("Deployment", "web", "bad", good_is_healthy());
    let db = room.cluster.add("Deployment", "db", "bad", good_is_healthy());
    (room, web, db)
}

#[tokio::test]
async fn worse_is_taken_back_in_reverse_order_then_the_fallback_gets_one_try_then_a_person() {
    let (room, web, db) = two().await;
    room.install(Script::new("first", vec![set_image(&web, "x"), set_image(&db, "y")]).saying(worse()));
    room.install(
        Script::new("second", vec![set_image(&web, "z")])
            .claiming(0.8)
            .saying(worse()),
    );
    room.install(Script::new("third", vec![set_image(&web, "good")]).claiming(0.7));
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Escalated);
    assert_eq!(
        room.cluster.effects(),
        [
            "Deployment/web /spec/image = x",
            "Deployment/db /spec/image = y",
            "Deployment/db /spec/image = bad",
            "Deployment/web /spec/image = bad",
            "Deployment/web /spec/image = z",
            "Deployment/web /spec/image = bad",
        ]
    );
    assert!(
        words(&incident).contains("it burns; what was done is taken back"),
        "{}",
        words(&incident)
    );
    assert_eq!(outcomes(&incident), [("applied", true)]);
    assert_eq!(room.scripts.count("third diagnose"), 0);
}

#[tokio::test]
async fn a_fallback_that_helps_resolves_it() {
    let (room, web, _) = two().await;
    room.install(Script::new("first", vec![set_image(&web, "x")]).saying(worse()));
    room.install(Script::new("second", vec![set_image(&web, "good")]).claiming(0.8));
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!((incident.phase, incident.case.attempt), (Phase::Resolved, 2));
    assert_eq!(incident.case.strategy.unwrap().name, "second");
}

#[tokio::test]
async fn no_better_in_time_is_taken_back() {
    let (room, web, _) = two().await;
    room.install(Script::new("first", vec![set_image(&web, "x")]));
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Escalated);
    assert_eq!(room.cluster.field(&web, "/spec/image"), "bad");
    let waited = incident.closed_at.unwrap().since(incident.created_at);
    assert!((120..125).contains(&waited.as_secs()), "it took {waited:?}");
}

#[tokio::test]
async fn after_the_runs_time_no_fallback_is_tried() {
    let (mut room, web, _) = two().await;
    room.settings.timeout = std::time::Duration::from_mins(1);
    room.install(Script::new("first", vec![set_image(&web, "x")]));
    room.install(Script::new("second", vec![set_image(&web, "good")]).claiming(0.8));
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Escalated);
    assert_eq!(room.cluster.field(&web, "/spec/image"), "bad");
    assert_eq!(room.scripts.count("second diagnose"), 0);
}

#[tokio::test]
async fn somebody_elses_change_of_what_we_set_is_not_fought() {
    let (room, web, _) = two().await;
    room.install(Script::new("first", vec![set_image(&web, "x")]));
    room.install(Script::new("second", vec![set_image(&web, "good")]).claiming(0.8));
    let theirs = web.clone();
    room.cluster
        .after(0, move |cluster| cluster.set(&theirs, "/spec/image", "theirs"));
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Escalated);
    assert!(
        words(&incident).contains("set back by someone else"),
        "{}",
        words(&incident)
    );
    assert_eq!(room.cluster.field(&web, "/spec/image"), "theirs");
    assert_eq!(room.cluster.effects().len(), 1);
}

#[tokio::test]
async fn a_change_by_somebody_else_before_a_step_ends_the_plan_and_takes_back_the_steps_before_it() {
    let (room, web, db) = two().await;
    room.install(Script::new(
        "first",
        vec![set_image(&web, "good"), set_image(&db, "good")],
    ));
    room.install(Script::new("second", vec![set_image(&db, "good")]).claiming(0.8));
    let theirs = db.clone();
    room.cluster
        .before(1, move |cluster| cluster.set(&theirs, "/spec/image", "theirs"));
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Escalated);
    assert_eq!(outcomes(&incident), [("applied", true), ("conflict", false)]);
    assert_eq!(
        [
            room.cluster.field(&web, "/spec/image"),
            room.cluster.field(&db, "/spec/image")
        ],
        ["bad", "theirs"]
    );
    assert_eq!(
        room.scripts.count("second diagnose"),
        0,
        "the fallback would fight as well"
    );
}

#[tokio::test]
async fn a_refused_step_takes_the_steps_before_it_back_and_the_fallback_tries() {
    let (room, web, db) = two().await;
    room.install(Script::new("first", vec![set_image(&db, "x"), set_image(&web, "y")]));
    room.install(Script::new("second", vec![set_image(&web, "good")]).claiming(0.8));
    room.cluster.before(0, |cluster| {
        // the first write is taken as usual, the second refused
        cluster.fates.lock().unwrap().clear();
    });
    room.cluster
        .after(0, |cluster| cluster.fate(Fate::Refused("admission says no")));
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Resolved);
    assert_eq!(
        [
            room.cluster.field(&db, "/spec/image"),
            room.cluster.field(&web, "/spec/image")
        ],
        ["bad", "good"]
    );
}

#[tokio::test]
async fn a_revert_that_meets_somebody_elses_change_leaves_it_and_takes_back_the_rest() {
    let (room, web, db) = two().await;
    room.install(Script::new("first", vec![set_image(&web, "x"), set_image(&db, "y")]).saying(worse()));
    let theirs = db.clone();
    // the third write would take the second back
    room.cluster
        .before(2, move |cluster| cluster.set(&theirs, "/spec/image", "theirs"));
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Escalated);
    assert!(
        words(&incident).contains("taking step 2 back failed"),
        "{}",
        words(&incident)
    );
    assert_eq!(
        [
            room.cluster.field(&web, "/spec/image"),
            room.cluster.field(&db, "/spec/image")
        ],
        ["bad", "theirs"]
    );
    assert_eq!(outcomes(&incident), [("applied", true), ("applied", false)]);

    // once they have put it back, a person may try again what the host failed at
    room.cluster.set(&db, "/spec/image", "y");
    let back = room.responder().rollback(incident.id, "ana").await.unwrap();
    assert_eq!(back.phase, Phase::Reverted);
    assert_eq!(room.cluster.field(&db, "/spec/image"), "bad");
    assert_eq!(outcomes(&back), [("applied", true), ("applied", true)]);
}

#[tokio::test]
async fn what_cannot_be_taken_back_is_not_said_to_be() {
    let room = Room::new().await;
    let web = room.cluster.add("Deployment", "web", "bad", always(pods(0, 2)));
    let pod = room.cluster.add("Pod", "web-0", "bad", always(pods(0, 1)));
    let owner = web.clone();
    room.cluster.change(&pod, |thing| thing.owner = Some(owner));
    room.install(Script::new("first", vec![restart(&pod)]).saying(worse()));
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Escalated);
    assert!(
        words(&incident).contains("cannot be taken back"),
        "{}",
        words(&incident)
    );
    assert_eq!(outcomes(&incident), [("applied", false)]);
    let refused = room.responder().rollback(incident.id, "ana").await.unwrap_err();
    assert!(matches!(refused, RespondError::NothingToRollBack { .. }));
}

#[tokio::test]
async fn a_way_back_that_is_barred_is_said_at_once() {
    let (room, web, _) = two().await;
    room.install(Script::new("first", vec![set_image(&web, "good")]));
    *room.cluster.obstacle.lock().unwrap() = Some("admission refuses the old image".into());
    let incident = room.respond(Mode::Yolo).await;
    let said =
        |e: &Event| matches!(e, Event::Seen { evidence } if evidence.text.contains("admission refuses the old image"));
    assert_eq!(count(&incident, said), 1);
    let at = incident.case.timeline.iter().find(|e| said(&e.event)).unwrap().at;
    assert_eq!(Some(at), incident.case.last_write_at);
    assert!(!incident.case.rehearsals[0].reversible);
}

#[tokio::test]
async fn what_the_host_does_for_nobody_goes_to_the_next_strategy() {
    let (room, web, _) = two().await;
    room.install(Script::new("first", vec![set(&web, "/forbidden", "x")]));
    room.install(Script::new("second", vec![set_image(&web, "good")]).claiming(0.8));
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(
        (incident.phase, incident.case.strategy.unwrap().name.as_str()),
        (Phase::Resolved, "second")
    );
    let alone = Room::new().await;
    let web = alone.cluster.add("Deployment", "web", "bad", good_is_healthy());
    alone.install(Script::new("first", vec![set(&web, "/forbidden", "x")]));
    let incident = alone.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Escalated);
    assert!(words(&incident).contains("not in the table"), "{}", words(&incident));
}

#[tokio::test]
async fn what_a_workload_refers_to_stays_while_the_reference_cannot_be_taken_back() {
    let (room, web, _) = two().await;
    let part = room.cluster.add("Secret", "part", "absent", always(pods(0, 0)));
    room.install(Script::new("first", vec![two_writes(&web)]).saying(worse()));
    let theirs = web.clone();
    room.cluster
        .before(2, move |cluster| cluster.set(&theirs, "/spec/image", "theirs"));
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Escalated);
    let images = || [&web, &part].map(|o| room.cluster.field(o, "/spec/image"));
    assert_eq!(images(), ["theirs", "made"]);
    assert_eq!(outcomes(&incident), [("applied", false)]);

    room.cluster.set(&web, "/spec/image", "x");
    let back = room.responder().rollback(incident.id, "ana").await.unwrap();
    assert_eq!(back.phase, Phase::Reverted);
    assert_eq!(images(), ["bad", "absent"]);
    assert_eq!(
        room.cluster.effects()[2..],
        ["Deployment/web /spec/image = bad", "Secret/part /spec/image = absent"]
    );
}
