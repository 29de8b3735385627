//! PagerDuty's webhook: signatures over the raw body, repeats, and what is signed but of no use.

use crate::client::{Answer, Asking};
use crate::world::{SECRETS, World};
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::sync::atomic::Ordering;

const PATH: &str = "/api/v1/webhooks/pagerduty";

pub(crate) fn signature(secret: &str, body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    format!("v1={}", hex::encode(mac.chain_update(body).finalize().into_bytes()))
}

pub(crate) fn event(event_type: &str, id: &str) -> Value {
    json!({ "event": {
        "id": format!("evt-{id}"), "event_type": event_type, "occurred_at": "2026-01-31T03:00:00Z",
        "data": { "id": id, "type": "incident", "title": "web is down", "urgency": "high",
                  "custom_details": { "cluster": "production", "namespace": "shop", "pod": "web-1" } }
    }})
}

fn asking(world: &World, body: &[u8], signature: &str) -> Asking {
    world
        .ask("POST", PATH)
        .header("x-pagerduty-signature", signature)
        .body(body.to_vec())
}

async fn signed(world: &World, body: &Value, webhook: &str) -> Answer {
    let body = body.to_string().into_bytes();
    let asking = asking(world, &body, &signature(SECRETS[0], &body));
    asking.header("x-webhook-id", webhook).send().await
}

