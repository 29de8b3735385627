//! Tokens, roles, sources, audit, mode, stop, health: the routes beside alerts and incidents.

use crate::world::World;
use dreamops_domain::id::TenantId;
use dreamops_domain::ports::Store;
use serde_json::json;
use std::sync::atomic::Ordering;
use std::time::Duration;

#[tokio::test]
async fn every_route_but_health_asks_for_a_token() {
    let world = World::new().await;
    for path in [
        "/api/v1/incidents",
        "/api/v1/alerts",
        "/api/v1/clusters",
        "/api/v1/tokens",
        "/api/v1/sources",
        "/api/v1/audit",
        "/api/v1/audit/verify",
        "/api/v1/emergency-stop",
        "/api/v1/mode",
        "/api/v1/events",
        "/metrics",
        "/openapi.json",
        "/api/v1/kubernetes/agno/clusters",
        "/api/v1/kubernetes/agno/agent-status",
    ] {
        world.ask("GET", path).send().await.is_problem(401, "unauthenticated");
        world.get("unknown", path).await.is_problem(401, "unauthenticated");
        let basic = world.ask("GET", path).header("authorization", "Basic YWRtaW46YWRtaW4=");
        basic.send().await.is_problem(401, "unauthenticated");
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(world.ask("GET", path).send().await.status, 200);
    }
}

#[tokio::test]
async fn each_role_may_what_it_says_and_no_more() {
    let world = World::new().await;
    let reads = [
        "/api/v1/incidents",
        "/api/v1/alerts",
        "/api/v1/audit",
        "/api/v1/mode",
        "/metrics",
        "/openapi.json",
    ];
    for path in reads {
        world.get("intake", path).await.is_problem(403, "forbidden");
        for token in ["viewer", "responder", "admin"] {
            assert_eq!(world.get(token, path).await.status, 200, "{token} {path}");
        }
    }
    for path in ["/api/v1/tokens", "/api/v1/sources", "/api/v1/audit/verify"] {
        for token in ["intake", "viewer", "responder"] {
            world.get(token, path).await.is_problem(403, "forbidden");
        }
        assert_eq!(world.get("admin", path).await.status, 200);
    }
    let id = world.incident("intake", "a1").await;
    for token in ["intake", "viewer"] {
        let path = format!("/api/v1/incidents/{id}/approve");
        world
            .post(token, &path, &json!({ "digest": "d1" }))
            .await
            .is_problem(403, "forbidden");
        world
            .ask("PUT", "/api/v1/emergency-stop")
            .token(token)
            .send()
            .await
            .is_problem(403, "forbidden");
    }
    let alert = json!({ "alert_id": "x", "title": "t" });
    world
        .post("viewer", "/api/v1/kubernetes/agno/process-incident", &alert)
        .await
        .is_problem(403, "forbidden");
}

#[tokio::test]
async fn a_token_shows_its_secret_once_works_and_ends() {
    let world = World::new().await;
    world.clock.advance(Duration::from_millis(1));
    let made = world
        .post("admin", "/api/v1/tokens", &json!({ "user": "ann", "role": "viewer" }))
        .await;
    assert_eq!(made.status, 201, "{}", made.text());
    let secret = made.json()["secret"].as_str().unwrap().to_owned();
    assert_eq!(world.get(&secret, "/api/v1/incidents").await.status, 200);
    let listed = world.get("admin", "/api/v1/tokens").await;
    assert_eq!(listed.items()[0]["user"], "ann");
    assert!(!listed.text().contains(&secret));
    let path = format!("/api/v1/tokens/{}", made.json()["id"].as_str().unwrap());
    assert_eq!(world.ask("DELETE", &path).token("admin").send().await.status, 204);
    world
        .get(&secret, "/api/v1/incidents")
        .await
        .is_problem(401, "unauthenticated");
    world
        .ask("DELETE", &path)
        .token("admin")
        .send()
        .await
        .is_problem(404, "not-found");
}

#[tokio::test]
async fn a_token_ends_at_its_time() {
    let world = World::new().await;
    let wanted = json!({ "user": "ann", "role": "viewer", "expires_at": "2023-11-14T23:13:20Z" });
    let made = world.post("admin", "/api/v1/tokens", &wanted).await;
    let secret = made.json()["secret"].as_str().unwrap().to_owned();
    assert_eq!(world.get(&secret, "/api/v1/mode").await.status, 200);
    world.clock.advance(Duration::from_hours(2));
    world
        .get(&secret, "/api/v1/mode")
        .await
        .is_problem(401, "unauthenticated");
    world
        .post("admin", "/api/v1/tokens", &wanted)
        .await
        .is_problem(422, "invalid");
}

