//! `HorizontalPodAutoscalers`: there, and without effect.
//!
//! In these worlds the controller that would scale gets no metrics, and says so in its conditions, as a real one does
//! when the metrics API does not answer it. A world in which it scaled would heal by itself.

use crate::fields;
use crate::world::World;
use crate::world::kind::Kind;
use serde_json::json;

/// One round.
pub(super) fn sync(world: &mut World) {
    for autoscaler in world.copies(Kind::HorizontalPodAutoscaler) {
        let target = &autoscaler["spec"]["scaleTargetRef"];
        let kind = Kind::named(fields::text(target, "/kind"));
        let object = kind.and_then(|k| world.get(k, fields::namespace(&autoscaler), fields::text(target, "/name")));
        let current = object.map_or(0, |o| fields::count(o, "/status/replicas"));
        let since = |kind: &str| {
            fields::condition(&autoscaler, kind)
                .map_or_else(|| json!(fields::time(world.now())), |c| c["lastTransitionTime"].clone())
        };
        let status = json!({
            "observedGeneration": autoscaler["metadata"]["generation"],
            "currentReplicas": current,
            "desiredReplicas": current,
            "currentMetrics": null,
            "conditions": [
                {"type": "AbleToScale", "status": "True", "reason": "SucceededGetScale",
                    "message": "the HPA controller was able to get the target's current scale",
                    "lastTransitionTime": since("AbleToScale")},
                {"type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric",
                    "message": "the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: the server is currently unable to handle the request (get pods.metrics.k8s.io)",
                    "lastTransitionTime": since("ScalingActive")},
            ],
        });
        world.set_status(Kind::HorizontalPodAutoscaler, &autoscaler, status);
    }
}
