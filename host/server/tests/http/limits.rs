//! Too many requests: of one token, of one source, and of nobody else.

use crate::pagerduty::{event, signature};
use crate::world::{SECRETS, World};
use std::num::NonZeroU32;
use std::time::Duration;

#[tokio::test]
async fn a_token_that_asks_too_often_waits_and_others_do_not() {
    let world = World::with(|s| s.requests_per_token = NonZeroU32::MIN).await;
    for _ in 0..10 {
        assert_eq!(world.get("viewer", "/api/v1/mode").await.status, 200);
    }
    let refused = world.get("viewer", "/api/v1/mode").await;
    refused.is_problem(429, "too-many");
    let seconds: u64 = refused.header("retry-after").parse().unwrap();
    assert_eq!(world.get("admin", "/api/v1/mode").await.status, 200);
    world.clock.advance(Duration::from_secs(seconds));
    assert_eq!(world.get("viewer", "/api/v1/mode").await.status, 200);
}

#[tokio::test]
async fn a_source_is_limited_by_what_it_has_signed_alone() {
    let world = World::with(|s| s.deliveries_per_source = NonZeroU32::MIN).await;
    let path = "/api/v1/webhooks/pagerduty";
    let body = event("incident.triggered", "P1").to_string().into_bytes();
    let send = async |secret: &str| {
        let asking = world
            .ask("POST", path)
            .header("x-pagerduty-signature", &signature(secret, &body));
        asking.body(body.clone()).send().await
    };
    for _ in 0..20 {
        send("wrong").await.is_problem(401, "unauthenticated");
    }
    for _ in 0..10 {
        assert_eq!(send(SECRETS[0]).await.status, 202);
    }
    send(SECRETS[0]).await.is_problem(429, "too-many");
}
