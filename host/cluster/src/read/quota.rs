//! Bounds of a namespace, and room on nodes.
//!
//! Memory and storage in bytes, processor in millicores, objects as a count. A part that the
//! credential may not see is named in `not_checked` with the missing rule; it is no failure.

use super::{Stop, elements, pods, text};
use crate::api::Api;
use crate::error::{ApiError, Failure};
use crate::quantity::Quantity;
use dreamops_domain::read::{QuotaFact, QuotaLine, RangeLine};
use dreamops_domain::redact::Redactor;
use serde_json::Value;

pub(crate) async fn of(api: &Api, redactor: &Redactor, namespace: &str) -> Result<QuotaFact, Stop> {
    let (quotas, ranges, nodes, running) = futures::join!(
        api.list_all("ResourceQuota", namespace, "", ""),
        api.list_all("LimitRange", namespace, "", ""),
        api.list_all("Node", "", "", ""),
        api.list_all("Pod", "", "", "status.phase!=Succeeded,status.phase!=Failed"),
    );
    let mut fact = QuotaFact::default();
    if let Some(quotas) = seen("resource quotas", quotas, redactor, &mut fact)? {
        fact.quotas = quotas.iter().flat_map(quota_lines).collect();
    }
    if let Some(ranges) = seen("limit ranges", ranges, redactor, &mut fact)? {
        fact.ranges = ranges.iter().flat_map(range_lines).collect();
    }
    let nodes = seen("nodes", nodes, redactor, &mut fact)?;
    let running = seen("room on nodes", running, redactor, &mut fact)?;
    if let Some(nodes) = nodes {
        let schedulable: Vec<&Value> = nodes.iter().filter(|n| schedulable(n)).collect();
        let allocatable = |node: &&Value, resource: &str| {
            node.pointer(&format!("/status/allocatable/{resource}"))
                .and_then(Quantity::from_json)
                .unwrap_or_default()
        };
        fact.largest_node_memory_bytes = schedulable.iter().map(|n| allocatable(n, "memory").whole()).max();
        if let Some(running) = running {
            let free = |node: &&Value, resource: &str| {
                let name = text(node, "/metadata/name");
                running
                    .iter()
                    .filter(|pod| text(pod, "/spec/nodeName") == name)
                    .map(|pod| request(pod, resource))
                    .fold(allocatable(node, resource), Quantity::minus)
            };
            fact.largest_free_memory_bytes = schedulable.iter().map(|n| free(n, "memory").whole()).max();
            fact.largest_free_cpu_millis = schedulable.iter().map(|n| free(n, "cpu").millis()).max();
        }
    }
    Ok(fact)
}

