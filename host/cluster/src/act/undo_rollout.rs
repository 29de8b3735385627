//! undo-rollout: back to the template of an earlier revision, named by the uid of its `ReplicaSet` or `ControllerRevision`.
//!
//! The template is what the revision kept, less what controllers add: `pod-template-hash` in a `ReplicaSet`, the
//! `$patch` directive in a `ControllerRevision`. A paused Deployment is not undone: its template is what someone is
//! about to release. On a `StatefulSet` the undo has a second part, see [`Actor::stuck_pods`].

use crate::act::draft::{Draft, Effect};
use crate::act::{Actor, not_allowed, pods};
use crate::read::revisions::bare;
use crate::read::text;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::ports::ActError;
use serde_json::Value;

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
        let revisions = self.children(kind, workload, &live).await?;
        let chosen = revisions
            .iter()
            .find(|r| text(r, "/metadata/uid") == revision)
            .ok_or_else(|| {
                not_allowed(format!(
                    "{workload} has no revision with uid {revision} (any more); it has {} others",
                    revisions.len()
                ))
            })?;
        let template = template_of(kind, chosen).ok_or_else(|| {
            not_allowed(format!(
                "revision {} of {workload} holds no pod template",
                text(chosen, "/metadata/name")
            ))
        })?;
        let mut wanted = live.clone();
        wanted["spec"]["template"] = template;
        let mut draft = Draft::new(workload, live, wanted, Effect::Rollout);
        draft.revision = Some(chosen.clone());
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
    let template = bare(revision.pointer(kept)?);
    template["spec"]["containers"].is_array().then_some(template)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_replica_sets_template_loses_the_hash_of_its_controller() {
        let set = json!({"spec": {"template": {
            "metadata": {"creationTimestamp": null, "labels": {"app": "web", "pod-template-hash": "abc"}},
            "spec": {"containers": [{"name": "web"}]}}}});
        assert_eq!(
            template_of("ReplicaSet", &set),
            Some(json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web"}]}}))
        );
    }

    #[test]
    fn a_controller_revisions_template_loses_the_patch_directive() {
        let revision = json!({"data": {"spec": {"template": {
            "$patch": "replace", "metadata": {"labels": {"app": "db"}},
            "spec": {"containers": [{"name": "db"}]}}}}});
        assert_eq!(
            template_of("ControllerRevision", &revision),
            Some(json!({"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "db"}]}}))
        );
        assert_eq!(template_of("ControllerRevision", &json!({"data": {}})), None);
    }
}
