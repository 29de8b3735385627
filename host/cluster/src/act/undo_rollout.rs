//! undo-rollout: back to the template of an earlier revision, named by the uid of its ReplicaSet or ControllerRevision.
//!
//! The template is what the revision kept, less what controllers add: `pod-template-hash` in a ReplicaSet, the
//! `$patch` directive in a ControllerRevision. A paused Deployment is not undone: its template is what someone is
//! about to release. On a StatefulSet the undo has a second part, see [`Actor::stuck_pods`].

use crate::act::draft::{Draft, Effect};
use crate::act::{Actor, diff, not_allowed, pods, pointer};
use dreamops_domain::object::ObjectRef;
use dreamops_domain::ports::ActError;
use serde_json::{Value, json};

impl Actor {
    pub(super) async fn undo_rollout(
        &self,
        workload: &ObjectRef,
        live: Value,
        revision: &str,
    ) -> Result<Draft, ActError> {
        pods::rolls_by_itself(workload, &live)?;
        let kind = if workload.kind == "Deployment" {
            "ReplicaSet"
        } else {
            "ControllerRevision"
        };
        let labels = pods::selector(&live["spec"]["selector"]).unwrap_or_default();
        let revisions = self.children(kind, workload, &labels).await?;
        let chosen = revisions
            .iter()
            .find(|r| pointer::text(r, "/metadata/uid") == revision)
            .ok_or_else(|| {
                not_allowed(format!(
                    "{workload} has no revision with uid {revision} (any more); it has {} others",
                    revisions.len()
                ))
            })?;
        let template = template_of(kind, chosen).ok_or_else(|| {
            not_allowed(format!(
                "revision {} of {workload} holds no pod template",
                pointer::text(chosen, "/metadata/name")
            ))
        })?;
        let mut wanted = live.clone();
        wanted["spec"]["template"] = template;
        let mut draft = Draft::new(workload, live, wanted, Effect::Rollout);
        draft.kept_hash = Some(hash_of(kind, chosen));
        draft.stuck = self.stuck_pods(&draft).await?;
        Ok(draft)
    }
}

/// The pod template that a revision kept.
fn template_of(kind: &str, revision: &Value) -> Option<Value> {
    let kept = if kind == "ReplicaSet" {
        "/spec/template"
    } else {
        "/data/spec/template"
    };
    let mut template = diff::without_nulls(pointer::get(revision, kept)?);
    if kind == "ReplicaSet" {
        pointer::remove(&mut template, &["metadata", "labels", pods::TEMPLATE_HASH]);
    } else {
        strip_directives(&mut template);
    }
    template["spec"]["containers"]
        .is_array()
        .then_some(template)
}

/// Takes out `$patch`, which tells the controller's merge to replace what is there.
fn strip_directives(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.shift_remove("$patch");
            map.values_mut().for_each(strip_directives);
        }
        Value::Array(items) => items.iter_mut().for_each(strip_directives),
        _ => {}
    }
}

/// How pods of a revision are labelled. A StatefulSet's pods carry the revision's name, a DaemonSet's its hash.
fn hash_of(kind: &str, revision: &Value) -> String {
    let labels = &revision["metadata"]["labels"];
    let name = pointer::text(revision, "/metadata/name");
    let label = if kind == "ReplicaSet" {
        &labels[pods::TEMPLATE_HASH]
    } else if revision["metadata"]["ownerReferences"]
        .as_array()
        .is_some_and(|o| o.iter().any(|o| o["kind"] == "StatefulSet"))
    {
        &json!(null)
    } else {
        &labels[pods::REVISION_HASH]
    };
    label.as_str().unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_sets_template_loses_the_hash_of_its_controller() {
        let set = json!({"spec": {"template": {
            "metadata": {"creationTimestamp": null, "labels": {"app": "web", "pod-template-hash": "abc"}},
            "spec": {"containers": [{"name": "web"}]}}}});
        assert_eq!(
            template_of("ReplicaSet", &set),
            Some(
                json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web"}]}})
            )
        );
    }

    #[test]
    fn a_controller_revisions_template_loses_the_patch_directive() {
        let revision = json!({"data": {"spec": {"template": {
            "$patch": "replace", "metadata": {"labels": {"app": "db"}},
            "spec": {"containers": [{"name": "db", "$patch": "replace"}]}}}}});
        assert_eq!(
            template_of("ControllerRevision", &revision),
            Some(
                json!({"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "db"}]}})
            )
        );
        assert_eq!(
            template_of("ControllerRevision", &json!({"data": {}})),
            None
        );
    }

    #[test]
    fn pods_of_a_revision_are_known_by_their_label() {
        let of_set = json!({"metadata": {"name": "db-5f", "labels": {"controller-revision-hash": "5f"},
            "ownerReferences": [{"kind": "StatefulSet"}]}});
        let of_daemon = json!({"metadata": {"name": "agent-5f", "labels": {"controller-revision-hash": "5f"},
            "ownerReferences": [{"kind": "DaemonSet"}]}});
        let of_deployment =
            json!({"metadata": {"name": "web-9c", "labels": {"pod-template-hash": "9c"}}});
        assert_eq!(hash_of("ControllerRevision", &of_set), "db-5f");
        assert_eq!(hash_of("ControllerRevision", &of_daemon), "5f");
        assert_eq!(hash_of("ReplicaSet", &of_deployment), "9c");
    }
}
