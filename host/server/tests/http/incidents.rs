//! Looking at incidents, and a person's word on one.

use crate::ports::DIGEST;
use crate::world::World;
use dreamops_domain::phase::Phase;
use dreamops_domain::ports::Store;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn an_incident_has_the_fields_that_the_product_fixes() {
    let world = World::new().await;
    let id = world.incident("admin", "a1").await;
    let shown = world.get("viewer", &format!("/api/v1/incidents/{id}")).await.json();
    for field in [
        "id",
        "phase",
        "mode",
        "title",
        "severity",
        "cluster",
        "namespace",
        "target",
        "strategy",
        "root_cause",
        "confidence",
        "alerts",
        "plan",
        "created_at",
        "updated_at",
        "closed_at",
    ] {
        assert!(shown.get(field).is_some(), "{field} is missing");
    }
    assert_eq!(shown["id"], id.as_str());
    assert_eq!(shown["mode"], "approval");
    let timeline = world
        .get("viewer", &format!("/api/v1/incidents/{id}/timeline"))
        .await
        .items();
    assert_eq!(timeline[0]["event"]["what"], "alert-received");
}

#[tokio::test]
async fn pages_are_whole_and_in_order_without_gap_or_repeat() {
    let world = World::new().await;
    let mut opened = Vec::new();
    for i in 0..7 {
        world.clock.advance(Duration::from_millis(5));
        opened.push(world.incident("admin", &format!("a{i}")).await);
    }
    opened.reverse();
    let (mut seen, mut path) = (Vec::new(), "/api/v1/incidents?limit=3".to_owned());
    loop {
        let page = world.get("viewer", &path).await;
        let items = page.items();
        assert!(items.len() <= 3);
        seen.extend(items.iter().map(|i| i["id"].as_str().unwrap().to_owned()));
        match page.json()["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/v1/incidents?limit=3&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, opened);
}

#[tokio::test]
async fn what_does_not_match_is_passed_over_from_page_to_page() {
    let world = World::new().await;
    let mut wanted = Vec::new();
    for i in 0..9 {
        world.clock.advance(Duration::from_millis(5));
        let namespace = if i % 4 == 0 { "shop" } else { "other" };
        let body = json!({ "alert_id": format!("a{i}"), "title": "t", "metadata": { "namespace": namespace, "pod": format!("p{i}") } });
        let path = "/api/v1/kubernetes/agno/process-incident";
        let id = world.post("admin", path, &body).await.json()["incident_id"].clone();
        if namespace == "shop" {
            wanted.insert(0, id);
        }
    }
    let mut cursor = String::new();
    for (at, id) in wanted.iter().enumerate() {
        let path = format!("/api/v1/incidents?limit=1&namespace=shop&cursor={cursor}");
        let page = world.get("viewer", &path).await;
        assert_eq!(page.items().len(), 1);
        assert_eq!(&page.items()[0]["id"], id);
        let next = page.json()["next_cursor"].clone();
        assert_eq!(next.is_null(), at + 1 == wanted.len(), "{next}");
        cursor = next.as_str().unwrap_or_default().to_owned();
    }
    for bad in ["x", "01900000-0000-7000-8000"] {
        let answer = world.get("viewer", &format!("/api/v1/incidents?cursor={bad}")).await;
        answer.is_problem(400, "malformed");
    }
}

#[tokio::test]
async fn filters_choose_and_what_only_joined_is_left_out_unless_asked_for() {
    let world = World::new().await;
    let id = world.incident("admin", "a1").await;
    let other = world.incident("admin", "a2").await.parse().unwrap();
    let lease = world.store.lease(other, "test", Duration::from_mins(1)).await.unwrap();
    let mut joined = world
        .store
        .load(dreamops_domain::id::TenantId::DEFAULT, other)
        .await
        .unwrap();
    joined.phase = Phase::Suppressed;
    joined.closed_at = Some(joined.updated_at);
    world.store.save(&lease, &joined, &[]).await.unwrap();
    let count = async |query: &str| {
        world
            .get("viewer", &format!("/api/v1/incidents{query}"))
            .await
            .items()
            .len()
    };
    assert_eq!(count("").await, 1);
    assert_eq!(count("?phase=suppressed").await, 1);
    assert_eq!(
        count("?phase=received&severity=high&cluster=production&namespace=shop&open=true").await,
        1
    );
    for none in [
        "?phase=resolved",
        "?severity=low",
        "?cluster=x",
        "?namespace=x",
        "?strategy=crash-loop",
    ] {
        assert_eq!(count(none).await, 0, "{none}");
    }
    let items = world.get("viewer", "/api/v1/incidents").await.items();
    assert_eq!(items[0]["id"], id.as_str());
}

#[tokio::test]
async fn a_persons_word_reaches_the_desk_with_the_persons_name() {
    let world = World::new().await;
    let id = world.incident("admin", "a1").await;
    let act = async |act: &str, body: serde_json::Value| world.act(&id, act, &body).await;
    let approved = act("approve", json!({ "digest": DIGEST })).await;
    assert_eq!(approved.status, 202);
    assert_eq!(approved.json()["id"], id.as_str());
    assert_eq!(act("reject", json!({ "reason": "not now" })).await.status, 202);
    let bare = world
        .ask("POST", &format!("/api/v1/incidents/{id}/reject"))
        .token("admin")
        .send()
        .await;
    assert_eq!(bare.status, 202);
    let told = world.desk.told.lock().unwrap().clone();
    assert_eq!(
        told,
        [
            format!("approve {id} by responder-user"),
            format!("reject {id} by responder-user: not now"),
            format!("reject {id} by admin-user: "),
        ]
    );
}

#[tokio::test]
async fn each_refusal_of_the_desk_has_its_own_kind() {
    let world = World::new().await;
    let id = world.incident("admin", "a1").await;
    let act = async |act: &str, body: serde_json::Value| world.act(&id, act, &body).await;
    let other = act("approve", json!({ "digest": "d0" })).await;
    other.is_problem(409, "other-plan");
    assert!(other.text().contains(DIGEST));
    act("rollback", json!({})).await.is_problem(409, "wrong-phase");
    let held = act("acknowledge", json!({})).await;
    held.is_problem(409, "held");
    assert_ne!(held.header("retry-after"), "");
    act("approve", json!({})).await.is_problem(422, "invalid");
    act("reject", json!({ "reason": "x".repeat(3000) }))
        .await
        .is_problem(422, "invalid");
}
