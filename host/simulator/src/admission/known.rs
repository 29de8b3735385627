//! Which members objects have, so that a patch or an object with another is not taken for a good one.
//!
//! What lies deeper than the tables reach is not checked (`k8s.io/api` v0.34, `types.go` of core, apps, autoscaling, policy).

use crate::world::kind::Kind;
use serde_json::Value;

/// What may be at a place.
enum Shape {
    /// Anything: it is not looked into.
    Any,
    /// An object with these members.
    Object(&'static [(&'static str, &'static Shape)]),
    /// An object with these members, none of which is looked into.
    Plain(&'static [&'static str]),
    /// A list of such things.
    List(&'static Shape),
}

use Shape::{Any, List, Object, Plain};

static ANY: Shape = Any;
#[rustfmt::skip]
static METADATA: Shape = Plain(&[
    "name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "generation", "creationTimestamp",
    "deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations", "ownerReferences", "finalizers",
    "managedFields",
]);
static ENV: Shape = List(&Plain(&["name", "value", "valueFrom"]));
static ENV_FROM: Shape = List(&Plain(&["prefix", "configMapRef", "secretRef"]));
static RESOURCES: Shape = Plain(&["limits", "requests", "claims"]);
static CONTAINER_PORTS: Shape = List(&Plain(&["name", "hostPort", "containerPort", "protocol", "hostIP"]));
#[rustfmt::skip]
static MOUNTS: Shape = List(&Plain(&[
    "name", "readOnly", "recursiveReadOnly", "mountPath", "subPath", "mountPropagation", "subPathExpr",
]));
static HTTP_GET: Shape = Plain(&["path", "port", "host", "scheme", "httpHeaders"]);
#[rustfmt::skip]
static PROBE: Shape = Object(&[
    ("exec", &ANY), ("httpGet", &HTTP_GET), ("tcpSocket", &ANY), ("grpc", &ANY), ("initialDelaySeconds", &ANY),
    ("timeoutSeconds", &ANY), ("periodSeconds", &ANY), ("successThreshold", &ANY), ("failureThreshold", &ANY),
    ("terminationGracePeriodSeconds", &ANY),
]);
#[rustfmt::skip]
static CONTAINERS: Shape = List(&Object(&[
    ("name", &ANY), ("image", &ANY), ("command", &ANY), ("args", &ANY), ("workingDir", &ANY),
    ("ports", &CONTAINER_PORTS), ("envFrom", &ENV_FROM), ("env", &ENV), ("resources", &RESOURCES),
    ("resizePolicy", &ANY), ("restartPolicy", &ANY), ("restartPolicyRules", &ANY), ("volumeMounts", &MOUNTS),
    ("volumeDevices", &ANY), ("livenessProbe", &PROBE), ("readinessProbe", &PROBE), ("startupProbe", &PROBE),
    ("lifecycle", &ANY), ("terminationMessagePath", &ANY), ("terminationMessagePolicy", &ANY),
    ("imagePullPolicy", &ANY), ("securityContext", &ANY), ("stdin", &ANY), ("stdinOnce", &ANY), ("tty", &ANY),
]));
#[rustfmt::skip]
static POD_SPEC: Shape = Object(&[
    ("volumes", &ANY), ("initContainers", &CONTAINERS), ("containers", &CONTAINERS), ("ephemeralContainers", &ANY),
    ("restartPolicy", &ANY), ("terminationGracePeriodSeconds", &ANY), ("activeDeadlineSeconds", &ANY),
    ("dnsPolicy", &ANY), ("nodeSelector", &ANY), ("serviceAccountName", &ANY), ("serviceAccount", &ANY),
    ("automountServiceAccountToken", &ANY), ("nodeName", &ANY), ("hostNetwork", &ANY), ("hostPID", &ANY),
    ("hostIPC", &ANY), ("shareProcessNamespace", &ANY), ("securityContext", &ANY),
    ("imagePullSecrets", &List(&Plain(&["name"]))), ("hostname", &ANY), ("subdomain", &ANY), ("affinity", &ANY),
    ("schedulerName", &ANY), ("tolerations", &ANY), ("hostAliases", &ANY), ("priorityClassName", &ANY),
    ("priority", &ANY), ("dnsConfig", &ANY), ("readinessGates", &ANY), ("runtimeClassName", &ANY),
    ("enableServiceLinks", &ANY), ("preemptionPolicy", &ANY), ("overhead", &ANY), ("topologySpreadConstraints", &ANY),
    ("setHostnameAsFQDN", &ANY), ("os", &ANY), ("hostUsers", &ANY), ("schedulingGates", &ANY),
    ("resourceClaims", &ANY), ("resources", &RESOURCES), ("hostnameOverride", &ANY),
]);
static TEMPLATE: Shape = Object(&[("metadata", &METADATA), ("spec", &POD_SPEC)]);
static SELECTOR: Shape = Plain(&["matchLabels", "matchExpressions"]);
static ROLLING: Shape = Plain(&["maxUnavailable", "maxSurge", "partition"]);
static STRATEGY: Shape = Object(&[("type", &ANY), ("rollingUpdate", &ROLLING)]);
#[rustfmt::skip]
static DEPLOYMENT: Shape = Object(&[
    ("replicas", &ANY), ("selector", &SELECTOR), ("template", &TEMPLATE), ("strategy", &STRATEGY),
    ("minReadySeconds", &ANY), ("revisionHistoryLimit", &ANY), ("paused", &ANY), ("progressDeadlineSeconds", &ANY),
]);
#[rustfmt::skip]
static REPLICA_SET: Shape = Object(&[
    ("replicas", &ANY), ("minReadySeconds", &ANY), ("selector", &SELECTOR), ("template", &TEMPLATE),
]);
#[rustfmt::skip]
static STATEFUL_SET: Shape = Object(&[
    ("replicas", &ANY), ("selector", &SELECTOR), ("template", &TEMPLATE), ("volumeClaimTemplates", &ANY),
    ("serviceName", &ANY), ("podManagementPolicy", &ANY), ("updateStrategy", &STRATEGY),
    ("revisionHistoryLimit", &ANY), ("minReadySeconds", &ANY), ("persistentVolumeClaimRetentionPolicy", &ANY),
    ("ordinals", &ANY),
]);
#[rustfmt::skip]
static DAEMON_SET: Shape = Object(&[
    ("selector", &SELECTOR), ("template", &TEMPLATE), ("updateStrategy", &STRATEGY), ("minReadySeconds", &ANY),
    ("revisionHistoryLimit", &ANY),
]);
#[rustfmt::skip]
static SERVICE_PORTS: Shape = List(&Plain(&["name", "protocol", "appProtocol", "port", "targetPort", "nodePort"]));
#[rustfmt::skip]
static SERVICE: Shape = Object(&[
    ("ports", &SERVICE_PORTS), ("selector", &ANY), ("clusterIP", &ANY), ("clusterIPs", &ANY), ("type", &ANY),
    ("externalIPs", &ANY), ("sessionAffinity", &ANY), ("loadBalancerIP", &ANY), ("loadBalancerSourceRanges", &ANY),
    ("externalName", &ANY), ("externalTrafficPolicy", &ANY), ("healthCheckNodePort", &ANY),
    ("publishNotReadyAddresses", &ANY), ("sessionAffinityConfig", &ANY), ("ipFamilyPolicy", &ANY),
    ("ipFamilies", &ANY), ("loadBalancerClass", &ANY), ("allocateLoadBalancerNodePorts", &ANY),
    ("internalTrafficPolicy", &ANY), ("trafficDistribution", &ANY),
]);
static AUTOSCALER: Shape = Plain(&["scaleTargetRef", "minReplicas", "maxReplicas", "metrics", "behavior"]);
static BUDGET: Shape = Plain(&[
    "minAvailable",
    "selector",
    "maxUnavailable",
    "unhealthyPodEvictionPolicy",
]);

/// What the spec of a kind looks like.
fn spec_of(kind: Kind) -> &'static Shape {
    match kind {
        Kind::Pod => &POD_SPEC,
        Kind::Deployment => &DEPLOYMENT,
        Kind::ReplicaSet => &REPLICA_SET,
        Kind::StatefulSet => &STATEFUL_SET,
        Kind::DaemonSet => &DAEMON_SET,
        Kind::Service => &SERVICE,
        Kind::HorizontalPodAutoscaler => &AUTOSCALER,
        Kind::PodDisruptionBudget => &BUDGET,
        _ => &ANY,
    }
}

