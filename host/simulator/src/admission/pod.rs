//! What admission adds to a new pod: its account and the account's token, how long it bears a lost node, its priority.

use crate::fields::{self, default_to};
use crate::world::World;
use crate::world::kind::Kind;
use serde_json::{Value, json};

/// Where programs look for the token (`ServiceAccount` admission).
const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// Seconds that a pod stays on a node that is lost (`DefaultTolerationSeconds` admission).
const BEARS_A_LOST_NODE: u64 = 300;

/// Adds it.
pub(super) fn add_own(world: &mut World, pod: &mut Value) {
    default_to(&mut pod["spec"], "serviceAccountName", "default");
    let name = fields::text(pod, "/spec/serviceAccountName").to_owned();
    pod["spec"]["serviceAccount"] = json!(name);
    let account = world.get(Kind::ServiceAccount, fields::namespace(pod), &name).cloned();
    if let Some(account) = account {
        pull_secrets(&account, pod);
        if account["automountServiceAccountToken"] != false && pod["spec"]["automountServiceAccountToken"] != false {
            let volume = format!("kube-api-access-{}", world.names.suffix());
            mount_token(pod, &volume);
        }
    }
    bear_a_lost_node(&mut pod["spec"]);
    default_to(&mut pod["spec"], "priority", 0);
    default_to(&mut pod["spec"], "preemptionPolicy", "PreemptLowerPriority");
}

fn pull_secrets(account: &Value, pod: &mut Value) {
    let inherited = fields::list(account, "/imagePullSecrets");
    if fields::list(pod, "/spec/imagePullSecrets").is_empty() && !inherited.is_empty() {
        pod["spec"]["imagePullSecrets"] = json!(inherited);
    }
}

fn mount_token(pod: &mut Value, volume: &str) {
    let source = json!({"name": volume, "projected": {"defaultMode": 420, "sources": [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef":
            {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
    ]}});
    let mut mounted = false;
    for list in ["initContainers", "containers"] {
        for container in pod["spec"]
            .get_mut(list)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            let mounts = fields::list(container, "/volumeMounts");
            if mounts.iter().any(|m| m["mountPath"] == TOKEN_PATH) {
                continue;
            }
            let mount = json!({"name": volume, "readOnly": true, "mountPath": TOKEN_PATH});
            push(container, "volumeMounts", mount);
            mounted = true;
        }
    }
    if mounted {
        push(&mut pod["spec"], "volumes", source);
    }
}

fn bear_a_lost_node(spec: &mut Value) {
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let said = fields::list(spec, "/tolerations").iter().any(|t| {
            (t["key"] == key || fields::text(t, "/key").is_empty())
                && matches!(fields::text(t, "/effect"), "NoExecute" | "")
        });
        if !said {
            let toleration = json!({"key": key, "operator": "Exists", "effect": "NoExecute",
                "tolerationSeconds": BEARS_A_LOST_NODE});
            push(spec, "tolerations", toleration);
        }
    }
}

fn push(object: &mut Value, key: &str, item: Value) {
    match object.get_mut(key).and_then(Value::as_array_mut) {
        Some(items) => items.push(item),
        None => object[key] = json!([item]),
    }
}
