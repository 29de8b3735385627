//! Which objects are valid. What is checked is refused with the words of the real server.

use crate::fields;
use crate::quantity::Quantity;
use crate::world::kind::Kind;
use crate::world::refusal::{Cause, Refusal};
use serde_json::{Value, json};

/// What a quantity has to look like.
const QUANTITY: &str = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/// Refuses an object whose parts are of the wrong type, before anything reads them.
pub(crate) fn shape(kind: Kind, object: &Value) -> Result<(), String> {
    let mut wrong = Vec::new();
    let mut want = |pointer: &str, what: &str, is: fn(&Value) -> bool| {
        if let Some(value) = object.pointer(pointer).filter(|v| !v.is_null() && !is(v)) {
            let shown = match value {
                Value::String(_) => "string",
                Value::Number(_) => "number",
                Value::Bool(_) => "bool",
                Value::Array(_) => "array",
                _ => "object",
            };
            let field = pointer.trim_start_matches('/').replace('/', ".");
            wrong.push(format!(
                "json: cannot unmarshal {shown} into Go struct field {field} of type {what}"
            ));
        }
    };
    want("/metadata", "v1.ObjectMeta", Value::is_object);
    want("/metadata/labels", "map[string]string", is_text_map);
    want("/metadata/annotations", "map[string]string", is_text_map);
    if let Some((spec, pod)) = pod_spec_of(kind) {
        want(spec, "v1.Spec", Value::is_object);
        want("/spec/template", "v1.PodTemplateSpec", Value::is_object);
        want("/spec/template/metadata", "v1.ObjectMeta", Value::is_object);
        want("/spec/template/metadata/labels", "map[string]string", is_text_map);
        want("/spec/strategy", "v1.Strategy", Value::is_object);
        want("/spec/updateStrategy", "v1.Strategy", Value::is_object);
        want(pod, "v1.PodSpec", Value::is_object);
        want(&format!("{pod}/containers"), "[]v1.Container", is_object_list);
        want(&format!("{pod}/initContainers"), "[]v1.Container", is_object_list);
        want(
            &format!("{pod}/imagePullSecrets"),
            "[]v1.LocalObjectReference",
            is_object_list,
        );
        want(&format!("{pod}/volumes"), "[]v1.Volume", is_object_list);
        want("/spec/replicas", "int32", Value::is_i64);
        for place in 0..fields::list(object, &format!("{pod}/containers")).len() {
            let at = format!("{pod}/containers/{place}");
            for key in ["env", "envFrom", "ports", "volumeMounts"] {
                want(&format!("{at}/{key}"), "[]v1.Item", is_object_list);
            }
            want(&format!("{at}/resources"), "v1.ResourceRequirements", Value::is_object);
            want(&format!("{at}/command"), "[]string", is_text_list);
            want(&format!("{at}/args"), "[]string", is_text_list);
            want(&format!("{at}/image"), "string", Value::is_string);
        }
    }
    if kind == Kind::Service {
        want("/spec", "v1.ServiceSpec", Value::is_object);
        want("/spec/selector", "map[string]string", is_text_map);
        want("/spec/ports", "[]v1.ServicePort", is_object_list);
    }
    if let (true, Some((_, pod))) = (wrong.is_empty(), pod_spec_of(kind)) {
        wrong.extend(unreadable_amounts(object, pod).then(|| QUANTITY.to_owned()));
    }
    wrong.into_iter().next().map_or(Ok(()), Err)
}

/// Whether an amount is none. A negative one is read, and then not valid.
fn unreadable_amounts(object: &Value, pod: &str) -> bool {
    let readable = |amount: &Value| match amount {
        Value::String(text) => Quantity::parse(text.strip_prefix('-').unwrap_or(text)).is_some(),
        other => other.is_number(),
    };
    ["containers", "initContainers"]
        .iter()
        .flat_map(|list| fields::list(object, &format!("{pod}/{list}")))
        .flat_map(|c| ["/resources/limits", "/resources/requests"].map(|which| c.pointer(which)))
        .flatten()
        .flat_map(|amounts| fields::members(amounts, ""))
        .any(|(_, amount)| !readable(amount))
}

