//! What a server does beside its work.

use crate::client::PATIENCE;
use crate::world::World;
use dreamops_domain::fleet::Fleet;
use dreamops_domain::id::TenantId;
use dreamops_domain::phase::Phase;
use dreamops_domain::ports::{Clock, Store};
use dreamops_domain::upkeep::Retention;
use dreamops_server::upkeep::keep;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use zeroize::Zeroizing;

const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn a_server_warns_of_credentials_and_removes_what_is_older_than_its_time() {
    let world = World::new().await;
    let cluster = json!({ "auth_method": "service_account", "cluster_name": "production", "cluster_endpoint": "https://c:6443",
                          "service_account_token": "right" });
    world
        .post("admin", "/api/v1/kubernetes/agno/connect-cluster", &cluster)
        .await;
    let mut record = world
        .store
        .cluster(TenantId::DEFAULT, "production")
        .await
        .unwrap()
        .unwrap();
    record.expires_at = Some(world.clock.now() + DAY * 20);
    world
        .store
        .rotate(&record, &Zeroizing::new("right".into()), "test")
        .await
        .unwrap();
    let id = world.incident("admin", "a1").await;
    let lease = world.store.lease(id.parse().unwrap(), "test", PATIENCE).await.unwrap();
    let mut incident = world.store.load(TenantId::DEFAULT, lease.incident).await.unwrap();
    incident.phase = Phase::NoAction;
    world.store.save(&lease, &incident, &[]).await.unwrap();
    world.sealed().await;

    let (stop, stopped) = watch::channel(false);
    let upkeep = Arc::new(world.store.clone());
    let kept = tokio::spawn(keep(upkeep, world.clock.clone(), Retention::default(), stopped));
    let path = format!("/api/v1/incidents/{id}");
    let mut statuses = Vec::new();
    let gone = async {
        while world.get("viewer", &path).await.status == 200 {
            let cluster = world.get("viewer", "/api/v1/clusters/production").await.json();
            statuses.push(cluster["status"].as_str().unwrap().to_owned());
            world.clock.advance(DAY);
        }
    };
    tokio::time::timeout(PATIENCE * 3, gone).await.expect("it is removed");
    world.sealed().await;
    let told = world.get("viewer", "/api/v1/audit?event=cluster-expired").await.items();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["body"]["name"], "production");
    assert_eq!(statuses.first().map(String::as_str), Some("connected"));
    assert_eq!(statuses.last().map(String::as_str), Some("expired"));
    // as long as it is kept it is there
    assert!(statuses.len() > 90, "{}", statuses.len());
    stop.send_replace(true);
    kept.await.unwrap();
}
