//! JSON patches on the served API: preconditions, counters, refusals, who wrote what.

use crate::client::{Cluster, deployment, uid};
use serde_json::{Value, json};

const WEB: &str = "web";

fn bad_status(answer: &crate::client::Answer) -> (u16, Value, Value) {
    let status = answer.json();
    (answer.code, status["reason"].clone(), status["details"].clone())
}

#[tokio::test]
async fn a_failed_test_or_path_is_invalid_with_empty_details() {
    let cluster = Cluster::of("already-healthy").await;
    for operations in [
        json!([{"op": "test", "path": "/spec/replicas", "value": 99}]),
        json!([{"op": "replace", "path": "/spec/nowhere/at/all", "value": 1}]),
        json!([{"op": "remove", "path": "/spec/paused"}]),
        json!([{"op": "test", "path": "/spec/absent/deeper", "value": null}]),
    ] {
        let answer = cluster.patch(&deployment(WEB), &operations).await;
        assert_eq!(bad_status(&answer), (422, json!("Invalid"), json!({})), "{operations}");
    }
    let null_for_absent = json!([{"op": "test", "path": "/spec/paused", "value": null}]);
    cluster.patch(&deployment(WEB), &null_for_absent).await.good();
}

#[tokio::test]
async fn what_is_not_valid_is_refused_with_causes() {
    let cluster = Cluster::of("already-healthy").await;
    let container = "/spec/template/spec/containers/0";
    for (operations, field) in [
        (
            json!([{"op": "replace", "path": "/spec/replicas", "value": -1}]),
            "spec.replicas",
        ),
        (
            json!([{"op": "replace", "path": "/spec/selector/matchLabels/app", "value": "x"}]),
            "spec.template.metadata.labels",
        ),
        (
            json!([{"op": "replace", "path": format!("{container}/resources/requests/memory"), "value": "1Gi"}]),
            "spec.template.spec.containers[0].resources.requests",
        ),
        (
            json!([{"op": "replace", "path": format!("{container}/image"), "value": ""}]),
            "spec.template.spec.containers[0].image",
        ),
    ] {
        let answer = cluster.patch(&deployment(WEB), &operations).await;
        let (code, reason, details) = bad_status(&answer);
        assert_eq!((code, reason), (422, json!("Invalid")), "{operations}");
        assert_eq!(details["causes"][0]["field"], field, "{details}");
    }
    let mistyped = json!([{"op": "replace", "path": "/spec/template/spec", "value": "text"}]);
    assert!(matches!(
        cluster.patch(&deployment(WEB), &mistyped).await.code,
        400 | 422
    ));
}

#[tokio::test]
async fn a_generation_counts_changes_of_the_spec_alone() {
    let cluster = Cluster::of("already-healthy").await;
    let before = cluster.deployment(WEB).await;
    let label = json!([{"op": "add", "path": "/metadata/labels/tier", "value": "front"}]);
    let labelled = cluster.patch(&deployment(WEB), &label).await.good();
    assert_eq!(labelled["metadata"]["generation"], before["metadata"]["generation"]);
    assert_ne!(
        labelled["metadata"]["resourceVersion"],
        before["metadata"]["resourceVersion"]
    );
    let again = cluster.patch(&deployment(WEB), &label).await.good();
    assert_eq!(
        again["metadata"]["resourceVersion"], labelled["metadata"]["resourceVersion"],
        "a write that changes nothing"
    );
    let more = json!([
        {"op": "test", "path": "/metadata/uid", "value": uid(&before)},
        {"op": "test", "path": "/metadata/generation", "value": before["metadata"]["generation"]},
        {"op": "replace", "path": "/spec/replicas", "value": 4}]);
    let scaled = cluster.patch(&deployment(WEB), &more).await.good();
    assert_eq!(
        scaled["metadata"]["generation"].as_u64(),
        before["metadata"]["generation"].as_u64().map(|g| g + 1)
    );
    assert_eq!(
        cluster.patch(&deployment(WEB), &more).await.code,
        422,
        "the generation has moved"
    );
}

