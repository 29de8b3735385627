//! ResourceQuota: what a namespace's pods take together, and whether one more fits.

use crate::fields;
use crate::quantity::Quantity;
use crate::world::World;
use crate::world::kind::Kind;
use crate::world::refusal::Refusal;
use serde_json::Value;

/// What pods of a namespace take of a resource, as quotas name it. `None` for one that is not reckoned here.
pub(crate) fn used(world: &World, namespace: &str, resource: &str) -> Option<Quantity> {
    let counted = |kind: Kind| {
        let count = u64::try_from(world.within(kind, namespace).count()).unwrap_or(u64::MAX);
        Some(Quantity::millicores(count.saturating_mul(1000)))
    };
    match resource {
        "services" | "count/services" => counted(Kind::Service),
        "secrets" | "count/secrets" => counted(Kind::Secret),
        "configmaps" | "count/configmaps" => counted(Kind::ConfigMap),
        "count/deployments.apps" => counted(Kind::Deployment),
        _ => {
            let mut sum = Quantity::default();
            for pod in world.within(Kind::Pod, namespace).filter(|p| counts(p)) {
                sum = sum.plus(of_pod(pod, resource)?.unwrap_or_default());
            }
            Some(sum)
        }
    }
}

/// Whether a pod still counts: it has not ended.
fn counts(pod: &Value) -> bool {
    !matches!(fields::text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// What one pod takes of a resource; the inner `None` where a container does not say.
#[allow(
    clippy::option_option,
    reason = "not reckoned here and not said by the pod are two things"
)]
fn of_pod(pod: &Value, resource: &str) -> Option<Option<Quantity>> {
    let (which, what) = match resource {
        "pods" | "count/pods" => return Some(Some(Quantity::millicores(1000))),
        "cpu" | "requests.cpu" => ("requests", "cpu"),
        "memory" | "requests.memory" => ("requests", "memory"),
        "limits.cpu" => ("limits", "cpu"),
        "limits.memory" => ("limits", "memory"),
        _ => return None,
    };
    let mut sum = Quantity::default();
    for container in fields::list(pod, "/spec/containers") {
        match Quantity::of(&container["resources"][which][what]) {
            Some(amount) => sum = sum.plus(amount),
            None => return Some(None),
        }
    }
    Some(Some(sum))
}

/// Refuses a pod that does not fit, with the numbers.
pub(super) fn admit(world: &World, pod: &Value) -> Result<(), Refusal> {
    let namespace = fields::namespace(pod);
    for quota in world.within(Kind::ResourceQuota, namespace) {
        let mut over = (Vec::new(), Vec::new(), Vec::new());
        let mut unsaid = Vec::new();
        for (resource, bound) in fields::members(quota, "/spec/hard") {
            let (Some(hard), Some(wanted)) = (Quantity::of(bound), of_pod(pod, resource)) else {
                continue;
            };
            let Some(wanted) = wanted else {
                let names: Vec<&str> = fields::list(pod, "/spec/containers")
                    .iter()
                    .map(|c| fields::text(c, "/name"))
                    .collect();
                unsaid.push(format!("{resource} for: {}", names.join(",")));
                continue;
            };
            let used = used(world, namespace, resource).unwrap_or_default();
            if used.plus(wanted).millis() > hard.millis() {
                over.0.push(format!("{resource}={wanted}"));
                over.1.push(format!("{resource}={used}"));
                over.2.push(format!("{resource}={hard}"));
            }
        }
        let name = fields::name(quota);
        let why = if !unsaid.is_empty() {
            format!("failed quota: {name}: must specify {}", unsaid.join("; "))
        } else if over.0.is_empty() {
            continue;
        } else {
            format!(
                "exceeded quota: {name}, requested: {}, used: {}, limited: {}",
                over.0.join(","),
                over.1.join(","),
                over.2.join(",")
            )
        };
        return Err(Refusal::forbidden(Kind::Pod, fields::name(pod), &why));
    }
    Ok(())
}
