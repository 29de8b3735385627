//! restart-pod: deletes an unready pod, evicts a ready one; only where a controller makes a new one.
//!
//! | pod of | |
//! | --- | --- |
//! | a ReplicaSet, StatefulSet, DaemonSet, or a controller of another kind | allowed |
//! | a Job | refused: the Job counts the deleted pod as a failure |
//! | nobody (bare), or the node itself (mirror) | refused: nothing makes it anew |

use crate::act::rehearse::{failed, not_checked, passed};
use crate::act::{Actor, apply, not_allowed, pods, shown, version};
use crate::error::Failure;
use crate::read::owners::managed_by;
use crate::read::pods::{leaving, ready};
use dreamops_domain::object::ObjectRef;
use dreamops_domain::ports::ActError;
use dreamops_domain::rehearsal::{Check, Rehearsal, Risk, Write};
use serde_json::Value;

impl Actor {
    pub(super) async fn rehearse_restart(&self, pod: &ObjectRef, live: &Value) -> Result<Rehearsal, ActError> {
        let owner = recreator(pod, live)?;
        let is_ready = ready(live);
        let mut checks = vec![self.removal_dry_run(pod, is_ready).await];
        if is_ready {
            // the dry eviction asks the budgets; what it said is what they say
            let budget = Check {
                name: "disruption budget".to_owned(),
                outcome: checks[0].outcome.clone(),
            };
            checks.push(budget);
        }
        let right = if is_ready {
            ("create", "Pod", "eviction")
        } else {
            ("delete", "Pod", "")
        };
        checks.push(self.check_rights(&pod.namespace, &[right, ("get", "Pod", "")]).await);
        let (how, write) = if is_ready {
            let target = pod.clone();
            ("evicted", Write::Evict { target })
        } else {
            let target = pod.clone();
            ("deleted, for it is not ready", Write::Delete { target })
        };
        Ok(Rehearsal {
            diff: shown::removal(pod, &format!("{how}; {owner} makes a new one")),
            checks,
            risk: Risk::Low,
            reversible: false,
            versions: vec![version::of(pod, live)],
            pods_affected: 1,
            managed_by: managed_by(live),
            writes: vec![write],
        })
    }

    async fn removal_dry_run(&self, pod: &ObjectRef, is_ready: bool) -> Check {
        let answer = if is_ready {
            self.api.evict(&pod.namespace, &pod.name, &pod.uid, true).await
        } else {
            self.api.delete("Pod", &pod.namespace, &pod.name, &pod.uid, true).await
        };
        match answer {
            Ok(_) => passed("dry run"),
            Err(e) if matches!(e.failure, Failure::Unavailable { .. }) => {
                not_checked("dry run", e.said(&self.redactor))
            }
            Err(e) => failed("dry run", apply::said(&e, &self.redactor)),
        }
    }
}

/// The controller that makes the pod anew.
fn recreator(pod: &ObjectRef, live: &Value) -> Result<ObjectRef, ActError> {
    if pod.kind != "Pod" {
        return Err(not_allowed(format!(
            "{pod} is no pod; restart-workload rolls a workload anew"
        )));
    }
    if leaving(live) {
        return Err(not_allowed(format!("{pod} is being deleted already")));
    }
    let owner = pods::controller(live).ok_or_else(|| {
        not_allowed(format!(
            "{pod} has no controller: nothing would make it anew; a person restarts it from its manifest"
        ))
    })?;
    match owner.kind.as_str() {
        "Node" => Err(not_allowed(format!(
            "{pod} is a mirror of a static pod; its manifest lies on the node"
        ))),
        "Job" => Err(not_allowed(format!(
            "{pod} belongs to {owner}, which counts a deleted pod as a failure; a person decides whether the Job runs again"
        ))),
        _ => Ok(owner),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_a_pod_that_a_controller_makes_anew_is_restarted() {
        let pod = ObjectRef::new("Pod", "n", "p", "u");
        let of = |kind: &str| json!({"metadata": {"ownerReferences": [{"controller": true, "kind": kind, "name": "o", "uid": "1"}]}});
        for kind in ["ReplicaSet", "StatefulSet", "DaemonSet", "CloneSet"] {
            assert!(recreator(&pod, &of(kind)).is_ok(), "{kind}");
        }
        for kind in ["Job", "Node"] {
            assert!(recreator(&pod, &of(kind)).is_err(), "{kind}");
        }
        assert!(recreator(&pod, &json!({"metadata": {}})).is_err());
        let owner = ObjectRef::new("Deployment", "n", "p", "u");
        assert!(recreator(&owner, &of("ReplicaSet")).is_err());
    }
}
