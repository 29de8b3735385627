//! Two tenants: what belongs to one does not exist for the other.

use crate::pagerduty::event;
use crate::world::World;
use dreamops_domain::ports::Store;
use serde_json::{Value, json};

/// The answers to a request with an id of the other tenant, and with one that nobody has.
async fn both(world: &World, method: &str, path: impl Fn(&str) -> String, theirs: &str, body: Option<&Value>) {
    let nobodys = "01900000-0000-7000-8000-000000000000";
    let mut answers = Vec::new();
    for id in [theirs, nobodys] {
        let mut asking = world.ask(method, &path(id)).token("other");
        if let Some(body) = body {
            asking = asking.json(body);
        }
        let answer = asking.send().await;
        answer.is_problem(404, "not-found");
        answers.push(answer.text().replace(id, "ID"));
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn ids_of_another_tenant_are_answered_as_unknown_ones() {
    let world = World::new().await;
    let incident = world.incident("admin", "a1").await;
    let at = |rest: &'static str| move |id: &str| format!("/api/v1/incidents/{id}{rest}");
    both(&world, "GET", at(""), &incident, None).await;
    both(&world, "GET", at("/timeline"), &incident, None).await;
    both(
        &world,
        "POST",
        at("/approve"),
        &incident,
        Some(&json!({ "digest": "d1" })),
    )
    .await;
    both(
        &world,
        "POST",
        at("/reject"),
        &incident,
        Some(&json!({ "reason": "no" })),
    )
    .await;
    both(&world, "POST", at("/rollback"), &incident, None).await;
    both(&world, "POST", at("/acknowledge"), &incident, None).await;
    let token = world.get("admin", "/api/v1/tokens").await.items()[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    both(&world, "DELETE", |id| format!("/api/v1/tokens/{id}"), &token, None).await;
    let source = json!({ "name": "prom", "kind": "alertmanager" });
    let source = world.post("admin", "/api/v1/sources", &source).await.json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    both(&world, "DELETE", |id| format!("/api/v1/sources/{id}"), &source, None).await;
    assert!(world.desk.told.lock().unwrap().is_empty());
}

#[tokio::test]
async fn lists_show_a_tenants_own_alone() {
    let world = World::new().await;
    world.incident("admin", "a1").await;
    let cluster = json!({ "auth_method": "service_account", "cluster_name": "production", "cluster_endpoint": "https://c:6443",
                          "service_account_token": "right" });
    world
        .post("admin", "/api/v1/kubernetes/agno/connect-cluster", &cluster)
        .await;
    world
        .post(
            "admin",
            "/api/v1/sources",
            &json!({ "name": "prom", "kind": "alertmanager" }),
        )
        .await;
    world.sealed().await;
    for list in ["incidents", "alerts", "clusters", "sources"] {
        let path = format!("/api/v1/{list}");
        assert_eq!(world.get("admin", &path).await.items().len(), 1, "{list}");
        assert_eq!(world.get("other", &path).await.items().len(), 0, "{list}");
    }
    assert_eq!(world.get("admin", "/api/v1/tokens").await.items().len(), 4);
    assert_eq!(world.get("other", "/api/v1/tokens").await.items().len(), 1);
    assert_eq!(
        world.get("other", "/api/v1/kubernetes/agno/clusters").await.json(),
        json!([])
    );
    assert!(world.get("admin", "/api/v1/audit").await.text().contains("admin-user"));
    let audit = world.get("other", "/api/v1/audit?limit=500").await.text();
    assert!(audit.contains("other-user") && !audit.contains("admin-user"));
    let removed = world
        .ask("DELETE", "/api/v1/clusters/production")
        .token("other")
        .send()
        .await;
    removed.is_problem(404, "not-found");
    assert_eq!(world.get("admin", "/api/v1/clusters").await.items().len(), 1);
}

#[tokio::test]
async fn the_same_alert_in_two_tenants_is_two_incidents_on_the_cluster_each_of_them_means() {
    let world = World::new().await;
    for (token, address) in [("admin", "https://a:6443"), ("other", "https://b:6443")] {
        let cluster = json!({ "auth_method": "service_account", "cluster_name": "production", "cluster_endpoint": address,
                              "service_account_token": "right" });
        let path = "/api/v1/kubernetes/agno/connect-cluster";
        assert_eq!(world.post(token, path, &cluster).await.status, 200);
    }
    let (mine, theirs) = (world.incident("admin", "a1").await, world.incident("other", "a1").await);
    assert_ne!(mine, theirs);
    for (tenant, id, address) in [
        (dreamops_domain::id::TenantId::DEFAULT, mine, "https://a:6443"),
        (world.other, theirs, "https://b:6443"),
    ] {
        let incident = world.store.load(tenant, id.parse().unwrap()).await.unwrap();
        assert_eq!(incident.cluster.key, address);
    }
}

#[tokio::test]
async fn equal_secrets_have_other_handles_in_another_tenant() {
    let world = World::new().await;
    let mut titles = Vec::new();
    for token in ["admin", "other"] {
        let body = json!({ "alert_id": "a", "title": "password=hunter2-hunter2", "metadata": {} });
        world
            .post(token, "/api/v1/kubernetes/agno/process-incident", &body)
            .await;
        titles.push(world.get(token, "/api/v1/incidents").await.items()[0]["title"].clone());
    }
    assert!(titles[0].as_str().unwrap().contains("‹secret:"));
    assert_ne!(titles[0], titles[1]);
}

#[tokio::test]
async fn another_tenant_can_neither_pull_nor_release_the_stop_of_the_whole_server() {
    let world = World::new().await;
    let path = "/api/v1/emergency-stop";
    world
        .ask("PUT", path)
        .token("other")
        .send()
        .await
        .is_problem(403, "forbidden");
    let pulled = world
        .ask("PUT", path)
        .token("responder")
        .json(&json!({ "reason": "secret plans" }))
        .send()
        .await;
    assert_eq!(pulled.status, 200);
    world
        .ask("DELETE", path)
        .token("other")
        .send()
        .await
        .is_problem(403, "forbidden");
    let seen = world.get("other", path).await;
    assert_eq!(seen.json()["on"], true);
    assert!(!seen.text().contains("secret plans") && !seen.text().contains("responder-user"));
}

#[tokio::test]
async fn a_stop_of_ones_own_tenant_or_cluster_is_ones_own() {
    let world = World::new().await;
    let path = "/api/v1/emergency-stop";
    let put = async |token: &str, body: &Value| world.ask("PUT", path).token(token).json(body).send().await;
    let cluster = json!({ "auth_method": "service_account", "cluster_name": "production", "cluster_endpoint": "https://c:6443",
                          "service_account_token": "right" });
    world
        .post("admin", "/api/v1/kubernetes/agno/connect-cluster", &cluster)
        .await;
    let of_cluster = json!({ "scope": "cluster", "cluster": "production", "reason": "an upgrade" });
    put("other", &of_cluster).await.is_problem(404, "not-found");
    for wrong in [
        json!({ "scope": "cluster" }),
        json!({ "scope": "tenant", "cluster": "production" }),
        json!({ "scope": "everything" }),
    ] {
        put("responder", &wrong).await.is_problem(422, "invalid");
    }
    put("viewer", &of_cluster).await.is_problem(403, "forbidden");
    let pulled = put("responder", &of_cluster).await.json();
    assert_eq!(pulled["on"], false);
    assert_eq!(pulled["stops"][0]["cluster"], "production");
    assert_eq!(pulled["stops"][0]["by"], "responder-user");
    assert_eq!(
        world.get("viewer", "/api/v1/mode").await.json()["emergency_stop"],
        false
    );
    let theirs = put("other", &json!({ "scope": "tenant", "reason": "ours" }))
        .await
        .json();
    assert_eq!(theirs["stops"].as_array().unwrap().len(), 1);
    assert_eq!(theirs["stops"][0]["scope"], "tenant");
    assert_eq!(world.get("other", "/api/v1/mode").await.json()["emergency_stop"], true);
    assert_eq!(
        world.get("admin", path).await.json()["stops"].as_array().unwrap().len(),
        1
    );

    // the name that it was pulled under releases it, the cluster being gone
    world
        .ask("DELETE", "/api/v1/clusters/production")
        .token("admin")
        .send()
        .await;
    let delete =
        async |token: &str, query: &str| world.ask("DELETE", &format!("{path}{query}")).token(token).send().await;
    let of_cluster = "?scope=cluster&cluster=production";
    delete("responder", of_cluster).await.is_problem(403, "forbidden");
    delete("other", of_cluster).await.is_problem(404, "not-found");
    assert_eq!(delete("admin", of_cluster).await.status, 204);
    assert_eq!(delete("other", "?scope=tenant").await.status, 204);
    for token in ["admin", "other"] {
        assert_eq!(world.get(token, path).await.json()["stops"], json!([]));
    }
}

#[tokio::test]
async fn a_name_of_a_source_is_taken_for_everybody_and_its_route_serves_its_owner() {
    let world = World::new().await;
    let source = |secret: &str| json!({ "name": "pd", "kind": "pagerduty", "secrets": [secret] });
    let mine = source("my-secret-of-16-bytes");
    assert_eq!(world.post("admin", "/api/v1/sources", &mine).await.status, 201);
    let theirs = world
        .post("other", "/api/v1/sources", &source("their-secret-of-16-bytes"))
        .await;
    theirs.is_problem(409, "taken");
    let body = event("incident.triggered", "P1").to_string().into_bytes();
    let signature = crate::pagerduty::signature("their-secret-of-16-bytes", &body);
    let asking = world
        .ask("POST", "/api/v1/webhooks/pagerduty/pd")
        .header("x-pagerduty-signature", &signature);
    asking.body(body).send().await.is_problem(401, "unauthenticated");
}

#[tokio::test]
async fn tenants_are_made_by_the_operator_and_hold_their_own() {
    let world = World::new().await;
    let tenants = "/api/v1/tenants";
    let made = world.post("admin", tenants, &json!({ "name": "payments" })).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let again = world.post("admin", tenants, &json!({ "name": "payments" })).await;
    again.is_problem(409, "taken");
    for name in ["", "-a", "a-", "Payments", "a b", &"a".repeat(64)] {
        let refused = world.post("admin", tenants, &json!({ "name": name })).await;
        refused.is_problem(422, "invalid");
    }
    let token = json!({ "user": "ana", "role": "admin" });
    let path = "/api/v1/tenants/payments/tokens";
    let first = world.post("admin", path, &token).await;
    assert_eq!(first.status, 201, "{}", first.text());
    let secret = first.json()["secret"].as_str().unwrap().to_owned();
    let own = world.ask("GET", "/api/v1/tokens").token(&secret).send().await;
    assert_eq!(own.items().len(), 1, "{}", own.text());
    // the other tenant's administrator may neither make one nor learn which there are
    for (path, body) in [
        (tenants, json!({ "name": "mine" })),
        (path, token.clone()),
        ("/api/v1/tenants/none/tokens", token.clone()),
    ] {
        world.post("other", path, &body).await.is_problem(403, "forbidden");
    }
    world
        .post("admin", "/api/v1/tenants/none/tokens", &token)
        .await
        .is_problem(404, "not-found");
    world
        .post("responder", tenants, &json!({ "name": "mine" }))
        .await
        .is_problem(403, "forbidden");
}
