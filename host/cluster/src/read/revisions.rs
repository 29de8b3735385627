//! A workload's history of pod templates.
//!
//! A Deployment keeps it in `ReplicaSets`, `StatefulSet` and `DaemonSet` in `ControllerRevisions`. Only
//! objects that the workload controls (by uid) count. A revision is *current* if its template is
//! the workload's, whatever the controller has got to; this is right from the moment of a write.

use super::{Stop, invalid, live, pods, text};
use crate::api::Api;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::read::Revision;
use dreamops_domain::redact::{Redactor, Shown};
use dreamops_domain::time::Timestamp;
use serde_json::{Map, Value};

/// The label that the Deployment controller adds to templates and pods.
pub(crate) const TEMPLATE_HASH: &str = "pod-template-hash";
/// The label by which pods of a `StatefulSet` or `DaemonSet` name their revision.
const REVISION_HASH: &str = "controller-revision-hash";

/// A revision as the server has it. Raw: it may hold secret values.
pub(crate) struct RawRevision {
    /// The `ReplicaSet` or `ControllerRevision`.
    pub(crate) object: Value,
    /// The pod template, without what controllers add to it (`pod-template-hash`, `$patch`).
    pub(crate) template: Value,
    /// The number that kubectl shows.
    pub(crate) number: u64,
    /// Whether the workload asks for this template now.
    pub(crate) current: bool,
    /// Pods of this revision that are ready.
    pub(crate) ready_pods: u32,
}

pub(crate) async fn shown(api: &Api, redactor: &Redactor, workload: &ObjectRef) -> Result<Vec<Revision>, Stop> {
    let live = live(api, workload).await?;
    let history = history(api, &live).await?;
    Ok(history.iter().map(|raw| fact(redactor, raw)).collect())
}

/// The revisions of a workload, newest first.
pub(crate) async fn history(api: &Api, workload: &Value) -> Result<Vec<RawRevision>, Stop> {
    let (mut revisions, pods) = match text(workload, "/kind") {
        "Deployment" => {
            let (sets, pods) = pods::of_deployment(api, workload).await?;
            (sets.into_iter().map(of_set).collect::<Vec<_>>(), pods)
        }
        "StatefulSet" | "DaemonSet" => {
            let labels = pods::labels(workload)?;
            let namespace = text(workload, "/metadata/namespace");
            let (kept, mut pods) = futures::try_join!(
                api.list_all("ControllerRevision", namespace, &labels, ""),
                api.list_all("Pod", namespace, &labels, "")
            )?;
            let uid = text(workload, "/metadata/uid");
            let kept = kept.into_iter().filter(|r| pods::controller_uid(r) == uid);
            pods.retain(|pod| pods::controller_uid(pod) == uid);
            (kept.map(of_revision).collect::<Vec<_>>(), pods)
        }
        other => {
            let why = format!("a {other} has no revisions; Deployment, StatefulSet and DaemonSet have");
            return Err(invalid(&why).into());
        }
    };
    for revision in &mut revisions {
        let ready = pods
            .iter()
            .filter(|pod| made_from(pod, &revision.object) && pods::ready(pod));
        revision.ready_pods = u32::try_from(ready.count()).unwrap_or(u32::MAX);
    }
    revisions.sort_by(|a, b| b.number.cmp(&a.number).then_with(|| created(b).cmp(&created(a))));
    mark_current(workload, &mut revisions);
    Ok(revisions)
}

fn of_set(set: Value) -> RawRevision {
    let number = text(&set, "/metadata/annotations/deployment.kubernetes.io~1revision");
    RawRevision {
        number: number.parse().unwrap_or(0),
        template: bare(set.pointer("/spec/template").unwrap_or(&Value::Null)),
        object: set,
        current: false,
        ready_pods: 0,
    }
}

fn of_revision(revision: Value) -> RawRevision {
    RawRevision {
        number: revision["revision"].as_u64().unwrap_or(0),
        template: bare(revision.pointer("/data/spec/template").unwrap_or(&Value::Null)),
        object: revision,
        current: false,
        ready_pods: 0,
    }
}

/// A template without what controllers add, so that templates of workload and history can be compared.
pub(crate) fn bare(template: &Value) -> Value {
    let mut template = without_nulls(template);
    if let Value::Object(map) = &mut template {
        map.shift_remove("$patch");
    }
    if let Some(Value::Object(labels)) = template.pointer_mut("/metadata/labels") {
        labels.shift_remove(TEMPLATE_HASH);
    }
    template
}

