//! patch: one field of the shipped table, and nothing else.
//!
//! | kind | path | value |
//! | --- | --- | --- |
//! | Deployment, StatefulSet, DaemonSet | `/spec/template/spec/containers/N/{livenessProbe,readinessProbe,startupProbe}/FIELD`, the probe being there; FIELD one of `initialDelaySeconds`, `periodSeconds`, `timeoutSeconds`, `failureThreshold` | a whole number to 3600; empty for the default |
//! | Service | `/spec/selector/KEY` | a label's value; empty removes the key, unless it is the last |
//! | Service | `/spec/ports/N/targetPort`, the port being there | a port's number or name |
//! | HorizontalPodAutoscaler | `/spec/maxReplicas` | a whole number, not below the present one, within the cap |

use crate::act::draft::{Draft, Effect};
use crate::act::{Actor, not_allowed, pods, pointer};
use dreamops_domain::object::{ObjectRef, WORKLOADS};
use dreamops_domain::ports::ActError;
use serde_json::{Value, json};

/// What a refusal lists.
const TABLE: &str = "probe timings (initialDelaySeconds, periodSeconds, timeoutSeconds, failureThreshold below \
     /spec/template/spec/containers/N/{liveness,readiness,startup}Probe) of a Deployment, StatefulSet or DaemonSet; \
     /spec/selector/KEY and /spec/ports/N/targetPort of a Service; /spec/maxReplicas of a HorizontalPodAutoscaler";
const PROBES: [&str; 3] = ["livenessProbe", "readinessProbe", "startupProbe"];
/// The timings of a probe with the least value that Kubernetes allows.
const TIMINGS: [(&str, u64); 4] = [
    ("initialDelaySeconds", 0),
    ("periodSeconds", 1),
    ("timeoutSeconds", 1),
    ("failureThreshold", 1),
];
/// Beyond an hour, a probe's timing is no timing but a way to switch it off.
const MOST_SECONDS: u64 = 3600;

impl Actor {
    pub(super) async fn patch_field(
        &self,
        target: &ObjectRef,
        live: Value,
        path: &str,
        value: &str,
    ) -> Result<Draft, ActError> {
        let new = match value.trim() {
            "" => None,
            text => Some(
                serde_json::from_str(text)
                    .map_err(|_| not_allowed(format!("the value for {path} is no JSON; text goes in double quotes")))?,
            ),
        };
        let parts = pointer::parts(path).unwrap_or_default();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        allowed(target, &live, &parts, new.as_ref(), self.bounds.max_replicas).map_err(not_allowed)?;
        let mut wanted = live.clone();
        let done = match new {
            Some(new) => pointer::set(&mut wanted, &parts, new),
            None => pointer::remove(&mut wanted, &parts) || pointer::get(&live, path).is_none(),
        };
        if !done {
            return Err(not_allowed(format!("{target} has nothing at {path}")));
        }
        if !WORKLOADS.contains(&target.kind.as_str()) {
            return Ok(Draft::new(target, live, wanted, Effect::Field));
        }
        pods::rolls_by_itself(target, &live)?;
        let mut draft = Draft::new(target, live, wanted, Effect::Rollout);
        draft.stuck = self.stuck_pods(&draft).await?;
        Ok(draft)
    }
}

fn allowed(
    target: &ObjectRef,
    live: &Value,
    parts: &[&str],
    new: Option<&Value>,
    max_replicas: u32,
) -> Result<(), String> {
    match (target.kind.as_str(), parts) {
        (
            "Deployment" | "StatefulSet" | "DaemonSet",
            ["spec", "template", "spec", "containers", place, probe, field],
        ) if PROBES.contains(probe) && TIMINGS.iter().any(|(t, _)| t == field) => {
            let at = format!("/spec/template/spec/containers/{place}/{probe}");
            if pointer::get(live, &at).is_none() {
                return Err(format!("{target} has no {probe} at {at}, and none is made"));
            }
            timing(field, new)
        }
        ("Service", ["spec", "selector", key]) => selector(live, key, new),
        ("Service", ["spec", "ports", place, "targetPort"]) => {
            if live.pointer(&format!("/spec/ports/{place}")).is_none() {
                return Err(format!("{target} has no port number {place}"));
            }
            target_port(new)
        }
        ("HorizontalPodAutoscaler", ["spec", "maxReplicas"]) => maximum(live, new, max_replicas),
        _ => Err(format!(
            "{} of {target} is not a field that may be patched; these may: {TABLE}",
            parts.join("/")
        )),
    }
}

