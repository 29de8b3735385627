//! out-of-memory: limits, needs, quota and ranges.

use crate::client::{Cluster, deployment, uid};
use serde_json::{Value, json};

const RESOURCES: &str = "/spec/template/spec/containers/0/resources";

fn resources(request: &str, limit: &str) -> Value {
    json!({"requests": {"memory": request, "cpu": "50m"}, "limits": {"memory": limit, "cpu": "500m"}})
}

#[tokio::test]
async fn a_killed_container_says_so_and_the_old_limit_heals() {
    let cluster = Cluster::of("out-of-memory").await;
    let pod = cluster.broken("web").await;
    let last = &pod["status"]["containerStatuses"][0]["lastState"]["terminated"];
    assert_eq!((&last["reason"], &last["exitCode"]), (&json!("OOMKilled"), &json!(137)));
    cluster.restart(&pod).await;
    cluster.pass(300);
    assert!(cluster.ready("web").await.0 < 3, "a restart does not help");
    cluster.set("web", RESOURCES, resources("64Mi", "128Mi")).await;
    cluster.pass(10);
    assert_eq!(cluster.ready("web").await, (3, 3));
}

#[tokio::test]
async fn half_as_much_again_is_enough_and_a_little_more_is_not() {
    let cluster = Cluster::of("out-of-memory-growth").await;
    cluster.set("search", RESOURCES, resources("80Mi", "160Mi")).await;
    cluster.pass(600);
    assert_eq!(cluster.ready("search").await.0, 0);
    cluster.set("search", RESOURCES, resources("96Mi", "192Mi")).await;
    cluster.pass(10);
    assert_eq!(cluster.ready("search").await, (2, 2));
}

#[tokio::test]
async fn an_init_container_that_is_killed_holds_its_pod_back_and_more_memory_lets_it_start() {
    let cluster = Cluster::of("out-of-memory-init").await;
    let pod = cluster.broken("search").await;
    let status = &pod["status"];
    let last = &status["initContainerStatuses"][0]["lastState"]["terminated"];
    assert_eq!((&last["reason"], &last["exitCode"]), (&json!("OOMKilled"), &json!(137)));
    assert_eq!(
        status["containerStatuses"][0]["state"]["waiting"]["reason"],
        "PodInitializing"
    );
    let limit = "/spec/template/spec/initContainers/0/resources";
    cluster.set("search", limit, resources("48Mi", "96Mi")).await;
    cluster.pass(15);
    assert_eq!(cluster.ready("search").await, (2, 2));
}

#[tokio::test]
async fn a_quota_stops_the_rollout_and_says_the_numbers() {
    let cluster = Cluster::of("out-of-memory-quota").await;
    let quota = cluster
        .get("/api/v1/namespaces/shop/resourcequotas/shop-quota")
        .await
        .good();
    assert_eq!(quota["status"]["used"]["limits.memory"], "896Mi");
    let search = cluster.deployment("search").await;
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "try-", "namespace": "shop"}});
    pod["spec"] = search["spec"]["template"]["spec"].clone();
    pod["spec"]["containers"][0]["resources"] = resources("96Mi", "192Mi");
    let (code, message) = cluster
        .post("/api/v1/namespaces/shop/pods?dryRun=All", &pod)
        .await
        .refused();
    assert_eq!(code, 403);
    assert!(
        message.ends_with(
            "is forbidden: exceeded quota: shop-quota, requested: limits.memory=192Mi, used: limits.memory=896Mi, limited: limits.memory=960Mi"
        ),
        "{message}"
    );
    cluster.set("search", RESOURCES, resources("96Mi", "192Mi")).await;
    cluster.pass(3600);
    assert!(cluster.ready("search").await.0 < 2);
    let sets = cluster
        .items("/apis/apps/v1/namespaces/shop/replicasets?labelSelector=app%3Dsearch")
        .await;
    let mut refused = false;
    for set in &sets {
        refused |= cluster
            .events(&uid(set))
            .await
            .iter()
            .any(|(r, m)| r == "FailedCreate" && m.contains("exceeded quota"));
    }
    assert!(refused);
    let conditions = cluster.deployment("search").await["status"]["conditions"].clone();
    assert!(
        conditions
            .as_array()
            .is_some_and(|c| c.iter().any(|c| c["type"] == "ReplicaFailure")),
        "{conditions}"
    );
}

#[tokio::test]
async fn a_limit_range_fills_in_and_refuses() {
    let cluster = Cluster::of("already-healthy").await;
    let range = json!({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "bounds", "namespace": "shop"},
        "spec": {"limits": [{"type": "Container", "max": {"memory": "256Mi"}, "default": {"memory": "200Mi"}, "defaultRequest": {"memory": "100Mi"}}]}});
    cluster.post("/api/v1/namespaces/shop/limitranges", &range).await.good();
    let pod = |limits: Value| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "try", "namespace": "shop"},
            "spec": {"containers": [{"name": "a", "image": "registry.shop.example/cart:2.1.0", "resources": {"limits": limits}}]}})
    };
    let path = "/api/v1/namespaces/shop/pods?dryRun=All";
    let filled = cluster.post(path, &pod(json!({}))).await.good();
    let given = &filled["spec"]["containers"][0]["resources"];
    assert_eq!(
        (&given["limits"]["memory"], &given["requests"]["memory"]),
        (&json!("200Mi"), &json!("100Mi"))
    );
    let (code, message) = cluster.post(path, &pod(json!({"memory": "1Gi"}))).await.refused();
    assert_eq!(code, 403);
    assert!(
        message.contains("maximum memory usage per Container is 256Mi, but limit is 1Gi"),
        "{message}"
    );
    assert_eq!(cluster.get(&deployment("web")).await.code, 200);
}

#[tokio::test]
async fn a_pod_that_fits_no_node_waits_with_the_reason() {
    let cluster = Cluster::of("already-healthy").await;
    let huge = json!({"requests": {"memory": "64Gi"}, "limits": {"memory": "64Gi"}});
    cluster.set("cart", RESOURCES, huge).await;
    cluster.pass(60);
    let pod = cluster.broken("cart").await;
    assert_eq!(pod["status"]["phase"], "Pending");
    let events = cluster.events(&uid(&pod)).await;
    assert!(
        events
            .iter()
            .any(|(r, m)| r == "FailedScheduling" && m.starts_with("0/2 nodes are available: 2 Insufficient memory.")),
        "{events:?}"
    );
}
