//! How many replicas a workload may have: the autoscaler that sets them, and the remedy that gives it more.

use crate::cluster::{self, Query, ReadFailure};
use crate::incident::ObjectRef;
use crate::inquiry::Inquiry;
use crate::json;
use crate::strategy::{Diagnosis, Draft, Failure, why};
use serde_json::Value;

/// Give a workload more replicas.
pub const SCALE: &str = "scale";

/// A `HorizontalPodAutoscaler`.
#[derive(Clone, PartialEq, Debug)]
pub struct Autoscaler {
    /// The object.
    pub object: ObjectRef,
    /// The least replicas it sets.
    pub min: u32,
    /// The most replicas it sets.
    pub max: u32,
    /// How many there are by its word.
    pub current: u32,
    /// How many it wants.
    pub desired: u32,
    /// Its JSON.
    pub body: Value,
}

impl Autoscaler {
    fn read(object: cluster::Object) -> Self {
        let count = |pointer| json::number(&object.body, pointer).and_then(|n| u32::try_from(n).ok());
        let min = count("/spec/minReplicas").unwrap_or(1);
        Self {
            min,
            max: count("/spec/maxReplicas").unwrap_or(min),
            current: count("/status/currentReplicas").unwrap_or(0),
            desired: count("/status/desiredReplicas").unwrap_or(0),
            object: object.reference,
            body: object.body,
        }
    }

    /// The status and message of one of its conditions, such as `ScalingActive`.
    pub fn condition(&self, kind: &str) -> Option<(&str, &str)> {
        json::condition(&self.body, kind).map(|c| (json::text(c, "/status"), json::text(c, "/message")))
    }

    /// `HorizontalPodAutoscaler/web: 2 to 5 replicas, 5 now`.
    pub fn line(&self) -> String {
        format!(
            "{}: {} to {} replicas, {} now",
            self.object, self.min, self.max, self.current
        )
    }
}

/// The autoscaler that sets a workload's replicas; none where none does.
pub fn autoscaler_of(workload: &ObjectRef) -> Result<Option<Autoscaler>, ReadFailure> {
    let all = cluster::list(&Query::of("HorizontalPodAutoscaler", &workload.namespace))?;
    let found = all.items.into_iter().find(|o| {
        json::text(&o.body, "/spec/scaleTargetRef/kind") == workload.kind
            && json::text(&o.body, "/spec/scaleTargetRef/name") == workload.name
    });
    Ok(found.map(Autoscaler::read))
}

/// The replicas that a workload asks for: 1 where it does not say.
pub fn wanted(workload: &Value) -> u32 {
    json::number(workload, "/spec/replicas")
        .and_then(|n| u32::try_from(n).ok())
        .unwrap_or(1)
}

impl Inquiry {
    /// Decides to give a workload (the diagnosis' target) so many replicas.
    pub fn decide_scale(&mut self, replicas: u32, reason: &str, expect: &str) {
        self.fact("remedy", SCALE);
        self.fact("reason", reason);
        self.fact("expect", expect);
        self.fact("replicas", replicas.to_string());
    }
}

/// Drafts [`SCALE`].
pub fn scale(diagnosis: &Diagnosis, draft: &Draft) -> Result<(), Failure> {
    let replicas = diagnosis
        .fact("replicas")
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Failure::Invalid("the diagnosis has no fact \"replicas\" with a number".into()))?;
    let because = why(
        diagnosis.fact("reason").unwrap_or(&diagnosis.root_cause),
        diagnosis.fact("expect").unwrap_or(""),
    );
    draft.scale(&diagnosis.target, replicas, &because)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock::MockHost;
    use serde_json::json;

    #[test]
    fn the_autoscaler_of_exactly_this_workload_is_found() {
        let hpa = |name: &str, kind: &str| {
            json!({"kind": "HorizontalPodAutoscaler", "metadata": {"name": name},
                "spec": {"scaleTargetRef": {"kind": kind, "name": "web"}, "maxReplicas": 5},
                "status": {"currentReplicas": 2, "desiredReplicas": 3}})
        };
        let host = MockHost::new()
            .object(json!({"kind": "Deployment", "metadata": {"name": "web"}}))
            .object(hpa("of-set", "StatefulSet"))
            .object(hpa("of-deployment", "Deployment"))
            .target("Deployment", "web");
        let found = host.within(|incident| autoscaler_of(&incident.target()));
        let found = found
            .ok()
            .flatten()
            .map(|a| (a.object.name.clone(), a.min, a.max, a.desired));
        assert_eq!(found, Some(("of-deployment".into(), 1, 5, 3)));
    }
}
