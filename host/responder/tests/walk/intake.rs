//! Before anything is looked into: what is over, what is healthy, what is not there.

use crate::cluster::{Rule, always, good_is_healthy, pods};
use crate::room::{Room, about, count, with_status, words};
use crate::strategies::{Script, evidence, set_image};
use dreamops_domain::alert::{Alert, AlertStatus, Hints};
use dreamops_domain::event::Event;
use dreamops_domain::finding::Finding;
use dreamops_domain::phase::{Mode, Phase};
use dreamops_domain::ports::Clock;
use dreamops_domain::read::Health;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

async fn with_web(health: Health) -> Room {
    let room = Room::new().await;
    let web = room.cluster.add("Deployment", "web", "bad", always(health));
    room.install(Script::new("crash-loop", vec![set_image(&web, "good")]));
    room
}

#[tokio::test]
async fn an_alert_that_is_resolved_is_not_looked_into() {
    let room = with_web(pods(0, 2)).await;
    let incident = room
        .respond_to(
            Mode::Yolo,
            with_status(AlertStatus::Resolved, about("Deployment", "web")),
        )
        .await
        .unwrap();
    assert_eq!(incident.phase, Phase::NoAction);
    assert_eq!(room.cluster.reads.load(Ordering::SeqCst), 0);
    assert!(room.scripts.calls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_resolution_ends_what_has_not_begun_to_act() {
    let room = with_web(pods(0, 2)).await;
    let waiting = room.respond(Mode::Approval).await;
    assert_eq!(waiting.phase, Phase::AwaitingApproval);
    // of another alert: it stays
    room.respond_to(
        Mode::Approval,
        with_status(AlertStatus::Resolved, about("Deployment", "db")),
    )
    .await
    .unwrap();
    assert_eq!(room.load(waiting.id).await.phase, Phase::AwaitingApproval);
    room.respond_to(
        Mode::Approval,
        with_status(AlertStatus::Resolved, about("Deployment", "web")),
    )
    .await
    .unwrap();
    assert_eq!(room.load(waiting.id).await.phase, Phase::NoAction);
    assert!(room.open_incidents().await.is_empty());
}

#[tokio::test]
async fn a_resolution_of_an_earlier_firing_ends_nothing() {
    let room = with_web(pods(0, 2)).await;
    let at = |n| Some(dreamops_domain::time::Timestamp::from_millis(n));
    let waiting = room
        .respond_to(
            Mode::Approval,
            Alert {
                starts_at: at(2),
                ..about("Deployment", "web")
            },
        )
        .await
        .unwrap();
    let earlier = Alert {
        starts_at: at(1),
        ..with_status(AlertStatus::Resolved, about("Deployment", "web"))
    };
    room.respond_to(Mode::Approval, earlier).await.unwrap();
    assert_eq!(room.load(waiting.id).await.phase, Phase::AwaitingApproval);
}

#[tokio::test]
async fn an_acknowledged_alert_is_not_acted_upon_without_a_person() {
    let room = with_web(pods(0, 2)).await;
    let alert = with_status(AlertStatus::Acknowledged, about("Deployment", "web"));
    let incident = room.respond_to(Mode::Yolo, alert).await.unwrap();
    assert_eq!(
        (incident.phase, incident.mode),
        (Phase::AwaitingApproval, Mode::Approval)
    );
    assert!(room.cluster.effects().is_empty());
}

#[tokio::test]
async fn a_healthy_object_is_left_alone() {
    let room = with_web(pods(2, 2)).await;
    room.scripts.installed.lock().unwrap()[0] = Script::new("crash-loop", vec![]).finding(|_| Finding::Healthy {
        evidence: vec![evidence("2 of 2 ready")],
    });
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::NoAction);
    assert_eq!(count(&incident, |e| matches!(e, Event::Planned { .. })), 0);
}

#[tokio::test]
async fn a_healthy_object_that_no_strategy_recognises_is_left_alone() {
    let room = with_web(pods(2, 2)).await;
    room.scripts.installed.lock().unwrap()[0].claim = Some(0.1);
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::NoAction);
}

#[tokio::test]
async fn a_rollout_that_no_strategy_minds_is_waited_for() {
    let room = Room::new().await;
    let clock = room.clock.clone();
    let done = clock.monotonic() + Duration::from_secs(20);
    let under_way = Health {
        updated: 1,
        settled: false,
        progressing: true,
        ..pods(2, 2)
    };
    let rule: Rule = Arc::new(move |_, _, _| {
        if clock.monotonic() < done {
            under_way.clone()
        } else {
            pods(2, 2)
        }
    });
    room.cluster.add("Deployment", "web", "x", rule);
    room.install(Script::new("crash-loop", vec![]).claiming(0.2));
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::NoAction, "{}", words(&incident));
    assert!(room.cluster.effects().is_empty());
}

#[tokio::test]
async fn a_rollout_that_does_not_get_on_is_a_persons() {
    let stuck = Health {
        updated: 1,
        settled: false,
        progressing: true,
        ..pods(2, 2)
    };
    let room = with_web(stuck).await;
    room.scripts.installed.lock().unwrap()[0].claim = Some(0.1);
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Escalated);
    assert!(
        words(&incident).contains("no strategy recognises a fault, and it did not recover"),
        "{}",
        words(&incident)
    );
}

