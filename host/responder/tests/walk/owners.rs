//! Whose the incident is: hand-overs, other owners, other workers, other clusters.

use crate::cluster::{always, good_is_healthy, pods};
use crate::room::{Room, about, words};
use crate::strategies::{Script, hand_over, set_image};
use dreamops_domain::incident::{ClusterId, Incident};
use dreamops_domain::object::ObjectRef;
use dreamops_domain::phase::{Mode, Phase};
use dreamops_domain::ports::{Clock, StoreError};
use dreamops_domain::read::Health;
use dreamops_responder::{RespondError, Responder};
use std::sync::Arc;
use std::time::Duration;

/// A Service in front of a broken Deployment; `service-down` hands over to `crash-loop`.
async fn service(endpoints: Health) -> (Room, ObjectRef) {
    let room = Room::new().await;
    room.cluster.add("Service", "front", "x", always(endpoints));
    let web = room.cluster.add("Deployment", "web", "bad", good_is_healthy());
    let target = web.clone();
    room.install(Script::new("service-down", vec![]).finding(move |_| hand_over("crash-loop", &target)));
    room.install(Script::new("crash-loop", vec![set_image(&web, "good")]).claiming(0.1));
    (room, web)
}

#[tokio::test]
async fn after_a_hand_over_both_the_workload_and_the_service_have_to_be_well() {
    let (room, web) = service(pods(2, 2)).await;
    let incident = room.respond_to(Mode::Yolo, about("Service", "front")).await.unwrap();
    assert_eq!(
        (incident.phase, incident.case.owner.clone()),
        (Phase::Resolved, Some(web))
    );

    let (room, web) = service(pods(0, 2)).await;
    let incident = room.respond_to(Mode::Yolo, about("Service", "front")).await.unwrap();
    assert_eq!(incident.phase, Phase::Escalated);
    assert!(
        words(&incident).contains("Service/front is not well yet"),
        "{}",
        words(&incident)
    );
    assert_eq!(
        room.cluster.field(&web, "/spec/image"),
        "good",
        "the change is kept: the workload is well"
    );
}

#[tokio::test]
async fn a_plan_for_another_owners_workload_makes_it_the_incidents() {
    let room = Room::new().await;
    room.cluster.add("Service", "front", "x", always(pods(2, 2)));
    let web = room.cluster.add("Deployment", "web", "bad", good_is_healthy());
    room.install(Script::new("crash-loop", vec![set_image(&web, "good")]));
    let waiting = room
        .respond_to(Mode::Approval, about("Service", "front"))
        .await
        .unwrap();
    assert_eq!(waiting.case.owner, Some(web.clone()));
    assert_eq!(waiting.case.baseline, Some(pods(0, 2)));
    // no second plan for the same workload
    let joined = room.respond(Mode::Approval).await;
    assert_eq!(joined.id, waiting.id);
}

#[tokio::test]
async fn a_hand_over_to_an_owner_that_has_an_incident_joins_it() {
    let (room, _) = service(pods(0, 2)).await;
    room.scripts.installed.lock().unwrap()[1].claim = Some(0.9);
    let web = room.respond(Mode::Approval).await;
    assert_eq!(web.phase, Phase::AwaitingApproval);
    let id = room.open(Mode::Approval, about("Service", "front")).await;
    let joined = room.responder().run(id).await.unwrap();
    assert_eq!((joined.id, joined.phase), (web.id, Phase::AwaitingApproval));
    let own = room.load(id).await;
    assert_eq!(own.phase, Phase::Suppressed);
    assert!(
        own.case.timeline.iter().any(|e| e.event.name() == "diagnosed"),
        "what was found is not lost"
    );
}

#[tokio::test]
async fn a_circle_of_hand_overs_ends_with_a_person() {
    let room = Room::new().await;
    let web = room.cluster.add("Deployment", "web", "bad", always(pods(0, 2)));
    for (name, other) in [("one", "two"), ("two", "one")] {
        let target = web.clone();
        room.install(Script::new(name, vec![]).finding(move |_| hand_over(other, &target)));
    }
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Escalated);
    assert!(
        words(&incident).contains("hand the incident round"),
        "{}",
        words(&incident)
    );
    assert!(room.scripts.count("one diagnose") <= 2);
}

#[tokio::test]
async fn a_hand_over_to_a_fault_that_nobody_handles_names_it() {
    let room = Room::new().await;
    let web = room.cluster.add("Deployment", "web", "bad", always(pods(0, 2)));
    room.install(Script::new("one", vec![]).finding(move |_| hand_over("out-of-memory", &web)));
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Escalated);
    assert!(
        words(&incident).contains("no installed strategy handles out-of-memory"),
        "{}",
        words(&incident)
    );
}