#[tokio::test]
async fn amounts_are_kept_in_one_form_and_pods_request_what_they_are_limited_to() {
    let cluster = Cluster::of("already-healthy").await;
    let path = "/spec/template/spec/containers/0/resources";
    let patch = json!([{"op": "replace", "path": path, "value": {"limits": {"memory": "1024Mi", "cpu": "0.5"}}}]);
    let patched = cluster.patch(&deployment(WEB), &patch).await.good();
    let kept = patched.pointer(path).unwrap();
    assert_eq!(kept["limits"], json!({"memory": "1Gi", "cpu": "500m"}));
    assert!(
        kept.get("requests").is_none(),
        "a template stays as it was given: {kept}"
    );
    let pod = cluster.pods(WEB).await;
    let pod = pod.iter().map(|p| &p["spec"]["containers"][0]["resources"]);
    assert!(
        pod.clone()
            .any(|r| r["limits"]["memory"] == "1Gi" && r["requests"] == r["limits"])
    );
}

#[tokio::test]
async fn another_objects_identity_is_a_conflict() {
    let cluster = Cluster::of("already-healthy").await;
    let other = json!([{"op": "replace", "path": "/metadata/uid", "value": "other"}]);
    assert_eq!(cluster.patch(&deployment(WEB), &other).await.refused().0, 422);
    let old = json!([{"op": "replace", "path": "/metadata/resourceVersion", "value": "1"}]);
    assert_eq!(cluster.patch(&deployment(WEB), &old).await.refused().0, 409);
    let renamed = json!([{"op": "replace", "path": "/metadata/name", "value": "other"}]);
    assert_eq!(cluster.patch(&deployment(WEB), &renamed).await.refused().0, 400);
}

#[tokio::test]
async fn a_status_is_not_a_clients_to_write() {
    let cluster = Cluster::of("already-healthy").await;
    let lie = json!([{"op": "replace", "path": "/status/readyReplicas", "value": 99}]);
    let answer = cluster.patch(&deployment(WEB), &lie).await.good();
    assert_eq!(answer["status"]["readyReplicas"], 3);
}

#[tokio::test]
async fn who_wrote_a_field_is_noted_and_can_be_taken_out() {
    let cluster = Cluster::of("already-healthy").await;
    let patch = json!([{"op": "replace", "path": "/spec/replicas", "value": 4}]);
    let patched = cluster.patch(&deployment(WEB), &patch).await.good();
    let entries = patched["metadata"]["managedFields"].as_array().unwrap();
    let place = entries
        .iter()
        .position(|e| e["manager"] == "dreamops")
        .expect("our entry");
    assert_eq!(entries[place]["fieldsV1"], json!({"f:spec": {"f:replicas": {}}}));
    let out = json!([
        {"op": "test", "path": format!("/metadata/managedFields/{place}/manager"), "value": "dreamops"},
        {"op": "remove", "path": format!("/metadata/managedFields/{place}")}]);
    let left = cluster.patch(&deployment(WEB), &out).await.good();
    assert!(
        !left["metadata"]["managedFields"]
            .as_array()
            .unwrap()
            .iter()
            .any(|e| e["manager"] == "dreamops")
    );
}

#[tokio::test]
async fn a_merge_patch_is_taken_and_others_are_not_guessed_at() {
    let cluster = Cluster::of("already-healthy").await;
    let change = json!({"spec": {"replicas": 4}});
    let path = deployment(WEB);
    cluster
        .send("PATCH", &path, "application/merge-patch+json", &change)
        .await
        .good();
    for kind in ["application/strategic-merge-patch+json", "application/apply-patch+yaml"] {
        assert_eq!(
            cluster.send("PATCH", &path, kind, &change).await.refused().0,
            501,
            "{kind}"
        );
    }
    let pod = cluster.pods(WEB).await.remove(0);
    let pod = format!("/api/v1/namespaces/shop/pods/{}", crate::client::name(&pod));
    let env = json!([{"op": "add", "path": "/spec/containers/0/env", "value": []}]);
    assert_eq!(
        cluster.patch(&pod, &env).await.refused().0,
        422,
        "a running pod's environment is fixed"
    );
}
