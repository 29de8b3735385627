//! LimitRange: fills in what pods do not say, and refuses pods outside its bounds.

use crate::fields;
use crate::quantity::Quantity;
use crate::world::World;
use crate::world::kind::Kind;
use crate::world::refusal::Refusal;
use serde_json::Value;

/// The rules for containers in a namespace.
fn rules(world: &World, namespace: &str) -> Vec<Value> {
    world
        .within(Kind::LimitRange, namespace)
        .flat_map(|range| fields::list(range, "/spec/limits"))
        .filter(|rule| rule["type"] == "Container")
        .cloned()
        .collect()
}

/// Gives containers the default limits and requests.
pub(super) fn fill_in(world: &World, pod: &mut Value) {
    let rules = rules(world, fields::namespace(pod));
    let mut told = Vec::new();
    for container in pod["spec"]["containers"].as_array_mut().into_iter().flatten() {
        for rule in &rules {
            for (from, to, what) in [
                ("/defaultRequest", "requests", "request"),
                ("/default", "limits", "limit"),
            ] {
                let given = fill_in_one(rule, from, to, container);
                if !given.is_empty() {
                    let name = fields::text(container, "/name");
                    told.push(format!("{} {what} for container {name}", given.join(", ")));
                }
            }
        }
    }
    if !told.is_empty() {
        let told = format!("LimitRanger plugin set: {}", told.join("; "));
        fields::set(pod, &["metadata", "annotations", "kubernetes.io/limit-ranger"], told);
    }
}

/// Returns the resources for which the container said nothing.
fn fill_in_one(rule: &Value, from: &str, to: &str, container: &mut Value) -> Vec<String> {
    let mut given = Vec::new();
    for (resource, amount) in fields::members(rule, from) {
        if !fields::present(container, &format!("/resources/{to}/{resource}")) {
            fields::set(container, &["resources", to, resource], amount.clone());
            given.push(resource.to_owned());
        }
    }
    given.sort_unstable();
    given
}

/// Refuses a pod with a container outside the bounds.
pub(super) fn admit(world: &World, pod: &Value) -> Result<(), Refusal> {
    let rules = rules(world, fields::namespace(pod));
    let mut broken = Vec::new();
    for container in fields::list(pod, "/spec/containers") {
        for rule in &rules {
            broken.extend(breaches(rule, &container["resources"]));
        }
    }
    match broken.as_slice() {
        [] => Ok(()),
        [one] => Err(Refusal::forbidden(Kind::Pod, fields::name(pod), one)),
        many => Err(Refusal::forbidden(
            Kind::Pod,
            fields::name(pod),
            &format!("[{}]", many.join(", ")),
        )),
    }
}

fn breaches(rule: &Value, resources: &Value) -> Vec<String> {
    let amount = |which: &str, resource: &str| Quantity::of(&resources[which][resource]);
    let mut broken = Vec::new();
    for (resource, bound) in fields::members(rule, "/max") {
        let Some(most) = Quantity::of(bound) else { continue };
        match amount("limits", resource) {
            None => broken.push(format!(
                "maximum {resource} usage per Container is {most}.  No limit is specified"
            )),
            Some(limit) if limit.millis() > most.millis() => {
                broken.push(format!(
                    "maximum {resource} usage per Container is {most}, but limit is {limit}"
                ));
            }
            Some(_) => {}
        }
    }
    for (resource, bound) in fields::members(rule, "/min") {
        let Some(least) = Quantity::of(bound) else { continue };
        match amount("requests", resource) {
            None => broken.push(format!(
                "minimum {resource} usage per Container is {least}.  No request is specified"
            )),
            Some(request) if request.millis() < least.millis() => {
                broken.push(format!(
                    "minimum {resource} usage per Container is {least}, but request is {request}"
                ));
            }
            Some(_) => {}
        }
    }
    for (resource, bound) in fields::members(rule, "/maxLimitRequestRatio") {
        let (Some(most), Some(limit), Some(request)) = (
            Quantity::of(bound),
            amount("limits", resource),
            amount("requests", resource),
        ) else {
            continue;
        };
        if request.millis() > 0 && limit.millis() * 1000 > most.millis() * request.millis() {
            let ratio = limit.millis() as f64 / request.millis() as f64;
            broken.push(format!(
                "{resource} max limit to request ratio per Container is {most}, but provided ratio is {ratio:.6}"
            ));
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rule(max: &str) -> Value {
        json!({"type": "Container", "max": {"memory": max}, "maxLimitRequestRatio": {"memory": "2"}})
    }

    #[test]
    fn a_limit_above_the_range_is_refused_with_the_numbers() {
        let resources = json!({"limits": {"memory": "1Gi"}, "requests": {"memory": "256Mi"}});
        let broken = breaches(&rule("512Mi"), &resources);
        assert_eq!(
            broken[0],
            "maximum memory usage per Container is 512Mi, but limit is 1Gi"
        );
        assert_eq!(
            broken[1],
            "memory max limit to request ratio per Container is 2, but provided ratio is 4.000000"
        );
        let fine = json!({"limits": {"memory": "512Mi"}, "requests": {"memory": "256Mi"}});
        assert_eq!(breaches(&rule("512Mi"), &fine), Vec::<String>::new());
    }
}