/// A room with an open incident that a worker broke off in `phase`.
async fn broken_off(mode: Mode) -> (Room, Incident) {
    let room = Room::new().await;
    let web = room.cluster.add("Deployment", "web", "bad", good_is_healthy());
    room.install(Script::new("crash-loop", vec![set_image(&web, "good")]));
    // everything goes well until the cluster cannot be reached
    for _ in 0..5 {
        room.cluster.fate(crate::cluster::Fate::Unreachable);
    }
    let id = room.open(mode, about("Deployment", "web")).await;
    let error = room.responder().run(id).await.unwrap_err();
    assert!(error.to_string().contains("did not answer"), "{error}");
    let incident = room.load(id).await;
    assert_eq!(incident.phase, Phase::Executing);
    (room, incident)
}

#[tokio::test]
async fn an_unreachable_cluster_leaves_the_incident_open_and_the_next_alert_goes_on_with_it() {
    let (room, incident) = broken_off(Mode::Yolo).await;
    let done = room.respond(Mode::Yolo).await;
    assert_eq!((done.id, done.phase), (incident.id, Phase::Resolved));
    assert_eq!(room.cluster.effects().len(), 1);
}

#[tokio::test]
async fn a_mode_that_allows_less_does_not_go_on_with_what_acts() {
    let (room, incident) = broken_off(Mode::Yolo).await;
    for mode in [Mode::Observe, Mode::Approval] {
        let refused = room.respond_to(mode, about("Deployment", "web")).await.unwrap_err();
        assert!(
            matches!(refused, RespondError::Acting { id, .. } if id == incident.id),
            "{refused}"
        );
    }
    assert!(room.cluster.effects().is_empty());
    let done = room.responder().run(incident.id).await.unwrap();
    assert_eq!(done.phase, Phase::Resolved);
}

#[tokio::test]
async fn the_incident_of_a_worker_that_died_does_not_block() {
    let (room, incident) = broken_off(Mode::Yolo).await;
    // on another host, so that nobody here knows that it died
    room.store
        .lease(incident.id, "elsewhere/1:1:1", Duration::from_secs(90))
        .await
        .unwrap();
    let held = room.responder().run(incident.id).await.unwrap_err();
    assert!(matches!(held, RespondError::Store(StoreError::LeaseLost)));
    let before = room.clock.now();
    let done = room.respond(Mode::Yolo).await;
    assert_eq!((done.id, done.phase), (incident.id, Phase::Resolved));
    assert!(
        room.clock.now().since(before).as_secs() >= 90,
        "it waited until the lease was over"
    );
}

#[tokio::test]
async fn another_address_or_authority_is_refused_and_nothing_is_done() {
    let room = Room::new().await;
    let web = room.cluster.add("Deployment", "web", "bad", good_is_healthy());
    room.install(Script::new("crash-loop", vec![set_image(&web, "good")]));
    let waiting = room.respond(Mode::Approval).await;
    let digest = waiting.case.plan_digest.clone().unwrap();
    for other in [
        ClusterId {
            address: "https://10.0.0.1:6443".into(),
            ..room.identity.clone()
        },
        ClusterId {
            ca_digest: "other".into(),
            ..room.identity.clone()
        },
        ClusterId {
            key: "cluster-2".into(),
            ..room.identity.clone()
        },
    ] {
        let elsewhere = Responder::new(room.ports(), other, room.settings.clone());
        for refused in [
            elsewhere.approve(waiting.id, &digest, "ana").await,
            elsewhere.run(waiting.id).await,
            elsewhere.rollback(waiting.id, "ana").await,
        ] {
            assert!(matches!(refused, Err(RespondError::OtherCluster { .. })));
        }
    }
    assert!(room.cluster.effects().is_empty());
    assert_eq!(room.load(waiting.id).await.phase, Phase::AwaitingApproval);
}

#[tokio::test]
async fn an_alert_through_another_address_of_the_same_cluster_joins() {
    let room = Room::new().await;
    let web = room.cluster.add("Deployment", "web", "bad", good_is_healthy());
    room.install(Script::new("crash-loop", vec![set_image(&web, "good")]));
    let waiting = room.respond(Mode::Approval).await;
    let other = ClusterId {
        address: "https://10.0.0.1:6443".into(),
        ..room.identity.clone()
    };
    let elsewhere = Responder::new(room.ports(), other, room.settings.clone());
    let id = elsewhere
        .open("shop", Mode::Approval, vec![about("Deployment", "web")], "again")
        .await
        .unwrap();
    assert_eq!(elsewhere.run(id).await.unwrap().id, waiting.id);
}

#[tokio::test]
async fn a_strategy_that_is_taken_away_meanwhile_ends_with_a_person() {
    let room = Room::new().await;
    let web = room.cluster.add("Deployment", "web", "bad", good_is_healthy());
    let gone = Script::new("crash-loop", vec![set_image(&web, "good")]);
    let scripts = Arc::clone(&room.scripts);
    // while it is asked, its file is taken away
    room.install(gone.clone().finding(move |context| {
        scripts.installed.lock().unwrap().clear();
        crate::strategies::cause(&context.incident.owner)
    }));
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Escalated);
    assert!(words(&incident).contains("not loaded"), "{}", words(&incident));
    assert!(room.cluster.effects().is_empty());
}
