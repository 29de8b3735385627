//! What a pod takes: requests and limits, as the scheduler and quotas count them.
//!
//! Per resource: the sum of the containers and of init containers that keep running, or what an earlier init
//! container takes beside those that keep running, whichever is more; amounts set for the pod as a whole go before
//! the sum; the runtime class's overhead is added. A request that is not given is the limit. Source: Kubernetes,
//! "Resource sharing within containers" and `component-helpers/resource`.

use crate::quantity::Quantity;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Amounts per resource, in thousandths of its unit (millicores; thousandths of a byte).
pub(super) type Amounts = BTreeMap<String, i128>;

/// What a pod takes.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Needs {
    /// Requests.
    pub(super) requests: Amounts,
    /// Limits.
    pub(super) limits: Amounts,
}

/// The amount of one resource of a container's `requests` or `limits`.
pub(super) fn amount(container: &Value, group: &str, resource: &str) -> Option<i128> {
    let given = |group: &str| Quantity::from_json(&container["resources"][group][resource]);
    let found = match group {
        "requests" => given("requests").or_else(|| given("limits")),
        _ => given(group),
    };
    found.map(|q| i128::from(q.millis()))
}

/// What a pod with this spec takes.
pub(super) fn of(spec: &Value) -> Needs {
    let mut needs = Needs {
        requests: total(spec, "requests"),
        limits: total(spec, "limits"),
    };
    for (resource, value) in spec["overhead"].as_object().into_iter().flatten() {
        let more = Quantity::from_json(value).map_or(0, |q| i128::from(q.millis()));
        *needs.requests.entry(resource.clone()).or_default() += more;
        if let Some(limit) = needs.limits.get_mut(resource) {
            *limit += more;
        }
    }
    needs
}

fn total(spec: &Value, group: &str) -> Amounts {
    let containers = list(spec, "containers");
    let inits = list(spec, "initContainers");
    let named: BTreeSet<&String> = containers
        .iter()
        .chain(inits)
        .chain(std::iter::once(spec))
        .flat_map(|c| ["requests", "limits"].map(|g| c["resources"][g].as_object()))
        .flatten()
        .flat_map(serde_json::Map::keys)
        .collect();
    let mut amounts = Amounts::new();
    for resource in named {
        let of = |c: &Value| amount(c, group, resource);
        let whole = of(spec);
        let mut running: Option<i128> = None;
        let mut peak: Option<i128> = None;
        for init in inits {
            let beside = of(init).map(|a| a + running.unwrap_or(0));
            if init["restartPolicy"] == "Always" {
                running = beside.or(running);
            }
            peak = peak.max(beside);
        }
        for container in containers {
            running = of(container).map(|a| a + running.unwrap_or(0)).or(running);
        }
        if let Some(most) = whole.or(peak.max(running)) {
            amounts.insert(resource.clone(), most);
        }
    }
    amounts
}

fn list<'a>(spec: &'a Value, key: &str) -> &'a [Value] {
    spec[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const MI: i128 = 1000 << 20;

    fn container(memory: &str) -> Value {
        json!({"resources": {"limits": {"memory": memory}}})
    }

    #[test]
    fn containers_add_up_and_a_missing_request_is_the_limit() {
        let needs = of(&json!({"containers": [container("64Mi"),
            {"resources": {"requests": {"memory": "16Mi", "cpu": "100m"}, "limits": {"memory": "32Mi"}}}]}));
        assert_eq!(
            needs.requests,
            Amounts::from([("memory".into(), 80 * MI), ("cpu".into(), 100)])
        );
        assert_eq!(needs.limits, Amounts::from([("memory".into(), 96 * MI)]));
    }

    #[test]
    fn an_init_container_counts_beside_the_sidecars_before_it() {
        let mut sidecar = container("10Mi");
        sidecar["restartPolicy"] = json!("Always");
        let needs = of(&json!({"initContainers": [sidecar, container("100Mi")], "containers": [container("64Mi")]}));
        assert_eq!(needs.limits["memory"], 110 * MI);
        let needs = of(&json!({"initContainers": [container("20Mi")], "containers": [container("64Mi")]}));
        assert_eq!(needs.limits["memory"], 64 * MI);
    }

    #[test]
    fn the_pods_own_amounts_and_the_overhead_count() {
        let needs = of(
            &json!({"resources": {"limits": {"memory": "1Gi"}}, "containers": [container("64Mi")],
            "overhead": {"memory": "6Mi"}}),
        );
        assert_eq!(needs.limits["memory"], 1030 * MI);
        assert_eq!(of(&json!({"containers": [{}]})), Needs::default());
    }
}
