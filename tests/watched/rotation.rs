//! Credentials that end: put in place of another, taken away, run out. No other one is ever used instead.

use crate::connections::{by_certificate, by_token, connect, connected};
use crate::ground::{CONFIGURATION, Ground, PATIENCE, reaches};
use dreamops_test_cluster::Validity;
use dreamops_tests::serving::{ADMIN, Serving, ask, until};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};

/// The name by which all know the cluster.
const NAME: &str = "production";

/// A token of another account with the shipped rights.
fn by_account(ground: &Ground, name: &str) -> Value {
    ground.kubectl(&["create", "serviceaccount", name]);
    let of = format!("--serviceaccount={}:{name}", ground.namespace);
    ground.kubectl(&["create", "rolebinding", name, "--role=dreamops", &of]);
    let token = ground.kubectl(&["create", "token", name, "--duration=1h"]);
    let admin = ground.admin();
    json!({
        "auth_method": "service_account", "cluster_endpoint": admin.of_cluster("server"),
        "ca_certificate": admin.of_cluster("certificate-authority-data"), "service_account_token": token.trim(),
    })
}

/// Hands a new alert about `web` over; the incident's id.
fn alerted(server: &Serving, token: &str, ground: &Ground) -> String {
    static HANDED: AtomicU32 = AtomicU32::new(0);
    let number = HANDED.fetch_add(1, Ordering::Relaxed);
    let alert = json!({
        "alert_id": format!("{}-{number}", ground.namespace), "title": "KubePodCrashLooping", "severity": "high",
        "metadata": { "cluster": NAME, "namespace": ground.namespace, "deployment": "web" },
    });
    let path = "/api/v1/kubernetes/agno/process-incident";
    let taken = ask(&server.address(), "POST", path, Some(token), &alert).unwrap();
    assert_eq!(taken.code, 200, "{}", taken.text);
    taken.body["incident_id"].as_str().unwrap().to_owned()
}

fn closed(incident: &Value) -> bool {
    !incident["closed_at"].is_null()
}

/// What the server says of the cluster; null where it has none.
fn shown(server: &Serving) -> Value {
    server.get("/api/v1/clusters").body["items"][0].clone()
}

/// The cluster, once it has a status.
fn with_status(server: &Serving, status: &str) -> Value {
    let found = until(PATIENCE, || {
        Some(shown(server)).filter(|cluster| cluster["status"] == status)
    });
    found.unwrap_or_else(|| panic!("it is not {status}: {:#}", shown(server)))
}

/// Which accounts of the namespace have written there, by the API server's own record.
fn writers(ground: &Ground) -> BTreeSet<String> {
    let record = std::fs::read_to_string(ground.cluster.audit_log()).unwrap();
    let prefix = format!("system:serviceaccount:{}:", ground.namespace);
    let events = record
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let written = events.filter(|event| {
        let writes = ["patch", "update", "create", "delete"]
            .iter()
            .any(|verb| event["verb"] == *verb);
        writes && event["objectRef"]["namespace"] == ground.namespace.as_str()
    });
    let of_accounts =
        written.filter_map(|event| Some(event["user"]["username"].as_str()?.strip_prefix(&prefix)?.to_owned()));
    of_accounts.collect()
}

#[test]
fn a_credential_is_rotated_in_the_middle_of_an_incident_which_goes_on_with_the_new_one() {
    let ground = Ground::new("rotated");
    // the API server takes a token for good for 10 s after it has looked at it: the work has to last longer
    let mut server = Serving::new(&CONFIGURATION.replace("8s", "25s"));
    server.start();
    connected(&connect(&server, NAME, &ground, &by_token(&ground)));
    let before = shown(&server);
    ground.crashing("web");
    ground.wait_for_restarts("web", 1);
    let id = alerted(&server, ADMIN, &ground);
    reaches(&server, &id, |incident| incident["target"].is_object());

    let second = by_account(&ground, "second");
    let mut spoiled = second.clone();
    spoiled["service_account_token"] = json!("no-token-of-this-cluster");
    let refused = connect(&server, NAME, &ground, &spoiled);
    assert_eq!(refused.code, 400, "{}", refused.text);
    assert_eq!(
        shown(&server)["status"],
        "connected",
        "what was not proved changes nothing"
    );
    connected(&connect(&server, NAME, &ground, &second));
    ground.kubectl(&["delete", "serviceaccount", "dreamops"]);

    let incident = reaches(&server, &id, closed);
    assert_eq!(incident["phase"], "resolved", "{incident:#}\n{}", server.said());
    assert!(ground.is_healthy("web"));
    let after = shown(&server);
    assert_eq!((&after["id"], &after["status"]), (&before["id"], &json!("connected")));
}