fn timing(field: &str, new: Option<&Value>) -> Result<(), String> {
    let Some(new) = new else { return Ok(()) };
    let least = TIMINGS.iter().find(|(t, _)| *t == field).map_or(0, |(_, least)| *least);
    match new.as_u64() {
        Some(n) if (least..=MOST_SECONDS).contains(&n) => Ok(()),
        _ => Err(format!(
            "{field} has to be a whole number from {least} to {MOST_SECONDS}, not {new}"
        )),
    }
}

fn selector(live: &Value, key: &str, new: Option<&Value>) -> Result<(), String> {
    let present = live["spec"]["selector"].as_object();
    if present.is_none_or(serde_json::Map::is_empty) {
        return Err("the Service has no selector: a person or a controller keeps its endpoints".to_owned());
    }
    match new {
        None if present.is_some_and(|p| p.len() == 1 && p.contains_key(key)) => {
            Err("the last entry of a selector is never removed: the Service would lose all its pods".to_owned())
        }
        None => Ok(()),
        Some(Value::String(text)) if is_label_value(text) && is_label_key(key) => Ok(()),
        Some(other) => Err(format!("{key}: {other} is no label as selectors match them")),
    }
}

fn target_port(new: Option<&Value>) -> Result<(), String> {
    let fits = match new {
        Some(Value::Number(n)) => n.as_u64().is_some_and(|n| (1..=65535).contains(&n)),
        Some(Value::String(name)) => {
            (1..=15).contains(&name.len())
                && name
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                && name.bytes().any(|b| b.is_ascii_lowercase())
        }
        _ => false,
    };
    if fits {
        Ok(())
    } else {
        Err("targetPort has to be a number from 1 to 65535 or the name of a container's port".into())
    }
}

fn maximum(live: &Value, new: Option<&Value>, cap: u32) -> Result<(), String> {
    let now = pointer::count(live, "/spec/maxReplicas").unwrap_or(1);
    match new.and_then(Value::as_u64) {
        Some(n) if n < now => Err(format!("the maximum is {now} and is never lowered, here to {n}")),
        Some(n) if n > u64::from(cap) => Err(format!(
            "a maximum of {n} replicas is above the operator's cap of {cap}"
        )),
        Some(_) => Ok(()),
        None => Err(format!(
            "maxReplicas has to be a whole number, not {}",
            new.unwrap_or(&json!(null))
        )),
    }
}

fn is_label_value(text: &str) -> bool {
    text.len() <= 63 && text.is_empty() || is_label_name(text)
}

fn is_label_key(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').unwrap_or(("x", key));
    is_label_name(name) && crate::resource::is_segment(prefix)
}

