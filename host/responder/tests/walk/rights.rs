//! A missing right is named, whoever met it.

use crate::cluster::{always, failed, good_is_healthy, pods};
use crate::room::{Room, words};
use crate::strategies::{Script, set_image};
use dreamops_domain::phase::{Mode, Phase};

async fn room() -> Room {
    let room = Room::new().await;
    let web = room.cluster.add("Deployment", "web", "bad", good_is_healthy());
    room.install(Script::new("crash-loop", vec![set_image(&web, "good")]));
    room
}

fn forbid(room: &Room, kind: &'static str) {
    room.cluster.forbidden.lock().unwrap().push(kind);
}

#[tokio::test]
async fn a_right_that_a_strategy_lacks_at_assess_is_named() {
    let room = room().await;
    room.scripts.installed.lock().unwrap()[0].needs = Some("Pod");
    forbid(&room, "Pod");
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Escalated);
    assert!(
        words(&incident).contains("may not get pods in namespace shop"),
        "{}",
        words(&incident)
    );
    assert!(
        words(&incident).contains("crash-loop at assess"),
        "{}",
        words(&incident)
    );
}

#[tokio::test]
async fn a_right_that_a_strategy_lacks_at_diagnose_is_named() {
    let room = room().await;
    let script = room.scripts.installed.lock().unwrap()[0].clone();
    let reads = script.finding(|_| unreachable!("the read fails first"));
    room.scripts.installed.lock().unwrap()[0] = reads;
    // the right is withdrawn once the case is given
    let scripts = std::sync::Arc::clone(&room.scripts);
    room.install(
        Script::new("other", vec![])
            .claiming(0.2)
            .finding(|_| unreachable!("it is not asked")),
    );
    scripts.installed.lock().unwrap()[0].diagnose = std::sync::Arc::new(|_| {
        Err(dreamops_domain::ports::CallError::Failure(
            "logs: the credential may not get pods/log".into(),
        ))
    });
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Escalated);
    assert!(
        words(&incident).contains("may not get pods/log"),
        "{}",
        words(&incident)
    );
}

#[tokio::test]
async fn a_right_that_the_fix_lacks_is_named_with_the_fix() {
    let room = room().await;
    let right = "the cluster's credential may not patch deployments in namespace shop; add the rule `x`";
    *room.cluster.checks.lock().unwrap() = vec![failed("dry run", "forbidden"), failed("rbac", right)];
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Escalated);
    for word in ["the image is bad", right, "patch on Deployment/web"] {
        assert!(words(&incident).contains(word), "{word} is not in {}", words(&incident));
    }
    assert!(room.journal(incident.id).await.is_empty());
}

#[tokio::test]
async fn no_right_to_see_the_object_is_named() {
    let room = room().await;
    forbid(&room, "Deployment");
    // looking it up beforehand does not fail: the incident says why
    let groups = room
        .responder()
        .group("shop", &[crate::room::about("Deployment", "web")])
        .await
        .unwrap();
    assert!(groups.len() == 1 && groups[0].located.is_none());
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Escalated);
    assert!(
        words(&incident).contains("may not get deployments"),
        "{}",
        words(&incident)
    );
}

#[tokio::test]
async fn a_kind_that_may_not_be_read_is_passed_over_where_another_hint_leads_on() {
    let room = room().await;
    forbid(&room, "Job");
    forbid(&room, "Service");
    let mut alert = crate::room::about("Service", "front");
    alert.hints.objects.push(("Pod".into(), "web-5d4b9c8f7-x7x2p".into()));
    let incident = room.respond_to(Mode::Yolo, alert).await.unwrap();
    assert_eq!(incident.phase, Phase::Resolved);
}

#[tokio::test]
async fn what_looks_healthy_is_not_called_so_where_a_strategy_could_not_look() {
    let room = Room::new().await;
    room.cluster.add("Deployment", "web", "x", always(pods(2, 2)));
    let mut usage = Script::new("high-usage", vec![]);
    usage.needs = Some("Pod");
    room.install(usage);
    forbid(&room, "Pod");
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Escalated);
    assert!(words(&incident).contains("may not get pods"), "{}", words(&incident));
}

#[tokio::test]
async fn a_strategy_that_crashes_stops_no_other() {
    let room = room().await;
    let mut bad = Script::new("bad", vec![]);
    bad.claim = None;
    room.install(bad);
    let incident = room.respond(Mode::Yolo).await;
    assert_eq!(incident.phase, Phase::Resolved);
}
