//! `Idempotency-Key`: once done, the same answer again.

use crate::client::Answer;
use crate::world::World;
use serde_json::{Value, json};
use std::time::Duration;

async fn post(world: &World, token: &str, key: &str, body: &Value) -> Answer {
    let asking = world
        .ask("POST", "/api/v1/tokens")
        .token(token)
        .header("idempotency-key", key);
    asking.json(body).send().await
}

fn wanted(user: &str) -> Value {
    json!({ "user": user, "role": "viewer" })
}

#[tokio::test]
async fn the_same_request_is_done_once() {
    let world = World::new().await;
    let first = post(&world, "admin", "k1", &wanted("ann")).await;
    let again = post(&world, "admin", "k1", &wanted("ann")).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201));
    assert_eq!(first.body, again.body);
    assert_eq!(
        (
            first.header("idempotency-replayed"),
            again.header("idempotency-replayed")
        ),
        ("", "true")
    );
    assert_eq!(world.get("admin", "/api/v1/tokens").await.items().len(), 5);
    assert_ne!(post(&world, "admin", "k2", &wanted("ann")).await.body, first.body);
}

#[tokio::test]
async fn a_key_is_for_one_request() {
    let world = World::new().await;
    post(&world, "admin", "k1", &wanted("ann")).await;
    post(&world, "admin", "k1", &wanted("bob"))
        .await
        .is_problem(422, "key-reused");
    post(&world, "admin", &"x".repeat(300), &wanted("bob"))
        .await
        .is_problem(400, "malformed");
}

#[tokio::test]
async fn nobody_gets_the_answer_of_another_token() {
    let world = World::new().await;
    let first = post(&world, "admin", "k1", &wanted("ann")).await;
    post(&world, "viewer", "k1", &wanted("ann"))
        .await
        .is_problem(403, "forbidden");
    let other = post(&world, "other", "k1", &wanted("ann")).await;
    assert_eq!(other.status, 201);
    assert_ne!(other.body, first.body);
}

#[tokio::test]
async fn an_answer_that_asks_for_a_retry_is_not_kept() {
    let world = World::new().await;
    let path = "/api/v1/kubernetes/agno/test-connection";
    for _ in 0..2 {
        let asking = world.ask("POST", path).token("admin").header("idempotency-key", "k1");
        let answer = asking.json(&json!({})).send().await;
        answer.is_problem(503, "unavailable");
        assert_eq!(answer.header("idempotency-replayed"), "");
    }
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let world = World::new().await;
    let first = post(&world, "admin", "k1", &wanted("ann")).await;
    world.clock.advance(Duration::from_hours(25));
    assert_ne!(post(&world, "admin", "k1", &wanted("ann")).await.body, first.body);
}
