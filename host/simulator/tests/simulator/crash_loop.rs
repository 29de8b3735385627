//! crash-loop: what the world shows, that it stays broken, and what heals it.

use crate::client::{Cluster, deployment, is_ready, name, uid};
use serde_json::{Value, json};

fn waiting(pod: &Value) -> &str {
    pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"]
        .as_str()
        .unwrap_or_default()
}

async fn broken_pod(cluster: &Cluster, app: &str) -> Value {
    let pods = cluster.pods(app).await;
    pods.into_iter().find(|p| !is_ready(p)).expect("a pod is broken")
}

#[tokio::test]
async fn the_evidence_of_a_dropped_variable_is_there() {
    let cluster = Cluster::of("crash-loop").await;
    let web = cluster.deployment("web").await;
    assert_eq!(web["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "3");
    assert_eq!(
        cluster.ready("web").await,
        (2, 4),
        "two old pods serve, two new ones crash"
    );
    let pod = broken_pod(&cluster, "web").await;
    let status = &pod["status"]["containerStatuses"][0];
    assert_eq!(waiting(&pod), "CrashLoopBackOff", "{status}");
    assert_eq!(status["lastState"]["terminated"]["exitCode"], 1);
    assert!(status["restartCount"].as_u64().is_some_and(|n| n >= 4), "{status}");
    let log = cluster
        .get(&format!(
            "/api/v1/namespaces/shop/pods/{}/log?previous=true&tailLines=5",
            name(&pod)
        ))
        .await;
    assert!(
        log.text.contains("environment variable DATABASE_URL is not set"),
        "{log:?}"
    );
    let events = cluster.events(&uid(&pod)).await;
    for reason in ["Scheduled", "Created", "Started", "BackOff"] {
        assert!(
            events.iter().any(|(r, _)| r == reason),
            "{reason} is missing: {events:?}"
        );
    }
    let alert = cluster.simulator.alert();
    let named = alert["alerts"][0]["labels"]["pod"].as_str().unwrap_or_default();
    assert!(
        cluster
            .pods("web")
            .await
            .iter()
            .any(|p| name(p) == named && !is_ready(p))
    );
}

#[tokio::test]
async fn it_stays_broken_however_long_one_waits() {
    let cluster = Cluster::of("crash-loop").await;
    for _ in 0..12 {
        cluster.pass(3600);
        assert_eq!(cluster.ready("web").await, (2, 4));
    }
    let web = cluster.deployment("web").await;
    let conditions = web["status"]["conditions"].as_array().cloned().unwrap_or_default();
    assert!(
        conditions.iter().any(|c| c["reason"] == "ProgressDeadlineExceeded"),
        "{conditions:?}"
    );
}

#[tokio::test]
async fn an_undo_heals_it_and_moves_the_number_of_the_old_revision() {
    let cluster = Cluster::of("crash-loop").await;
    let before = cluster.bystanders(&["web"]);
    let sets = cluster
        .items("/apis/apps/v1/namespaces/shop/replicasets?labelSelector=app%3Dweb")
        .await;
    cluster.undo("web", "2").await;
    cluster.pass(5);
    assert_eq!(cluster.ready("web").await, (3, 3));
    assert_eq!(cluster.endpoints("web").await, 3);
    let web = cluster.deployment("web").await;
    assert_eq!(web["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "4");
    assert_eq!(web["status"]["observedGeneration"], web["metadata"]["generation"]);
    let after = cluster
        .items("/apis/apps/v1/namespaces/shop/replicasets?labelSelector=app%3Dweb")
        .await;
    assert_eq!(after.len(), sets.len(), "an undo makes no new ReplicaSet");
    assert_eq!(before, cluster.bystanders(&["web"]), "nothing else was touched");
}

#[tokio::test]
async fn restarts_and_scaling_to_zero_do_not_heal_it() {
    let cluster = Cluster::of("crash-loop").await;
    let pod = broken_pod(&cluster, "web").await;
    let path = format!("/api/v1/namespaces/shop/pods/{}", name(&pod));
    cluster
        .delete(&path, &json!({"preconditions": {"uid": uid(&pod)}}))
        .await
        .good();
    cluster.pass(120);
    assert_eq!(cluster.ready("web").await, (2, 4));
    let restart = json!([{"op": "add", "path": "/spec/template/metadata/annotations", "value": {"restarted": "now"}}]);
    cluster.patch(&deployment("web"), &restart).await.good();
    cluster.pass(120);
    assert!(cluster.ready("web").await.0 < 3);
    cluster
        .patch(
            &deployment("web"),
            &json!([{"op": "replace", "path": "/spec/replicas", "value": 0}]),
        )
        .await
        .good();
    cluster.pass(120);
    assert_eq!(
        (cluster.ready("web").await, cluster.endpoints("web").await),
        ((0, 0), 0)
    );
}
