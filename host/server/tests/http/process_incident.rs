//! `process-incident` and `test-remediation`, with the fields that the product fixes.

use crate::world::World;
use dreamops_domain::id::{IncidentId, TenantId};
use dreamops_domain::incident::Incident;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::phase::{Mode, Phase};
use dreamops_domain::ports::{Correlated, Store};
use serde_json::{Value, json};
use std::time::Duration;

const PATH: &str = "/api/v1/kubernetes/agno/process-incident";
const REMEDIATION: &str = "/api/v1/kubernetes/agno/test-remediation";

fn alert(id: &str) -> Value {
    json!({ "alert_id": id, "title": "Pod CrashLoopBackOff", "description": "Pod app-123 is crashing", "severity": "high",
            "metadata": { "cluster": "production", "namespace": "default", "pod": "app-123" } })
}

async fn change(world: &World, id: &str, change: impl FnOnce(&mut Incident)) {
    let id = id.parse().unwrap();
    let lease = world.store.lease(id, "test", Duration::from_mins(1)).await.unwrap();
    let mut incident = world.store.load(TenantId::DEFAULT, id).await.unwrap();
    change(&mut incident);
    world.store.save(&lease, &incident, &[]).await.unwrap();
}

#[tokio::test]
async fn the_answer_has_the_products_fields() {
    let world = World::with(|s| s.mode = Mode::Yolo).await;
    let answer = world.post("admin", PATH, &alert("inc-123")).await.json();
    assert_eq!(answer["status"], "success");
    let result = &answer["processing_result"];
    assert_eq!(result["incident_id"], answer["incident_id"]);
    assert_eq!(result["status"], "processing");
    assert_eq!(result["cluster"], "production");
    assert_eq!(result["namespace"], "default");
    assert_eq!(result["current_status"], "received");
    assert_eq!(result["root_cause"], Value::Null);
    assert_eq!(result["actions_taken"], json!([]));
    assert_eq!(result["agent_response"], Value::Null);
    assert_eq!(result["timestamp"], "2023-11-14T22:30:00.000Z");
    assert_eq!(result["yolo_mode"], true);
}

#[tokio::test]
async fn the_same_alert_again_is_the_same_incident() {
    let world = World::new().await;
    let first = world.post("admin", PATH, &alert("inc-1")).await.json();
    let again = world.post("admin", PATH, &alert("inc-1")).await.json();
    assert_eq!(first["incident_id"], again["incident_id"]);
    assert_eq!(world.alerts("admin").await, 1);
}

#[tokio::test]
async fn waiting_ends_with_the_incident() {
    let world = World::new().await;
    let waiting = world
        .ask("POST", &format!("{PATH}?wait=30s"))
        .token("admin")
        .json(&alert("inc-1"));
    let waiting = tokio::spawn(waiting.send());
    let id = loop {
        if let Some(alert) = world.get("admin", "/api/v1/alerts").await.items().first() {
            break alert["incident_id"].as_str().unwrap().to_owned();
        }
    };
    change(&world, &id, |incident| {
        incident.phase = Phase::NoAction;
        incident.closed_at = Some(incident.updated_at);
        incident.case.summary = Some("nothing is wrong any more".into());
    })
    .await;
    while !waiting.is_finished() {
        world.clock.advance(Duration::from_millis(250));
        tokio::task::yield_now().await;
    }
    let answer = waiting.await.unwrap().json();
    assert_eq!(answer["processing_result"]["status"], "completed");
    assert_eq!(answer["processing_result"]["current_status"], "no-action");
    assert_eq!(
        answer["processing_result"]["agent_response"],
        "nothing is wrong any more"
    );
    let intake = world.post("intake", PATH, &alert("inc-1")).await.json();
    assert_eq!(intake["processing_result"]["agent_response"], Value::Null);
}

#[tokio::test]
async fn waiting_follows_an_incident_that_joined_another() {
    let world = World::new().await;
    let first: IncidentId = world.incident("admin", "first").await.parse().unwrap();
    let owner = ObjectRef::new("Deployment", "default", "app", "uid-app");
    let patience = Duration::from_mins(1);
    let lease = world.store.lease(first, "test", patience).await.unwrap();
    let mut open = world.store.load(TenantId::DEFAULT, first).await.unwrap();
    open.phase = Phase::Correlating;
    world.store.save(&lease, &open, &[]).await.unwrap();
    world.store.correlate(&lease, &open, &owner).await.unwrap();

    let waiting = world.ask("POST", &format!("{PATH}?wait=30s"));
    let waiting = tokio::spawn(waiting.token("admin").json(&alert("second")).send());
    let second = loop {
        let alerts = world.get("admin", "/api/v1/alerts").await.items();
        let ids = alerts
            .iter()
            .map(|a| a["incident_id"].as_str().unwrap().parse::<IncidentId>().unwrap());
        if let Some(second) = ids.into_iter().find(|id| *id != first) {
            break second;
        }
    };
    let joining = world.store.lease(second, "test", patience).await.unwrap();
    let mut incident = world.store.load(TenantId::DEFAULT, second).await.unwrap();
    incident.phase = Phase::Correlating;
    world.store.save(&joining, &incident, &[]).await.unwrap();
    let joined = world.store.correlate(&joining, &incident, &owner).await.unwrap();
    assert_eq!(joined, Correlated::Joined(first));
    open.phase = Phase::NoAction;
    world.store.save(&lease, &open, &[]).await.unwrap();
    while !waiting.is_finished() {
        world.clock.advance(Duration::from_millis(250));
        tokio::task::yield_now().await;
    }
    let answer = waiting.await.unwrap().json();
    assert_eq!(answer["incident_id"], first.to_string());
    assert_eq!(answer["processing_result"]["current_status"], "no-action");
}

