//! PodDisruptionBudgets: how many pods may go now.

use super::{pods, rollout};
use crate::fields;
use crate::world::World;
use crate::world::kind::Kind;
use crate::world::selector;
use serde_json::{Value, json};

/// One round.
pub(super) fn sync(world: &mut World) {
    for budget in world.copies(Kind::PodDisruptionBudget) {
        let status = status(world, &budget);
        world.set_status(Kind::PodDisruptionBudget, &budget, status);
    }
}

fn status(world: &World, budget: &Value) -> Value {
    let covered: Vec<&Value> = world
        .within(Kind::Pod, fields::namespace(budget))
        .filter(|p| pods::active(p) && selector::matches(&budget["spec"]["selector"], &p["metadata"]["labels"]))
        .collect();
    let expected = expected(world, &covered);
    let healthy = u64::try_from(covered.iter().filter(|p| pods::ready(p)).count()).unwrap_or(0);
    let least = match budget["spec"].get("maxUnavailable") {
        Some(most) => expected.saturating_sub(rollout::resolve(most, expected, true)),
        None => rollout::resolve(&budget["spec"]["minAvailable"], expected, true),
    };
    let allowed = if expected == 0 {
        0
    } else {
        healthy.saturating_sub(least)
    };
    let (status, reason) = if allowed > 0 {
        ("True", "SufficientPods")
    } else {
        ("False", "InsufficientPods")
    };
    let before = fields::condition(budget, "DisruptionAllowed").filter(|c| c["status"] == status);
    let since = before.map_or_else(|| json!(fields::time(world.now())), |c| c["lastTransitionTime"].clone());
    json!({
        "observedGeneration": budget["metadata"]["generation"],
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": least,
        "expectedPods": expected,
        "conditions": [{"type": "DisruptionAllowed", "status": status, "reason": reason, "message": "",
            "lastTransitionTime": since, "observedGeneration": budget["metadata"]["generation"]}],
    })
}

/// Pods that the controllers of the covered pods want.
fn expected(world: &World, covered: &[&Value]) -> u64 {
    let mut counted: Vec<&str> = Vec::new();
    let mut sum = 0;
    for pod in covered {
        let owner = fields::controller(pod);
        let found = [Kind::ReplicaSet, Kind::StatefulSet]
            .iter()
            .flat_map(|k| world.of(*k))
            .find(|o| fields::uid(o) == owner);
        let Some(set) = found else {
            sum += 1;
            continue;
        };
        let above = world
            .of(Kind::Deployment)
            .find(|d| fields::uid(d) == fields::controller(set))
            .unwrap_or(set);
        if !counted.contains(&fields::uid(above)) {
            counted.push(fields::uid(above));
            sum += fields::count(above, "/spec/replicas");
        }
    }
    sum
}