#[tokio::test]
async fn a_strategy_that_sees_nothing_wrong_is_not_believed_against_the_host() {
    let room = with_web(pods(1, 2)).await;
    room.scripts.installed.lock().unwrap()[0] = Script::new("crash-loop", vec![]).finding(|_| Finding::Healthy {
        evidence: vec![evidence("all is well")],
    });
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Escalated);
    assert!(words(&incident).contains("1 of 2 ready"), "{}", words(&incident));
}

#[tokio::test]
async fn a_recent_restart_is_not_healthy() {
    let room = Room::new().await;
    let ended = dreamops_domain::ports::Clock::now(room.clock.as_ref());
    room.seconds(200);
    room.cluster.add(
        "Deployment",
        "web",
        "x",
        always(Health {
            last_restart: Some(ended),
            restarts: 3,
            ..pods(2, 2)
        }),
    );
    room.install(Script::new("crash-loop", vec![]).claiming(0.2));
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Escalated);
    assert!(words(&incident).contains("ended 200 s ago"), "{}", words(&incident));
}

#[tokio::test]
async fn an_alert_that_names_the_wrong_object_names_the_right_one_to_a_person() {
    let room = with_web(pods(2, 2)).await;
    room.scripts.installed.lock().unwrap()[0] = Script::new("crash-loop", vec![]).finding(|_| Finding::Unknown {
        evidence: vec![evidence("Pod/db-0 fails")],
    });
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Escalated);
    assert!(words(&incident).contains("Pod/db-0 fails"), "{}", words(&incident));
}

#[tokio::test]
async fn what_does_not_exist_is_escalated_by_name() {
    let room = Room::new().await;
    room.install(Script::new("crash-loop", vec![]));
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Escalated);
    assert!(
        words(&incident).contains("neither Deployment web nor an owner"),
        "{}",
        words(&incident)
    );
}

#[tokio::test]
async fn a_pod_that_is_gone_leads_to_what_owned_it() {
    let room = with_web(pods(0, 2)).await;
    let web = dreamops_domain::object::ObjectRef::new("Deployment", "shop", "web", "uid-web");
    let set = room
        .cluster
        .add("ReplicaSet", "web-5d4b9c8f7", "bad", always(pods(0, 2)));
    room.cluster.change(&set, |thing| thing.owner = Some(web.clone()));
    let incident = room
        .respond_to(Mode::Observe, about("Pod", "web-5d4b9c8f7-x7x2p"))
        .await
        .unwrap();
    assert_eq!(incident.case.owner, Some(web));
    assert_eq!(incident.phase, Phase::Proposed);
}

#[tokio::test]
async fn fifty_alerts_of_one_owner_are_one_incident_and_one_plan() {
    let room = Room::new().await;
    let web = room.cluster.add("Deployment", "web", "bad", good_is_healthy());
    room.install(Script::new("crash-loop", vec![set_image(&web, "good")]));
    let mut ids = Vec::new();
    for n in 0..50 {
        let pod = room.cluster.add("Pod", &format!("web-{n}"), "bad", always(pods(0, 1)));
        let owner = web.clone();
        room.cluster.change(&pod, |thing| thing.owner = Some(owner));
        ids.push(room.open(Mode::Approval, about("Pod", &format!("web-{n}"))).await);
    }
    for id in &ids {
        let incident = room.responder().run(*id).await.unwrap();
        assert_eq!((incident.id, incident.phase), (ids[0], Phase::AwaitingApproval));
    }
    let open = room.open_incidents().await;
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].case.alerts.len(), 50);
    assert_eq!(count(&open[0], |e| matches!(e, Event::Planned { .. })), 1);
    assert_eq!(room.scripts.count("crash-loop plan"), 1);
    for id in &ids[1..] {
        assert_eq!(room.load(*id).await.phase, Phase::Suppressed);
    }
}

#[tokio::test]
async fn a_name_in_prose_counts_only_if_one_object_bears_it() {
    let room = with_web(pods(0, 2)).await;
    let prose = |title: &str| Alert {
        title: title.into(),
        hints: Hints::default(),
        ..about("", "")
    };
    let found = room
        .respond_to(Mode::Observe, prose("the web deployment is down"))
        .await
        .unwrap();
    assert_eq!(found.phase, Phase::Proposed);
    room.cluster.add("Service", "web", "bad", always(pods(0, 2)));
    let unclear = room
        .respond_to(Mode::Observe, prose("web-front and web fail"))
        .await
        .unwrap();
    assert_eq!(unclear.phase, Phase::Escalated);
}

#[tokio::test]
async fn what_was_found_long_ago_is_looked_at_again() {
    let room = with_web(pods(0, 2)).await;
    let id = room.open(Mode::Observe, about("Deployment", "web")).await;
    // a worker that broke off between diagnosis and plan
    let lease = room.store.lease(id, "gone", Duration::from_secs(1)).await.unwrap();
    let mut incident = room.load(id).await;
    incident.case.owner = Some(dreamops_domain::object::ObjectRef::new(
        "Deployment",
        "shop",
        "web",
        "uid-web",
    ));
    incident.case.target = incident.case.owner.clone();
    incident.case.strategy = Some((&room.ports().strategies.installed()[0]).into());
    incident.case.finding = incident.case.owner.as_ref().map(crate::strategies::cause);
    for phase in [Phase::Correlating, Phase::Assessing, Phase::Diagnosing, Phase::Planning] {
        incident.phase = phase;
        room.store.save(&lease, &incident, &[]).await.unwrap();
    }
    room.seconds(600);
    let incident = room.responder().run(id).await.unwrap();
    assert_eq!(incident.phase, Phase::Proposed);
    assert_eq!(room.scripts.count("crash-loop diagnose"), 1);
}