/// `creationTimestamp: null` and its like come and go between versions.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(_, v)| !v.is_null());
            Value::Object(kept.map(|(k, v)| (k.clone(), without_nulls(v))).collect::<Map<_, _>>())
        }
        Value::Array(list) => Value::Array(list.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

/// Marks the one revision that the workload asks for. Of several equal ones a Deployment takes the oldest, the others the newest.
fn mark_current(workload: &Value, revisions: &mut [RawRevision]) {
    let wanted = bare(workload.pointer("/spec/template").unwrap_or(&Value::Null));
    let equal: Vec<usize> = (0..revisions.len())
        .filter(|&i| revisions[i].template == wanted)
        .collect();
    let by_template = if text(workload, "/kind") == "Deployment" {
        equal.into_iter().min_by_key(|&i| created(&revisions[i]))
    } else {
        equal.first().copied()
    };
    let update = text(workload, "/status/updateRevision");
    let found = by_template.or_else(|| {
        let named = |r: &RawRevision| !update.is_empty() && text(&r.object, "/metadata/name") == update;
        revisions.iter().position(named)
    });
    if let Some(index) = found {
        revisions[index].current = true;
    }
}

/// Whether a pod was made from a revision.
pub(crate) fn made_from(pod: &Value, revision: &Value) -> bool {
    if text(revision, "/kind") == "ReplicaSet" {
        return pods::controller_uid(pod) == text(revision, "/metadata/uid");
    }
    let hash = pod
        .pointer("/metadata/labels")
        .and_then(|l| l[REVISION_HASH].as_str())
        .unwrap_or_default();
    // pods of a StatefulSet carry the revision's name, those of a DaemonSet its hash
    let own = text(revision, "/metadata/labels/controller-revision-hash");
    !hash.is_empty() && (hash == text(revision, "/metadata/name") || hash == own)
}

fn created(revision: &RawRevision) -> Timestamp {
    Timestamp::parse(text(&revision.object, "/metadata/creationTimestamp")).unwrap_or_default()
}

fn fact(redactor: &Redactor, raw: &RawRevision) -> Revision {
    let cause = text(&raw.object, "/metadata/annotations/kubernetes.io~1change-cause");
    Revision {
        uid: text(&raw.object, "/metadata/uid").to_owned(),
        number: raw.number,
        name: text(&raw.object, "/metadata/name").to_owned(),
        current: raw.current,
        ready_pods: raw.ready_pods,
        created: created(raw),
        template: template(redactor, raw),
        change_cause: (!cause.is_empty()).then(|| redactor.text(cause).into_inner()),
    }
}

/// Redacted at its place in a `ReplicaSet`, where redaction knows what each part is.
fn template(redactor: &Redactor, raw: &RawRevision) -> Shown<Value> {
    let set = serde_json::json!({
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": { "name": text(&raw.object, "/metadata/name") },
        "spec": { "template": raw.template },
    });
    let whole = redactor.object(&set);
    whole.part("/spec/template").unwrap_or(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn template(image: &str) -> Value {
        json!({"metadata": {"creationTimestamp": null, "labels": {"app": "web"}},
               "spec": {"containers": [{"name": "web", "image": image}]}})
    }

    fn set(name: &str, number: &str, created: &str, image: &str) -> Value {
        let mut template = template(image);
        template["metadata"]["labels"][TEMPLATE_HASH] = json!(name);
        json!({"kind": "ReplicaSet", "metadata": {"name": name, "uid": name, "creationTimestamp": created,
            "annotations": {"deployment.kubernetes.io/revision": number}}, "spec": {"template": template}})
    }

    #[test]
    fn a_deployments_present_template_is_found_under_its_hash_label() {
        let deployment = json!({"kind": "Deployment", "spec": {"template": template("i:2")}});
        let mut revisions = vec![
            of_set(set("b", "2", "2026-01-02T00:00:00Z", "i:2")),
            of_set(set("a", "1", "2026-01-01T00:00:00Z", "i:1")),
        ];
        mark_current(&deployment, &mut revisions);
        assert!(revisions[0].current && !revisions[1].current);
        assert_eq!(revisions[0].number, 2);
    }

    #[test]
    fn of_equal_templates_a_deployment_uses_the_oldest() {
        let deployment = json!({"kind": "Deployment", "spec": {"template": template("i:1")}});
        let mut revisions = vec![
            of_set(set("b", "2", "2026-01-02T00:00:00Z", "i:1")),
            of_set(set("a", "1", "2026-01-01T00:00:00Z", "i:1")),
        ];
        mark_current(&deployment, &mut revisions);
        assert!(!revisions[0].current && revisions[1].current);
    }

    #[test]
    fn a_controller_revision_is_compared_without_its_patch_marker() {
        let mut data = template("i:1");
        data["$patch"] = json!("replace");
        let revision = json!({"kind": "ControllerRevision", "revision": 3, "metadata": {"name": "db-1", "uid": "u"},
            "data": {"spec": {"template": data}}});
        let mut revisions = vec![of_revision(revision)];
        let set =
            json!({"kind": "StatefulSet", "spec": {"template": template("i:1")}, "status": {"updateRevision": "db-0"}});
        mark_current(&set, &mut revisions);
        assert!(revisions[0].current);
        assert_eq!(revisions[0].number, 3);
    }

    #[test]
    fn pods_name_their_revision_by_owner_name_or_hash() {
        let of = |hash: &str| json!({"metadata": {"labels": {"controller-revision-hash": hash}}});
        let stateful = json!({"kind": "ControllerRevision", "metadata": {"name": "db-5d4", "labels": {"controller.kubernetes.io/hash": "5d4"}}});
        let daemon = json!({"kind": "ControllerRevision", "metadata": {"name": "agent-7c9", "labels": {"controller-revision-hash": "7c9"}}});
        assert!(made_from(&of("db-5d4"), &stateful) && !made_from(&of("5d4x"), &stateful));
        assert!(made_from(&of("7c9"), &daemon) && !made_from(&json!({"metadata": {}}), &daemon));
    }
}
