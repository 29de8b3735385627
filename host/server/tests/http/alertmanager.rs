//! Alertmanager's webhook: tokens, versions, repeats, storms.

use crate::client::Answer;
use crate::world::World;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use std::time::Duration;

const PATH: &str = "/api/v1/webhooks/alertmanager";

fn body(pods: &[&str], status: &str) -> Value {
    let alerts: Vec<Value> = pods
        .iter()
        .map(|pod| {
            json!({ "status": status, "fingerprint": format!("f-{pod}"), "startsAt": "2026-01-31T03:00:00Z",
                    "labels": { "alertname": "CrashLooping", "severity": "critical", "namespace": "shop", "pod": pod },
                    "annotations": { "summary": format!("{pod} restarts") } })
        })
        .collect();
    json!({ "version": "4", "receiver": "dreamops", "groupKey": "{}", "status": status, "alerts": alerts })
}

async fn post(world: &World, token: &str, body: &Value) -> Answer {
    world.post(token, PATH, body).await
}

#[tokio::test]
async fn whoever_may_post_alerts_may_deliver_and_nobody_else() {
    let world = World::new().await;
    for token in ["intake", "responder", "admin"] {
        assert_eq!(post(&world, token, &body(&[token], "firing")).await.status, 202);
    }
    post(&world, "viewer", &body(&["web"], "firing"))
        .await
        .is_problem(403, "forbidden");
    post(&world, "nobody", &body(&["web"], "firing"))
        .await
        .is_problem(401, "unauthenticated");
    let bare = world.ask("POST", PATH).json(&body(&["web"], "firing")).send().await;
    bare.is_problem(401, "unauthenticated");
    assert_eq!(bare.header("www-authenticate"), "Bearer");
    assert_eq!(world.alerts("viewer").await, 3);
}

#[tokio::test]
async fn a_wrong_version_a_cut_body_and_another_form_are_malformed() {
    let world = World::new().await;
    let mut grafana = body(&["web"], "firing");
    grafana["version"] = json!("1");
    let mut versionless = body(&["web"], "firing");
    versionless.as_object_mut().unwrap().remove("version");
    let empty = json!({ "version": "4", "alerts": [] });
    let other = json!({ "alert_id": "a", "title": "t" });
    for wrong in [
        grafana,
        versionless,
        empty,
        other,
        json!({}),
        json!("text"),
        json!({ "version": "4", "alerts": [1] }),
    ] {
        post(&world, "intake", &wrong).await.is_problem(400, "malformed");
    }
    let whole = body(&["web"], "firing").to_string();
    for cut in [0, 1, whole.len() / 2, whole.len() - 1] {
        let asking = world.ask("POST", PATH).token("intake").body(whole[..cut].to_owned());
        asking.send().await.is_problem(400, "malformed");
    }
    assert_eq!(world.alerts("viewer").await, 0);
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused() {
    let world = World::new().await;
    let long = vec![b' '; dreamops_domain::alert::MAX_BODY + 1];
    let answer = world.ask("POST", PATH).token("intake").body(long).send().await;
    answer.is_problem(413, "too-large");
}

#[tokio::test]
async fn a_thousand_alerts_in_a_body_are_all_taken_in_grouped_by_object() {
    let world = World::new().await;
    let names: Vec<String> = (0..1000).map(|i| format!("web-{}", i % 5)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let answer = post(&world, "intake", &body(&names, "firing")).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    assert_eq!(answer.json()["incidents"].as_array().unwrap().len(), 5);
    let first = world.get("viewer", "/api/v1/alerts?limit=600").await;
    let cursor = first.json()["next_cursor"].as_str().unwrap().to_owned();
    let rest = world
        .get("viewer", &format!("/api/v1/alerts?limit=500&cursor={cursor}"))
        .await;
    assert_eq!((first.items().len(), rest.items().len()), (500, 500));
    assert_eq!(rest.json()["next_cursor"], Value::Null);
}

#[tokio::test]
async fn the_same_notification_is_one_delivery_for_five_minutes() {
    let world = World::new().await;
    let firing = body(&["web"], "firing");
    assert_eq!(post(&world, "intake", &firing).await.json()["status"], "accepted");
    world.clock.advance(Duration::from_secs(299));
    assert_eq!(post(&world, "intake", &firing).await.json()["status"], "repeated");
    world.clock.advance(Duration::from_secs(2));
    assert_eq!(post(&world, "intake", &firing).await.json()["status"], "accepted");
}

#[tokio::test]
async fn a_resolution_before_the_firing_is_taken_in_as_it_is() {
    let world = World::new().await;
    let answer = post(&world, "intake", &body(&["web"], "resolved")).await;
    assert_eq!(answer.status, 202);
    let alerts = world.get("viewer", "/api/v1/alerts").await.items();
    assert_eq!(alerts[0]["status"], "resolved");
    assert_eq!(
        post(&world, "intake", &body(&["web"], "firing")).await.json()["status"],
        "accepted"
    );
}

#[tokio::test]
async fn a_store_that_is_away_is_a_503_with_a_time_to_retry() {
    let world = World::new().await;
    assert_eq!(post(&world, "intake", &body(&["web"], "firing")).await.status, 202);
    world.faulty.away.store(true, Ordering::SeqCst);
    let answer = post(&world, "intake", &body(&["web-2"], "firing")).await;
    answer.is_problem(503, "unavailable");
    assert_ne!(answer.header("retry-after"), "");
    assert!(!answer.text().contains("10.0.0.1"));
}

#[tokio::test]
async fn a_source_with_secrets_is_opened_by_them_alone() {
    let world = World::new().await;
    let secrets = ["first-secret-of-the-source", "second-secret-of-the-source"];
    let source = json!({ "name": "prom", "kind": "alertmanager", "secrets": secrets });
    assert_eq!(world.post("admin", "/api/v1/sources", &source).await.status, 201);
    let path = "/api/v1/webhooks/alertmanager/prom";
    for (i, secret) in secrets.iter().enumerate() {
        let pod = format!("web-{i}");
        assert_eq!(world.post(secret, path, &body(&[&pod], "firing")).await.status, 202);
    }
    for token in ["admin", "intake", "first-secret-of-the-sourcf", "first"] {
        world
            .post(token, path, &body(&["x"], "firing"))
            .await
            .is_problem(401, "unauthenticated");
    }
    assert_eq!(world.alerts("viewer").await, 2);
}

#[tokio::test]
async fn a_source_without_secrets_asks_for_a_token_of_its_tenant() {
    let world = World::new().await;
    let source = json!({ "name": "prom", "kind": "alertmanager" });
    assert_eq!(world.post("admin", "/api/v1/sources", &source).await.status, 201);
    let path = "/api/v1/webhooks/alertmanager/prom";
    assert_eq!(world.post("intake", path, &body(&["a"], "firing")).await.status, 202);
    let viewer = world.post("viewer", path, &body(&["b"], "firing")).await;
    let stranger = world.post("other", path, &body(&["c"], "firing")).await;
    let unknown = world
        .post("other", "/api/v1/webhooks/alertmanager/nobody", &body(&["c"], "firing"))
        .await;
    for answer in [&viewer, &stranger, &unknown] {
        answer.is_problem(401, "unauthenticated");
    }
    assert_eq!(stranger.body, unknown.body);
    assert_eq!(world.alerts("viewer").await + world.alerts("other").await, 1);
}
