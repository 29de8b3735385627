//! service-down: selectors, ports and counts.

use crate::client::{Cluster, is_ready};
use serde_json::json;

const WEB: &str = "/api/v1/namespaces/shop/services/web";

#[tokio::test]
async fn the_right_selector_brings_the_endpoints_back() {
    let cluster = Cluster::of("service-down").await;
    assert!(cluster.pods("web").await.iter().all(is_ready));
    cluster.roll("web").await;
    cluster.pass(60);
    assert_eq!(cluster.endpoints("web").await, 0, "restarting the pods does not help");
    let service = cluster.get(WEB).await.good();
    let applied = service["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"].as_str();
    assert!(applied.is_some_and(|a| a.contains("\"app\":\"web\"")));
    let managers: Vec<&str> = service["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|m| m["manager"].as_str())
        .collect();
    assert_eq!(managers, ["kubectl-client-side-apply", "kubectl-edit"]);
    let patch = json!([
        {"op": "test", "path": "/metadata/resourceVersion", "value": service["metadata"]["resourceVersion"]},
        {"op": "test", "path": "/spec/selector/app", "value": "wbe"},
        {"op": "replace", "path": "/spec/selector/app", "value": "web"}]);
    cluster.patch(WEB, &patch).await.good();
    assert_eq!(cluster.endpoints("web").await, 3);
}

#[tokio::test]
async fn the_right_port_leads_to_the_pods_again() {
    let cluster = Cluster::of("service-down-port").await;
    assert_eq!((cluster.endpoints("web").await, cluster.serving("web").await), (3, 0));
    cluster
        .patch(
            WEB,
            &json!([{"op": "replace", "path": "/spec/ports/0/targetPort", "value": "http"}]),
        )
        .await
        .good();
    assert_eq!(cluster.serving("web").await, 3);
}

#[tokio::test]
async fn pods_come_back_with_the_count() {
    let cluster = Cluster::of("service-down-scaled-to-zero").await;
    assert_eq!(cluster.ready("web").await, (0, 0));
    let uid = crate::client::uid(&cluster.deployment("web").await);
    let events = cluster.events(&uid).await;
    assert!(
        events
            .iter()
            .any(|(r, m)| r == "ScalingReplicaSet" && m.contains("from 3 to 0")),
        "{events:?}"
    );
    cluster.set("web", "/spec/replicas", json!(3)).await;
    cluster.pass(5);
    assert_eq!(
        (cluster.ready("web").await, cluster.endpoints("web").await),
        ((3, 3), 3)
    );
}

#[tokio::test]
async fn nothing_tells_two_candidates_apart() {
    let cluster = Cluster::of("service-down-two-candidates").await;
    let service = cluster.get("/api/v1/namespaces/shop/services/api").await.good();
    assert!(
        service["metadata"]["annotations"].is_null(),
        "no history tells which one is meant"
    );
    let (a, b) = (cluster.deployment("api-a").await, cluster.deployment("api-b").await);
    let ports = |d: &serde_json::Value| d["spec"]["template"]["spec"]["containers"][0]["ports"].clone();
    assert_eq!(ports(&a), ports(&b));
}
