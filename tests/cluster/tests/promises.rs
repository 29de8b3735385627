//! What the crate promises, tried on a real cluster. Run with
//! `cargo test -p dreamops-test-cluster -- --ignored`; needs root.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::path::Path;
use std::time::Duration;

use dreamops_test_cluster::{Cluster, Error, REGISTRY_PASSWORD, REGISTRY_USER, Result, Validity};

const NAME: &str = "crate-test";
const SOON: Duration = Duration::from_mins(1);

fn pod(name: &str, image: &str, container: &serde_json::Value) -> String {
    let mut spec = serde_json::json!({ "name": "c", "image": image });
    if let (Some(spec), Some(more)) = (spec.as_object_mut(), container.as_object()) {
        spec.extend(more.clone());
    }
    serde_json::json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name },
        "spec": { "containers": [spec] },
    })
    .to_string()
}

fn status(cluster: &Cluster, namespace: &str, name: &str) -> Result<serde_json::Value> {
    let pod = cluster.kubectl_json(&["get", "pod", "-n", namespace, name])?;
    Ok(pod["status"]["containerStatuses"][0].clone())
}

fn who(cluster: &Cluster, kubeconfig: &Path) -> Result<String> {
    let config = kubeconfig.to_string_lossy();
    let user = "jsonpath={.status.userInfo.username}";
    cluster.kubectl(&["auth", "whoami", "--kubeconfig", &config, "-o", user])
}

// one test: the parts share a cluster that the last of them takes down
#[test]
#[ignore = "needs root and some seconds to minutes; part of `cargo xtask e2e`"]
fn a_cluster_comes_up_fails_for_real_and_leaves_nothing() {
    let cluster = Cluster::start(NAME).unwrap();
    clients_are_who_they_say(&cluster).unwrap();
    memory_limits_kill(&cluster).unwrap();
    pulls_fail_in_different_words(&cluster).unwrap();
    a_pull_secret_heals(&cluster).unwrap();

    Cluster::stop(NAME).unwrap();
    assert!(!cluster.network_namespace().exists());
    assert!(!cluster.logs().exists());
    assert!(matches!(Cluster::attach(NAME), Err(Error::NotRunning { .. })));
}

fn clients_are_who_they_say(cluster: &Cluster) -> Result<()> {
    let namespace = cluster.namespace("clients")?;
    let token = cluster.token_kubeconfig(&namespace, "default")?;
    assert_eq!(
        who(cluster, &token)?,
        format!("system:serviceaccount:{namespace}:default")
    );
    let valid = cluster.client_cert_kubeconfig("ann", &["team:a", "team:b"], Validity::Valid)?;
    assert_eq!(who(cluster, &valid)?, "ann");
    let expired = cluster.client_cert_kubeconfig("ann", &["team:a"], Validity::Expired)?;
    assert!(matches!(who(cluster, &expired), Err(Error::Failed { .. })));
    Ok(())
}

fn memory_limits_kill(cluster: &Cluster) -> Result<()> {
    let namespace = cluster.namespace("memory")?;
    let container = serde_json::json!({
        "env": [{ "name": "EAT_MIB", "value": "100" }],
        "resources": { "limits": { "memory": "50Mi" } },
    });
    cluster.apply_in(&namespace, &pod("eater", "stage:1", &container))?;
    cluster.wait_for("a kill for memory", SOON, || {
        Ok(status(cluster, &namespace, "eater")?["lastState"]["terminated"]["reason"] == "OOMKilled")
    })
}

fn pulls_fail_in_different_words(cluster: &Cluster) -> Result<()> {
    let namespace = cluster.namespace("pulls")?;
    for (name, image, words) in [
        ("missing", "stage:99", "not found"),
        ("private", "docker.io/private/stage:1", "401 Unauthorized"),
        ("nowhere", "registry.example.test/app:1", "no such host"),
    ] {
        cluster.apply_in(&namespace, &pod(name, image, &serde_json::json!({})))?;
        cluster.wait_for(words, SOON, || {
            let events = ["get", "events", "-n", &namespace, "-o", "jsonpath={.items[*].message}"];
            let mut arguments = events.to_vec();
            let selector = format!("reason=Failed,involvedObject.name={name}");
            arguments.extend(["--field-selector", &selector]);
            Ok(cluster.kubectl(&arguments)?.contains(words))
        })?;
    }
    Ok(())
}

fn a_pull_secret_heals(cluster: &Cluster) -> Result<()> {
    let namespace = cluster.namespace("secret")?;
    let (user, password) = (
        format!("--docker-username={REGISTRY_USER}"),
        format!("--docker-password={REGISTRY_PASSWORD}"),
    );
    let create = ["create", "secret", "docker-registry", "pull", "-n", &namespace];
    let mut arguments = create.to_vec();
    arguments.extend(["--docker-server=docker.io", &user, &password]);
    cluster.kubectl(&arguments)?;
    let patch = r#"{"imagePullSecrets":[{"name":"pull"}]}"#;
    cluster.kubectl(&["patch", "serviceaccount", "default", "-n", &namespace, "-p", patch])?;
    cluster.apply_in(
        &namespace,
        &pod("private", "docker.io/private/stage:2", &serde_json::json!({})),
    )?;
    cluster.wait_for("a running private image", SOON, || {
        Ok(status(cluster, &namespace, "private")?["ready"] == true)
    })
}
