//! image-pull: the runtime's words, and what makes an image come.

use crate::client::{Cluster, deployment, uid, waiting};
use serde_json::{Value, json};

/// A pull secret, by user and password in plain base64.
fn secret(password: &str) -> Value {
    let config = json!({"auths": {"private.shop.example": {"username": "robot", "password": password}}});
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
        "metadata": {"name": "pull", "namespace": "shop"},
        "stringData": {".dockerconfigjson": config.to_string()},
    })
}

#[tokio::test]
async fn a_tag_that_nobody_pushed_is_not_found_and_an_undo_heals() {
    let cluster = Cluster::of("image-pull").await;
    let pod = cluster.broken("web").await;
    let events = cluster.events(&uid(&pod)).await;
    assert!(
        events
            .iter()
            .any(|(r, m)| r == "Failed" && m.contains("code = NotFound") && m.contains("web:1.5.O: not found")),
        "{events:?}"
    );
    assert!(matches!(waiting(&pod).0, "ImagePullBackOff" | "ErrImagePull"));
    cluster.restart(&pod).await;
    cluster.roll("web").await;
    cluster.pass(600);
    assert!(cluster.ready("web").await.0 < 3);
    cluster.undo("web", "2").await;
    cluster.pass(5);
    assert_eq!(cluster.ready("web").await, (3, 3));
}

#[tokio::test]
async fn nodes_tell_which_images_they_hold() {
    let cluster = Cluster::of("image-pull").await;
    let nodes = cluster.items("/api/v1/nodes").await;
    let names: Vec<String> = nodes
        .iter()
        .flat_map(|n| n["status"]["images"].as_array().cloned().unwrap_or_default())
        .filter_map(|i| i["names"][0].as_str().map(str::to_owned))
        .collect();
    assert!(
        names.iter().any(|n| n == "registry.shop.example/web:1.4.2"),
        "{names:?}"
    );
    assert!(!names.iter().any(|n| n.contains("1.5.O")));
}

#[tokio::test]
async fn only_the_right_credential_opens_a_private_registry() {
    let cluster = Cluster::of("image-pull-private").await;
    let pod = cluster.broken("billing").await;
    let events = cluster.events(&uid(&pod)).await;
    assert!(events.iter().any(|(_, m)| m.contains("401 Unauthorized")), "{events:?}");
    let secrets = "/api/v1/namespaces/shop/secrets";
    let before = cluster.simulator.state();
    cluster
        .post(
            &format!("{secrets}?dryRun=All&fieldManager=dreamops"),
            &secret("pull-in-the-demo"),
        )
        .await
        .good();
    assert_eq!(before, cluster.simulator.state(), "a dry run makes nothing");
    cluster.post(secrets, &secret("wrong")).await.good();
    cluster
        .set(
            "billing",
            "/spec/template/spec/imagePullSecrets",
            json!([{"name": "pull"}]),
        )
        .await;
    cluster.pass(600);
    assert_eq!(cluster.ready("billing").await.0, 0, "a wrong password opens nothing");
    let made = cluster.get(&format!("{secrets}/pull")).await.good();
    let delete = json!({"preconditions": {"uid": made["metadata"]["uid"]}});
    cluster.delete(&format!("{secrets}/pull"), &delete).await.good();
    cluster.post(secrets, &secret("pull-in-the-demo")).await.good();
    cluster.pass(310);
    assert_eq!(cluster.ready("billing").await, (2, 2));
}

#[tokio::test]
async fn the_credential_of_the_scenario_is_the_right_one() {
    let given = crate::client::scenario("image-pull-private").credentials;
    assert_eq!(given.len(), 1);
    assert_eq!(
        (given[0].registry, given[0].password),
        ("private.shop.example", "pull-in-the-demo")
    );
    assert!(
        crate::client::scenario("image-pull-no-credential")
            .credentials
            .is_empty()
    );
}

#[tokio::test]
async fn a_registry_without_a_name_is_told_as_such() {
    let cluster = Cluster::of("image-pull-no-registry").await;
    let pod = cluster.broken("ads").await;
    let events = cluster.events(&uid(&pod)).await;
    assert!(
        events
            .iter()
            .any(|(_, m)| m.contains("lookup registry.partner.example on 10.96.0.10:53: no such host")),
        "{events:?}"
    );
    let log = cluster
        .get(&format!(
            "/api/v1/namespaces/shop/pods/{}/log",
            crate::client::name(&pod)
        ))
        .await;
    let (code, message) = log.refused();
    assert_eq!(code, 400);
    assert!(message.contains("is waiting to start"), "{message}");
}

#[tokio::test]
async fn a_name_that_is_none_is_invalid() {
    let cluster = Cluster::of("already-healthy").await;
    let change = json!([{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "Shop/Web:1"}]);
    cluster.patch(&deployment("web"), &change).await.good();
    cluster.pass(30);
    assert_eq!(waiting(&cluster.broken("web").await).0, "InvalidImageName");
}
