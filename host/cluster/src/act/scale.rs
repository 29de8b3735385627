//! scale: more replicas, never fewer, never zero; within the autoscaler's range where one targets the workload.

use crate::act::draft::{Draft, Effect};
use crate::act::{Actor, not_allowed, pointer};
use dreamops_domain::object::ObjectRef;
use dreamops_domain::ports::ActError;
use serde_json::{Value, json};

impl Actor {
    pub(super) async fn scale(&self, workload: &ObjectRef, live: Value, replicas: u32) -> Result<Draft, ActError> {
        if !matches!(workload.kind.as_str(), "Deployment" | "StatefulSet") {
            return Err(not_allowed(format!(
                "{workload} has no replicas to set; Deployments and StatefulSets have"
            )));
        }
        let autoscaler = self.autoscaler_of(workload).await?;
        let now = pointer::count(&live, "/spec/replicas").unwrap_or(1);
        allowed(workload, now, replicas, self.bounds.max_replicas, autoscaler.as_ref())?;
        let mut wanted = live.clone();
        pointer::set(&mut wanted, &["spec", "replicas"], json!(replicas));
        Ok(Draft::new(workload, live, wanted, Effect::MorePods))
    }

    /// The `HorizontalPodAutoscaler` that sets the workload's replicas.
    async fn autoscaler_of(&self, workload: &ObjectRef) -> Result<Option<Value>, ActError> {
        let all = self
            .api
            .list_all("HorizontalPodAutoscaler", &workload.namespace, "", "")
            .await
            .map_err(|e| self.act(e))?;
        Ok(all.into_iter().find(|h| {
            let target = &h["spec"]["scaleTargetRef"];
            target["kind"] == workload.kind.as_str() && target["name"] == workload.name.as_str()
        }))
    }
}

fn allowed(workload: &ObjectRef, now: u64, wanted: u32, cap: u32, autoscaler: Option<&Value>) -> Result<(), ActError> {
    if wanted == 0 {
        return Err(not_allowed(format!("{workload} is never scaled to zero")));
    }
    if u64::from(wanted) < now {
        return Err(not_allowed(format!(
            "{workload} has {now} replicas and is never scaled down, here to {wanted}"
        )));
    }
    if wanted > cap {
        return Err(not_allowed(format!(
            "{wanted} replicas of {workload} are above the operator's cap of {cap}"
        )));
    }
    let Some(autoscaler) = autoscaler else {
        return Ok(());
    };
    let least = pointer::count(autoscaler, "/spec/minReplicas").unwrap_or(1);
    let most = pointer::count(autoscaler, "/spec/maxReplicas").unwrap_or(least);
    if (least..=most).contains(&u64::from(wanted)) {
        Ok(())
    } else {
        Err(not_allowed(format!(
            "{wanted} replicas of {workload} are outside the range {least} to {most} of HorizontalPodAutoscaler/{}, which would set them back",
            pointer::text(autoscaler, "/metadata/name")
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_only_go_up_and_stay_within_every_range() {
        let web = ObjectRef::new("Deployment", "n", "web", "u");
        let hpa = json!({"metadata": {"name": "web"}, "spec": {"minReplicas": 2, "maxReplicas": 5}});
        assert!(allowed(&web, 0, 1, 50, None).is_ok());
        assert!(allowed(&web, 3, 3, 50, None).is_ok());
        assert!(allowed(&web, 0, 0, 50, None).is_err());
        assert!(allowed(&web, 3, 2, 50, None).is_err());
        assert!(allowed(&web, 3, 51, 50, None).is_err());
        assert!(allowed(&web, 2, 5, 50, Some(&hpa)).is_ok());
        assert!(allowed(&web, 2, 6, 50, Some(&hpa)).is_err());
        assert!(allowed(&web, 0, 1, 50, Some(&hpa)).is_err());
    }
}
