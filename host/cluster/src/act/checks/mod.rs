//! What a workload's dry run does not meet: quota, limit ranges, Pod Security and room on nodes judge pods.
//!
//! | check | how |
//! | --- | --- |
//! | `pod dry run` | a pod of the new template is created, dry |
//! | `quota` | what the rollout takes at its widest against hard − used of each quota whose scopes the pod is in |
//! | `limit range` | max, min and ratio of each container and of the pod |
//! | `node room` | the pod's requests against what schedulable nodes have left |
//!
//! The pod is the one that came back from its dry run, where that passed: with what admission adds to it (defaults,
//! sidecars). Else it is the template with the limit ranges' defaults.

mod limit_range;
mod needs;
mod nodes;
mod quota;
mod rollout;
mod trial_pod;

use crate::act::Actor;
use crate::act::draft::{Draft, Effect};
use crate::act::rehearse::{not_checked, passed};
use crate::error::ApiError;
use crate::quantity;
use crate::read::pods::counts;
use crate::read::revisions::made_from;
use dreamops_domain::ports::ActError;
use dreamops_domain::rehearsal::{Check, CheckOutcome};
use rollout::Rollout;
use serde_json::Value;

impl Actor {
    /// All checks of what the pods of a draft meet. `after` is the workload as it would be.
    pub(super) async fn check_pods(&self, draft: &Draft, after: &Value) -> Result<Vec<Check>, ActError> {
        if draft.effect == Effect::Field {
            return Ok(Vec::new());
        }
        let mut present = self.pods_of(&draft.live).await?;
        present.retain(counts);
        let (kept, old): (Vec<Value>, Vec<Value>) = present
            .into_iter()
            .partition(|p| draft.effect == Effect::MorePods || is_kept(draft, p));
        let rollout = Rollout::of(&draft.target.kind, after, kept.len(), old.len());
        let namespace = draft.target.namespace.as_str();
        let (ranges, quotas, trial) = futures::join!(
            self.listed("LimitRange", namespace),
            self.listed("ResourceQuota", namespace),
            self.try_pod(&draft.target, after)
        );
        let mut pod = trial.spec;
        if pod.is_null() {
            pod = after["spec"]["template"]["spec"].clone();
            limit_range::fill(&mut pod, ranges.as_deref().unwrap_or_default());
        }
        let quota = judged("quota", quotas, |q| quota::judge(q, &pod, &rollout, &old));
        let range = judged("limit range", ranges, |r| limit_range::judge(r, &pod));
        let room = self.check_nodes(&pod, &rollout, &old).await;
        Ok(vec![trial.check, quota, range, room])
    }

    async fn check_nodes(&self, pod: &Value, rollout: &Rollout, old: &[Value]) -> Check {
        let name = "node room";
        if rollout.made() == 0 {
            return passed(name);
        }
        let (nodes, all) = match futures::try_join!(self.listed("Node", ""), self.listed("Pod", "")) {
            Ok(found) => found,
            Err(because) => return not_checked(name, because),
        };
        Check {
            name: name.to_owned(),
            outcome: nodes::judge(&nodes, &all, pod, rollout, old),
        }
    }

    /// All objects of a kind, or why they could not be looked at.
    async fn listed(&self, kind: &str, namespace: &str) -> Result<Vec<Value>, String> {
        let said = |e: ApiError| e.into_read(&self.redactor).to_string();
        self.api.list_all(kind, namespace, "", "").await.map_err(said)
    }
}

fn is_kept(draft: &Draft, pod: &Value) -> bool {
    draft.revision.as_ref().is_some_and(|r| made_from(pod, r))
}

fn judged(name: &str, found: Result<Vec<Value>, String>, judge: impl FnOnce(&[Value]) -> CheckOutcome) -> Check {
    match found {
        Ok(found) => Check {
            name: name.to_owned(),
            outcome: judge(&found),
        },
        Err(because) => not_checked(name, because),
    }
}

/// An amount in thousandths as people write it.
fn shown_amount(resource: &str, millis: i128) -> String {
    let millis = u64::try_from(millis.max(0)).unwrap_or(u64::MAX);
    let whole = millis.div_ceil(1000);
    match resource {
        "cpu" => quantity::cpu(millis),
        "memory" | "ephemeral-storage" | "storage" => quantity::memory(whole),
        _ => whole.to_string(),
    }
}
