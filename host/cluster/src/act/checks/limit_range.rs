//! `LimitRanges`: the most, the least and the ratio that a container or pod may have, and the defaults they fill in.

use super::needs;
use crate::act::pointer;
use crate::quantity::Quantity;
use dreamops_domain::rehearsal::CheckOutcome;
use serde_json::{Map, Value, json};

/// Judges the pod by all rules of the namespace.
pub(super) fn judge(ranges: &[Value], pod: &Value) -> CheckOutcome {
    for range in ranges {
        let name = pointer::text(range, "/metadata/name");
        for rule in pointer::list(range, "/spec/limits") {
            let broken = match pointer::text(rule, "/type") {
                "Container" => pointer::list(pod, "/containers")
                    .iter()
                    .chain(pointer::list(pod, "/initContainers"))
                    .find_map(|c| {
                        breaks(rule, |group, resource| needs::amount(c, group, resource))
                            .map(|why| format!("container {:?}: {why}", pointer::text(c, "/name")))
                    }),
                "Pod" => {
                    let whole = needs::of(pod);
                    breaks(rule, |group, resource| {
                        let amounts = if group == "limits" {
                            &whole.limits
                        } else {
                            &whole.requests
                        };
                        amounts.get(resource).copied()
                    })
                    .map(|why| format!("pod: {why}"))
                }
                _ => None,
            };
            if let Some(why) = broken {
                return CheckOutcome::Failed {
                    why: format!("limit range {name} does not allow it: {why}"),
                };
            }
        }
    }
    CheckOutcome::Passed
}

fn breaks(rule: &Value, amount: impl Fn(&str, &str) -> Option<i128>) -> Option<String> {
    let bounds = |key: &str| rule[key].as_object().cloned().unwrap_or_default();
    for (resource, bound) in bounds("max") {
        let most = millis(&bound)?;
        match amount("limits", &resource) {
            None => return Some(format!("it has no {resource} limit, and one is required")),
            Some(limit) if limit > most => {
                return Some(format!(
                    "its {resource} limit of {} is above the most, {}",
                    super::shown_amount(&resource, limit),
                    super::shown_amount(&resource, most)
                ));
            }
            Some(_) => {}
        }
    }
    for (resource, bound) in bounds("min") {
        let least = millis(&bound)?;
        match amount("requests", &resource) {
            None => return Some(format!("it has no {resource} request, and one is required")),
            Some(request) if request < least => {
                return Some(format!(
                    "its {resource} request of {} is below the least, {}",
                    super::shown_amount(&resource, request),
                    super::shown_amount(&resource, least)
                ));
            }
            Some(_) => {}
        }
    }
    for (resource, bound) in bounds("maxLimitRequestRatio") {
        let most = millis(&bound)?;
        let (limit, request) = (amount("limits", &resource), amount("requests", &resource));
        if let (Some(limit), Some(request)) = (limit, request)
            && limit * 1000 > most * request
        {
            return Some(format!(
                "its {resource} limit is more than {} times its request",
                bound.as_str().unwrap_or_default()
            ));
        }
    }
    None
}

fn millis(bound: &Value) -> Option<i128> {
    Quantity::from_json(bound).map(|q| i128::from(q.millis()))
}

/// Fills in what containers do not say, as admission does.
pub(super) fn fill(pod: &mut Value, ranges: &[Value]) {
    let rules = ranges
        .iter()
        .flat_map(|r| pointer::list(r, "/spec/limits"))
        .filter(|r| r["type"] == "Container");
    for rule in rules {
        for list in ["containers", "initContainers"] {
            for container in pod[list].as_array_mut().into_iter().flatten() {
                fill_one(container, "limits", &rule["default"]);
                fill_one(container, "requests", &rule["defaultRequest"]);
            }
        }
    }
}

fn fill_one(container: &mut Value, group: &str, defaults: &Value) {
    for (resource, value) in defaults.as_object().unwrap_or(&Map::new()) {
        let given = &container["resources"][group][resource];
        // a request that is not given is the limit, where there is one
        let implied = group == "requests" && !container["resources"]["limits"][resource].is_null();
        if given.is_null() && !implied {
            pointer::set(container, &["resources", group, resource], json!(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(limits: &Value) -> [Value; 1] {
        [json!({"metadata": {"name": "lr"}, "spec": {"limits": [limits]}})]
    }

    fn pod(request: &str, limit: &str) -> Value {
        json!({"containers": [{"name": "web", "resources": {"requests": {"memory": request}, "limits": {"memory": limit}}}]})
    }

    fn why(ranges: &[Value], pod: &Value) -> String {
        match judge(ranges, pod) {
            CheckOutcome::Failed { why } => why,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn each_bound_of_a_container_is_kept() {
        let most = range(&json!({"type": "Container", "max": {"memory": "128Mi"}}));
        assert!(why(&most, &pod("1Mi", "192Mi")).contains("192Mi is above the most, 128Mi"));
        assert_eq!(judge(&most, &pod("1Mi", "128Mi")), CheckOutcome::Passed);
        assert!(why(&most, &json!({"containers": [{"name": "x"}]})).contains("no memory limit"));
        let least = range(&json!({"type": "Container", "min": {"memory": "64Mi"}}));
        assert!(why(&least, &pod("32Mi", "64Mi")).contains("below the least"));
        let ratio = range(&json!({"type": "Container", "maxLimitRequestRatio": {"memory": "2"}}));
        assert!(why(&ratio, &pod("32Mi", "96Mi")).contains("2 times"));
        assert_eq!(judge(&ratio, &pod("48Mi", "96Mi")), CheckOutcome::Passed);
    }

    #[test]
    fn a_pods_bound_counts_its_containers_together() {
        let most = range(&json!({"type": "Pod", "max": {"memory": "128Mi"}}));
        let mut two = pod("1Mi", "96Mi");
        let second = two["containers"][0].clone();
        assert_eq!(judge(&most, &two), CheckOutcome::Passed);
        two["containers"].as_array_mut().expect("a list").push(second);
        assert!(why(&most, &two).contains("pod: its memory limit of 192Mi"));
    }

    #[test]
    fn defaults_fill_only_what_is_not_said() {
        let ranges = range(&json!({"type": "Container", "default": {"memory": "1Gi", "cpu": "1"},
            "defaultRequest": {"memory": "512Mi", "cpu": "100m"}}));
        let mut pod = json!({"containers": [{"name": "web", "resources": {"limits": {"memory": "64Mi"}}}]});
        fill(&mut pod, &ranges);
        assert_eq!(
            pod["containers"][0]["resources"],
            json!({"limits": {"memory": "64Mi", "cpu": "1"}})
        );
    }
}
