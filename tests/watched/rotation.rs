//! Credentials that end: put in place of another, taken away, run out. No other one is ever used instead.

use crate::corner::{CONFIGURATION, Corner, NAME, PATIENCE, connect, ended, shown};
use dreamops_test_cluster::Validity;
use dreamops_tests::serving::{ADMIN, Serving, ask, until};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The incident as it stands.
fn incident(server: &Serving, id: &str) -> Value {
    server.get(&format!("/api/v1/incidents/{id}")).body
}

fn wait(what: &str, server: &Serving, mut holds: impl FnMut() -> bool) {
    let seen = until(PATIENCE, || holds().then_some(()));
    assert!(
        seen.is_some(),
        "{what}: not in time\n{:#}\n{}",
        shown(server),
        server.said()
    );
}

/// Who has written to objects of the namespace, by the API server's own record; the administrator of the tests left out.
fn writers(corner: &Corner) -> BTreeSet<String> {
    let record = std::fs::read_to_string(corner.cluster.audit_log()).unwrap();
    let events = record
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let ours = events.filter(|event| event["objectRef"]["namespace"] == corner.namespace.as_str());
    let written =
        ours.filter(|event| ["patch", "update", "create", "delete"].contains(&event["verb"].as_str().unwrap()));
    let of_accounts = written.filter_map(|event| Some(event["user"]["username"].as_str()?.to_owned()));
    let prefix = format!("system:serviceaccount:{}:", corner.namespace);
    of_accounts
        .filter_map(|user| user.strip_prefix(&prefix).map(str::to_owned))
        .collect()
}

#[test]
fn a_credential_is_rotated_in_the_middle_of_an_incident_which_goes_on_with_the_new_one() {
    let corner = Corner::new("rotated");
    corner.account("second");
    // the API server takes a token for good for 10 s after it has looked at it: the work has to last longer
    let mut server = Serving::new(&CONFIGURATION.replace("4s", "25s"));
    server.start();
    assert_eq!(connect(&server, &corner.by_token("dreamops")).code, 200);
    let before = shown(&server);
    corner.break_web();
    let id = corner.alert(&server, ADMIN);
    wait("work begins", &server, || incident(&server, &id)["target"].is_object());

    let wrong = {
        let mut request = corner.by_token("second");
        request["service_account_token"] = json!("not-a-token-of-this-cluster");
        connect(&server, &request)
    };
    assert_eq!(wrong.code, 400, "{}", wrong.text);
    assert_eq!(
        shown(&server)["status"],
        "connected",
        "what was not proved changes nothing"
    );
    let rotated = connect(&server, &corner.by_token("second"));
    assert_eq!(rotated.code, 200, "{}", rotated.text);
    corner.kubectl(&["delete", "serviceaccount", "dreamops"]);

    let mended = ended(&server, ADMIN, &id);
    assert_eq!(mended["phase"], "resolved", "{mended:#}\n{}", server.said());
    assert!(corner.web_is_healthy());
    let after = shown(&server);
    assert_eq!((&after["id"], &after["status"]), (&before["id"], &json!("connected")));
}

#[test]
fn of_two_tenants_with_one_name_for_a_cluster_each_uses_its_own_credential_and_fails_with_it() {
    let corner = Corner::new("two");
    corner.account("second");
    corner.account("third");
    let mut server = Serving::new(CONFIGURATION);
    server.start();
    assert_eq!(connect(&server, &corner.by_token("dreamops")).code, 200);
    assert_eq!(
        server.ask("POST", "/api/v1/tenants", &json!({ "name": "theirs" })).code,
        201
    );
    let token = json!({ "user": "ana", "role": "admin" });
    let token = server.ask("POST", "/api/v1/tenants/theirs/tokens", &token);
    let theirs = token.body["secret"].as_str().unwrap();
    let path = "/api/v1/kubernetes/agno/connect-cluster";
    let connected = ask(
        &server.address(),
        "POST",
        path,
        Some(theirs),
        &corner.by_token("second"),
    )
    .unwrap();
    assert_eq!(connected.code, 200, "{}", connected.text);

    let idle = corner.respond(&server);
    assert_eq!(idle["phase"], "no-action", "{idle:#}");

    // ours is in use, and is taken away; theirs would do, and is not used
    corner.kubectl(&["delete", "serviceaccount", "dreamops"]);
    corner.break_web();
    let ours = corner.alert(&server, ADMIN);
    wait("the cluster fails", &server, || shown(&server)["status"] == "failed");
    let failed = shown(&server);
    assert_eq!(failed["name"], NAME);
    assert!(
        failed["status_reason"].as_str().unwrap().contains("does not accept"),
        "{failed:#}"
    );
    assert_eq!(incident(&server, &ours)["closed_at"], Value::Null);
    assert_eq!(writers(&corner), BTreeSet::new());

    let mended = ended(&server, theirs, &corner.alert(&server, theirs));
    assert_eq!(mended["phase"], "resolved", "{mended:#}\n{}", server.said());
    assert!(corner.web_is_healthy());
    assert_eq!(writers(&corner), BTreeSet::from(["second".to_owned()]));
    assert_eq!(shown(&server)["status"], "failed");

    // with a new one ours goes on, and finds nothing left to do
    let rotated = connect(&server, &corner.by_token("third"));
    assert_eq!(rotated.code, 200, "{}", rotated.text);
    assert_eq!(shown(&server)["status"], "connected");
    let over = ended(&server, ADMIN, &ours);
    assert_eq!(over["plan"], Value::Null, "{over:#}");
    assert_eq!(writers(&corner), BTreeSet::from(["second".to_owned()]));
}

#[test]
fn a_certificate_that_runs_out_is_told_and_stops_the_work_until_a_new_one_is_there() {
    let corner = Corner::new("expired");
    let mut server = Serving::new(CONFIGURATION);
    server.start();
    let old = connect(&server, &corner.by_certificate(Validity::Expired));
    assert_eq!(old.code, 400, "{}", old.text);
    assert!(old.text.contains("expired on 2021-01-01"), "{}", old.text);
    assert_eq!(shown(&server), Value::Null, "what was not proved is not stored");

    let short = connect(&server, &corner.by_certificate(Validity::Seconds(30)));
    assert_eq!(short.code, 200, "{}", short.text);
    let cluster = shown(&server);
    assert_eq!(cluster["status"], "connected");
    assert!(cluster["expires_at"].is_string(), "{cluster:#}");
    corner.break_web();
    wait("the end is told", &server, || shown(&server)["status"] == "expired");

    let id = corner.alert(&server, ADMIN);
    wait("it is tried", &server, || {
        let events = server.get("/api/v1/audit?limit=500").text;
        events.contains("cluster-noted") && events.contains("expired")
    });
    let waiting = incident(&server, &id);
    assert_eq!((&waiting["closed_at"], &waiting["plan"]), (&Value::Null, &Value::Null));
    let fresh = connect(&server, &corner.by_certificate(Validity::Valid));
    assert_eq!(fresh.code, 200, "{}", fresh.text);
    let mended = ended(&server, ADMIN, &id);
    assert_eq!(mended["phase"], "resolved", "{mended:#}\n{}", server.said());
    assert!(corner.web_is_healthy());
    assert_eq!(shown(&server)["status"], "connected");
}
