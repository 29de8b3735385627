//! What is served, as kubectl asks for it.

use super::Answer;
use super::path::Path;
use crate::world::World;
use crate::world::kind::KINDS;
use crate::world::refusal::Refusal;
use serde_json::{Value, json};

const METRICS: &str = "metrics.k8s.io";

/// The version that is simulated.
pub(super) fn version() -> Value {
    json!({
        "major": "1",
        "minor": "34",
        "gitVersion": "v1.34.4",
        "gitCommit": "simulated",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "none",
        "compiler": "none",
        "platform": "linux/amd64",
    })
}

pub(super) fn answer(world: &World, path: &Path) -> Result<Answer, Refusal> {
    let value = match path {
        Path::CoreVersions => json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}),
        Path::Groups => groups(world),
        Path::Resources { group, version } => resources(world, group, version)?,
        _ => return Err(Refusal::no_such_path()),
    };
    Ok(Answer::Json(200, value))
}

fn groups(world: &World) -> Value {
    let mut found: Vec<(&str, &str)> = Vec::new();
    for row in KINDS.iter().filter(|r| !r.group.is_empty()) {
        if !found.contains(&(row.group, row.version)) {
            found.push((row.group, row.version));
        }
    }
    found.push(("authorization.k8s.io", "v1"));
    if world.has_metrics {
        found.push((METRICS, "v1beta1"));
    }
    let groups: Vec<Value> = found
        .into_iter()
        .map(|(group, version)| {
            let version = json!({"groupVersion": format!("{group}/{version}"), "version": version});
            json!({"name": group, "versions": [version.clone()], "preferredVersion": version})
        })
        .collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

fn resources(world: &World, group: &str, version: &str) -> Result<Value, Refusal> {
    let mut found: Vec<Value> = KINDS
        .iter()
        .filter(|r| (r.group, r.version) == (group, version))
        .map(|r| {
            let mut names = vec![r.short];
            names.retain(|n| !n.is_empty());
            let verbs: &[&str] = if r.made {
                &["create", "delete", "get", "list", "patch"]
            } else {
                &["get", "list"]
            };
            json!({"name": r.plural, "singularName": r.name.to_lowercase(), "namespaced": r.namespaced,
                "kind": r.name, "verbs": verbs, "shortNames": names})
        })
        .collect();
    if group == METRICS && world.has_metrics {
        found.push(json!({"name": "pods", "singularName": "", "namespaced": true, "kind": "PodMetrics", "verbs": ["get", "list"]}));
        found.push(json!({"name": "nodes", "singularName": "", "namespaced": false, "kind": "NodeMetrics", "verbs": ["get", "list"]}));
    }
    if group == "authorization.k8s.io" {
        found.push(
            json!({"name": "selfsubjectaccessreviews", "singularName": "", "namespaced": false,
            "kind": "SelfSubjectAccessReview", "verbs": ["create"]}),
        );
    }
    if found.is_empty() {
        return Err(Refusal::no_such_path());
    }
    let place = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    Ok(json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": place, "resources": found}))
}
