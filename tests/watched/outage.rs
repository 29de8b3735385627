//! Alertmanager fires while the server is away, and says the same again and again: the alert arrives, and is there once.

use crate::connections::{by_token, connect, connected};
use crate::ground::{CONFIGURATION, Ground, PATIENCE, reaches};
use crate::monitoring::Watch;
use crate::part::free;
use dreamops_tests::serving::{Serving, until};
use serde_json::{Value, json};
use std::time::Instant;

/// All requests, and those that failed.
const SENT: &str = "alertmanager_notification_requests_total";
const FAILED: &str = "alertmanager_notification_requests_failed_total";

fn wait(what: &str, server: &Serving, mut holds: impl FnMut() -> bool) {
    let seen = until(PATIENCE, || holds().then_some(()));
    assert!(
        seen.is_some(),
        "{what}: not in time; the server said: {}",
        server.said()
    );
}

fn list(server: &Serving, path: &str) -> Vec<Value> {
    server.get(path).body["items"].as_array().cloned().unwrap_or_default()
}

#[test]
fn what_fires_while_the_server_is_away_arrives_later_and_is_there_once_however_often_it_is_said() {
    let ground = Ground::new("outage");
    let address = free("127.0.0.1").to_string();
    let mut server = Serving::new(&CONFIGURATION.replace("yolo", "approval")).listening_on(&address);
    server.start();
    connected(&connect(&server, "production", &ground, &by_token(&ground)));
    let token = json!({ "user": "alertmanager", "role": "intake" });
    let token = server.ask("POST", "/api/v1/tokens", &token);
    let secret = token.body["secret"].as_str().unwrap();
    let watch = Watch::new();
    let _alertmanager = watch.alertmanager(server.folder(), &server.address(), secret, "5s");
    let _prometheus = watch.prometheus(server.folder(), &ground);

    let began = Instant::now();
    let told = |what: &str| eprintln!("{what} after {} s", began.elapsed().as_secs());
    assert_eq!(server.stop(), Some(0));
    ground.broken("web", &["NOT_READY=1", "EXIT_AFTER_SECONDS=5", "EXIT_CODE=1"]);
    wait("Alertmanager tries", &server, || watch.counted(FAILED) > 0.0);
    told("Alertmanager has tried in vain");
    server.start();
    let waits = || list(&server, "/api/v1/incidents?phase=awaiting-approval").pop();
    let incident = until(PATIENCE, waits).unwrap_or_else(|| panic!("no plan waits: {}", server.said()));
    told("the alert has arrived, and a plan waits for a person");
    let before = watch.counted(SENT);
    wait("repeats", &server, || watch.counted(SENT) >= before + 3.0);
    told("it was said three times more");

    // each pod that crashes is an alert of its own
    let mut alerts: Vec<Value> = list(&server, "/api/v1/alerts?limit=500");
    let all = alerts.len();
    let message = |alert: &Value| ["fingerprint", "status"].map(|field| alert[field].to_string());
    alerts.sort_by_key(message);
    alerts.dedup_by_key(|alert| message(alert));
    assert_eq!(alerts.len(), all, "each is there once");
    assert_eq!(list(&server, "/api/v1/incidents").len(), 1);
    let id = incident["id"].as_str().unwrap();
    let digest = &incident["plan"]["digest"];
    let approved = server.ask(
        "POST",
        &format!("/api/v1/incidents/{id}/approve"),
        &json!({ "digest": digest }),
    );
    assert!((200..300).contains(&approved.code), "{}", approved.text);
    let incident = reaches(&server, id, |incident| !incident["closed_at"].is_null());
    assert_eq!(incident["phase"], "resolved", "{incident}");
    assert!(ground.is_healthy("web"));
    told("the incident was resolved");
}