#[tokio::test]
async fn sources_that_could_prove_nothing_are_refused() {
    let world = World::new().await;
    for wrong in [
        json!({ "name": "pd", "kind": "pagerduty" }),
        json!({ "name": "pd", "kind": "pagerduty", "secrets": ["short"] }),
        json!({ "name": "pd", "kind": "pagerduty", "secrets": vec!["0123456789abcdef"; 5] }),
        json!({ "name": "a/b", "kind": "alertmanager" }),
        json!({ "name": "", "kind": "alertmanager" }),
        json!({ "name": "-a", "kind": "alertmanager" }),
        json!({ "name": "p", "kind": "process-incident" }),
        json!({ "name": "p", "kind": "grafana" }),
    ] {
        world
            .post("admin", "/api/v1/sources", &wrong)
            .await
            .is_problem(422, "invalid");
    }
    let made = world
        .post(
            "admin",
            "/api/v1/sources",
            &json!({ "name": "prom", "kind": "alertmanager" }),
        )
        .await;
    let path = format!("/api/v1/sources/{}", made.json()["id"].as_str().unwrap());
    assert_eq!(world.ask("DELETE", &path).token("admin").send().await.status, 204);
    assert_eq!(world.get("admin", "/api/v1/sources").await.items().len(), 0);
}

#[tokio::test]
async fn the_stop_is_pulled_by_a_responder_and_released_by_an_admin() {
    let world = World::new().await;
    let path = "/api/v1/emergency-stop";
    assert_eq!(world.get("viewer", path).await.json()["on"], false);
    let pull = |reason: &str| {
        world
            .ask("PUT", path)
            .token("responder")
            .json(&json!({ "reason": reason }))
            .send()
    };
    assert_eq!(pull("first").await.json()["reason"], "first");
    assert_eq!(pull("second").await.json()["reason"], "first");
    assert!(world.store.emergency_stop().await.unwrap().is_some());
    assert_eq!(world.get("viewer", "/api/v1/mode").await.json()["emergency_stop"], true);
    world
        .ask("DELETE", path)
        .token("responder")
        .send()
        .await
        .is_problem(403, "forbidden");
    assert_eq!(world.ask("DELETE", path).token("admin").send().await.status, 204);
    assert!(world.store.emergency_stop().await.unwrap().is_none());
}

#[tokio::test]
async fn the_audit_is_listed_and_checked_against_an_anchor() {
    let world = World::new().await;
    let count = async |query: &str| {
        world
            .get("viewer", &format!("/api/v1/audit{query}"))
            .await
            .items()
            .len()
    };
    let before = count("?limit=500").await;
    world.happen(TenantId::DEFAULT, "ann").await;
    world.happen(TenantId::DEFAULT, "bob").await;
    let first = world.get("viewer", "/api/v1/audit?limit=1").await;
    assert_eq!(first.items()[0]["body"]["user"], "bob-user");
    let cursor = first.json()["next_cursor"].as_str().unwrap().to_owned();
    let rest = world
        .get("viewer", &format!("/api/v1/audit?limit=500&cursor={cursor}"))
        .await;
    assert_eq!(rest.items()[0]["body"]["user"], "ann-user");
    assert_eq!(rest.items().len(), before + 1);
    assert_eq!(rest.json()["next_cursor"], json!(null));
    assert_eq!(count("?event=token-created").await, before + 2);
    assert_eq!(count("?event=tenant-created").await, 0);
    let id = world.incident("admin", "a1").await;
    world.sealed().await;
    assert_eq!(count(&format!("?incident_id={id}")).await, 1);

    let checked = world.get("admin", "/api/v1/audit/verify").await.json();
    assert_eq!(checked["intact"], true, "{checked}");
    let (position, chain) = (&checked["head"]["position"], checked["head"]["chain"].as_str().unwrap());
    let path = format!("/api/v1/audit/verify?position={position}&chain=");
    assert_eq!(
        world.get("admin", &format!("{path}{chain}")).await.json()["intact"],
        true
    );
    assert_eq!(world.get("admin", &format!("{path}00")).await.json()["intact"], false);
    world
        .get("admin", "/api/v1/audit/verify?position=9")
        .await
        .is_problem(400, "malformed");
}

#[tokio::test]
async fn it_is_ready_while_the_store_answers() {
    let world = World::new().await;
    world.faulty.away.store(true, Ordering::SeqCst);
    world.ask("GET", "/readyz").send().await.is_problem(503, "unavailable");
    assert_eq!(world.ask("GET", "/healthz").send().await.status, 200);
    world.faulty.away.store(false, Ordering::SeqCst);
    assert_eq!(world.ask("GET", "/readyz").send().await.status, 200);
}

#[tokio::test]
async fn what_is_counted_names_routes_and_no_ids() {
    let world = World::new().await;
    let id = world.incident("admin", "a1").await;
    world.get("viewer", &format!("/api/v1/incidents/{id}")).await;
    world.ask("GET", "/nowhere/secret-path").send().await;
    let text = world.get("viewer", "/metrics").await.text();
    assert!(
        text.contains("dreamops_deliveries_total{source=\"process-incident\",outcome=\"stored\"} 1"),
        "{text}"
    );
    assert!(text.contains("route=\"/api/v1/incidents/{id}\""));
    assert!(!text.contains(&id) && !text.contains("secret-path"));
}

#[tokio::test]
async fn answers_tell_a_browser_to_do_nothing_with_them() {
    let world = World::new().await;
    for answer in [
        world.get("viewer", "/api/v1/mode").await,
        world.get("nobody", "/api/v1/mode").await,
    ] {
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(answer.header("content-security-policy").contains("default-src 'none'"));
    }
}
