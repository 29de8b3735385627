//! Dry runs show what would be, and change nothing.

use crate::client::{Cluster, deployment, name, uid};
use serde_json::json;

#[tokio::test]
async fn a_dry_patch_shows_the_object_as_it_would_be() {
    let cluster = Cluster::of("crash-loop").await;
    let before = cluster.simulator.state();
    let live = cluster.deployment("web").await;
    let patch = json!([{"op": "replace", "path": "/spec/replicas", "value": 5}]);
    let shown = cluster
        .patch(&format!("{}?dryRun=All", deployment("web")), &patch)
        .await
        .good();
    assert_eq!(shown["spec"]["replicas"], 5);
    assert_eq!(
        shown["metadata"]["generation"].as_u64(),
        live["metadata"]["generation"].as_u64().map(|g| g + 1)
    );
    assert_eq!(
        shown["metadata"]["resourceVersion"],
        live["metadata"]["resourceVersion"]
    );
    assert_eq!(before, cluster.simulator.state());
    let refused = cluster
        .patch(&format!("{}?dryRun=Some", deployment("web")), &patch)
        .await;
    assert_eq!(refused.refused().0, 422);
    assert_eq!(before, cluster.simulator.state());
}

#[tokio::test]
async fn forward_and_back_in_one_patch_leaves_the_object_as_it_is() {
    let cluster = Cluster::of("crash-loop").await;
    let live = cluster.deployment("web").await;
    let both = json!([
        {"op": "test", "path": "/spec/replicas", "value": 3},
        {"op": "replace", "path": "/spec/replicas", "value": 5},
        {"op": "test", "path": "/spec/replicas", "value": 5},
        {"op": "replace", "path": "/spec/replicas", "value": 3}]);
    let shown = cluster
        .patch(&format!("{}?dryRun=All", deployment("web")), &both)
        .await
        .good();
    assert_eq!(shown, live);
}

#[tokio::test]
async fn dry_deletes_and_evictions_remove_nothing() {
    let cluster = Cluster::of("crash-loop").await;
    let pod = cluster.broken("web").await;
    let path = format!("/api/v1/namespaces/shop/pods/{}", name(&pod));
    let before = cluster.simulator.state();
    let options = json!({"preconditions": {"uid": uid(&pod)}, "dryRun": ["All"]});
    cluster.delete(&path, &options).await.good();
    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name(&pod), "namespace": "shop"}, "deleteOptions": options});
    cluster.post(&format!("{path}/eviction"), &eviction).await.good();
    assert_eq!(before, cluster.simulator.state());
}
