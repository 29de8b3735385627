//! One replica that fails while its equals run well.

use crate::rollout::{Fault, to_person};
use crate::scene::Scene;
use dreamops_sdk::host::now_ms;
use dreamops_sdk::prelude::*;

/// How long a restart of ours forbids another.
pub(crate) const ONCE_MS: u64 = 24 * 3_600_000;

/// Whether exactly this one fails and at least two equals (or the only other one) run well.
pub(crate) fn alone(scene: &Scene) -> bool {
    let ready = scene.steady_equals().len();
    let wanted = scene.subject.pods.len();
    scene.changeable() && scene.failing_equals().count() <= 1 && (ready >= 2 || (ready == 1 && wanted == 2))
}

/// Restarts the pod, once; after that it is a person's.
pub(crate) fn conclude(incident: &Incident, scene: &Scene, mut inquiry: Inquiry) -> Finding {
    let equals = scene.steady_equals();
    let node = scene.pod.node();
    let shared = equals.iter().filter(|p| p.node() == node).count();
    let end = scene
        .container
        .last_end()
        .map_or_else(|| scene.container.to_string(), ToString::to_string);
    inquiry.rule_out(format!("the revision: {} other pods of it are ready", equals.len()));
    let cause = format!(
        "container {} of {} {end}, while {} other pods of the same revision run well: \
         node {node} or something transient",
        scene.container.name,
        scene.pod.reference(),
        equals.len()
    );
    if incident.did("restart-pod", now_ms(), ONCE_MS) {
        let by_hand = format!(
            "look at node {node}; to keep pods off it: kubectl cordon {node}; then kubectl -n {} delete pod {}",
            scene.subject.object.namespace,
            scene.pod.name()
        );
        let fault = Fault {
            cause,
            certainty: 0.8,
            explained: false,
            by_hand,
        };
        return to_person(
            &scene.subject,
            inquiry,
            fault,
            "a pod of it was restarted already, and that did not last",
        );
    }
    if shared > 0 {
        inquiry.rule_out(format!("node {node}: {shared} of the pods that run well are on it"));
    }
    inquiry.decide_restart(
        scene.pod.reference(),
        "the same revision runs well elsewhere; a new pod starts without the back-off and perhaps on another node",
        "the new pod is ready and does not end",
    );
    inquiry.cause("crash-loop", &scene.subject.object, cause, 0.8)
}
