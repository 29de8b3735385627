//! Deletes and evictions: bound to a uid, and within budgets.

use crate::client::{Cluster, deployment, name, uid};
use serde_json::{Value, json};

fn eviction(pod: &Value, of: &str) -> Value {
    json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name(pod), "namespace": "shop"},
        "deleteOptions": {"preconditions": {"uid": of}}})
}

#[tokio::test]
async fn a_successor_of_the_same_name_is_not_deleted() {
    let cluster = Cluster::of("crash-loop").await;
    let pod = cluster.broken("web").await;
    let path = format!("/api/v1/namespaces/shop/pods/{}", name(&pod));
    let (code, message) = cluster
        .delete(&path, &json!({"preconditions": {"uid": "other"}}))
        .await
        .refused();
    assert_eq!(code, 409);
    assert!(
        message.contains("the UID in the precondition (other) does not match"),
        "{message}"
    );
    let leaving = cluster
        .delete(&path, &json!({"preconditions": {"uid": uid(&pod)}}))
        .await
        .good();
    assert!(leaving["metadata"]["deletionTimestamp"].is_string());
    cluster.pass(1);
    assert_eq!(cluster.get(&path).await.refused().0, 404);
}

#[tokio::test]
async fn a_budget_keeps_the_last_pods() {
    let cluster = Cluster::of("already-healthy").await;
    let pods = cluster.pods("cart").await;
    let path = |pod: &Value| format!("/api/v1/namespaces/shop/pods/{}/eviction", name(pod));
    let budget = cluster
        .get("/apis/policy/v1/namespaces/shop/poddisruptionbudgets/cart")
        .await
        .good();
    assert_eq!(
        (
            &budget["status"]["disruptionsAllowed"],
            &budget["status"]["expectedPods"]
        ),
        (&json!(1), &json!(2))
    );
    assert_eq!(
        cluster
            .post(&path(&pods[0]), &eviction(&pods[0], "other"))
            .await
            .refused()
            .0,
        409
    );
    assert_eq!(
        cluster
            .post(&path(&pods[0]), &eviction(&pods[0], &uid(&pods[0])))
            .await
            .code,
        201
    );
    let answer = cluster.post(&path(&pods[1]), &eviction(&pods[1], &uid(&pods[1]))).await;
    assert_eq!(answer.json()["details"]["causes"][0]["reason"], "DisruptionBudget");
    assert_eq!(answer.refused().0, 429);
    cluster.pass(10);
    assert_eq!(cluster.ready("cart").await, (2, 2));
    assert_eq!(
        cluster
            .post(&path(&pods[1]), &eviction(&pods[1], &uid(&pods[1])))
            .await
            .code,
        201
    );
}

#[tokio::test]
async fn an_object_is_made_once() {
    let cluster = Cluster::of("already-healthy").await;
    let config = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "shop"}, "data": {"k": "v"}});
    let path = "/api/v1/namespaces/shop/configmaps";
    let made = cluster.post(path, &config).await;
    assert_eq!(made.code, 201);
    assert!(!uid(&made.json()).is_empty());
    assert_eq!(cluster.post(path, &config).await.refused().0, 409);
    assert_eq!(
        cluster
            .post("/api/v1/namespaces/nowhere/configmaps", &config)
            .await
            .refused()
            .0,
        400
    );
    let elsewhere = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "nowhere"}});
    assert_eq!(
        cluster
            .post("/api/v1/namespaces/nowhere/configmaps", &elsewhere)
            .await
            .refused()
            .0,
        404
    );
    assert_eq!(
        cluster.delete(&format!("{path}/a"), &Value::Null).await.good()["status"],
        "Success"
    );
    assert_eq!(cluster.get(&deployment("none")).await.refused().0, 404);
}
