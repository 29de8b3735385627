//! Pods of a workload: which are its own, which are ready, which would hold a change back.

use crate::act::draft::Draft;
use crate::act::{Actor, not_allowed, pointer};
use dreamops_domain::object::{ObjectRef, WORKLOADS};
use dreamops_domain::ports::ActError;
use serde_json::Value;

/// The label by which a StatefulSet's or DaemonSet's pod names its revision.
pub(crate) const REVISION_HASH: &str = "controller-revision-hash";
/// The label by which a Deployment's pod names its ReplicaSet.
pub(crate) const TEMPLATE_HASH: &str = "pod-template-hash";

/// Whether the pod's `Ready` condition is true.
pub(crate) fn is_ready(pod: &Value) -> bool {
    pointer::list(pod, "/status/conditions")
        .iter()
        .any(|c| c["type"] == "Ready" && c["status"] == "True")
}

/// Whether the pod still takes room: it is not on its way out and has not ended.
pub(crate) fn is_present(pod: &Value) -> bool {
    pod["metadata"]["deletionTimestamp"].is_null() && !has_ended(pod)
}

/// Whether the pod has ended for good.
pub(crate) fn has_ended(pod: &Value) -> bool {
    matches!(pointer::text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// The controller of an object: kind, name, uid.
pub(crate) fn controller(object: &Value) -> Option<ObjectRef> {
    let owner = pointer::list(object, "/metadata/ownerReferences")
        .iter()
        .find(|o| o["controller"] == true)?;
    Some(ObjectRef::new(
        pointer::text(owner, "/kind"),
        pointer::text(object, "/metadata/namespace"),
        pointer::text(owner, "/name"),
        pointer::text(owner, "/uid"),
    ))
}

/// The revision that a pod was made from, as its label says.
pub(crate) fn hash(pod: &Value) -> &str {
    let labels = &pod["metadata"]["labels"];
    [REVISION_HASH, TEMPLATE_HASH]
        .iter()
        .find_map(|l| labels[l].as_str())
        .unwrap_or_default()
}

/// A reference to an object that was read.
pub(crate) fn reference(kind: &str, object: &Value) -> ObjectRef {
    ObjectRef::new(
        kind,
        pointer::text(object, "/metadata/namespace"),
        pointer::text(object, "/metadata/name"),
        pointer::text(object, "/metadata/uid"),
    )
}

/// A label selector as the API's query writes it. `None` where the object has none or it selects everything.
pub(crate) fn selector(selector: &Value) -> Option<String> {
    let mut terms: Vec<String> = selector["matchLabels"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default()))
        .collect();
    for rule in pointer::list(selector, "/matchExpressions") {
        let key = pointer::text(rule, "/key");
        let values: Vec<&str> = pointer::list(rule, "/values")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let values = values.join(",");
        terms.push(match pointer::text(rule, "/operator") {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "Exists" => key.to_owned(),
            _ => format!("!{key}"),
        });
    }
    (!terms.is_empty()).then(|| terms.join(","))
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
    if pointer::text(live, "/spec/updateStrategy/type") == "OnDelete" {
        return Err(not_allowed(format!(
            "{workload} replaces its pods only when a person deletes them (update strategy OnDelete)"
        )));
    }
    Ok(())
}

impl Actor {
    /// The pods that a workload controls, directly or through its ReplicaSets.
    pub(super) async fn pods_of(
        &self,
        workload: &ObjectRef,
        live: &Value,
    ) -> Result<Vec<Value>, ActError> {
        let Some(labels) = selector(&live["spec"]["selector"]) else {
            return Ok(Vec::new());
        };
        let namespace = &workload.namespace;
        let mut owners = vec![workload.uid.clone()];
        if workload.kind == "Deployment" {
            let sets = self.children("ReplicaSet", workload, &labels).await?;
            owners.extend(sets.iter().map(|s| reference("ReplicaSet", s).uid));
        }
        let mut pods = self
            .api
            .list_all("Pod", namespace, &labels, "")
            .await
            .map_err(|e| self.act(e))?;
        pods.retain(|p| controller(p).is_some_and(|c| owners.contains(&c.uid)));
        Ok(pods)
    }

    /// Objects of a kind that `workload` controls.
    pub(super) async fn children(
        &self,
        kind: &str,
        workload: &ObjectRef,
        labels: &str,
    ) -> Result<Vec<Value>, ActError> {
        let mut found = self
            .api
            .list_all(kind, &workload.namespace, labels, "")
            .await
            .map_err(|e| self.act(e))?;
        found.retain(|c| controller(c).is_some_and(|o| o.uid == workload.uid));
        Ok(found)
    }

    /// Pods that a StatefulSet would wait for for ever: unready, and not of the revision that is wanted.
    ///
    /// Its controller goes on to the next pod only when the present one is ready, also where a new template would
    /// heal it; so these are deleted by uid after the patch. Other controllers replace unready pods by themselves.
    pub(super) async fn stuck_pods(&self, draft: &Draft) -> Result<Vec<ObjectRef>, ActError> {
        if draft.target.kind != "StatefulSet" {
            return Ok(Vec::new());
        }
        let pods = self.pods_of(&draft.target, &draft.live).await?;
        Ok(stuck(&pods, draft.kept_hash.as_deref()))
    }
}

fn stuck(pods: &[Value], kept_hash: Option<&str>) -> Vec<ObjectRef> {
    pods.iter()
        .filter(|p| is_present(p) && !is_ready(p) && Some(hash(p)) != kept_hash)
        .map(|p| reference("Pod", p))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(name: &str, revision: &str, ready: bool) -> Value {
        json!({
            "metadata": {"name": name, "namespace": "n", "uid": format!("uid-{name}"), "labels": {REVISION_HASH: revision}},
            "status": {"conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}]},
        })
    }

    #[test]
    fn only_unready_pods_of_another_revision_are_stuck() {
        let mut leaving = pod("d", "bad", false);
        leaving["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        let pods = [
            pod("a", "good", true),
            pod("b", "bad", false),
            pod("c", "good", false),
            pod("e", "bad", true),
            leaving,
        ];
        assert_eq!(
            stuck(&pods, Some("good")),
            vec![ObjectRef::new("Pod", "n", "b", "uid-b")]
        );
        assert_eq!(stuck(&pods, None).len(), 2);
    }

    #[test]
    fn a_selector_is_written_as_the_query_wants_it() {
        let all = json!({"matchLabels": {"app": "web"}, "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["a", "b"]},
            {"key": "x", "operator": "Exists"}, {"key": "y", "operator": "DoesNotExist"}]});
        assert_eq!(
            selector(&all).as_deref(),
            Some("app=web,tier in (a,b),x,!y")
        );
        assert_eq!(selector(&json!({})), None);
    }

    #[test]
    fn a_change_that_would_not_reach_the_pods_is_refused() {
        let deployment = ObjectRef::new("Deployment", "n", "web", "u");
        assert!(rolls_by_itself(&deployment, &json!({"spec": {}})).is_ok());
        assert!(rolls_by_itself(&deployment, &json!({"spec": {"paused": true}})).is_err());
        let set = ObjectRef::new("StatefulSet", "n", "db", "u");
        assert!(
            rolls_by_itself(
                &set,
                &json!({"spec": {"updateStrategy": {"type": "OnDelete"}}})
            )
            .is_err()
        );
        assert!(rolls_by_itself(&ObjectRef::new("Job", "n", "j", "u"), &json!({})).is_err());
    }
}
