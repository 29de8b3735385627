//! Defaults, as the API server fills them in (`pkg/apis/*/v1/defaults.go`), and amounts in their stored form.

use crate::fields::{self, default_to};
use crate::quantity::Quantity;
use serde_json::{Value, json};

pub(super) fn deployment(deployment: &mut Value) {
    template(&mut deployment["spec"]["template"]);
    let spec = &mut deployment["spec"];
    default_to(spec, "replicas", 1);
    default_to(spec, "revisionHistoryLimit", 10);
    default_to(spec, "progressDeadlineSeconds", 600);
    default_to(spec, "strategy", json!({"type": "RollingUpdate"}));
    default_to(&mut spec["strategy"], "type", "RollingUpdate");
    if spec["strategy"]["type"] == "RollingUpdate" {
        default_to(&mut spec["strategy"], "rollingUpdate", json!({}));
        let rolling = &mut spec["strategy"]["rollingUpdate"];
        default_to(rolling, "maxUnavailable", "25%");
        default_to(rolling, "maxSurge", "25%");
    }
}

pub(super) fn replica_set(set: &mut Value) {
    template(&mut set["spec"]["template"]);
    default_to(&mut set["spec"], "replicas", 1);
}

pub(super) fn stateful_set(set: &mut Value) {
    template(&mut set["spec"]["template"]);
    let spec = &mut set["spec"];
    default_to(spec, "replicas", 1);
    default_to(spec, "revisionHistoryLimit", 10);
    default_to(spec, "podManagementPolicy", "OrderedReady");
    default_to(spec, "updateStrategy", json!({"type": "RollingUpdate"}));
    default_to(&mut spec["updateStrategy"], "type", "RollingUpdate");
    if spec["updateStrategy"]["type"] == "RollingUpdate" {
        default_to(&mut spec["updateStrategy"], "rollingUpdate", json!({}));
        default_to(&mut spec["updateStrategy"]["rollingUpdate"], "partition", 0);
    }
    default_to(
        spec,
        "persistentVolumeClaimRetentionPolicy",
        json!({"whenDeleted": "Retain", "whenScaled": "Retain"}),
    );
}

/// Where a DaemonSet counts its templates.
pub(crate) const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

pub(super) fn daemon_set(set: &mut Value) {
    if !fields::present(set, &format!("/metadata/annotations/{TEMPLATE_GENERATION}")) {
        fields::set(set, &["metadata", "annotations", TEMPLATE_GENERATION], "1");
    }
    template(&mut set["spec"]["template"]);
    let spec = &mut set["spec"];
    default_to(spec, "revisionHistoryLimit", 10);
    default_to(spec, "updateStrategy", json!({"type": "RollingUpdate"}));
    default_to(&mut spec["updateStrategy"], "type", "RollingUpdate");
    if spec["updateStrategy"]["type"] == "RollingUpdate" {
        default_to(&mut spec["updateStrategy"], "rollingUpdate", json!({}));
        let rolling = &mut spec["updateStrategy"]["rollingUpdate"];
        default_to(rolling, "maxUnavailable", 1);
        default_to(rolling, "maxSurge", 0);
    }
}

fn template(template: &mut Value) {
    pod_spec(&mut template["spec"]);
}

/// A pod, other than the template of one, links Services and asks for what it limits.
pub(super) fn pod(pod: &mut Value) {
    let spec = &mut pod["spec"];
    pod_spec(spec);
    default_to(spec, "enableServiceLinks", true);
    for list in ["initContainers", "containers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            request_limits(&mut container["resources"]);
        }
    }
}

pub(super) fn pod_spec(spec: &mut Value) {
    default_to(spec, "restartPolicy", "Always");
    default_to(spec, "terminationGracePeriodSeconds", 30);
    default_to(spec, "dnsPolicy", "ClusterFirst");
    default_to(spec, "securityContext", json!({}));
    default_to(spec, "schedulerName", "default-scheduler");
    let account = spec["serviceAccountName"].clone();
    if account.is_string() {
        spec["serviceAccount"] = account;
    }
    drop_empty(
        spec,
        &[
            "volumes",
            "initContainers",
            "imagePullSecrets",
            "tolerations",
            "hostAliases",
        ],
    );
    for key in ["initContainers", "containers"] {
        if let Some(containers) = spec.get_mut(key).and_then(Value::as_array_mut) {
            containers.iter_mut().for_each(container);
        }
    }
    if let Some(volumes) = spec.get_mut("volumes").and_then(Value::as_array_mut) {
        for volume in volumes {
            for kind in ["configMap", "secret"] {
                if volume[kind].is_object() {
                    default_to(&mut volume[kind], "defaultMode", 420);
                }
            }
        }
    }
}

