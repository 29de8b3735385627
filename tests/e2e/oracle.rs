//! The oracle: what a namespace was when it was healthy, held against what it is at the end.

use dreamops_test_cluster::Cluster;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Everything that a responder could change in a namespace, but for pods, which come and go.
const KINDS: &str = "deployments,statefulsets,daemonsets,services,configmaps,secrets,resourcequotas,limitranges,\
                     horizontalpodautoscalers,poddisruptionbudgets,networkpolicies,serviceaccounts,jobs,cronjobs";

/// A namespace at a moment: each object's uid and what it asks for.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot(BTreeMap<String, Value>);

impl Snapshot {
    pub(crate) fn take(cluster: &Cluster, namespace: &str) -> Self {
        let list = cluster.kubectl_json(&["-n", namespace, "get", KINDS]).unwrap();
        let items = list["items"].as_array().cloned().unwrap_or_default();
        Self(items.iter().map(|o| (name(o), wanted(o))).collect())
    }

    /// What differs between this and a later moment, beside what is allowed: `Kind/name` with a JSON pointer
    /// (`Deployment/web /spec/replicas`), or `Kind/prefix*` for objects that may be new.
    pub(crate) fn differences(&self, later: &Self, allowed: &[&str]) -> Vec<String> {
        let mut found = Vec::new();
        for (name, before) in &self.0 {
            match later.0.get(name) {
                None => found.push(format!("{name} is gone")),
                Some(after) => compare(name, "", before, after, &mut found),
            }
        }
        for name in later.0.keys().filter(|n| !self.0.contains_key(*n)) {
            found.push(format!("{name} is new"));
        }
        found.retain(|d| !allowed.iter().any(|a| permits(a, d)));
        found
    }
}

fn permits(allowed: &str, difference: &str) -> bool {
    match allowed.strip_suffix('*') {
        Some(prefix) => difference.starts_with(prefix) && difference.ends_with(" is new"),
        None => {
            difference == allowed
                || difference.starts_with(&format!("{allowed}/"))
                || difference.starts_with(&format!("{allowed} "))
        }
    }
}

fn name(object: &Value) -> String {
    format!(
        "{}/{}",
        object["kind"].as_str().unwrap_or_default(),
        object["metadata"]["name"].as_str().unwrap_or_default()
    )
}

fn wanted(object: &Value) -> Value {
    let mut spec = object["spec"].clone();
    // set by `rollout undo` of the cluster's own tools and by us alike; it names no fault
    if let Some(annotations) = spec
        .pointer_mut("/template/metadata/annotations")
        .and_then(Value::as_object_mut)
    {
        annotations.remove("kubectl.kubernetes.io/restartedAt");
    }
    json!({ "uid": object["metadata"]["uid"], "spec": spec, "data": object["data"], "labels": object["metadata"]["labels"] })
}

fn compare(name: &str, path: &str, before: &Value, after: &Value, found: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|k| !a.contains_key(*k))) {
                let path = format!("{path}/{key}");
                compare(
                    name,
                    &path,
                    a.get(key).unwrap_or(&Value::Null),
                    b.get(key).unwrap_or(&Value::Null),
                    found,
                );
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                compare(name, &format!("{path}/{i}"), a, b, found);
            }
        }
        (a, b) if a == b => {}
        _ => found.push(format!("{name} {path}")),
    }
}

/// The oracle must reject the tempting wrong answers, or it proves nothing.
#[test]
fn the_oracle_rejects_scaling_to_zero_recreating_and_deleting_a_quota() {
    let room = crate::room::Room::new("oracle");
    room.apply(&dreamops_tests::workloads::deployment("web", 1, &[]));
    room.apply(&dreamops_tests::workloads::memory_quota("1Gi"));
    let before = room.snapshot();
    assert!(before.differences(&room.snapshot(), &[]).is_empty());

    room.kubectl(&["scale", "deployment/web", "--replicas=0"]);
    assert_eq!(
        before.differences(&room.snapshot(), &[]),
        ["Deployment/web /spec/replicas"]
    );
    room.kubectl(&["scale", "deployment/web", "--replicas=1"]);

    room.kubectl(&["delete", "resourcequota", "memory"]);
    assert_eq!(
        before.differences(&room.snapshot(), &[]),
        ["ResourceQuota/memory is gone"]
    );
    room.apply(&dreamops_tests::workloads::memory_quota("1Gi"));

    room.kubectl(&["delete", "deployment", "web"]);
    room.apply(&dreamops_tests::workloads::deployment("web", 1, &[]));
    let differences = before.differences(&room.snapshot(), &["ResourceQuota/memory /uid"]);
    assert_eq!(differences, ["Deployment/web /uid"]);
}
