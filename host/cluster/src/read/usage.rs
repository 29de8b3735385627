//! What containers use, by the metrics API.
//!
//! A pod without a sample (it has just begun, or has ended) has no line. A cluster without the
//! metrics API, or whose metrics server is down, answers `NotAvailable`.

use super::{Stop, elements, invalid, live, pods, reference, text};
use crate::api::Api;
use crate::error::Failure;
use crate::quantity::Quantity;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::read::ContainerUsage;
use dreamops_domain::time::Timestamp;
use serde_json::Value;

pub(crate) async fn of(api: &Api, object: &ObjectRef) -> Result<Vec<ContainerUsage>, Stop> {
    let present = live(api, object).await?;
    let (pods, samples) = match object.kind.as_str() {
        "Pod" => {
            let sample = match api.get("PodMetrics", &object.namespace, &object.name).await {
                Ok(sample) => vec![sample],
                Err(error) if error.failure == Failure::NotFound => Vec::new(),
                Err(error) => return Err(error.into()),
            };
            (vec![present], sample)
        }
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job" => {
            let labels = pods::labels(&present)?;
            let samples = api.list_all("PodMetrics", &object.namespace, &labels, "").await?;
            (pods::of_workload(api, &present).await?, samples)
        }
        other => {
            let why = format!("a {other} uses nothing itself; name a pod or a workload");
            return Err(invalid(&why).into());
        }
    };
    Ok(pods
        .iter()
        .filter(|p| pods::counts(p))
        .flat_map(|pod| lines(pod, &samples))
        .collect())
}

fn lines(pod: &Value, samples: &[Value]) -> Vec<ContainerUsage> {
    let name = text(pod, "/metadata/name");
    let Some(sample) = samples.iter().find(|s| text(s, "/metadata/name") == name) else {
        return Vec::new();
    };
    let Ok(at) = Timestamp::parse(text(sample, "/timestamp")) else {
        return Vec::new();
    };
    // a sample taken before the pod began is one of an earlier pod of the same name
    if Timestamp::parse(text(pod, "/metadata/creationTimestamp")).is_ok_and(|began| at < began) {
        return Vec::new();
    }
    elements(sample, "/containers")
        .iter()
        .filter_map(|used| {
            let container = text(used, "/name");
            let spec = spec(pod, container)?;
            let bound = |pointer: &str| spec.pointer(pointer).and_then(Quantity::from_json);
            Some(ContainerUsage {
                pod: reference(pod),
                container: container.to_owned(),
                cpu_millis: Quantity::from_json(&used["usage"]["cpu"])?.millis(),
                memory_bytes: Quantity::from_json(&used["usage"]["memory"])?.whole(),
                cpu_limit_millis: bound("/resources/limits/cpu").map(Quantity::millis),
                memory_limit_bytes: bound("/resources/limits/memory").map(Quantity::whole),
                cpu_request_millis: bound("/resources/requests/cpu").map(Quantity::millis),
                memory_request_bytes: bound("/resources/requests/memory").map(Quantity::whole),
                at,
                window_ms: go_duration_ms(text(sample, "/window")).unwrap_or(0),
            })
        })
        .collect()
}

fn spec<'a>(pod: &'a Value, container: &str) -> Option<&'a Value> {
    let main = elements(pod, "/spec/containers").iter();
    main.chain(elements(pod, "/spec/initContainers"))
        .find(|c| text(c, "/name") == container)
}

/// A duration as Go writes it, in milliseconds: `15.234s`, `1m0s`, `1h2m3s`, `500ms`.
fn go_duration_ms(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut total = 0.0_f64;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        let unit_end = rest[end..]
            .find(|c: char| c.is_ascii_digit())
            .map_or(rest.len(), |n| end + n);
        total += number
            * match &rest[end..unit_end] {
                "h" => 3_600_000.0,
                "m" => 60_000.0,
                "s" => 1_000.0,
                "ms" => 1.0,
                "us" | "µs" => 0.001,
                "ns" => 0.000_001,
                _ => return None,
            };
        rest = &rest[unit_end..];
    }
    // spans of samples are seconds: far below where a float stops being exact
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    (!text.is_empty()).then_some(total.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_sample_is_read_beside_the_pods_limits() {
        let pod = json!({"kind": "Pod", "metadata": {"name": "web-1", "namespace": "shop", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"containers": [{"name": "web", "resources": {"limits": {"memory": "128Mi", "cpu": "1"}, "requests": {"memory": "64Mi"}}}]}});
        let sample = json!({"metadata": {"name": "web-1"}, "timestamp": "2026-01-01T00:01:00Z", "window": "15.2s",
            "containers": [{"name": "web", "usage": {"cpu": "123456789n", "memory": "65536Ki"}}]});
        let lines = lines(&pod, std::slice::from_ref(&sample));
        assert_eq!(lines.len(), 1);
        assert_eq!(
            (lines[0].cpu_millis, lines[0].memory_bytes, lines[0].window_ms),
            (124, 64 << 20, 15_200)
        );
        assert_eq!(
            (lines[0].memory_limit_bytes, lines[0].cpu_request_millis),
            (Some(128 << 20), None)
        );
    }

    #[test]
    fn a_sample_of_an_earlier_pod_of_the_same_name_is_none() {
        let pod = json!({"metadata": {"name": "db-0", "creationTimestamp": "2026-01-01T00:02:00Z"}, "spec": {"containers": [{"name": "db"}]}});
        let sample = json!({"metadata": {"name": "db-0"}, "timestamp": "2026-01-01T00:01:00Z", "window": "15s",
            "containers": [{"name": "db", "usage": {"cpu": "1m", "memory": "1Mi"}}]});
        assert!(lines(&pod, &[sample]).is_empty());
    }

    #[test]
    fn spans_are_read_as_go_writes_them() {
        for (text, ms) in [
            ("15.234s", 15_234),
            ("1m0s", 60_000),
            ("1h2m3s", 3_723_000),
            ("500ms", 500),
            ("0s", 0),
        ] {
            assert_eq!(go_duration_ms(text), Some(ms), "{text}");
        }
        for bad in ["", "15", "s", "1x"] {
            assert_eq!(go_duration_ms(bad), None, "{bad}");
        }
    }
}