fn is_text_map(value: &Value) -> bool {
    value.as_object().is_some_and(|m| m.values().all(Value::is_string))
}

fn is_object_list(value: &Value) -> bool {
    value.as_array().is_some_and(|l| l.iter().all(Value::is_object))
}

fn is_text_list(value: &Value) -> bool {
    value.as_array().is_some_and(|l| l.iter().all(Value::is_string))
}

/// Where a kind has its spec and its pods' spec.
fn pod_spec_of(kind: Kind) -> Option<(&'static str, &'static str)> {
    match kind {
        Kind::Pod => Some(("/spec", "/spec")),
        Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::DaemonSet => {
            Some(("/spec", "/spec/template/spec"))
        }
        _ => None,
    }
}

/// Refuses an object that is not valid, or a change that is not allowed.
pub(crate) fn validate(kind: Kind, object: &Value, old: Option<&Value>) -> Result<(), Refusal> {
    let mut causes = Vec::new();
    if let Some((_, pod)) = pod_spec_of(kind) {
        let spec = object.pointer(pod).unwrap_or(&Value::Null);
        let at = pod.trim_start_matches('/').replace('/', ".");
        pod_spec(&at, spec, &mut causes);
    }
    match kind {
        Kind::Deployment | Kind::StatefulSet | Kind::ReplicaSet => workload(object, old, &mut causes),
        Kind::DaemonSet => selector(object, old, &mut causes),
        Kind::Service => service(object, &mut causes),
        Kind::HorizontalPodAutoscaler => autoscaler(object, &mut causes),
        Kind::Pod => {
            if let Some(old) = old {
                pod_change(object, old, &mut causes);
            }
        }
        _ => {}
    }
    if causes.is_empty() {
        Ok(())
    } else {
        Err(Refusal::invalid(kind, fields::name(object), &causes))
    }
}

fn workload(object: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    if fields::number(object, "/spec/replicas").is_some_and(|n| n < 0) {
        causes.push(Cause::invalid(
            "spec.replicas",
            &object["spec"]["replicas"],
            "must be greater than or equal to 0",
        ));
    }
    selector(object, old, causes);
}

fn selector(object: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    let selector = &object["spec"]["selector"];
    let labels = &object["spec"]["template"]["metadata"]["labels"];
    if !fields::present(selector, "/matchLabels") && !fields::present(selector, "/matchExpressions") {
        causes.push(Cause::required("spec.selector", ""));
    } else if !crate::world::selector::matches(selector, labels) {
        causes.push(Cause::invalid(
            "spec.template.metadata.labels",
            labels,
            "`selector` does not match template `labels`",
        ));
    }
    if old.is_some_and(|old| old["spec"]["selector"] != *selector) {
        causes.push(Cause::invalid("spec.selector", selector, "field is immutable"));
    }
}

fn pod_spec(at: &str, spec: &Value, causes: &mut Vec<Cause>) {
    let containers = fields::list(spec, "/containers");
    if containers.is_empty() {
        causes.push(Cause::required(format!("{at}.containers"), ""));
    }
    let mut names: Vec<&str> = Vec::new();
    for (place, container) in containers.iter().enumerate() {
        let at = format!("{at}.containers[{place}]");
        let name = fields::text(container, "/name");
        if name.is_empty() {
            causes.push(Cause::required(format!("{at}.name"), ""));
        } else if names.contains(&name) {
            causes.push(Cause {
                field: format!("{at}.name"),
                reason: "FieldValueDuplicate",
                message: format!("Duplicate value: {}", json!(name)),
            });
        }
        names.push(name);
        if fields::text(container, "/image").is_empty() {
            causes.push(Cause::required(format!("{at}.image"), ""));
        }
        resources(&format!("{at}.resources"), &container["resources"], causes);
        for key in ["livenessProbe", "readinessProbe", "startupProbe"] {
            probe(&format!("{at}.{key}"), &container[key], causes);
        }
        for (place, variable) in fields::list(container, "/env").iter().enumerate() {
            if fields::text(variable, "/name").is_empty() {
                causes.push(Cause::required(format!("{at}.env[{place}].name"), ""));
            }
        }
    }
}

