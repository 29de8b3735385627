//! What can go wrong around a write, against a server that does as told.

use crate::act::scripted::{Fault, Server, WEB, deployment, scope, web};
use dreamops_domain::journal::WriteOutcome;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::plan::{Action, Amounts, Step};
use dreamops_domain::ports::{ActError, ClusterWrite};
use dreamops_domain::rehearsal::{CheckOutcome, Rehearsal, Write};
use serde_json::{Value, json};

fn raise() -> Step {
    Step {
        action: Action::SetResources {
            workload: web(),
            container: "main".into(),
            requests: Amounts::default(),
            limits: Amounts {
                cpu_millis: None,
                memory_bytes: Some(96 << 20),
            },
        },
        reason: String::new(),
        expect: String::new(),
    }
}

fn memory(server: &Server) -> Value {
    let live = server.get(WEB).expect("an answer");
    live["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"].clone()
}

async fn rehearsed(server: &Server) -> Rehearsal {
    server.actor().rehearse(&scope(), &raise()).await.expect("an answer")
}

#[tokio::test]
async fn a_write_that_was_taken_in_silence_is_in_doubt_and_settles_as_applied() {
    let server = Server::with(&[(WEB, deployment())]);
    let rehearsal = rehearsed(&server).await;
    let (actor, write) = (server.actor(), &rehearsal.writes[0]);
    server.change(|s| s.fault = Some(Fault::TakenAndSilent));
    let outcome = actor.apply(&scope(), write).await;
    assert!(matches!(outcome, Err(ActError::InDoubt { .. })), "{outcome:?}");
    assert_eq!(memory(&server), "96Mi");
    let settled = actor
        .settle(&scope(), write)
        .await
        .expect("an answer")
        .expect("an answer");
    assert!(matches!(settled, WriteOutcome::Applied { .. }), "{settled:?}");
    let back = actor.inverse(write, &settled).expect("an answer");
    actor.apply(&scope(), &back).await.expect("an answer");
    assert_eq!(memory(&server), "64Mi");
}

#[tokio::test]
async fn a_write_that_was_lost_in_silence_settles_as_not_made_and_is_made_once() {
    let server = Server::with(&[(WEB, deployment())]);
    let rehearsal = rehearsed(&server).await;
    let (actor, write) = (server.actor(), &rehearsal.writes[0]);
    server.change(|s| s.fault = Some(Fault::LostAndSilent));
    let outcome = actor.apply(&scope(), write).await;
    assert!(matches!(outcome, Err(ActError::InDoubt { .. })), "{outcome:?}");
    assert_eq!(actor.settle(&scope(), write).await, Ok(None));
    actor.apply(&scope(), write).await.expect("an answer");
    assert_eq!(actor.apply(&scope(), write).await, Ok(WriteOutcome::AlreadySo));
    assert_eq!(server.change(|s| s.written.clone()), vec![format!("PATCH {WEB}")]);
}

#[tokio::test]
async fn a_rehearsal_writes_nothing() {
    let server = Server::with(&[(WEB, deployment())]);
    rehearsed(&server).await;
    assert_eq!(server.get(WEB), Some(deployment()));
    assert!(server.change(|s| s.written.is_empty()));
}

#[tokio::test]
async fn an_object_that_moves_while_it_is_rehearsed_is_rehearsed_anew() {
    let server = Server::with(&[(WEB, deployment())]);
    server.change(|s| s.after_read = Some(|o| o["metadata"]["generation"] = json!(2)));
    let rehearsal = rehearsed(&server).await;
    assert!(rehearsal.reversible, "{:?}", rehearsal.checks);
    assert_eq!(rehearsal.versions[0].version, "2");
}

#[tokio::test]
async fn what_admission_adds_is_taken_back_too() {
    let server = Server::with(&[(WEB, deployment())]);
    server.change(|s| {
        s.admission = Some(|o| {
            if o["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"] != "64Mi" {
                o["metadata"]["annotations"] = json!({"policy/raised": "yes"});
            } else if let Some(metadata) = o["metadata"].as_object_mut() {
                metadata.shift_remove("annotations");
            }
        });
    });
    let rehearsal = rehearsed(&server).await;
    assert!(rehearsal.reversible, "{:?}", rehearsal.checks);
    let actor = server.actor();
    let outcome = actor.apply(&scope(), &rehearsal.writes[0]).await.expect("an answer");
    server.change(|s| s.admission = None);
    let back = actor.inverse(&rehearsal.writes[0], &outcome).expect("an answer");
    assert_eq!(actor.obstacle(&scope(), &back).await, Ok(None));
    actor.apply(&scope(), &back).await.expect("an answer");
    let now = server.get(WEB).expect("an answer");
    assert_eq!(now["spec"], deployment()["spec"]);
    assert_eq!(now["metadata"]["annotations"], Value::Null);
}

