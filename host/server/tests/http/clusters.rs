//! Connecting: proved first, stored then, never with another credential.

use crate::ports::GONE;
use crate::world::World;
use dreamops_domain::fleet::Fleet;
use dreamops_domain::id::TenantId;
use dreamops_domain::phase::Mode;
use dreamops_domain::ports::Store;
use dreamops_domain::time::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;
use zeroize::Zeroizing;

const PATH: &str = "/api/v1/kubernetes/agno/connect-cluster";

fn cluster(name: &str, address: &str, token: &str) -> Value {
    json!({ "auth_method": "service_account", "cluster_name": name, "cluster_endpoint": address,
            "service_account_token": token, "namespace": "shop" })
}

#[tokio::test]
async fn a_proved_cluster_is_stored_and_listed_without_its_credential() {
    let world = World::new().await;
    let answer = world
        .post("admin", PATH, &cluster("production", "https://a:6443", "right"))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let result = &answer.json()["connection_result"];
    assert_eq!(result["connected"], true);
    assert_eq!(result["cluster_version"], "v1.34.0");
    assert_eq!(result["can_list_namespaces"], false);
    assert_eq!(result["mcp_tools_available"], json!([]));
    let listed = world.get("viewer", "/api/v1/kubernetes/agno/clusters").await;
    let first = &listed.json()[0];
    assert_eq!(first["id"], result["credential_id"]);
    assert_eq!(first["cluster_name"], "production");
    assert_eq!(first["connection_status"], "connected");
    assert_eq!(first["auth_method"], "service_account");
    assert_eq!(first["type"], "remote");
    let ours = world.get("viewer", "/api/v1/clusters").await;
    assert_eq!(ours.items()[0]["address"], "https://a:6443");
    for shown in [listed.text(), ours.text()] {
        assert!(!shown.contains("right") && !shown.contains("sealed-later"));
    }
}

#[tokio::test]
async fn a_cluster_whose_credential_runs_out_is_shown_as_expired_until_it_is_connected_again() {
    let world = World::new().await;
    let request = cluster("production", "https://a:6443", "right");
    assert_eq!(world.post("admin", PATH, &request).await.status, 200);
    let mut record = world
        .store
        .cluster(TenantId::DEFAULT, "production")
        .await
        .unwrap()
        .unwrap();
    record.expires_at = Some(Timestamp::parse("2024-01-01T00:00:00Z").unwrap());
    let credential = Zeroizing::new("until then".to_owned());
    assert!(world.store.rotate(&record, &credential, "ann").await.unwrap());
    let shown = || async {
        let ours = world.get("viewer", "/api/v1/clusters").await.items()[0].clone();
        let bare = world.get("viewer", "/api/v1/kubernetes/agno/clusters").await.json()[0]["connection_status"].clone();
        assert_eq!(ours["status"], bare);
        ours
    };
    assert_eq!(shown().await["status"], "connected");
    world.clock.advance(Duration::from_hours(24 * 60));
    let expired = shown().await;
    assert_eq!(expired["status"], "expired");
    assert!(
        expired["status_reason"].as_str().unwrap().contains("2024-01-01"),
        "{expired}"
    );
    assert_eq!(world.post("admin", PATH, &request).await.status, 200);
    assert_eq!(shown().await["status"], "connected");
}

#[tokio::test]
async fn what_is_not_proved_is_not_stored() {
    let world = World::new().await;
    let wrong = world
        .post("admin", PATH, &cluster("production", "https://a:6443", "wrong"))
        .await;
    wrong.is_problem(400, "not-connected");
    let mut missing = cluster("production", "https://a:6443", "right");
    missing.as_object_mut().unwrap().remove("service_account_token");
    let nowhere = cluster("production", "", "right");
    let config = json!({ "auth_method": "kubeconfig", "cluster_name": "c" });
    let certificate =
        json!({ "auth_method": "client_certificate", "cluster_name": "c", "cluster_endpoint": "https://a" });
    for body in [missing, nowhere, config, certificate] {
        world.post("admin", PATH, &body).await.is_problem(400, "not-connected");
    }
    world
        .post("admin", PATH, &cluster("a b", "https://a", "right"))
        .await
        .is_problem(422, "invalid");
    world
        .post("admin", PATH, &json!({ "auth_method": "oidc", "cluster_name": "c" }))
        .await
        .is_problem(422, "invalid");
    world
        .post("responder", PATH, &cluster("c", "https://a", "right"))
        .await
        .is_problem(403, "forbidden");
    assert_eq!(world.get("viewer", "/api/v1/clusters").await.items().len(), 0);
}

#[tokio::test]
async fn connecting_again_rotates_the_credential_and_another_cluster_does_not_take_the_name() {
    let world = World::new().await;
    let first = world
        .post("admin", PATH, &cluster("production", "https://a:6443", "right"))
        .await
        .json();
    let again = world
        .post("admin", PATH, &cluster("production", "https://a:6443", "right"))
        .await
        .json();
    assert_eq!(
        first["connection_result"]["credential_id"],
        again["connection_result"]["credential_id"]
    );
    let other = world
        .post("admin", PATH, &cluster("production", "https://b:6443", "right"))
        .await;
    other.is_problem(409, "taken");
    let failed = world
        .post("admin", PATH, &cluster("production", "https://a:6443", "wrong"))
        .await;
    failed.is_problem(400, "not-connected");
    let listed = world.get("viewer", "/api/v1/clusters").await.items();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["address"], "https://a:6443");
    assert_eq!(
        world
            .ask("DELETE", "/api/v1/clusters/production")
            .token("admin")
            .send()
            .await
            .status,
        204
    );
    assert_eq!(world.get("viewer", "/api/v1/clusters").await.items().len(), 0);
}

