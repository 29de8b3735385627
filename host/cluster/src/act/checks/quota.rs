//! `ResourceQuotas` against what a rollout takes at its widest.

use super::needs::{self, Needs};
use super::rollout::Rollout;
use crate::act::pointer;
use crate::quantity::Quantity;
use dreamops_domain::rehearsal::CheckOutcome;
use serde_json::Value;

/// Judges all quotas of the namespace.
pub(super) fn judge(quotas: &[Value], pod: &Value, rollout: &Rollout, old: &[Value]) -> CheckOutcome {
    let new = needs::of(pod);
    for quota in quotas.iter().filter(|q| is_in_scope(q, pod)) {
        let name = pointer::text(quota, "/metadata/name");
        let hard = match &quota["status"]["hard"] {
            Value::Null => &quota["spec"]["hard"],
            hard => hard,
        };
        for (resource, bound) in hard.as_object().into_iter().flatten() {
            let Some((group, plain)) = counted(resource) else {
                continue;
            };
            if let Some(why) = missing_amount(pod, name, resource, group, plain) {
                return CheckOutcome::Failed { why };
            }
            let taken = |needs: &Needs| match group {
                Group::Pods => 1000,
                Group::Requests => needs.requests.get(plain).copied().unwrap_or(0),
                Group::Limits => needs.limits.get(plain).copied().unwrap_or(0),
            };
            let before: i128 = old
                .iter()
                .filter(|p| is_in_scope(quota, &p["spec"]))
                .map(|p| taken(&needs::of(&p["spec"])))
                .sum();
            let need = rollout.need(taken(&new), before, old.len());
            let hard = millis(bound);
            let used = millis(&quota["status"]["used"][resource]);
            if need > 0 && need > hard - used {
                return CheckOutcome::Failed {
                    why: format!(
                        "quota {name} allows {} of {resource} and {} are used; this takes {} more",
                        amount(plain, group, hard),
                        amount(plain, group, used),
                        amount(plain, group, need)
                    ),
                };
            }
        }
    }
    CheckOutcome::Passed
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Pods,
    Requests,
    Limits,
}

/// Which of a pod's amounts a quota's line counts; `None` for lines about other objects.
fn counted(resource: &str) -> Option<(Group, &str)> {
    match resource {
        "pods" | "count/pods" => Some((Group::Pods, "pods")),
        "cpu" | "memory" | "ephemeral-storage" => Some((Group::Requests, resource)),
        "requests.storage" => None,
        _ => match (resource.strip_prefix("requests."), resource.strip_prefix("limits.")) {
            (Some(plain), _) => Some((Group::Requests, plain)),
            (_, Some(plain)) => Some((Group::Limits, plain)),
            _ => None,
        },
    }
}

/// A quota on processor or memory refuses every pod with a container that does not say how much it takes.
fn missing_amount(pod: &Value, quota: &str, resource: &str, group: Group, plain: &str) -> Option<String> {
    if !matches!(plain, "cpu" | "memory") {
        return None;
    }
    let group = match group {
        Group::Pods => return None,
        Group::Requests => "requests",
        Group::Limits => "limits",
    };
    if needs::amount(pod, group, plain).is_some() {
        return None;
    }
    let silent = pointer::list(pod, "/containers")
        .iter()
        .chain(pointer::list(pod, "/initContainers"))
        .find(|c| needs::amount(c, group, plain).is_none())?;
    Some(format!(
        "quota {quota} counts {resource}, so every container has to set {group}.{plain}, and container {:?} does not",
        pointer::text(silent, "/name")
    ))
}

/// Whether a pod is counted by a quota: in every one of its scopes.
fn is_in_scope(quota: &Value, pod: &Value) -> bool {
    let plain = pointer::list(quota, "/spec/scopes")
        .iter()
        .all(|s| has_scope(pod, s.as_str().unwrap_or_default()));
    let selected = pointer::list(quota, "/spec/scopeSelector/matchExpressions")
        .iter()
        .all(|rule| match pointer::text(rule, "/scopeName") {
            "PriorityClass" => has_priority(pod, rule),
            other => has_scope(pod, other) == (pointer::text(rule, "/operator") != "DoesNotExist"),
        });
    plain && selected
}

