//! Faults that nobody tells of but Prometheus: seen, mended, and over when Alertmanager says so.

use crate::corner::{CONFIGURATION, Corner, NAME, PATIENCE, connect, ended};
use crate::daemon::free;
use crate::monitoring::{ALERT, Monitoring, Receiver};
use dreamops_tests::serving::{ADMIN, Serving, until};
use serde_json::{Value, json};
use std::time::Instant;

/// Tells when each step was.
struct Steps(Instant);

impl Steps {
    fn reached(&self, what: &str) {
        eprintln!("{:6.1} s  {what}", self.0.elapsed().as_secs_f32());
    }
}

/// A server with the cluster connected, a source for Alertmanager, and a token of role intake; the source's path and the token.
fn watched(corner: &Corner, server: &mut Serving) -> (String, String) {
    server.start();
    let connected = connect(server, &corner.by_token("dreamops"));
    assert_eq!(connected.code, 200, "{}", connected.text);
    let source = json!({ "name": "prometheus", "kind": "alertmanager", "cluster": NAME });
    let source = server.ask("POST", "/api/v1/sources", &source);
    assert_eq!(source.code, 201, "{}", source.text);
    let token = server.ask(
        "POST",
        "/api/v1/tokens",
        &json!({ "user": "alertmanager", "role": "intake" }),
    );
    assert_eq!(token.code, 201, "{}", token.text);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&source.body["path"]), text(&token.body["secret"]))
}

/// Rolls out a `web` that ends after a few seconds, each time.
fn break_slowly(corner: &Corner) {
    corner.kubectl(&["set", "env", "deployment/web", "EXIT_AFTER_SECONDS=5", "EXIT_CODE=1"]);
}

fn wait(what: &str, server: &Serving, mut holds: impl FnMut() -> bool) {
    let seen = until(2 * PATIENCE, || holds().then_some(()));
    assert!(seen.is_some(), "{what}: not in time\n{}", server.said());
}

/// All incidents, those that only joined another left out.
fn incidents(server: &Serving) -> Vec<Value> {
    server.get("/api/v1/incidents").body["items"]
        .as_array()
        .unwrap()
        .clone()
}

/// How often the server holds the alert in a status.
fn heard(server: &Serving, status: &str) -> usize {
    let alerts = server.get("/api/v1/alerts").body;
    let alerts = alerts["items"].as_array().unwrap();
    alerts.iter().filter(|alert| alert["status"] == status).count()
}

/// Statuses of the alerts that the incident shows.
fn statuses(incident: &Value) -> Vec<&str> {
    let alerts = incident["alerts"].as_array().unwrap();
    alerts.iter().map(|alert| alert["status"].as_str().unwrap()).collect()
}

#[test]
fn a_bad_rollout_is_seen_by_prometheus_and_mended_and_its_resolution_is_kept_with_the_incident() {
    let corner = Corner::new("seen");
    let address = free("127.0.0.1").to_string();
    let mut server = Serving::new(CONFIGURATION).listening_on(&address);
    let (path, token) = watched(&corner, &mut server);
    let receiver = Receiver {
        server: &address,
        path: &path,
        token: &token,
        repeat: "1h",
    };
    let monitoring = Monitoring::start(&corner, &receiver);

    let steps = Steps(Instant::now());
    break_slowly(&corner);
    steps.reached("the bad rollout");
    wait("the alert fires", &server, || monitoring.fires());
    steps.reached("Prometheus fires");
    wait("an incident opens", &server, || !incidents(&server).is_empty());
    steps.reached("an incident is open");
    let id = incidents(&server)[0]["id"].as_str().unwrap().to_owned();
    let incident = ended(&server, ADMIN, &id);
    steps.reached("the incident has ended");
    assert_eq!(incident["phase"], "resolved", "{incident:#}\n{}", server.said());
    assert_eq!(
        incident["title"]
            .as_str()
            .map(|t| t.contains(ALERT) || t.contains("again and again")),
        Some(true)
    );
    assert!(corner.web_is_healthy());
    wait("the alert is over", &server, || !monitoring.fires());
    steps.reached("Prometheus says that it is over");
    wait("the resolution arrives", &server, || heard(&server, "resolved") == 1);
    steps.reached("Alertmanager has said so");

    let after = ended(&server, ADMIN, &id);
    assert_eq!(statuses(&after), ["firing", "resolved"], "{after:#}");
    assert_eq!(after["phase"], "resolved");
    assert_eq!(incidents(&server).len(), 1, "a resolution opens nothing");
    assert_eq!(heard(&server, "firing"), 1);
    assert_eq!(server.get("/api/v1/audit/verify").body["intact"], true);
    monitoring.forget(&corner);
}

#[test]
fn what_fires_while_the_server_is_away_arrives_later_and_is_there_once_however_often_it_is_said() {
    let corner = Corner::new("away");
    let address = free("127.0.0.1").to_string();
    let configuration = CONFIGURATION.replace("yolo", "approval");
    let mut server = Serving::new(&configuration).listening_on(&address);
    let (path, token) = watched(&corner, &mut server);
    let receiver = Receiver {
        server: &address,
        path: &path,
        token: &token,
        repeat: "2s",
    };
    let monitoring = Monitoring::start(&corner, &receiver);

    let steps = Steps(Instant::now());
    assert_eq!(server.stop(), Some(0));
    break_slowly(&corner);
    steps.reached("the server is away, and the bad rollout");
    wait("Alertmanager tries", &server, || {
        monitoring.counted("alertmanager_notification_requests_failed_total") > 0.0
    });
    steps.reached("Alertmanager has tried in vain");
    server.start();
    wait("the alert arrives", &server, || heard(&server, "firing") > 0);
    steps.reached("the server is back and has the alert");
    let waits = || {
        incidents(&server)
            .into_iter()
            .find(|incident| incident["phase"] == "awaiting-approval")
    };
    let incident = until(2 * PATIENCE, waits).unwrap_or_else(|| panic!("no plan waits: {}", server.said()));
    steps.reached("a plan waits for approval");
    let tried = monitoring.counted("alertmanager_notification_requests_total");
    wait("repeats", &server, || {
        monitoring.counted("alertmanager_notification_requests_total") >= tried + 3.0
    });
    steps.reached("Alertmanager has said it three times more");
    assert_eq!(heard(&server, "firing"), 1, "it is there once");
    assert_eq!(incidents(&server).len(), 1);
    assert_eq!(statuses(&incident), ["firing"]);

    let id = incident["id"].as_str().unwrap();
    let digest = &incident["plan"]["digest"];
    let approved = server.ask(
        "POST",
        &format!("/api/v1/incidents/{id}/approve"),
        &json!({ "digest": digest }),
    );
    assert_eq!(approved.code, 202, "{}", approved.text);
    let mended = ended(&server, ADMIN, id);
    steps.reached("the incident has ended");
    assert_eq!(mended["phase"], "resolved", "{mended:#}\n{}", server.said());
    assert!(corner.web_is_healthy());
    monitoring.forget(&corner);
}
