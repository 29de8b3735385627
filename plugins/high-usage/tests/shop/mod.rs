//! What the tests share: a workload with limits, samples, and readings of findings and steps.
#![allow(dead_code, unreachable_pub, clippy::expect_used, clippy::needless_pass_by_value)]

use dreamops_sdk::cluster::Usage;
pub use dreamops_sdk::mock::expect::{cause, escalated as assert_escalated, handed_to};
use dreamops_sdk::mock::{MockHost, MockPod, NOW_MS, Rollout, Step};
use dreamops_sdk::prelude::*;
use high_usage::HighUsage;
use serde_json::{Value, json};

pub const MIB: u64 = 1 << 20;

/// A Deployment `web` of so many ready pods with a limit of 500m and 100Mi.
pub fn web(count: u32) -> Rollout {
    Rollout::deployment("web", count)
        .container(container())
        .pods(count as usize, &MockPod::ready())
}

pub fn container() -> Value {
    json!({"name": "web", "image": "shop/web:1", "resources": {
        "limits": {"cpu": "500m", "memory": "100Mi"}, "requests": {"cpu": "250m", "memory": "50Mi"}}})
}

/// A sample of the pod with this name: millicores and mebibytes, with the limits of [`container`].
pub fn sample(pod: &str, cpu: u64, mib: u64) -> Usage {
    Usage {
        pod: ObjectRef::new("Pod", "shop", pod, &format!("uid-pod-{pod}")),
        container: "web".into(),
        cpu_millis: cpu,
        memory_bytes: mib * MIB,
        cpu_limit: Some(500),
        memory_limit: Some(100 * MIB),
        cpu_request: Some(250),
        memory_request: Some(50 * MIB),
        at_ms: NOW_MS - 5_000,
        window_ms: 15_000,
    }
}

/// The alert that Deployment `web` uses much processor, for ten minutes now, with one sample per pod.
pub fn busy(rollout: Rollout, cpu: &[u64]) -> MockHost {
    let names: Vec<String> = (0..cpu.len()).map(|i| rollout.pod_name(1, i)).collect();
    let host = MockHost::new()
        .alert("HighCPU", "web uses much CPU")
        .started_ms(NOW_MS - 600_000)
        .rollout(rollout)
        .target("Deployment", "web");
    names
        .iter()
        .zip(cpu)
        .fold(host, |host, (name, cpu)| host.usage(sample(name, *cpu, 20)))
}

/// An autoscaler of `web` that aims at 80 % and sees `seen` %.
pub fn hpa(min: u32, max: u32, current: u32, seen: u32) -> Value {
    json!({"kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "minReplicas": min, "maxReplicas": max,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]},
        "status": {"currentReplicas": current, "desiredReplicas": current,
            "conditions": [{"type": "ScalingActive", "status": "True"}],
            "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": seen}}}]}})
}

/// Finding and steps; every read and step is one that the manifest asks for.
pub fn respond(host: &MockHost) -> (Finding, Vec<Step>) {
    host.assess::<HighUsage>().expect("an assessment");
    host.respond_within::<HighUsage>(include_str!("../../Cargo.toml"))
}

#[track_caller]
pub fn scaled_to(steps: &[Step]) -> u32 {
    match steps {
        [Step::Scale { workload, replicas, .. }] => {
            assert_eq!(workload.to_string(), "Deployment/web");
            *replicas
        }
        other => panic!("not scaled: {other:?}"),
    }
}