fn resources(at: &str, resources: &Value, causes: &mut Vec<Cause>) {
    for which in ["limits", "requests"] {
        for (name, amount) in fields::members(resources, &format!("/{which}")) {
            if Quantity::of(amount).is_none() {
                let why = "must be greater than or equal to 0";
                causes.push(Cause::invalid(format!("{at}.{which}[{name}]"), amount, why));
            }
        }
    }
    for (name, amount) in fields::members(resources, "/requests") {
        let limit = &resources["limits"][name];
        if let (Some(request), Some(most)) = (Quantity::of(amount), Quantity::of(limit))
            && request.millis() > most.millis()
        {
            let why = format!("must be less than or equal to {name} limit of {most}");
            causes.push(Cause::invalid(format!("{at}.requests"), amount, &why));
        }
    }
}

fn probe(at: &str, probe: &Value, causes: &mut Vec<Cause>) {
    // zero stands for the default
    for key in [
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
    ] {
        if fields::number(probe, &format!("/{key}")).is_some_and(|n| n < 0) {
            let why = "must be greater than or equal to 0";
            causes.push(Cause::invalid(format!("{at}.{key}"), &probe[key], why));
        }
    }
}

fn service(object: &Value, causes: &mut Vec<Cause>) {
    let ports = fields::list(object, "/spec/ports");
    let needs_ports = !matches!(fields::text(object, "/spec/type"), "ExternalName")
        && fields::text(object, "/spec/clusterIP") != "None";
    if ports.is_empty() && needs_ports {
        causes.push(Cause::required("spec.ports", ""));
    }
    for (place, port) in ports.iter().enumerate() {
        let at = format!("spec.ports[{place}]");
        if !(1..=65535).contains(&fields::number(port, "/port").unwrap_or(0)) {
            causes.push(Cause::invalid(
                format!("{at}.port"),
                &port["port"],
                "must be between 1 and 65535, inclusive",
            ));
        }
        if let Some(target) = fields::number(port, "/targetPort")
            && !(1..=65535).contains(&target)
        {
            causes.push(Cause::invalid(
                format!("{at}.targetPort"),
                &port["targetPort"],
                "must be between 1 and 65535, inclusive",
            ));
        }
        if ports.len() > 1 && fields::text(port, "/name").is_empty() {
            causes.push(Cause::required(format!("{at}.name"), ""));
        }
    }
}

fn autoscaler(object: &Value, causes: &mut Vec<Cause>) {
    let most = fields::number(object, "/spec/maxReplicas").unwrap_or(0);
    let least = fields::number(object, "/spec/minReplicas").unwrap_or(1);
    if most < 1 {
        causes.push(Cause::invalid(
            "spec.maxReplicas",
            &json!(most),
            "must be greater than 0",
        ));
    } else if most < least {
        causes.push(Cause::invalid(
            "spec.maxReplicas",
            &json!(most),
            "must be greater than or equal to `minReplicas`",
        ));
    }
}

/// Of a running pod only images and a few counters may change.
fn pod_change(object: &Value, old: &Value, causes: &mut Vec<Cause>) {
    let bare = |pod: &Value| {
        let mut spec = fields::without_nulls(&pod["spec"]);
        for key in ["containers", "initContainers"] {
            for container in spec.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
                fields::remove(container, &["image"]);
            }
        }
        for key in [
            "activeDeadlineSeconds",
            "terminationGracePeriodSeconds",
            "tolerations",
            "nodeName",
        ] {
            fields::remove(&mut spec, &[key]);
        }
        spec
    };
    if bare(object) != bare(old) {
        causes.push(Cause::forbidden(
            "spec",
            "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
        ));
    }
}