#[tokio::test]
async fn waiting_ends_after_its_time_and_has_a_bound() {
    let world = World::new().await;
    let waiting = tokio::spawn(
        world
            .ask("POST", &format!("{PATH}?wait=2s"))
            .token("admin")
            .json(&alert("i"))
            .send(),
    );
    while !waiting.is_finished() {
        world.clock.advance(Duration::from_millis(100));
        tokio::task::yield_now().await;
    }
    let answer = waiting.await.unwrap().json();
    assert_eq!(answer["processing_result"]["status"], "processing");
    for wait in ["6m", "-1s", "soon", ""] {
        let answer = world.post("admin", &format!("{PATH}?wait={wait}"), &alert("i")).await;
        answer.is_problem(400, "malformed");
    }
}

#[tokio::test]
async fn an_alert_that_cannot_be_read_is_refused() {
    let world = World::new().await;
    for wrong in [
        json!({}),
        json!({ "title": "t" }),
        json!({ "alert_id": "a" }),
        json!({ "alert_id": "a", "title": "t", "metadata": 1 }),
        json!([]),
    ] {
        world.post("admin", PATH, &wrong).await.is_problem(400, "malformed");
    }
    let webhook = json!({ "version": "4", "alerts": [{ "labels": {} }] });
    world.post("admin", PATH, &webhook).await.is_problem(422, "invalid");
    assert_eq!(world.alerts("admin").await, 0);
}

#[tokio::test]
async fn without_kubernetes_alerts_are_stored_and_cluster_routes_say_why_not() {
    let world = World::with(|s| s.kubernetes = false).await;
    world.incident("admin", "a1").await;
    assert_eq!(world.alerts("admin").await, 1);
    for path in ["/api/v1/clusters", "/api/v1/kubernetes/agno/clusters"] {
        let answer = world.get("admin", path).await;
        answer.is_problem(503, "unavailable");
        assert!(answer.text().contains("K8S_ENABLED"));
    }
}

#[tokio::test]
async fn a_scenario_runs_by_either_name_from_body_or_query() {
    let world = World::new().await;
    let body = json!({ "scenario": "pod_crash", "namespace": "test" });
    let by_body = world.post("responder", REMEDIATION, &body).await;
    let by_query = world
        .ask("POST", &format!("{REMEDIATION}?scenario=crash-loop"))
        .token("responder")
        .send()
        .await;
    for (answer, name) in [(by_body, "pod_crash"), (by_query, "crash-loop")] {
        let answer = answer.json();
        assert_eq!(answer["status"], "success");
        assert_eq!(answer["scenario"], name);
        assert_eq!(answer["test_alert"]["alert_id"], "test-crash-loop");
        assert_eq!(answer["remediation_result"]["phase"], "resolved");
    }
    for wrong in [json!({}), json!({ "scenario": "earthquake" })] {
        let answer = world.post("responder", REMEDIATION, &wrong).await;
        answer.is_problem(400, "malformed");
        assert!(answer.text().contains("pod_crash") && answer.text().contains("crash-loop"));
    }
    let real = json!({ "scenario": "pod_crash", "cluster_name": "production" });
    world
        .post("responder", REMEDIATION, &real)
        .await
        .is_problem(503, "unavailable");
}

#[tokio::test]
async fn what_is_not_there_yet_says_so() {
    let world = World::with(|s| s.no_mcp = "MCP comes later".into()).await;
    let answer = world
        .post("admin", "/api/v1/kubernetes/agno/test-connection", &json!({}))
        .await;
    answer.is_problem(503, "unavailable");
    assert!(answer.text().contains("MCP comes later"));
    let status = world.get("viewer", "/api/v1/kubernetes/agno/agent-status").await.json();
    assert_eq!(status["mode"], "approval");
    assert_eq!(status["mcp_server"]["connected"], false);
    assert_eq!(
        status["auth_methods"],
        json!(["service_account", "kubeconfig", "client_cert"])
    );
}
