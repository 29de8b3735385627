//! Evictions: deletes that keep disruption budgets.

use super::{Answer, Asked, remove};
use crate::fields;
use crate::world::World;
use crate::world::kind::Kind;
use crate::world::refusal::Refusal;
use crate::world::selector;
use serde_json::{Value, json};

pub(super) fn answer(world: &mut World, asked: &Asked, namespace: &str, name: &str) -> Result<Answer, Refusal> {
    let eviction = asked.object()?;
    let options = &eviction["deleteOptions"];
    let dry = asked.query.dry()? || remove::is_dry(options);
    let Some(pod) = world.get(Kind::Pod, namespace, name).cloned() else {
        return Err(Refusal::not_found(Kind::Pod.row(), name));
    };
    // the real server asks the budget first
    within_budget(world, &pod)?;
    remove::check(Kind::Pod, &pod, options)?;
    world.delete(Kind::Pod, namespace, name, dry);
    Ok(Answer::Json(
        201,
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}),
    ))
}

fn within_budget(world: &World, pod: &Value) -> Result<(), Refusal> {
    // what has not begun or has ended disrupts nobody
    if matches!(fields::text(pod, "/status/phase"), "Pending" | "Succeeded" | "Failed") || fields::leaving(pod) {
        return Ok(());
    }
    let budgets: Vec<&Value> = world
        .within(Kind::PodDisruptionBudget, fields::namespace(pod))
        .filter(|b| selector::matches(&b["spec"]["selector"], &pod["metadata"]["labels"]))
        .collect();
    let budget = match budgets.as_slice() {
        [] => return Ok(()),
        [one] => *one,
        _ => {
            return Err(Refusal::new(
                500,
                "InternalError",
                "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
            ));
        }
    };
    let status = |key: &str| fields::count(budget, &format!("/status/{key}"));
    if !fields::holds(pod, "Ready") {
        let always = fields::text(budget, "/spec/unhealthyPodEvictionPolicy") == "AlwaysAllow";
        let kept = status("currentHealthy") >= status("desiredHealthy") && status("desiredHealthy") > 0;
        if always || kept {
            return Ok(());
        }
    }
    if status("disruptionsAllowed") > 0 {
        return Ok(());
    }
    let mut refusal = Refusal::new(
        429,
        "TooManyRequests",
        "Cannot evict pod as it would violate the pod's disruption budget.",
    );
    refusal.details = json!({"causes": [{
        "reason": "DisruptionBudget",
        "message": format!(
            "The disruption budget {} needs {} healthy pods and has {} currently",
            fields::name(budget),
            status("desiredHealthy"),
            status("currentHealthy")
        ),
    }]});
    Err(refusal)
}
