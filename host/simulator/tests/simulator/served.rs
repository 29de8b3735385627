//! What is served, to whom, and what is not.

use crate::client::{Cluster, deployment, name};
use serde_json::{Value, json};

#[tokio::test]
async fn nothing_is_served_without_the_token() {
    let cluster = Cluster::of("already-healthy").await;
    let answer = cluster
        .send_as("guess", "GET", "/version", "application/json", &Value::Null)
        .await;
    assert_eq!((answer.code, &answer.json()["reason"]), (401, &json!("Unauthorized")));
}

#[tokio::test]
async fn what_is_not_simulated_is_said_and_never_guessed() {
    let cluster = Cluster::of("already-healthy").await;
    for (method, path) in [
        ("PUT", deployment("web")),
        ("GET", "/api/v1/namespaces/shop/pods?watch=true".to_owned()),
        ("GET", format!("{}/scale", deployment("web"))),
        ("DELETE", "/api/v1/namespaces/shop/pods".to_owned()),
        ("GET", "/apis/storage.k8s.io/v1/storageclasses".to_owned()),
        ("GET", "/api/v1/namespaces/shop/endpoints".to_owned()),
        ("DELETE", "/api/v1/namespaces/shop".to_owned()),
        ("POST", "/api/v1/namespaces/shop/pods/x/exec".to_owned()),
    ] {
        let (code, message) = cluster
            .send(method, &path, "application/json", &Value::Null)
            .await
            .refused();
        assert_eq!(code, 501, "{method} {path}: {message}");
        assert!(message.contains("does not serve"), "{message}");
    }
    let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a"}});
    assert_eq!(
        cluster
            .post("/apis/batch/v1/namespaces/shop/jobs", &job)
            .await
            .refused()
            .0,
        501
    );
    assert_eq!(
        cluster.items("/apis/batch/v1/namespaces/shop/jobs").await,
        Vec::<Value>::new()
    );
    let unknown = cluster.get("/apis/apps/v1/namespaces/shop/nothings").await.refused();
    assert_eq!(unknown.0, 404, "no cluster has it");
    for path in ["/nowhere", "/apis/example.com/v1/things"] {
        let answer = cluster.get(path).await;
        assert_eq!((answer.code, answer.text.as_str()), (404, "404 page not found\n"));
    }
}

#[tokio::test]
async fn a_list_comes_in_pages() {
    let cluster = Cluster::of("already-healthy").await;
    let path = "/api/v1/namespaces/shop/pods";
    let whole: Vec<String> = cluster.items(path).await.iter().map(name).collect();
    let mut paged = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = cluster.get(&format!("{path}?limit=3&continue={cursor}")).await.good();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 3 && items.iter().all(|i| i["kind"].is_null()));
        paged.extend(items.iter().map(name));
        match page["metadata"]["continue"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert!(whole.len() > 6);
    assert_eq!(paged, whole);
    assert_eq!(
        cluster
            .get(&format!("{path}?limit=3&continue=nonsense!"))
            .await
            .refused()
            .0,
        400
    );
    let all = cluster.items("/apis/apps/v1/deployments").await;
    assert!(all.iter().any(|d| name(d) == "web"));
}

#[tokio::test]
async fn logs_are_refused_in_the_servers_words() {
    let cluster = Cluster::of("crash-loop").await;
    let pods = cluster.pods("web").await;
    let well = pods.iter().find(|p| crate::client::is_ready(p)).unwrap();
    let log = |query: &str| format!("/api/v1/namespaces/shop/pods/{}/log?{query}", name(well));
    let (code, message) = cluster.get(&log("previous=true")).await.refused();
    assert_eq!(code, 400);
    assert!(
        message.starts_with("previous terminated container \"web\" in pod"),
        "{message}"
    );
    assert!(
        cluster
            .get(&log("container=other"))
            .await
            .refused()
            .1
            .starts_with("container other is not valid for pod")
    );
    assert_eq!(cluster.get(&log("follow=true")).await.refused().0, 501);
    let lines = cluster.get(&log("tailLines=1")).await.text;
    assert_eq!(lines, "listening on :8080\n");
    assert_eq!(cluster.get(&log("tailLines=10&limitBytes=8")).await.text, "starting");
}

#[tokio::test]
async fn the_cluster_tells_version_identity_and_rights() {
    let cluster = Cluster::of("already-healthy").await;
    assert_eq!(cluster.get("/version").await.good()["gitVersion"], "v1.34.4");
    let system = cluster.get("/api/v1/namespaces/kube-system").await.good();
    assert!(!crate::client::uid(&system).is_empty());
    let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": "patch", "resource": "deployments", "group": "apps", "namespace": "shop"}}});
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    assert_eq!(cluster.post(path, &review).await.good()["status"]["allowed"], true);
    let groups = cluster.get("/apis").await.good();
    assert!(groups["groups"].as_array().unwrap().iter().any(|g| g["name"] == "apps"));
    let resources = cluster.get("/api/v1").await.good();
    assert!(
        resources["resources"]
            .as_array()
            .unwrap()
            .iter()
            .any(|r| r["name"] == "pods")
    );
}

#[tokio::test]
async fn two_worlds_share_neither_uid_nor_token() {
    let (a, b) = (
        Cluster::of("already-healthy").await,
        Cluster::of("already-healthy").await,
    );
    let uids = |c: &Cluster| -> Vec<String> { c.simulator.state().values().map(crate::client::uid).collect() };
    let of_b = uids(&b);
    assert!(uids(&a).iter().all(|u| !of_b.contains(u)));
    assert_ne!(a.simulator.kubeconfig(), b.simulator.kubeconfig());
}

#[tokio::test]
async fn a_stopped_cluster_answers_no_more() {
    let cluster = Cluster::of("already-healthy").await;
    let address = cluster.simulator.address();
    cluster.simulator.shutdown().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
