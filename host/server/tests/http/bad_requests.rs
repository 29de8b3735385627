//! Requests that are wrong in general: method, path, type, JSON, ids, parameters.

use crate::world::World;
use serde_json::json;

#[tokio::test]
async fn a_wrong_method_names_the_right_ones() {
    let world = World::new().await;
    for (method, path, allowed) in [
        ("DELETE", "/api/v1/incidents", "GET"),
        ("PATCH", "/api/v1/tokens", "GET"),
        ("PATCH", "/api/v1/tokens", "POST"),
        ("GET", "/api/v1/webhooks/pagerduty", "POST"),
        ("GET", "/api/v1/kubernetes/agno/process-incident", "POST"),
        ("POST", "/healthz", "GET"),
        ("BREW", "/api/v1/mode", "GET"),
    ] {
        let answer = world.ask(method, path).token("admin").send().await;
        answer.is_problem(405, "wrong-method");
        assert!(
            answer.header("allow").contains(allowed),
            "{method} {path}: {}",
            answer.header("allow")
        );
    }
}

#[tokio::test]
async fn an_unknown_path_is_not_found() {
    let world = World::new().await;
    for path in [
        "/nothing",
        "/api/v1/incidents/",
        "/api/v2/incidents",
        "/api/v1/incidents/x/y/z",
    ] {
        world.get("admin", path).await.is_problem(404, "not-found");
    }
}

#[tokio::test]
async fn a_body_of_another_type_or_of_no_json_is_a_problem() {
    let world = World::new().await;
    let path = "/api/v1/tokens";
    let ask = |kind: &'static str, body: &'static str| {
        world
            .ask("POST", path)
            .token("admin")
            .header("content-type", kind)
            .body(body)
            .send()
    };
    ask("text/plain", r#"{"user":"a","role":"viewer"}"#)
        .await
        .is_problem(415, "wrong-content-type");
    world
        .ask("POST", path)
        .token("admin")
        .body("{}")
        .send()
        .await
        .is_problem(415, "wrong-content-type");
    for body in ["", "{", "{\"user\":\"a\",}", "\u{feff}{}"] {
        ask("application/json", body).await.is_problem(400, "malformed");
    }
    for body in [
        "[]",
        "null",
        "{}",
        r#"{"user":1,"role":"viewer"}"#,
        r#"{"user":"a","role":"god"}"#,
    ] {
        ask("application/json", body).await.is_problem(422, "invalid");
    }
    for user in ["", "  ", "a\nb"] {
        world
            .post("admin", path, &json!({ "user": user, "role": "viewer" }))
            .await
            .is_problem(422, "invalid");
    }
    let long = json!({ "user": "x".repeat(3 << 20), "role": "viewer" });
    world.post("admin", path, &long).await.is_problem(413, "too-large");
}

#[tokio::test]
async fn what_is_no_id_is_not_found_and_what_is_no_parameter_is_malformed() {
    let world = World::new().await;
    for path in [
        "/api/v1/incidents/1",
        "/api/v1/incidents/null",
        "/api/v1/incidents/%2e%2e",
    ] {
        world.get("admin", path).await.is_problem(404, "not-found");
    }
    world
        .ask("DELETE", "/api/v1/tokens/x")
        .token("admin")
        .send()
        .await
        .is_problem(404, "not-found");
    for query in [
        "incidents?phase=happy",
        "incidents?open=maybe",
        "incidents?limit=-1",
        "incidents?limit=x",
        "incidents?cursor=x",
        "alerts?since=yesterday",
        "alerts?delivery_id=1",
        "alerts?source=grafana",
        "audit?incident_id=1",
        "audit?cursor=x",
        "events?after=x",
        "incidents?cluster=%00",
    ] {
        world
            .get("admin", &format!("/api/v1/{query}"))
            .await
            .is_problem(400, "malformed");
    }
    let last = world
        .ask("GET", "/api/v1/events")
        .token("viewer")
        .header("last-event-id", "soon");
    last.send().await.is_problem(400, "malformed");
}

#[tokio::test]
async fn a_limit_beyond_500_is_read_as_500() {
    let world = World::new().await;
    assert_eq!(
        world.get("admin", "/api/v1/incidents?limit=4000000000").await.status,
        200
    );
}