#[tokio::test]
async fn an_alert_is_about_the_cluster_it_names_else_the_sources_else_the_only_one() {
    let world = World::new().await;
    let bare = json!({ "alert_id": "a1", "title": "web is down", "metadata": { "pod": "web-1" } });
    let place = async |token: &str, path: &str, body: &Value| {
        let answer = world.post(token, path, body).await;
        let id = answer
            .json()
            .pointer("/incidents/0")
            .or(answer.json().get("incident_id"))
            .cloned();
        let id = id.unwrap().as_str().unwrap().parse().unwrap();
        let incident = world.store.load(TenantId::DEFAULT, id).await.unwrap();
        (
            incident.cluster.name,
            incident.cluster.key,
            incident.case.namespace,
            incident.mode,
        )
    };
    let process = "/api/v1/kubernetes/agno/process-incident";
    let nowhere = place("admin", process, &bare).await;
    assert_eq!(nowhere, (String::new(), String::new(), String::new(), Mode::Approval));

    world
        .post("admin", PATH, &cluster("a", "https://a:6443", "right"))
        .await;
    world
        .store
        .set_mode(TenantId::DEFAULT, "a", Some(Mode::Observe), "test")
        .await
        .unwrap();
    let only = place(
        "admin",
        process,
        &json!({ "alert_id": "a2", "title": "t", "metadata": {} }),
    )
    .await;
    assert_eq!(
        only,
        ("a".into(), "https://a:6443".into(), "shop".into(), Mode::Observe)
    );

    world
        .post("admin", PATH, &cluster("b", "https://b:6443", "right"))
        .await;
    let source = json!({ "name": "prom", "kind": "alertmanager", "cluster": "b" });
    world.post("admin", "/api/v1/sources", &source).await;
    let webhook = |labels: Value| json!({ "version": "4", "alerts": [{ "labels": labels, "status": "firing" }] });
    let path = "/api/v1/webhooks/alertmanager/prom";
    let by_source = place(
        "intake",
        path,
        &webhook(json!({ "alertname": "x", "namespace": "own" })),
    )
    .await;
    assert_eq!(
        by_source,
        ("b".into(), "https://b:6443".into(), "own".into(), Mode::Approval)
    );
    let named = place("intake", path, &webhook(json!({ "alertname": "y", "cluster": "a" }))).await;
    assert_eq!(named.1, "https://a:6443");
    let unknown = place("intake", path, &webhook(json!({ "alertname": "z", "cluster": "c" }))).await;
    assert_eq!((unknown.0.as_str(), unknown.1.as_str()), ("c", ""));
    let ambiguous = place(
        "admin",
        process,
        &json!({ "alert_id": "a3", "title": "t", "metadata": {} }),
    )
    .await;
    assert_eq!(ambiguous.1, "");
}

#[tokio::test]
async fn a_cluster_is_shown_tried_and_set_to_a_mode_by_its_tenant_alone() {
    let world = World::new().await;
    for name in ["production", "gone", "busy"] {
        let body = cluster(name, &format!("https://{name}:6443"), "right");
        assert_eq!(world.post("admin", PATH, &body).await.status, 200);
    }
    let one = "/api/v1/clusters/production";
    let shown = world.get("viewer", one).await.json();
    assert_eq!((&shown["name"], &shown["mode"]), (&json!("production"), &Value::Null));
    assert_eq!(shown["version"], "v1.34.0");

    let mode = async |token: &str, path: &str, body: Value| {
        let asking = world.ask("PUT", &format!("{path}/mode")).token(token);
        asking.json(&body).send().await
    };
    let set = mode("admin", one, json!({ "mode": "observe" })).await;
    assert_eq!(set.json()["mode"], "observe");
    let alert = json!({ "alert_id": "a1", "title": "t", "metadata": { "cluster": "production", "namespace": "shop" } });
    let process = "/api/v1/kubernetes/agno/process-incident";
    let id = world.post("admin", process, &alert).await.json()["incident_id"].clone();
    let incident = world
        .get("viewer", &format!("/api/v1/incidents/{}", id.as_str().unwrap()))
        .await;
    assert_eq!(incident.json()["mode"], "observe");
    assert_eq!(
        mode("admin", one, json!({ "mode": null })).await.json()["mode"],
        Value::Null
    );
    for wrong in [
        json!({}),
        json!({ "mode": "careful" }),
        json!({ "mode": 3 }),
        json!("yolo"),
    ] {
        mode("admin", one, wrong).await.is_problem(422, "invalid");
    }
    mode("responder", one, json!({ "mode": "yolo" }))
        .await
        .is_problem(403, "forbidden");

    let tried = world.post("responder", &format!("{one}/test"), &json!({})).await.json();
    assert_eq!((&tried["connected"], &tried["reason"]), (&json!(true), &json!("")));
    assert_eq!(tried["cluster"]["version"], "v1.35.0");
    let gone = world
        .post("responder", "/api/v1/clusters/gone/test", &json!({}))
        .await
        .json();
    assert_eq!((&gone["connected"], &gone["reason"]), (&json!(false), &json!(GONE)));
    let busy = world.post("responder", "/api/v1/clusters/busy/test", &json!({})).await;
    busy.is_problem(503, "unavailable");
    let refused = world.post("viewer", &format!("{one}/test"), &json!({})).await;
    refused.is_problem(403, "forbidden");

    for path in [one, "/api/v1/clusters/nobodys"] {
        world.get("other", path).await.is_problem(404, "not-found");
        mode("other", path, json!({ "mode": "yolo" }))
            .await
            .is_problem(404, "not-found");
        let tried = world.post("other", &format!("{path}/test"), &json!({})).await;
        tried.is_problem(404, "not-found");
    }
}
