//! A pod of the new template, created dry: what admission says to the pods says nothing to the workload.

use crate::act::rehearse::{failed, not_checked, passed};
use crate::act::{Actor, apply};
use crate::error::Failure;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::rehearsal::Check;
use serde_json::{Value, json};

/// What came of it.
pub(super) struct Trial {
    /// The check.
    pub(super) check: Check,
    /// The pod's spec as admission left it; null where it was refused.
    pub(super) spec: Value,
}

const NAME: &str = "pod dry run";

impl Actor {
    pub(super) async fn try_pod(&self, workload: &ObjectRef, after: &Value) -> Trial {
        let pod = pod_of(workload, after);
        let check = match self.api.create("Pod", &workload.namespace, &pod, true).await {
            Ok(made) => {
                return Trial {
                    check: passed(NAME),
                    spec: made["spec"].clone(),
                };
            }
            Err(e) => {
                let said = apply::said(&e, &self.redactor);
                match e.failure {
                    Failure::Denied if said.contains("exceeded quota") => not_checked(
                        NAME,
                        "the quota has no room for a pod beside those that are there; whether the rollout needs that is what the quota check tells",
                    ),
                    Failure::Denied | Failure::Invalid => failed(NAME, said),
                    Failure::Forbidden => not_checked(NAME, e.into_read(&self.redactor).to_string()),
                    _ => not_checked(NAME, said),
                }
            }
        };
        Trial {
            check,
            spec: Value::Null,
        }
    }
}

fn pod_of(workload: &ObjectRef, after: &Value) -> Value {
    let template = &after["spec"]["template"];
    let mut metadata = template["metadata"].clone();
    if !metadata.is_object() {
        metadata = json!({});
    }
    metadata["generateName"] = json!(format!("{}-", workload.name));
    metadata["namespace"] = json!(workload.namespace);
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": template["spec"],
    })
}