/// What was listed; where the credential may not list it, the fact says so.
fn seen(
    what: &str,
    listed: Result<Vec<Value>, ApiError>,
    redactor: &Redactor,
    fact: &mut QuotaFact,
) -> Result<Option<Vec<Value>>, Stop> {
    match listed {
        Ok(items) => Ok(Some(items)),
        Err(error) if error.failure == Failure::Forbidden => {
            fact.not_checked.push(format!("{what}: {}", error.into_read(redactor)));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn quota_lines(quota: &Value) -> Vec<QuotaLine> {
    let hard = quota.pointer("/status/hard").or_else(|| quota.pointer("/spec/hard"));
    hard.and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(resource, bound)| {
            let used = quota.pointer("/status/used").map(|used| &used[resource]);
            Some(QuotaLine {
                name: text(quota, "/metadata/name").to_owned(),
                resource: resource.clone(),
                hard: amount(resource, Quantity::from_json(bound)?),
                used: amount(resource, used.and_then(Quantity::from_json).unwrap_or_default()),
            })
        })
        .collect()
}

/// Processor in millicores, all else as the number it is.
fn amount(resource: &str, quantity: Quantity) -> u64 {
    if resource.rsplit('.').next() == Some("cpu") {
        quantity.millis()
    } else {
        quantity.whole()
    }
}

fn range_lines(range: &Value) -> Vec<RangeLine> {
    let mut lines = Vec::new();
    for rule in elements(range, "/spec/limits") {
        let applies_to = text(rule, "/type");
        if !matches!(applies_to, "Container" | "Pod") {
            continue;
        }
        for resource in ["memory", "cpu"] {
            let bound = |name: &str| Quantity::from_json(&rule[name][resource]);
            let line = RangeLine {
                name: text(range, "/metadata/name").to_owned(),
                applies_to: applies_to.to_owned(),
                resource: resource.to_owned(),
                max: bound("max").map(|q| amount(resource, q)),
                min: bound("min").map(|q| amount(resource, q)),
                max_ratio_millis: bound("maxLimitRequestRatio").map(Quantity::millis),
            };
            if line.max.is_some() || line.min.is_some() || line.max_ratio_millis.is_some() {
                lines.push(line);
            }
        }
    }
    lines
}

/// Whether a pod without tolerations could be placed there.
fn schedulable(node: &Value) -> bool {
    let kept_free = |taint: &Value| matches!(text(taint, "/effect"), "NoSchedule" | "NoExecute");
    node.pointer("/spec/unschedulable") != Some(&Value::Bool(true))
        && pods::condition(node, "Ready").is_some_and(|c| c["status"] == "True")
        && !elements(node, "/spec/taints").iter().any(kept_free)
}

/// What the scheduler reckons for a pod: the sum of its containers, or its largest init container
/// beside the sidecars that run by then, whichever is more; and the runtime's overhead.
///
/// Source: Kubernetes, "Resource sharing within containers" of sidecar and init containers.
fn request(pod: &Value, resource: &str) -> Quantity {
    let of = |holder: &Value, pointer: &str| {
        holder
            .pointer(pointer)
            .map(|r| &r[resource])
            .and_then(Quantity::from_json)
    };
    let own = |container: &Value| of(container, "/resources/requests").unwrap_or_default();
    let mut sidecars = Quantity::default();
    let mut largest_init = Quantity::default();
    for init in elements(pod, "/spec/initContainers") {
        if text(init, "/restartPolicy") == "Always" {
            sidecars = sidecars.plus(own(init));
            largest_init = largest_init.max(sidecars);
        } else {
            largest_init = largest_init.max(sidecars.plus(own(init)));
        }
    }
    let containers = elements(pod, "/spec/containers")
        .iter()
        .map(own)
        .fold(sidecars, Quantity::plus);
    let whole_pod = of(pod, "/spec/resources/requests").unwrap_or_else(|| containers.max(largest_init));
    whole_pod.plus(of(pod, "/spec/overhead").unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn quota_lines_carry_each_resource_in_its_unit() {
        let quota = json!({"metadata": {"name": "q"}, "status": {
            "hard": {"limits.memory": "1Gi", "requests.cpu": "1500m", "pods": "10", "requests.storage": "5Gi"},
            "used": {"limits.memory": "256Mi", "requests.cpu": "1", "pods": "3"}}});
        let lines = quota_lines(&quota);
        let of = |resource: &str| lines.iter().find(|l| l.resource == resource).map(|l| (l.hard, l.used));
        assert_eq!(of("limits.memory"), Some((1 << 30, 1 << 28)));
        assert_eq!(of("requests.cpu"), Some((1500, 1000)));
        assert_eq!(of("pods"), Some((10, 3)));
        assert_eq!(of("requests.storage"), Some((5 << 30, 0)));
    }

    #[test]
    fn limit_ranges_for_containers_and_pods_are_read() {
        let range = json!({"metadata": {"name": "r"}, "spec": {"limits": [
            {"type": "Container", "max": {"memory": "512Mi"}, "min": {"cpu": "10m"}, "maxLimitRequestRatio": {"memory": "2"}},
            {"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}}]}});
        let lines = range_lines(&range);
        assert_eq!(lines.len(), 2);
        assert_eq!((lines[0].max, lines[0].max_ratio_millis), (Some(512 << 20), Some(2000)));
        assert_eq!((lines[1].resource.as_str(), lines[1].min), ("cpu", Some(10)));
    }

    #[test]
    fn a_pod_requests_what_its_containers_or_its_largest_start_need() {
        let memory = |amount: &str| json!({"resources": {"requests": {"memory": amount}}});
        let mut sidecar = memory("10Mi");
        sidecar["restartPolicy"] = json!("Always");
        let pod = json!({"spec": {"containers": [memory("100Mi"), memory("50Mi")],
            "initContainers": [sidecar, memory("200Mi")], "overhead": {"memory": "5Mi"}}});
        assert_eq!(request(&pod, "memory").whole(), 215 << 20);
        assert_eq!(request(&pod, "cpu").whole(), 0);
    }

    #[test]
    fn a_tainted_cordoned_or_unready_node_has_no_room() {
        let node = json!({"spec": {}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}});
        assert!(schedulable(&node));
        for (pointer, value) in [
            ("/spec", json!({"unschedulable": true})),
            ("/spec", json!({"taints": [{"effect": "NoSchedule"}]})),
            (
                "/status",
                json!({"conditions": [{"type": "Ready", "status": "Unknown"}]}),
            ),
        ] {
            let mut bad = node.clone();
            if let Some(part) = bad.pointer_mut(pointer) {
                *part = value;
            }
            assert!(!schedulable(&bad), "{bad}");
        }
    }
}