fn is_label_name(text: &str) -> bool {
    let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    text.len() <= 63
        && edge(text.bytes().next())
        && edge(text.bytes().last())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment() -> (ObjectRef, Value) {
        let live = json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "x",
            "livenessProbe": {"periodSeconds": 1}}]}}}});
        (ObjectRef::new("Deployment", "n", "web", "u"), live)
    }

    fn try_on((target, live): &(ObjectRef, Value), path: &str, new: Option<&Value>) -> Result<(), String> {
        let parts = pointer::parts(path).unwrap_or_default();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        allowed(target, live, &parts, new, 50)
    }

    #[test]
    fn every_field_outside_the_table_is_refused_with_the_table() {
        let (_, live) = deployment();
        for (kind, path) in [
            ("Deployment", "/spec/template/spec/containers/0/image"),
            ("Deployment", "/spec/template/spec/containers/0/command"),
            ("Deployment", "/spec/template/spec/containers/0/env/0/value"),
            ("Deployment", "/spec/template/spec/containers/0/livenessProbe/exec"),
            ("Deployment", "/spec/template/spec/containers/0/livenessProbe"),
            ("Deployment", "/spec/template/spec/serviceAccountName"),
            (
                "Deployment",
                "/spec/template/spec/containers/0/securityContext/privileged",
            ),
            ("Deployment", "/spec/replicas"),
            ("Pod", "/spec/containers/0/livenessProbe/periodSeconds"),
            ("Service", "/spec/type"),
            ("Service", "/spec/selector"),
            ("Service", "/spec/ports/0/port"),
            ("HorizontalPodAutoscaler", "/spec/minReplicas"),
            ("ConfigMap", "/data/x"),
            ("ClusterRole", "/rules"),
            ("Deployment", ""),
            ("Deployment", "spec/replicas"),
        ] {
            let target = ObjectRef::new(kind, "n", "x", "u");
            let said = try_on(&(target, live.clone()), path, Some(&json!(1))).expect_err("it is refused");
            assert!(said.contains(TABLE), "{kind} {path}: {said}");
        }
    }

    #[test]
    fn a_probe_that_is_there_may_be_slower_and_none_is_made() {
        let web = deployment();
        let at = |probe: &str, field: &str| format!("/spec/template/spec/containers/0/{probe}/{field}");
        assert!(try_on(&web, &at("livenessProbe", "timeoutSeconds"), Some(&json!(5))).is_ok());
        assert!(try_on(&web, &at("livenessProbe", "initialDelaySeconds"), None).is_ok());
        assert!(try_on(&web, &at("livenessProbe", "periodSeconds"), Some(&json!(0))).is_err());
        assert!(try_on(&web, &at("livenessProbe", "periodSeconds"), Some(&json!("5"))).is_err());
        assert!(try_on(&web, &at("livenessProbe", "failureThreshold"), Some(&json!(1_000_000))).is_err());
        assert!(try_on(&web, &at("startupProbe", "periodSeconds"), Some(&json!(5))).is_err());
    }

    #[test]
    fn a_selector_keeps_an_entry_and_ports_stay_ports() {
        let service = |spec: Value| (ObjectRef::new("Service", "n", "s", "u"), json!({"spec": spec}));
        let two = service(json!({"selector": {"app": "web", "slip": "x"}, "ports": [{"port": 80}]}));
        let one = service(json!({"selector": {"app": "web"}}));
        let none = service(json!({}));
        assert!(try_on(&two, "/spec/selector/app", Some(&json!("shop"))).is_ok());
        assert!(try_on(&two, "/spec/selector/slip", None).is_ok());
        assert!(try_on(&one, "/spec/selector/app", None).is_err());
        assert!(try_on(&none, "/spec/selector/app", Some(&json!("web"))).is_err());
        assert!(try_on(&two, "/spec/selector/app", Some(&json!("no label!"))).is_err());
        assert!(try_on(&two, "/spec/ports/0/targetPort", Some(&json!("http"))).is_ok());
        assert!(try_on(&two, "/spec/ports/0/targetPort", Some(&json!(8080))).is_ok());
        assert!(try_on(&two, "/spec/ports/0/targetPort", Some(&json!(0))).is_err());
        assert!(try_on(&two, "/spec/ports/1/targetPort", Some(&json!(8080))).is_err());
        assert!(try_on(&two, "/spec/ports/0/targetPort", None).is_err());
    }

    #[test]
    fn an_autoscalers_maximum_only_rises() {
        let hpa = (
            ObjectRef::new("HorizontalPodAutoscaler", "n", "h", "u"),
            json!({"spec": {"maxReplicas": 5}}),
        );
        assert!(try_on(&hpa, "/spec/maxReplicas", Some(&json!(8))).is_ok());
        assert!(try_on(&hpa, "/spec/maxReplicas", Some(&json!(4))).is_err());
        assert!(try_on(&hpa, "/spec/maxReplicas", Some(&json!(51))).is_err());
        assert!(try_on(&hpa, "/spec/maxReplicas", None).is_err());
    }
}
