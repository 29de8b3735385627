//! crash-loop: what the world shows, and what heals it.

use crate::client::{Cluster, deployment, is_ready, name, uid, waiting};
use serde_json::{Value, json};

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
    let pod = cluster.broken("web").await;
    let status = &pod["status"]["containerStatuses"][0];
    assert_eq!(waiting(&pod).0, "CrashLoopBackOff", "{status}");
    assert_eq!(status["lastState"]["terminated"]["exitCode"], 1);
    assert!(status["restartCount"].as_u64().is_some_and(|n| n >= 4), "{status}");
    let log = format!(
        "/api/v1/namespaces/shop/pods/{}/log?previous=true&tailLines=5",
        name(&pod)
    );
    let log = cluster.get(&log).await;
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
async fn a_rollout_that_stands_still_is_said_to() {
    let cluster = Cluster::of("crash-loop").await;
    cluster.pass(3600);
    let web = cluster.deployment("web").await;
    let conditions = web["status"]["conditions"].as_array().cloned().unwrap_or_default();
    assert!(
        conditions.iter().any(|c| c["reason"] == "ProgressDeadlineExceeded"),
        "{conditions:?}"
    );
    assert!(
        conditions
            .iter()
            .any(|c| c["type"] == "Available" && c["status"] == "True"),
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
    let pod = cluster.broken("web").await;
    cluster.restart(&pod).await;
    cluster.pass(120);
    assert_eq!(cluster.ready("web").await, (2, 4));
    cluster.roll("web").await;
    cluster.pass(120);
    assert!(cluster.ready("web").await.0 < 3);
    cluster.set("web", "/spec/replicas", json!(0)).await;
    cluster.pass(120);
    assert_eq!(
        (cluster.ready("web").await, cluster.endpoints("web").await),
        ((0, 0), 0)
    );
}

#[tokio::test]
async fn a_workload_that_is_deleted_takes_its_pods_along() {
    let cluster = Cluster::of("crash-loop").await;
    cluster.delete(&deployment("web"), &Value::Null).await.good();
    cluster.pass(5);
    let left: Vec<String> = cluster
        .simulator
        .state()
        .into_keys()
        .filter(|k| k.contains("/web-") && !k.starts_with('E'))
        .collect();
    assert_eq!(left, Vec::<String>::new());
    assert_eq!(cluster.endpoints("web").await, 0);
}

#[tokio::test]
async fn victims_of_a_dependency_heal_with_it_and_not_by_a_restart() {
    let cluster = Cluster::of("crash-loop-dependency").await;
    let pod = cluster.broken("checkout").await;
    let log = cluster
        .get(&format!("/api/v1/namespaces/shop/pods/{}/log", name(&pod)))
        .await;
    assert!(log.text.contains("connection refused (prices:80)"), "{log:?}");
    cluster.restart(&pod).await;
    cluster.roll("checkout").await;
    cluster.pass(600);
    assert_eq!(cluster.ready("checkout").await.0, 0);
    cluster.set("prices", "/spec/replicas", json!(2)).await;
    cluster.pass(310);
    assert_eq!(
        (cluster.ready("prices").await, cluster.ready("checkout").await),
        ((2, 2), (2, 2))
    );
}

#[tokio::test]
async fn a_stuck_stateful_set_needs_the_template_and_the_pod_gone() {
    let cluster = Cluster::of("crash-loop-statefulset").await;
    let path = "/apis/apps/v1/namespaces/shop/statefulsets/orders-db";
    let revisions = cluster
        .items("/apis/apps/v1/namespaces/shop/controllerrevisions?labelSelector=app%3Dorders-db")
        .await;
    let mut first = revisions
        .iter()
        .find(|r| r["revision"] == 1)
        .expect("the first revision")["data"]["spec"]["template"]
        .clone();
    assert_eq!(first["$patch"], "replace");
    first.as_object_mut().unwrap().shift_remove("$patch");
    let stuck = cluster.broken("orders-db").await;
    assert_eq!(name(&stuck), "orders-db-2");
    cluster.restart(&stuck).await;
    cluster.pass(60);
    assert_eq!(
        cluster.ready("orders-db").await,
        (2, 3),
        "a restart alone does not help"
    );
    cluster
        .patch(
            path,
            &json!([{"op": "replace", "path": "/spec/template", "value": first}]),
        )
        .await
        .good();
    cluster.pass(1200);
    assert_eq!(cluster.ready("orders-db").await, (2, 3), "an undo alone does not help");
    cluster.restart(&cluster.broken("orders-db").await).await;
    cluster.pass(10);
    assert_eq!(cluster.ready("orders-db").await, (3, 3));
    let set = cluster.get(path).await.good();
    assert_eq!(set["status"]["currentRevision"], set["status"]["updateRevision"]);
    let moved = cluster
        .items("/apis/apps/v1/namespaces/shop/controllerrevisions?labelSelector=app%3Dorders-db")
        .await;
    let numbers: Vec<u64> = moved.iter().filter_map(|r| r["revision"].as_u64()).collect();
    assert!(moved.len() == revisions.len() && numbers.contains(&3), "{numbers:?}");
}

#[tokio::test]
async fn a_first_revision_needs_what_only_a_person_knows() {
    let cluster = Cluster::of("crash-loop-first-revision").await;
    let sets = cluster
        .items("/apis/apps/v1/namespaces/shop/replicasets?labelSelector=app%3Dreports")
        .await;
    assert_eq!(sets.len(), 1);
    let bucket = json!([{"name": "REPORT_BUCKET", "value": "s3://reports"}]);
    cluster
        .set("reports", "/spec/template/spec/containers/0/env", bucket)
        .await;
    cluster.pass(5);
    assert_eq!(cluster.ready("reports").await, (1, 1));
}

#[tokio::test]
async fn an_impatient_probe_shows_in_events_and_an_undo_heals() {
    let cluster = Cluster::of("crash-loop-probe").await;
    let pod = cluster.broken("import").await;
    let events = cluster.events(&uid(&pod)).await;
    let told = |reason: &str, part: &str| events.iter().any(|(r, m)| r == reason && m.contains(part));
    assert!(
        told("Unhealthy", "Liveness probe failed") && told("Killing", "failed liveness probe"),
        "{events:?}"
    );
    cluster.undo("import", "1").await;
    cluster.pass(30);
    assert_eq!(cluster.ready("import").await, (2, 2));
}

#[tokio::test]
async fn a_missing_key_is_named_and_an_undo_or_the_key_heals() {
    let cluster = Cluster::of("crash-loop-config").await;
    let pod = cluster.broken("mail").await;
    let (reason, message) = waiting(&pod);
    assert_eq!(
        (reason, message),
        (
            "CreateContainerConfigError",
            "couldn't find key reply-to in ConfigMap shop/mail-config"
        )
    );
    let key = json!([{"op": "add", "path": "/data/reply-to", "value": "help@shop.example"}]);
    cluster
        .patch("/api/v1/namespaces/shop/configmaps/mail-config", &key)
        .await
        .good();
    cluster.pass(30);
    assert_eq!(cluster.ready("mail").await, (2, 2));
    let other = Cluster::of("crash-loop-config").await;
    other.undo("mail", "2").await;
    other.pass(10);
    assert_eq!(other.ready("mail").await, (2, 2));
}

#[tokio::test]
async fn a_wrong_command_never_starts() {
    let cluster = Cluster::of("crash-loop-command").await;
    let pod = cluster.broken("cart").await;
    let last = &pod["status"]["containerStatuses"][0]["lastState"]["terminated"];
    assert_eq!(
        (&last["exitCode"], &last["reason"]),
        (&json!(128), &json!("StartError")),
        "{pod}"
    );
    assert_eq!(last["startedAt"], "1970-01-01T00:00:00Z");
    cluster.undo("cart", "1").await;
    cluster.pass(5);
    assert_eq!(cluster.ready("cart").await, (2, 2));
}