#[test]
fn of_two_tenants_with_one_name_for_a_cluster_each_uses_its_own_credential_and_fails_with_it() {
    let ground = Ground::new("two");
    let mut server = Serving::new(CONFIGURATION);
    server.start();
    connected(&connect(&server, NAME, &ground, &by_token(&ground)));
    let theirs = tenant(&server);
    let mut request = by_account(&ground, "second");
    request["cluster_name"] = json!(NAME);
    let path = "/api/v1/kubernetes/agno/connect-cluster";
    connected(&ask(&server.address(), "POST", path, Some(&theirs), &request).unwrap());
    ground.healthy("web");
    let idle = alerted(&server, ADMIN, &ground);
    assert_eq!(reaches(&server, &idle, closed)["phase"], "no-action");

    // ours is in use, and is taken away; theirs would do, and is not used
    ground.kubectl(&["delete", "serviceaccount", "dreamops"]);
    ground.crashing("web");
    ground.wait_for_restarts("web", 2);
    let ours = alerted(&server, ADMIN, &ground);
    let failed = with_status(&server, "failed");
    assert!(
        failed["status_reason"].as_str().unwrap().contains("does not accept"),
        "{failed:#}"
    );
    assert!(!closed(&reaches(&server, &ours, |_| true)));
    assert_eq!(writers(&ground), BTreeSet::new());

    let id = alerted(&server, &theirs, &ground);
    let look = || {
        ask(
            &server.address(),
            "GET",
            &format!("/api/v1/incidents/{id}"),
            Some(&theirs),
            &Value::Null,
        )
    };
    let incident = until(PATIENCE, || look().map(|answer| answer.body).filter(closed)).unwrap();
    assert_eq!(incident["phase"], "resolved", "{incident:#}");
    assert!(ground.is_healthy("web"));
    let second = BTreeSet::from(["second".to_owned()]);
    assert_eq!(writers(&ground), second);
    assert_eq!(shown(&server)["status"], "failed");

    // with a new one ours goes on, and finds nothing left to do
    connected(&connect(&server, NAME, &ground, &by_account(&ground, "third")));
    assert_eq!(shown(&server)["status"], "connected");
    let over = reaches(&server, &ours, closed);
    assert_eq!(over["plan"], Value::Null, "{over:#}");
    assert_eq!(writers(&ground), second);
}

/// A token of an administrator of another tenant.
fn tenant(server: &Serving) -> String {
    let made = server.ask("POST", "/api/v1/tenants", &json!({ "name": "theirs" }));
    assert_eq!(made.code, 201, "{}", made.text);
    let token = server.ask(
        "POST",
        "/api/v1/tenants/theirs/tokens",
        &json!({ "user": "ana", "role": "admin" }),
    );
    token.body["secret"].as_str().unwrap().to_owned()
}

#[test]
fn a_certificate_that_runs_out_is_told_and_stops_the_work_until_a_new_one_is_there() {
    let ground = Ground::new("expired");
    let mut server = Serving::new(CONFIGURATION);
    server.start();
    let short = by_certificate(&ground, Validity::Seconds(30));
    connected(&connect(&server, NAME, &ground, &short));
    let cluster = shown(&server);
    assert_eq!(cluster["status"], "connected");
    assert!(cluster["expires_at"].is_string(), "{cluster:#}");
    ground.crashing("web");
    ground.wait_for_restarts("web", 2);
    with_status(&server, "expired");

    let id = alerted(&server, ADMIN, &ground);
    let noted = until(PATIENCE, || {
        let events = server.get("/api/v1/audit?event=cluster-noted").body;
        (events["items"][0]["body"]["status"] == "expired").then_some(())
    });
    assert!(noted.is_some(), "that it is tried in vain is noted");
    let waiting = reaches(&server, &id, |_| true);
    assert_eq!((&waiting["closed_at"], &waiting["plan"]), (&Value::Null, &Value::Null));
    connected(&connect(
        &server,
        NAME,
        &ground,
        &by_certificate(&ground, Validity::Valid),
    ));
    let incident = reaches(&server, &id, closed);
    assert_eq!(incident["phase"], "resolved", "{incident:#}\n{}", server.said());
    assert!(ground.is_healthy("web"));
    assert_eq!(shown(&server)["status"], "connected");
}