#[tokio::test]
async fn a_change_that_admission_does_not_let_go_back_is_irreversible_and_risky() {
    let server = Server::with(&[(WEB, deployment())]);
    server.change(|s| s.admission = Some(|o| o["spec"]["minReadySeconds"] = json!(5)));
    let rehearsal = rehearsed(&server).await;
    assert!(!rehearsal.reversible);
    let inverse = rehearsal
        .checks
        .iter()
        .find(|c| c.name == "inverse")
        .expect("an answer");
    assert!(
        matches!(&inverse.outcome, CheckOutcome::Failed { why } if why.contains("minReadySeconds")),
        "{inverse:?}"
    );
}

#[tokio::test]
async fn a_refusal_although_all_tests_hold_is_told_as_our_defect() {
    let server = Server::with(&[(WEB, deployment())]);
    let rehearsal = rehearsed(&server).await;
    server.change(|s| s.fault = Some(Fault::Refused));
    let outcome = server.actor().apply(&scope(), &rehearsal.writes[0]).await;
    assert!(
        matches!(&outcome, Ok(WriteOutcome::Refused { why }) if why.contains("defect")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn an_obstacle_to_the_way_back_is_found_without_effect() {
    let server = Server::with(&[(WEB, deployment())]);
    let rehearsal = rehearsed(&server).await;
    let actor = server.actor();
    let outcome = actor.apply(&scope(), &rehearsal.writes[0]).await.expect("an answer");
    let back = actor.inverse(&rehearsal.writes[0], &outcome).expect("an answer");
    assert_eq!(actor.obstacle(&scope(), &back).await, Ok(None));
    assert_eq!(memory(&server), "96Mi");
    server.change(|s| {
        let live = s.objects.get_mut(WEB).expect("an answer");
        live["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"] = json!("32Mi");
    });
    assert!(actor.obstacle(&scope(), &back).await.expect("an answer").is_some());
}

const POD: &str = "/api/v1/namespaces/n/pods/p";
const SET: &str = "/apis/apps/v1/namespaces/n/statefulsets/web";

fn pod(ready: bool, owner: &str) -> Value {
    json!({"kind": "Pod", "metadata": {"name": "p", "namespace": "n", "uid": "pu",
            "labels": {"controller-revision-hash": "web-1"},
            "ownerReferences": [{"controller": true, "kind": owner, "name": "web", "uid": "u"}]},
        "status": {"conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}]}})
}

fn removal() -> Write {
    Write::Delete {
        target: ObjectRef::new("Pod", "n", "p", "pu"),
    }
}

#[tokio::test]
async fn how_a_pod_goes_is_decided_by_its_readiness_at_that_moment() {
    for (ready, call) in [(false, format!("DELETE {POD}")), (true, format!("POST {POD}/eviction"))] {
        let server = Server::with(&[(POD, pod(ready, "ReplicaSet"))]);
        for write in [
            removal(),
            Write::Evict {
                target: removal().target().clone(),
            },
        ] {
            server.change(|s| {
                s.objects.insert(POD.into(), pod(ready, "ReplicaSet"));
                s.written.clear();
            });
            let outcome = server.actor().apply(&scope(), &write).await;
            assert_eq!(outcome, Ok(WriteOutcome::Applied { version: None }));
            assert_eq!(server.change(|s| s.written.clone()), vec![call.clone()]);
        }
    }
}

#[tokio::test]
async fn a_pod_that_is_gone_or_another_one_counts_as_done() {
    let server = Server::default();
    assert_eq!(
        server.actor().apply(&scope(), &removal()).await,
        Ok(WriteOutcome::AlreadySo)
    );
    let mut successor = pod(false, "ReplicaSet");
    successor["metadata"]["uid"] = json!("another");
    server.change(|s| s.objects.insert(POD.into(), successor));
    assert_eq!(
        server.actor().apply(&scope(), &removal()).await,
        Ok(WriteOutcome::AlreadySo)
    );
    assert!(server.change(|s| s.written.is_empty()));
}

#[tokio::test]
async fn a_pod_that_its_stateful_set_replaces_by_itself_is_left_to_it() {
    let set = json!({"kind": "StatefulSet", "metadata": {"name": "web", "uid": "u", "generation": 2},
        "status": {"observedGeneration": 2, "updateRevision": "web-2"}});
    let server = Server::with(&[(POD, pod(true, "StatefulSet")), (SET, set)]);
    assert_eq!(
        server.actor().apply(&scope(), &removal()).await,
        Ok(WriteOutcome::AlreadySo)
    );
    server.change(|s| s.objects.insert(POD.into(), pod(false, "StatefulSet")));
    let outcome = server.actor().apply(&scope(), &removal()).await;
    assert_eq!(outcome, Ok(WriteOutcome::Applied { version: None }));
}
