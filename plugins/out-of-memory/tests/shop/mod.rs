//! What the tests share: a container with a limit, and readings of findings and steps.
#![allow(dead_code, unreachable_pub, clippy::expect_used, clippy::needless_pass_by_value)]

use dreamops_sdk::cluster::{Quota, Usage};
use dreamops_sdk::incident::PastAction;
pub use dreamops_sdk::mock::expect::{cause, escalated as assert_escalated};
use dreamops_sdk::mock::{MockHost, MockPod, NOW_MS, Rollout, Step};
use dreamops_sdk::prelude::*;
use out_of_memory::OutOfMemory;
use serde_json::{Value, json};

pub const MIB: u64 = 1 << 20;

/// A container `web` with a memory limit and request, and more fields.
pub fn web(limit: &str, request: &str, more: Value) -> Value {
    let mut container = json!({"name": "web", "image": "shop/web:1", "resources": {}});
    if !limit.is_empty() {
        container["resources"]["limits"] = json!({"memory": limit});
    }
    if !request.is_empty() {
        container["resources"]["requests"] = json!({"memory": request});
    }
    for (key, value) in more.as_object().into_iter().flatten() {
        container[key] = value.clone();
    }
    container
}

/// Killed again and again, each time after `lasted` seconds.
pub fn killed(lasted: u64) -> MockPod {
    MockPod::crashing("OOMKilled", 137).ended("OOMKilled", 137, lasted)
}

/// One workload whose pods are killed at `limit`.
pub fn too_small(limit: &str, request: &str) -> Rollout {
    Rollout::deployment("web", 1)
        .container(web(limit, request, json!({})))
        .pods(1, &killed(12))
}

pub fn host(web: Rollout) -> MockHost {
    MockHost::new()
        .alert("KubePodCrashLooping", "web restarts")
        .rollout(web)
        .target("Deployment", "web")
}

pub fn usage(pod: &str, container: &str, used: u64, limit: Option<u64>) -> Usage {
    Usage {
        pod: ObjectRef::new("Pod", "shop", pod, &format!("uid-pod-{pod}")),
        container: container.into(),
        cpu_millis: 10,
        memory_bytes: used,
        cpu_limit: None,
        memory_limit: limit,
        cpu_request: None,
        memory_request: None,
        at_ms: NOW_MS - 5_000,
        window_ms: 15_000,
    }
}

pub fn room(free: u64, node: u64) -> Quota {
    Quota {
        quotas: Vec::new(),
        ranges: Vec::new(),
        largest_free_memory: Some(free),
        largest_node_memory: Some(node),
        largest_free_cpu: None,
        not_checked: Vec::new(),
    }
}

pub fn raised(ago_s: u64, outcome: &str) -> PastAction {
    PastAction {
        at_ms: NOW_MS - ago_s * 1_000,
        action: "set-resources".into(),
        strategy: "out-of-memory".into(),
        outcome: outcome.into(),
        fault: "out-of-memory".into(),
    }
}

/// Finding and steps; every read and step is one that the manifest asks for.
pub fn respond(host: &MockHost) -> (Finding, Vec<Step>) {
    host.respond_within::<OutOfMemory>(include_str!("../../Cargo.toml"))
}

/// The one step: container, request and limit in mebibytes.
#[track_caller]
pub fn set(steps: &[Step]) -> (&str, Option<u64>, Option<u64>) {
    match steps {
        [
            Step::SetResources {
                container,
                requests,
                limits,
                ..
            },
        ] => {
            assert_eq!((requests.cpu_millis, limits.cpu_millis), (None, None));
            let mib = |bytes: Option<u64>| bytes.map(|b| b / MIB);
            (container, mib(requests.memory_bytes), mib(limits.memory_bytes))
        }
        other => panic!("no raise: {other:?}"),
    }
}
