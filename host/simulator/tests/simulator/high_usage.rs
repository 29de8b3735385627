//! high-usage: what the metrics API tells, and what eases it.

use crate::client::{Cluster, name};
use serde_json::json;

#[tokio::test]
async fn more_pods_share_the_work_and_restarts_do_not() {
    let cluster = Cluster::of("high-usage").await;
    assert_eq!(cluster.cpu("quotes").await, [500, 500]);
    cluster.roll("quotes").await;
    cluster.pass(60);
    assert_eq!(cluster.cpu("quotes").await, [500, 500]);
    cluster.set("quotes", "/spec/replicas", json!(3)).await;
    cluster.pass(60);
    assert_eq!(cluster.cpu("quotes").await, [333, 333, 333]);
    let hpa = cluster
        .get("/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers/quotes")
        .await
        .good();
    assert_eq!(
        (&hpa["spec"]["maxReplicas"], &hpa["status"]["currentReplicas"]),
        (&json!(6), &json!(3))
    );
}

#[tokio::test]
async fn one_spinning_pod_is_cured_by_its_own_restart_alone() {
    let cluster = Cluster::of("high-usage-outlier").await;
    let named = cluster.simulator.alert()["alerts"][0]["labels"]["pod"].clone();
    let pods = cluster.pods("quotes").await;
    let spinning = pods
        .iter()
        .find(|p| name(p) == named.as_str().unwrap())
        .expect("the pod of the alert");
    let other = pods.iter().find(|p| name(p) != named.as_str().unwrap()).unwrap();
    let high = |usage: Vec<u64>| usage.iter().filter(|m| **m >= 450).count();
    assert_eq!(high(cluster.cpu("quotes").await), 1);
    cluster.restart(other).await;
    cluster.set("quotes", "/spec/replicas", json!(5)).await;
    cluster.pass(60);
    assert_eq!(
        high(cluster.cpu("quotes").await),
        1,
        "neither more pods nor another pod's restart helps"
    );
    cluster.restart(spinning).await;
    cluster.pass(60);
    assert_eq!(high(cluster.cpu("quotes").await), 0);
    assert_eq!(cluster.cpu("quotes").await.len(), 5);
}