fn container(container: &mut Value) {
    let image = fields::text(container, "/image");
    let newest = image.ends_with(":latest") || !image.rsplit('/').next().is_some_and(|n| n.contains(':'));
    let policy = if newest { "Always" } else { "IfNotPresent" };
    default_to(container, "imagePullPolicy", policy);
    default_to(container, "terminationMessagePath", "/dev/termination-log");
    default_to(container, "terminationMessagePolicy", "File");
    default_to(container, "resources", json!({}));
    drop_empty(
        container,
        &["env", "envFrom", "ports", "args", "command", "volumeMounts"],
    );
    amounts(&mut container["resources"]);
    if let Some(ports) = container.get_mut("ports").and_then(Value::as_array_mut) {
        for port in ports {
            default_to(port, "protocol", "TCP");
        }
    }
    for key in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if container[key].is_object() {
            probe(&mut container[key]);
        }
    }
    if let Some(variables) = container.get_mut("env").and_then(Value::as_array_mut) {
        for variable in variables {
            if variable["valueFrom"]["fieldRef"].is_object() {
                default_to(&mut variable["valueFrom"]["fieldRef"], "apiVersion", "v1");
            }
        }
    }
}

/// An empty list is kept as if it had not been given.
fn drop_empty(object: &mut Value, keys: &[&str]) {
    for key in keys {
        if object[*key].as_array().is_some_and(Vec::is_empty) {
            fields::remove(object, &[*key]);
        }
    }
}

/// Amounts in their stored form.
fn amounts(resources: &mut Value) {
    for key in ["limits", "requests"] {
        if let Some(map) = resources.get_mut(key).and_then(Value::as_object_mut) {
            for amount in map.values_mut() {
                if let Some(quantity) = Quantity::of(amount) {
                    *amount = json!(quantity.to_string());
                }
            }
        }
    }
}

/// A request that is missing is as large as the limit.
fn request_limits(resources: &mut Value) {
    let limits: Vec<(String, Value)> = fields::members(resources, "/limits")
        .map(|(k, v)| (k.to_owned(), v.clone()))
        .collect();
    for (name, amount) in limits {
        if !fields::present(resources, &format!("/requests/{name}")) {
            fields::set(resources, &["requests", &name], amount);
        }
    }
}

fn probe(probe: &mut Value) {
    for key in [
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
    ] {
        if probe[key] == 0 {
            fields::remove(probe, &[key]);
        }
    }
    default_to(probe, "timeoutSeconds", 1);
    default_to(probe, "periodSeconds", 10);
    default_to(probe, "successThreshold", 1);
    default_to(probe, "failureThreshold", 3);
    if probe.get("httpGet").is_some_and(Value::is_object) {
        default_to(&mut probe["httpGet"], "scheme", "HTTP");
        default_to(&mut probe["httpGet"], "path", "/");
    }
}

pub(super) fn service(service: &mut Value) {
    let spec = &mut service["spec"];
    default_to(spec, "type", "ClusterIP");
    default_to(spec, "sessionAffinity", "None");
    if spec["type"] != "ExternalName" {
        default_to(spec, "internalTrafficPolicy", "Cluster");
    }
    if let Some(ports) = spec.get_mut("ports").and_then(Value::as_array_mut) {
        for port in ports {
            default_to(port, "protocol", "TCP");
            let number = port["port"].clone();
            default_to(port, "targetPort", number);
        }
    }
    default_to(service, "status", json!({"loadBalancer": {}}));
}

pub(super) fn secret(secret: &mut Value) {
    default_to(secret, "type", "Opaque");
    let given: Vec<(String, String)> = fields::members(secret, "/stringData")
        .map(|(k, v)| (k.to_owned(), v.as_str().unwrap_or_default().to_owned()))
        .collect();
    for (key, value) in given {
        use base64::Engine;
        let encoded = base64::engine::general_purpose::STANDARD.encode(value);
        fields::set(secret, &["data", &key], encoded);
    }
    fields::remove(secret, &["stringData"]);
}
