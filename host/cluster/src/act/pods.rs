//! Pods of a workload: which are its own, which are ready, which would hold a change back.

use crate::act::draft::Draft;
use crate::act::{Actor, not_allowed};
use crate::read::pods::{controller_uid, counts, of_workload, ready};
use crate::read::revisions::made_from;
use crate::read::{selector, text};
use dreamops_domain::object::{ObjectRef, WORKLOADS};
use dreamops_domain::ports::ActError;
use serde_json::Value;

/// The controller of an object: kind, name, uid.
pub(crate) fn controller(object: &Value) -> Option<ObjectRef> {
    let owner = crate::read::pods::controller(object)?;
    Some(ObjectRef::new(
        text(owner, "/kind"),
        text(object, "/metadata/namespace"),
        text(owner, "/name"),
        text(owner, "/uid"),
    ))
}

/// Refuses what is no workload, and workloads whose pods a change of the template does not reach.
pub(crate) fn rolls_by_itself(workload: &ObjectRef, live: &Value) -> Result<(), ActError> {
    if !WORKLOADS.contains(&workload.kind.as_str()) {
        return Err(not_allowed(format!(
            "{workload} is not a workload that can be rolled out; allowed are {}",
            WORKLOADS.join(", ")
        )));
    }
    if live["metadata"]["deletionTimestamp"].is_string() {
        return Err(not_allowed(format!("{workload} is being deleted")));
    }
    if live["spec"]["paused"] == true {
        return Err(not_allowed(format!(
            "{workload} is paused, so that a change would not reach its pods; `kubectl rollout resume` first, or ask who paused it"
        )));
    }
    if text(live, "/spec/updateStrategy/type") == "OnDelete" {
        return Err(not_allowed(format!(
            "{workload} replaces its pods only when a person deletes them (update strategy OnDelete)"
        )));
    }
    Ok(())
}

impl Actor {
    /// The pods that a workload controls, directly or through its `ReplicaSets`.
    pub(super) async fn pods_of(&self, live: &Value) -> Result<Vec<Value>, ActError> {
        of_workload(&self.api, live)
            .await
            .map_err(|stop| ActError::Read(stop.into_read(&self.redactor)))
    }

    /// Objects of a kind that a workload controls.
    pub(super) async fn children(
        &self,
        kind: &str,
        workload: &ObjectRef,
        live: &Value,
    ) -> Result<Vec<Value>, ActError> {
        let labels = selector::of_workload(&live["spec"]["selector"]).unwrap_or_default();
        let mut found = self
            .api
            .list_all(kind, &workload.namespace, &labels, "")
            .await
            .map_err(|e| self.act(e))?;
        found.retain(|c| controller_uid(c) == workload.uid);
        Ok(found)
    }

    /// Pods that a `StatefulSet` would wait for for ever: unready, and not of the revision that is wanted.
    ///
    /// Its controller goes on to the next pod only when the present one is ready, also where a new template would
    /// heal it; so these are deleted by uid after the patch. Other controllers replace unready pods by themselves.
    pub(super) async fn stuck_pods(&self, draft: &Draft) -> Result<Vec<ObjectRef>, ActError> {
        if draft.target.kind != "StatefulSet" {
            return Ok(Vec::new());
        }
        let pods = self.pods_of(&draft.live).await?;
        Ok(stuck(&pods, draft.revision.as_ref()))
    }
}

fn stuck(pods: &[Value], revision: Option<&Value>) -> Vec<ObjectRef> {
    pods.iter()
        .filter(|p| counts(p) && !ready(p))
        .filter(|p| revision.is_none_or(|r| !made_from(p, r)))
        .map(crate::read::reference)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(name: &str, revision: &str, ready: bool) -> Value {
        json!({
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "n", "uid": format!("uid-{name}"),
                "labels": {"controller-revision-hash": revision}},
            "status": {"conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}]},
        })
    }

    #[test]
    fn only_unready_pods_of_another_revision_are_stuck() {
        let mut leaving = pod("d", "bad", false);
        leaving["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        let good = json!({"kind": "ControllerRevision", "metadata": {"name": "good"}});
        let pods = [
            pod("a", "good", true),
            pod("b", "bad", false),
            pod("c", "good", false),
            pod("e", "bad", true),
            leaving,
        ];
        assert_eq!(
            stuck(&pods, Some(&good)),
            vec![ObjectRef::new("Pod", "n", "b", "uid-b")]
        );
        assert_eq!(stuck(&pods, None).len(), 2);
    }

    #[test]
    fn a_change_that_would_not_reach_the_pods_is_refused() {
        let deployment = ObjectRef::new("Deployment", "n", "web", "u");
        assert!(rolls_by_itself(&deployment, &json!({"spec": {}})).is_ok());
        assert!(rolls_by_itself(&deployment, &json!({"spec": {"paused": true}})).is_err());
        let set = ObjectRef::new("StatefulSet", "n", "db", "u");
        assert!(rolls_by_itself(&set, &json!({"spec": {"updateStrategy": {"type": "OnDelete"}}})).is_err());
        assert!(rolls_by_itself(&ObjectRef::new("Job", "n", "j", "u"), &json!({})).is_err());
    }
}