#[tokio::test]
async fn a_signed_event_is_stored_before_it_is_answered_and_work_begins() {
    let world = World::new().await;
    let answer = signed(&world, &event("incident.triggered", "P1"), "w1").await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    assert_eq!(answer.json()["status"], "accepted");
    let incident = answer.json()["incidents"][0].as_str().unwrap().to_owned();
    let shown = world
        .get("viewer", &format!("/api/v1/incidents/{incident}"))
        .await
        .json();
    assert_eq!(shown["phase"], "received");
    assert_eq!(shown["title"], "web is down");
    assert_eq!(shown["cluster"], "production");
    assert_eq!(shown["namespace"], "shop");
    assert_eq!(shown["alerts"][0]["source"], "pagerduty");
    assert_eq!(world.desk.nudges.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn nothing_is_stored_without_a_right_signature() {
    let world = World::new().await;
    let body = event("incident.triggered", "P1").to_string().into_bytes();
    let right = signature(SECRETS[0], &body);
    let mut changed = body.clone();
    changed[10] ^= 1;
    for answer in [
        world.ask("POST", PATH).body(body.clone()).send().await,
        asking(&world, &body, "").send().await,
        asking(&world, &body, "v1=zz").send().await,
        asking(&world, &body, right.trim_start_matches("v1=")).send().await,
        asking(&world, &body, &signature("another secret", &body)).send().await,
        asking(&world, &changed, &right).send().await,
        world.ask("POST", PATH).token("admin").body(body.clone()).send().await,
    ] {
        answer.is_problem(401, "unauthenticated");
    }
    assert_eq!(world.alerts("viewer").await, 0);
}

#[tokio::test]
async fn any_of_several_signatures_under_any_of_the_secrets_will_do() {
    let world = World::new().await;
    let body = event("incident.triggered", "P1").to_string().into_bytes();
    let header = format!("v1={},{}", "0".repeat(64), signature(SECRETS[1], &body));
    assert_eq!(asking(&world, &body, &header).send().await.status, 202);
}

#[tokio::test]
async fn a_body_of_300_kb_is_refused_before_its_signature_is_looked_at() {
    let world = World::new().await;
    let body = vec![b' '; 300 * 1024];
    asking(&world, &body, "none").send().await.is_problem(413, "too-large");
    asking(&world, &body, &signature(SECRETS[0], &body))
        .send()
        .await
        .is_problem(413, "too-large");
}

#[tokio::test]
async fn what_is_signed_and_about_no_incident_is_taken_and_said_to_be_ignored() {
    let world = World::new().await;
    let ping =
        json!({ "event": { "id": "e", "event_type": "pagey.ping", "data": { "message": "hello", "type": "ping" } } });
    let untitled = json!({ "event": { "id": "e", "event_type": "incident.triggered", "data": { "id": "P9", "type": "incident" } } });
    for body in [
        ping,
        event("incident.made_up", "P1").pointer("/event/data").cloned().unwrap(),
        untitled,
        json!({ "alert_id": "a", "title": "of another form" }),
        json!({ "version": "4", "alerts": [{ "labels": {} }] }),
        json!([1, 2]),
    ] {
        let answer = signed(&world, &body, "w").await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        assert_eq!(answer.json()["status"], "ignored");
        assert!(
            answer.json()["message"]
                .as_str()
                .unwrap()
                .starts_with("nothing was stored")
        );
    }
    assert_eq!(world.alerts("viewer").await, 0);
}

#[tokio::test]
async fn a_signed_body_that_is_no_json_is_malformed() {
    let world = World::new().await;
    for body in ["", "   ", "{\"event\": {", "not json", "\u{0}"] {
        let asking = asking(&world, body.as_bytes(), &signature(SECRETS[0], body.as_bytes()));
        asking.send().await.is_problem(400, "malformed");
    }
}

#[tokio::test]
async fn the_same_webhook_id_is_stored_once_also_at_the_same_time() {
    let world = World::new().await;
    let body = event("incident.triggered", "P1");
    let answers = futures::future::join_all((0..10).map(|_| signed(&world, &body, "same"))).await;
    assert!(answers.iter().all(|a| a.status == 202));
    let accepted = answers.iter().filter(|a| a.json()["status"] == "accepted");
    assert_eq!(accepted.count(), 1);
    let again = signed(&world, &body, "same").await;
    assert_eq!(again.json()["status"], "repeated");
    assert_eq!(again.json()["incidents"], answers[0].json()["incidents"]);
    assert_eq!(world.alerts("viewer").await, 1);
}

#[tokio::test]
async fn without_a_webhook_id_the_body_tells_a_repeat() {
    let world = World::new().await;
    let body = event("incident.triggered", "P1").to_string().into_bytes();
    let sign = signature(SECRETS[0], &body);
    assert_eq!(asking(&world, &body, &sign).send().await.json()["status"], "accepted");
    assert_eq!(asking(&world, &body, &sign).send().await.json()["status"], "repeated");
}

#[tokio::test]
async fn a_store_that_is_away_is_a_503_that_asks_for_a_retry_and_says_nothing_of_the_database() {
    let world = World::new().await;
    let body = event("incident.triggered", "P1");
    world.faulty.away.store(true, Ordering::SeqCst);
    let answer = signed(&world, &body, "w1").await;
    answer.is_problem(503, "unavailable");
    assert_ne!(answer.header("retry-after"), "");
    assert!(!answer.text().contains("10.0.0.1"));
    world.faulty.away.store(false, Ordering::SeqCst);
    assert_eq!(signed(&world, &body, "w1").await.json()["status"], "accepted");
}

#[tokio::test]
async fn without_secrets_the_short_route_is_not_there_yet() {
    let world = World::with(|s| s.pagerduty_secrets.clear()).await;
    let answer = signed(&world, &event("incident.triggered", "P1"), "w1").await;
    answer.is_problem(503, "unavailable");
    assert!(answer.text().contains("PAGERDUTY_WEBHOOK_SECRETS"));
}

#[tokio::test]
async fn a_source_has_its_own_secret_tenant_and_cluster() {
    let world = World::new().await;
    let secret = "a-secret-of-the-other-team";
    let source = json!({ "name": "team-b", "kind": "pagerduty", "cluster": "staging", "secrets": [secret] });
    let made = world.post("other", "/api/v1/sources", &source).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert!(!made.text().contains(secret));
    let mut body = event("incident.triggered", "P1");
    body["event"]["data"]["custom_details"] = json!({ "pod": "web-1" });
    let body = body.to_string().into_bytes();
    let path = made.json()["path"].as_str().unwrap().to_owned();
    let send = |secret: &str, path: &str| {
        let asking = world
            .ask("POST", path)
            .header("x-pagerduty-signature", &signature(secret, &body));
        asking.body(body.clone()).send()
    };
    send(SECRETS[0], &path).await.is_problem(401, "unauthenticated");
    let unknown = send(secret, "/api/v1/webhooks/pagerduty/nobody").await;
    assert_eq!(unknown.body, send("wrong", &path).await.body);
    let taken = send(secret, &path).await;
    assert_eq!(taken.status, 202, "{}", taken.text());
    assert_eq!(world.alerts("viewer").await, 0);
    let seen = world.get("other", "/api/v1/incidents").await.items();
    assert_eq!(seen[0]["cluster"], "staging");
}

#[tokio::test]
async fn secrets_in_an_alert_are_redacted_before_they_are_stored() {
    let world = World::new().await;
    let mut body = event("incident.triggered", "P1");
    body["event"]["data"]["title"] = json!("login failed with password=hunter2-hunter2");
    body["event"]["data"]["custom_details"]["api_token"] = json!("ghp_0123456789abcdefghijABCDEFGHIJ012345");
    let answer = signed(&world, &body, "w1").await;
    let incident = answer.json()["incidents"][0].as_str().unwrap().to_owned();
    let path = format!("/api/v1/incidents/{incident}");
    let shown =
        world.get("viewer", &path).await.text() + &world.get("viewer", &format!("{path}/timeline")).await.text();
    assert!(shown.contains("‹secret:"));
    assert!(!shown.contains("hunter2") && !shown.contains("ghp_0123"));
}
