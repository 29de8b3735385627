//! Windows of maintenance over HTTP.

use crate::world::World;
use serde_json::{Value, json};
use std::time::Duration;

const PATH: &str = "/api/v1/maintenance-windows";

#[tokio::test]
async fn a_window_is_made_shown_and_removed_by_its_tenant_alone() {
    let world = World::new().await;
    // the clock stands at 2023-11-14T22:30:00Z
    let once = json!({ "namespace": "shop", "until": "2023-11-14T23:30:00Z", "reason": "an upgrade" });
    let made = world.post("admin", PATH, &once).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    assert_eq!(made["from"], "2023-11-14T22:30:00.000Z");
    assert_eq!(
        (&made["open"], &made["created_by"]),
        (&json!(true), &json!("admin-user"))
    );
    assert_eq!((&made["cluster"], &made["weekly"]), (&Value::Null, &Value::Null));
    world.clock.advance(Duration::from_millis(1));
    let weekly = json!({ "weekly": { "days": ["sat", "sun"], "minute_of_day": 120, "minutes": 90 } });
    let weekly = world.post("admin", PATH, &weekly).await.json();
    assert_eq!(weekly["open"], false);
    assert_eq!(weekly["weekly"]["days"], json!(["sat", "sun"]));

    let listed = world.get("viewer", PATH).await.items();
    assert_eq!(listed, [weekly.clone(), made]);
    assert_eq!(world.get("other", PATH).await.items().len(), 0);
    let one = format!("{PATH}/{}", weekly["id"].as_str().unwrap());
    let delete = async |token: &str, path: &str| world.ask("DELETE", path).token(token).send().await;
    let theirs = delete("other", &one).await;
    theirs.is_problem(404, "not-found");
    let nobodys = delete("other", &format!("{PATH}/01900000-0000-7000-8000-000000000000")).await;
    nobodys.is_problem(404, "not-found");
    delete("responder", &one).await.is_problem(403, "forbidden");
    assert_eq!(delete("admin", &one).await.status, 204);
    delete("admin", &one).await.is_problem(404, "not-found");
    world.clock.advance(Duration::from_hours(1));
    assert_eq!(world.get("viewer", PATH).await.items().len(), 0);
}

#[tokio::test]
async fn a_window_that_cannot_be_right_is_refused() {
    let world = World::new().await;
    let weekly = |days: Value, minute: u32, minutes: u32| json!({ "weekly": { "days": days, "minute_of_day": minute, "minutes": minutes } });
    for wrong in [
        json!({}),
        json!({ "until": "tomorrow" }),
        json!({ "until": "2023-11-14T22:30:00Z" }),
        json!({ "from": "2024-01-02T00:00:00Z", "until": "2024-01-01T00:00:00Z" }),
        json!({ "until": "2024-01-01T00:00:00Z", "weekly": { "days": ["mon"], "minute_of_day": 0, "minutes": 1 } }),
        json!({ "until": "2024-01-01T00:00:00Z", "namespace": "" }),
        json!({ "until": "2024-01-01T00:00:00Z", "reason": "x".repeat(1001) }),
        weekly(json!([]), 0, 1),
        weekly(json!(["monday"]), 0, 1),
        weekly(json!(["mon"]), 1440, 1),
        weekly(json!(["mon"]), 0, 0),
        weekly(json!(["mon"]), 0, 10080),
    ] {
        world.post("admin", PATH, &wrong).await.is_problem(422, "invalid");
    }
    let unknown = json!({ "until": "2024-01-01T00:00:00Z", "cluster": "production" });
    world.post("admin", PATH, &unknown).await.is_problem(404, "not-found");
    let fine = json!({ "until": "2024-01-01T00:00:00Z" });
    for token in ["intake", "viewer", "responder"] {
        world.post(token, PATH, &fine).await.is_problem(403, "forbidden");
    }
    world.get("intake", PATH).await.is_problem(403, "forbidden");
    assert_eq!(world.get("viewer", PATH).await.items().len(), 0);
}
