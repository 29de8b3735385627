//! ControllerRevisions: the templates that a StatefulSet or DaemonSet has had.

use super::pods::{MANAGER, owned_by};
use crate::fields;
use crate::names;
use crate::world::World;
use crate::world::kind::Kind;
use serde_json::{Value, json};

/// What `kubectl apply` keeps is not passed on.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The label by which pods name their revision.
pub(super) const LABEL: &str = "controller-revision-hash";

/// The revision of the present template, made or found. One that was there before gets the highest number.
pub(super) fn present(world: &mut World, set: &Value) -> Option<Value> {
    let mut template = fields::without_nulls(&set["spec"]["template"]);
    template["$patch"] = json!("replace");
    let data = json!({"spec": {"template": template}});
    let known = world.controlled(Kind::ControllerRevision, set);
    let newest = known.iter().map(|r| fields::count(r, "/revision")).max().unwrap_or(0);
    if let Some(found) = known.iter().find(|r| r["data"] == data) {
        if fields::count(found, "/revision") == newest {
            return Some(found.clone());
        }
        let mut moved = found.clone();
        moved["revision"] = json!(newest + 1);
        world.put(Kind::ControllerRevision, moved.clone());
        return Some(moved);
    }
    let hash = names::hash(&data);
    let name = format!("{}-{hash}", fields::name(set));
    let mut labels = template_labels(set);
    labels[own_label(set)] = json!(hash);
    let mut revision = json!({
        "metadata": {
            "name": name,
            "namespace": set["metadata"]["namespace"],
            "labels": labels,
            "ownerReferences": owned_by(set),
        },
        "data": data,
        "revision": newest + 1,
    });
    for (key, value) in fields::members(set, "/metadata/annotations") {
        if key != LAST_APPLIED {
            fields::set(&mut revision, &["metadata", "annotations", key], value.clone());
        }
    }
    let made = world.create(Kind::ControllerRevision, revision, MANAGER, false);
    made.inspect_err(|refusal| tracing::warn!(refusal = %refusal.message, "a revision was refused"))
        .ok()
}

/// Labels of the pods that a set makes.
fn template_labels(set: &Value) -> Value {
    match &set["spec"]["template"]["metadata"]["labels"] {
        Value::Null => json!({}),
        labels => labels.clone(),
    }
}

/// Where a revision of a set keeps its hash. Pods of a StatefulSet name the revision under [`LABEL`], those of a
/// DaemonSet its hash.
pub(super) fn own_label(set: &Value) -> &'static str {
    if set["kind"] == "StatefulSet" {
        "controller.kubernetes.io/hash"
    } else {
        LABEL
    }
}

/// Keeps as many revisions as the history may be long, and those that pods are made from.
pub(super) fn forget_old(world: &mut World, set: &Value, in_use: &[&str]) {
    let kept = usize::try_from(fields::count(set, "/spec/revisionHistoryLimit")).unwrap_or(10);
    let mut idle: Vec<Value> = world
        .controlled(Kind::ControllerRevision, set)
        .into_iter()
        .filter(|r| {
            !in_use.contains(&fields::name(r))
                && !in_use.contains(&r["metadata"]["labels"][own_label(set)].as_str().unwrap_or_default())
        })
        .collect();
    idle.sort_by_key(|r| fields::count(r, "/revision"));
    for revision in idle.iter().take(idle.len().saturating_sub(kept)) {
        world.erase(
            Kind::ControllerRevision,
            fields::namespace(revision),
            fields::name(revision),
        );
    }
}
