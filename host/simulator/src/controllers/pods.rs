//! What controllers ask about pods, and how they make them.

use crate::fields;
use crate::world::World;
use crate::world::events::Told;
use crate::world::kind::Kind;
use crate::world::refusal::Refusal;
use serde_json::{Value, json};

/// The name under which the real controllers write.
pub(super) const MANAGER: &str = "kube-controller-manager";
/// Milliseconds before a pod that was refused is tried again; doubled up to [`LONGEST`].
const FIRST: u64 = 1000;
const LONGEST: u64 = 1_000_000;

/// Whether a pod counts: it has not ended and is not on its way out.
pub(super) fn active(pod: &Value) -> bool {
    !fields::leaving(pod) && !matches!(fields::text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// Whether a pod takes requests.
pub(super) fn ready(pod: &Value) -> bool {
    fields::holds(pod, "Ready")
}

/// Whether a pod has been ready for the time; has the world look again when it will have been.
pub(super) fn available(world: &mut World, pod: &Value, min_ready_seconds: u64) -> bool {
    let Some(condition) = fields::condition(pod, "Ready").filter(|c| c["status"] == "True") else {
        return false;
    };
    let since = fields::millis(fields::text(condition, "/lastTransitionTime"));
    let from = since + min_ready_seconds * 1000;
    if from > world.now() {
        world.wake_at(from, fields::controller(pod));
        return false;
    }
    true
}

/// A reference by which an object names its controller.
pub(super) fn owned_by(owner: &Value) -> Value {
    json!([{
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": true,
        "blockOwnerDeletion": true,
    }])
}

/// A pod from the template of its owner. The name is one to begin with, if it ends in `-`.
pub(super) fn from_template(owner: &Value, template: &Value, name: &str, labels: &[(&str, &str)]) -> Value {
    let mut pod = json!({
        "metadata": {
            "namespace": owner["metadata"]["namespace"],
            "labels": template["metadata"]["labels"],
            "ownerReferences": owned_by(owner),
        },
        "spec": template["spec"],
    });
    if template["metadata"]["annotations"].is_object() {
        pod["metadata"]["annotations"] = template["metadata"]["annotations"].clone();
    }
    let key = if name.ends_with('-') { "generateName" } else { "name" };
    pod["metadata"][key] = json!(name);
    for (key, value) in labels {
        fields::set(&mut pod, &["metadata", "labels", key], *value);
    }
    pod
}

/// Whether the owner may try to make pods now.
pub(super) fn may_try(world: &World, owner: &Value) -> bool {
    let retry = world.retries.get(fields::uid(owner));
    retry.is_none_or(|(at, _)| *at <= world.now())
}

/// Makes a pod. A refusal is told as an event, and the next try waits.
pub(super) fn make(world: &mut World, owner: &Value, pod: Value, by: &'static str) -> Result<Value, Refusal> {
    let uid = fields::uid(owner).to_owned();
    match world.create(Kind::Pod, pod, MANAGER, false) {
        Ok(pod) => {
            world.retries.remove(&uid);
            Ok(pod)
        }
        Err(refusal) => {
            let message = format!("Error creating: {}", refusal.message);
            world.tell(owner, &Told::warning(by, "FailedCreate", message));
            let before = world.retries.get(&uid).map_or(0, |(_, delay)| *delay);
            let delay = (before * 2).clamp(FIRST, LONGEST);
            let at = world.now() + delay;
            world.wake_at(at, &uid);
            world.retries.insert(uid, (at, delay));
            Err(refusal)
        }
    }
}

/// Deletes a pod and tells so.
pub(super) fn remove(world: &mut World, owner: &Value, pod: &Value, told: &Told<'_>) {
    world.delete(Kind::Pod, fields::namespace(pod), fields::name(pod), false);
    world.tell(owner, told);
}