fn has_scope(pod: &Value, scope: &str) -> bool {
    match scope {
        "BestEffort" => needs::of(pod) == Needs::default(),
        "NotBestEffort" => needs::of(pod) != Needs::default(),
        "Terminating" => pod["activeDeadlineSeconds"].is_u64(),
        "NotTerminating" => !pod["activeDeadlineSeconds"].is_u64(),
        "PriorityClass" => pod["priorityClassName"].is_string(),
        "CrossNamespacePodAffinity" => names_namespaces(&pod["affinity"]),
        _ => false,
    }
}

fn names_namespaces(affinity: &Value) -> bool {
    match affinity {
        Value::Object(map) => map
            .iter()
            .any(|(key, value)| matches!(key.as_str(), "namespaces" | "namespaceSelector") || names_namespaces(value)),
        Value::Array(items) => items.iter().any(names_namespaces),
        _ => false,
    }
}

fn has_priority(pod: &Value, rule: &Value) -> bool {
    let class = pod["priorityClassName"].as_str();
    let listed = pointer::list(rule, "/values")
        .iter()
        .any(|v| v.as_str().is_some() && v.as_str() == class);
    match pointer::text(rule, "/operator") {
        "In" => listed,
        "NotIn" => !listed,
        "Exists" => class.is_some(),
        _ => class.is_none(),
    }
}

fn millis(value: &Value) -> i128 {
    Quantity::from_json(value).map_or(0, |q| i128::from(q.millis()))
}

fn amount(plain: &str, group: Group, millis: i128) -> String {
    super::shown_amount(if group == Group::Pods { "pods" } else { plain }, millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn quota(spec: Value, hard: &Value, used: &Value) -> Value {
        let mut spec = spec;
        spec["hard"] = hard.clone();
        json!({"metadata": {"name": "team"}, "spec": spec, "status": {"hard": hard, "used": used}})
    }

    fn pod(memory: &str) -> Value {
        json!({"containers": [{"name": "web", "resources": {"limits": {"memory": memory}}}]})
    }

    fn one_by_one() -> Rollout {
        Rollout::of("Deployment", &json!({"spec": {"replicas": 1}}), 0, 1)
    }

    #[test]
    fn a_surge_beyond_the_quota_is_refused_with_the_numbers() {
        let tight = quota(
            json!({}),
            &json!({"limits.memory": "128Mi"}),
            &json!({"limits.memory": "64Mi"}),
        );
        let old = [json!({"spec": pod("64Mi")})];
        let judged = judge(std::slice::from_ref(&tight), &pod("96Mi"), &one_by_one(), &old);
        assert_eq!(
            judged,
            CheckOutcome::Failed {
                why: "quota team allows 128Mi of limits.memory and 64Mi are used; this takes 96Mi more".into()
            }
        );
        assert_eq!(judge(&[tight], &pod("64Mi"), &one_by_one(), &old), CheckOutcome::Passed);
    }

    #[test]
    fn only_quotas_whose_scopes_the_pod_is_in_count() {
        let spec = json!({"scopes": ["BestEffort"]});
        let other = quota(spec, &json!({"pods": "0"}), &json!({"pods": "0"}));
        assert_eq!(
            judge(std::slice::from_ref(&other), &pod("1Mi"), &one_by_one(), &[]),
            CheckOutcome::Passed
        );
        let none = json!({"containers": [{"name": "web"}]});
        assert_ne!(judge(&[other], &none, &one_by_one(), &[]), CheckOutcome::Passed);
        let class = json!({"scopeSelector": {"matchExpressions": [
            {"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}]}});
        let high = quota(class, &json!({"pods": "0"}), &json!({}));
        assert_eq!(judge(&[high], &pod("1Mi"), &one_by_one(), &[]), CheckOutcome::Passed);
    }

    #[test]
    fn a_container_without_the_amount_that_a_quota_counts_is_refused() {
        let cpu = quota(json!({}), &json!({"limits.cpu": "100"}), &json!({}));
        let CheckOutcome::Failed { why } = judge(&[cpu], &pod("64Mi"), &one_by_one(), &[]) else {
            panic!("it has to be refused");
        };
        assert!(why.contains("limits.cpu") && why.contains("\"web\""), "{why}");
    }

    #[test]
    fn lines_about_other_objects_do_not_matter() {
        let objects = quota(
            json!({}),
            &json!({"services": "0", "count/secrets": "0", "requests.storage": "0"}),
            &json!({}),
        );
        assert_eq!(
            judge(&[objects], &pod("64Mi"), &one_by_one(), &[]),
            CheckOutcome::Passed
        );
    }
}
