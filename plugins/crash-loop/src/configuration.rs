//! A ConfigMap, a Secret or a key that is not there.

use crate::rollout::{Fault, undo_or_escalate};
use crate::scene::Scene;
use dreamops_sdk::json;
use dreamops_sdk::prelude::*;
use dreamops_sdk::revision::Record;
use serde_json::Value;

/// What is missing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Missing {
    /// `ConfigMap` or `Secret`.
    kind: &'static str,
    name: String,
    /// The key; none where the object itself is missing.
    key: Option<String>,
}

/// Reads what the kubelet says: `configmap "x" not found`, `secret "x" not found`, `couldn't find key K in ConfigMap
/// ns/x`, `references non-existent config key: K` (which does not name the object).
pub(crate) fn read(message: &str) -> Option<Missing> {
    let lower = message.to_ascii_lowercase();
    for (word, kind) in [("configmap", "ConfigMap"), ("secret", "Secret")] {
        if let Some(at) = lower.find(&format!("{word} \"")) {
            let rest = &message[at + word.len() + 2..];
            let (name, after) = rest.split_once('"')?;
            if after.trim_start().starts_with("not found") {
                return Some(Missing {
                    kind,
                    name: name.into(),
                    key: None,
                });
            }
        }
    }
    let rest = message.split_once("couldn't find key ")?.1;
    let (key, rest) = rest.split_once(" in ")?;
    let (word, path) = rest.split_once(' ')?;
    let kind = match word {
        "ConfigMap" => "ConfigMap",
        "Secret" => "Secret",
        _ => return None,
    };
    let path = path.split_whitespace().next()?;
    let name = path.rsplit('/').next()?.trim_end_matches([',', ':', '.']);
    Some(Missing {
        kind,
        name: name.into(),
        key: Some(key.into()),
    })
}

/// What is missing by the container's state or the pod's mount events.
pub(crate) fn find(scene: &Scene, events: &[Event]) -> Option<(Missing, String)> {
    let message = scene.container.waiting_message();
    let mut told = vec![message];
    if ["ContainerCreating", "PodInitializing"].contains(&scene.container.waiting()) {
        told.extend(cluster::with_reason(events, &["FailedMount"]).map(|event| event.message.as_str()));
    }
    told.into_iter()
        .find_map(|text| read(text).map(|missing| (missing, text.to_owned())))
}

impl Missing {
    fn title(&self) -> String {
        match &self.key {
            Some(key) => format!("key {key} of {} {}", self.kind, self.name),
            None => format!("{} {}", self.kind, self.name),
        }
    }

    /// Where a container or the pod's volumes need it: `env DATABASE_URL of container web`.
    fn users(&self, template: &Value) -> Vec<String> {
        let (env, from, volume) = match self.kind {
            "Secret" => ("secretKeyRef", "secretRef", "secret"),
            _ => ("configMapKeyRef", "configMapRef", "configMap"),
        };
        let mut users = Vec::new();
        for list in ["/spec/initContainers", "/spec/containers"] {
            for container in json::items(template, list) {
                let name = json::text(container, "/name");
                for variable in json::items(container, "/env") {
                    let reference = variable.pointer(&format!("/valueFrom/{env}"));
                    if reference.is_some_and(|r| self.is_needed(r, "/name", "/key")) {
                        let variable = json::text(variable, "/name");
                        users.push(format!("env {variable} of container {name}"));
                    }
                }
                for source in json::items(container, "/envFrom") {
                    let reference = source.get(from);
                    if self.key.is_none() && reference.is_some_and(|r| self.is_needed(r, "/name", "")) {
                        users.push(format!("envFrom of container {name}"));
                    }
                }
            }
        }
        for each in json::items(template, "/spec/volumes") {
            let name = if volume == "secret" { "/secretName" } else { "/name" };
            if each.get(volume).is_some_and(|r| self.is_needed(r, name, "")) {
                users.push(format!("volume {}", json::text(each, "/name")));
            }
        }
        users
    }

    fn is_needed(&self, reference: &Value, name: &str, key: &str) -> bool {
        let same_key = match &self.key {
            Some(wanted) if !key.is_empty() => json::text(reference, key) == wanted,
            _ => true,
        };
        json::text(reference, name) == self.name && same_key && !json::is_true(reference, "/optional")
    }
}

/// Undo to a revision that needs none of it; else a person makes it.
pub(crate) fn conclude(
    scene: &Scene,
    record: &Record,
    mut inquiry: Inquiry,
    missing: &Missing,
    message: &str,
) -> Result<Finding, Failure> {
    inquiry.saw(scene.pod.reference(), message);
    let spec = serde_json::json!({"spec": scene.pod.body()["spec"]});
    let users = missing.users(&spec).join(", ");
    let namespace = &scene.subject.object.namespace;
    if missing.kind == "ConfigMap" && missing.key.is_some() {
        let read = cluster::get("ConfigMap", namespace, &missing.name);
        if let Some(map) = inquiry.look(format!("ConfigMap/{}", missing.name), read)? {
            let keys: Vec<&str> = ["/data", "/binaryData"]
                .iter()
                .filter_map(|p| map.body.pointer(p)?.as_object())
                .flat_map(|m| m.keys().map(String::as_str))
                .collect();
            inquiry.saw(&map.reference, format!("its keys: {}", keys.join(", ")));
        }
    }
    let cause = format!(
        "{} cannot be made: {} does not exist, and {} needs it",
        scene.title(),
        missing.title(),
        if users.is_empty() { "its pod" } else { &users }
    );
    let by_hand = match (missing.kind, &missing.key) {
        ("ConfigMap", None) => format!(
            "kubectl -n {namespace} create configmap {} --from-literal=KEY=VALUE (used by {users})",
            missing.name
        ),
        ("ConfigMap", Some(key)) => format!(
            "kubectl -n {namespace} patch configmap {} --type merge -p '{{\"data\":{{\"{key}\":\"VALUE\"}}}}' \
             (used by {users})",
            missing.name
        ),
        (_, None) => format!(
            "kubectl -n {namespace} create secret generic {} --from-literal=KEY=VALUE (used by {users})",
            missing.name
        ),
        (_, Some(key)) => format!(
            "kubectl -n {namespace} patch secret {} --type merge -p '{{\"stringData\":{{\"{key}\":\"VALUE\"}}}}' \
             (used by {users})",
            missing.name
        ),
    };
    let fault = Fault {
        cause,
        certainty: 0.95,
        explained: true,
        by_hand,
    };
    undo_or_escalate(&scene.subject, record, inquiry, fault, |revision| {
        missing.users(&revision.template).is_empty()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kubelet_says_is_read() {
        let told = |message| {
            read(message).map(|m| {
                let key = m.key.unwrap_or_default();
                format!("{}/{}/{key}", m.kind, m.name)
            })
        };
        assert_eq!(told("configmap \"app\" not found").as_deref(), Some("ConfigMap/app/"));
        assert_eq!(told("secret \"db\" not found").as_deref(), Some("Secret/db/"));
        assert_eq!(
            told("couldn't find key URL in ConfigMap shop/app").as_deref(),
            Some("ConfigMap/app/URL")
        );
        assert_eq!(
            told("couldn't find key password in Secret shop/db").as_deref(),
            Some("Secret/db/password")
        );
        assert_eq!(
            told("MountVolume.SetUp failed for volume \"c\" : configmap \"app\" not found").as_deref(),
            Some("ConfigMap/app/")
        );
        assert_eq!(told("back-off 10s restarting failed container"), None);
    }
}