/// Takes out the members that a kind does not have. Returns their places, as the server names them.
pub(crate) fn strip(kind: Kind, object: &mut Value) -> Vec<String> {
    let mut found = Vec::new();
    let own: &[&str] = match kind {
        Kind::ConfigMap => &["immutable", "data", "binaryData"],
        Kind::Secret => &["immutable", "data", "stringData", "type"],
        Kind::Event | Kind::ServiceAccount | Kind::EndpointSlice | Kind::ControllerRevision => return found,
        _ => &["spec", "status"],
    };
    if let Some(map) = object.as_object_mut() {
        map.retain(|key, _| {
            let known = matches!(key.as_str(), "apiVersion" | "kind" | "metadata") || own.contains(&key.as_str());
            if !known {
                found.push(key.clone());
            }
            known
        });
    }
    walk("metadata", &METADATA, &mut object["metadata"], &mut found);
    if let Some(spec) = object.get_mut("spec") {
        walk("spec", spec_of(kind), spec, &mut found);
    }
    found
}

fn walk(at: &str, shape: &Shape, value: &mut Value, found: &mut Vec<String>) {
    match (shape, value) {
        (Object(members), Value::Object(map)) => {
            map.retain(|key, value| {
                let member = members.iter().find(|(name, _)| name == key);
                let place = format!("{at}.{key}");
                match member {
                    Some((_, shape)) => walk(&place, shape, value, found),
                    None => found.push(place),
                }
                member.is_some()
            });
        }
        (Plain(members), Value::Object(map)) => map.retain(|key, _| {
            let known = members.contains(&key.as_str());
            if !known {
                found.push(format!("{at}.{key}"));
            }
            known
        }),
        (List(shape), Value::Array(items)) => {
            for (place, item) in items.iter_mut().enumerate() {
                walk(&format!("{at}[{place}]"), shape, item, found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_kind_does_not_have_is_found_and_taken_out() {
        let mut object = json!({"kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 1, "unknown": 2,
            "template": {"spec": {"containers": [{"name": "a"}, {"name": "b", "imagee": "x"}]}}}});
        let found = strip(Kind::Deployment, &mut object);
        assert_eq!(found, ["spec.unknown", "spec.template.spec.containers[1].imagee"]);
        assert_eq!(strip(Kind::Deployment, &mut object), Vec::<String>::new());
        assert_eq!(object["spec"]["replicas"], 1);
    }
}
