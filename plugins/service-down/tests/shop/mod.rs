//! What the tests share: a Service, workloads with labels and ports, and readings of findings and steps.
#![allow(dead_code, unreachable_pub, clippy::expect_used, clippy::needless_pass_by_value)]

pub use dreamops_sdk::mock::expect::{cause, escalated as assert_escalated};
use dreamops_sdk::mock::{MockHost, MockPod, Rollout, Step};
use dreamops_sdk::prelude::*;
use serde_json::{Value, json};
use service_down::ServiceDown;

/// A Service `name` on port 80.
pub fn service(name: &str, selector: Value, target_port: Value) -> Value {
    json!({"kind": "Service", "metadata": {"name": name},
        "spec": {"type": "ClusterIP", "clusterIP": "10.96.0.9", "selector": selector,
            "ports": [{"port": 80, "targetPort": target_port}]}})
}

/// The Service as `kubectl apply` had it before.
pub fn applied(mut service: Value, before: &Value) -> Value {
    let text = json!({"kind": "Service", "spec": before}).to_string();
    service["metadata"]["annotations"] = json!({"kubectl.kubernetes.io/last-applied-configuration": text});
    service
}

/// A pod template with these labels and a container that declares port 8080 as `http`.
pub fn template(labels: &Value) -> Value {
    json!({"metadata": {"labels": labels}, "spec": {"containers": [
        {"name": "main", "image": "shop/main:1", "ports": [{"name": "http", "containerPort": 8080}]}]}})
}

/// A Deployment of which every pod does as `pod`.
pub fn deployment(name: &str, labels: &Value, count: u32, pod: &MockPod) -> Rollout {
    Rollout::deployment(name, count)
        .revision(template(labels))
        .pods(count as usize, pod)
}

/// A Deployment at zero replicas.
pub fn asleep(name: &str) -> Rollout {
    Rollout::deployment(name, 0).revision(template(&json!({"app": name})))
}

/// The alert that Service `web` does not answer.
pub fn host() -> MockHost {
    MockHost::new()
        .alert("ServiceDown", "service web has no endpoints")
        .target("Service", "web")
}

/// Finding and steps; every read and step is one that the manifest asks for.
pub fn respond(host: &MockHost) -> (Finding, Vec<Step>) {
    host.assess::<ServiceDown>().expect("an assessment");
    host.respond_within::<ServiceDown>(include_str!("../../Cargo.toml"))
}

/// The one step patches this object so.
#[track_caller]
pub fn assert_patched(steps: &[Step], object: &str, path: &str, value: &str) {
    match steps {
        [
            Step::Patch {
                target,
                path: at,
                value: to,
                ..
            },
        ] => assert_eq!(
            (target.to_string().as_str(), at.as_str(), to.as_str()),
            (object, path, value)
        ),
        other => panic!("no patch: {other:?}"),
    }
}
