//! Manifests. Every pod runs the same test program; its part is set by environment variables.

use serde_json::{Value, json};

/// A Deployment of the test program.
pub fn deployment(name: &str, replicas: u32, env: &[(&str, &str)]) -> Value {
    workload("Deployment", name, replicas, env)
}

/// A StatefulSet of the test program.
pub fn stateful_set(name: &str, replicas: u32, env: &[(&str, &str)]) -> Value {
    let mut set = workload("StatefulSet", name, replicas, env);
    set["spec"]["serviceName"] = json!(name);
    set
}

/// A DaemonSet of the test program.
pub fn daemon_set(name: &str, env: &[(&str, &str)]) -> Value {
    let mut set = workload("DaemonSet", name, 1, env);
    if let Some(spec) = set["spec"].as_object_mut() {
        spec.remove("replicas");
    }
    set
}

fn workload(kind: &str, name: &str, replicas: u32, env: &[(&str, &str)]) -> Value {
    let env: Vec<Value> = env.iter().map(|(n, v)| json!({ "name": n, "value": v })).collect();
    json!({
        "apiVersion": "apps/v1", "kind": kind, "metadata": { "name": name },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": {
                    "terminationGracePeriodSeconds": 1,
                    "containers": [{
                        "name": "app", "image": "docker.io/library/stage:1", "env": env,
                        "ports": [{ "name": "http", "containerPort": 8080 }],
                        "readinessProbe": { "httpGet": { "path": "/readyz", "port": 8080 }, "periodSeconds": 1 },
                    }],
                }
            }
        }
    })
}

/// The same with a memory limit (and request) for its container.
pub fn with_memory(mut workload: Value, limit: &str) -> Value {
    workload["spec"]["template"]["spec"]["containers"][0]["resources"] =
        json!({ "requests": { "memory": limit }, "limits": { "memory": limit } });
    workload
}

/// The same with a processor limit (and request) for its container.
pub fn with_cpu(mut workload: Value, limit: &str) -> Value {
    workload["spec"]["template"]["spec"]["containers"][0]["resources"] =
        json!({ "requests": { "cpu": limit }, "limits": { "cpu": limit } });
    workload
}

/// A Service for pods with the label `app`.
pub fn service(name: &str, app: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": name },
        "spec": { "selector": { "app": app }, "ports": [{ "port": 8080, "targetPort": 8080 }] },
    })
}

/// What the autoscaler aims at, in percent of the requested processor time.
pub const AIM: u32 = 95;

/// An autoscaler of processor use.
pub fn autoscaler(name: &str, min: u32, max: u32) -> Value {
    json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": { "name": name },
        "spec": {
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": name },
            "minReplicas": min, "maxReplicas": max,
            "metrics": [{ "type": "Resource", "resource": {
                "name": "cpu", "target": { "type": "Utilization", "averageUtilization": AIM } } }],
        },
    })
}

/// A quota on memory limits.
pub fn memory_quota(hard: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "memory" },
        "spec": { "hard": { "limits.memory": hard } },
    })
}
