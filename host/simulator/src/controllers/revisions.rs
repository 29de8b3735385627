//! ControllerRevisions: the templates that a StatefulSet or DaemonSet has had.

use super::pods::{MANAGER, owned_by};
use crate::fields;
use crate::names;
use crate::world::World;
use crate::world::kind::Kind;
use serde_json::{Value, json};

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
    let mut labels = set["spec"]["selector"]["matchLabels"].clone();
    // pods of a StatefulSet name the revision, those of a DaemonSet its hash; the revision's own label is the hash
    labels[LABEL] = json!(hash);
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
    if let Some(cause) = set["metadata"]["annotations"].get("kubernetes.io/change-cause") {
        revision["metadata"]["annotations"] = json!({"kubernetes.io/change-cause": cause});
    }
    let made = world.create(Kind::ControllerRevision, revision, MANAGER, false);
    made.inspect_err(|refusal| tracing::warn!(refusal = %refusal.message, "a revision was refused"))
        .ok()
}

/// Keeps as many revisions as the history may be long, and those that pods are made from.
pub(super) fn forget_old(world: &mut World, set: &Value, in_use: &[&str]) {
    let kept = usize::try_from(fields::count(set, "/spec/revisionHistoryLimit")).unwrap_or(10);
    let mut idle: Vec<Value> = world
        .controlled(Kind::ControllerRevision, set)
        .into_iter()
        .filter(|r| {
            !in_use.contains(&fields::name(r))
                && !in_use.contains(&fields::text(r, "/metadata/labels/controller-revision-hash"))
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
