//! ReplicaSets: as many pods as asked for.

use super::pods::{self, MANAGER};
use crate::fields;
use crate::world::World;
use crate::world::events::Told;
use crate::world::kind::Kind;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const BY: &str = "replicaset-controller";

/// One round.
pub(super) fn sync(world: &mut World, dirty: &BTreeSet<String>) {
    for set in world.among(Kind::ReplicaSet, dirty) {
        keep_count(world, &set);
        write_status(world, &set);
    }
}

fn keep_count(world: &mut World, set: &Value) {
    let wanted = usize::try_from(fields::count(set, "/spec/replicas")).unwrap_or(0);
    let mut there: Vec<Value> = world
        .controlled(Kind::Pod, set)
        .into_iter()
        .filter(pods::active)
        .collect();
    if there.len() > wanted {
        // those that serve least go first
        there.sort_by_key(|p| {
            (
                rank(p),
                std::cmp::Reverse(fields::text(p, "/metadata/creationTimestamp").to_owned()),
            )
        });
        for pod in &there[..there.len() - wanted] {
            let told = Told::normal(BY, "SuccessfulDelete", format!("Deleted pod: {}", fields::name(pod)));
            pods::remove(world, set, pod, &told);
        }
        return;
    }
    if there.len() == wanted || fields::leaving(set) || !pods::may_try(world, set) {
        return;
    }
    for _ in there.len()..wanted {
        let name = format!("{}-", fields::name(set));
        let pod = pods::from_template(set, &set["spec"]["template"], &name, &[]);
        match pods::make(world, set, pod, BY) {
            Ok(pod) => {
                let message = format!("Created pod: {}", fields::name(&pod));
                world.tell(set, &Told::normal(BY, "SuccessfulCreate", message));
            }
            Err(_) => return,
        }
    }
}

/// Unscheduled before pending before unready before ready.
fn rank(pod: &Value) -> u8 {
    if fields::text(pod, "/spec/nodeName").is_empty() {
        0
    } else if fields::text(pod, "/status/phase") == "Pending" {
        1
    } else if pods::ready(pod) {
        3
    } else {
        2
    }
}

fn write_status(world: &mut World, set: &Value) {
    let there: Vec<Value> = world
        .controlled(Kind::Pod, set)
        .into_iter()
        .filter(pods::active)
        .collect();
    let delay = fields::count(set, "/spec/minReadySeconds");
    let ready = there.iter().filter(|p| pods::ready(p)).count();
    let available = there.iter().filter(|p| pods::available(world, p, delay)).count();
    let mut status = json!({
        "replicas": there.len(),
        "observedGeneration": set["metadata"]["generation"],
    });
    for (key, count) in [
        ("fullyLabeledReplicas", there.len()),
        ("readyReplicas", ready),
        ("availableReplicas", available),
    ] {
        if count > 0 {
            status[key] = json!(count);
        }
    }
    let refused = world.retries.contains_key(fields::uid(set))
        && there.len() < usize::try_from(fields::count(set, "/spec/replicas")).unwrap_or(0);
    if refused {
        let before = fields::condition(set, "ReplicaFailure").cloned();
        status["conditions"] = json!([before.unwrap_or_else(|| json!({
            "type": "ReplicaFailure",
            "status": "True",
            "reason": "FailedCreate",
            "message": last_refusal(world, set),
            "lastTransitionTime": fields::time(world.now()),
        }))]);
    }
    world.set_status(Kind::ReplicaSet, set, status);
}

fn last_refusal(world: &World, set: &Value) -> String {
    world
        .within(Kind::Event, fields::namespace(set))
        .filter(|e| e["involvedObject"]["uid"] == fields::uid(set) && e["reason"] == "FailedCreate")
        .max_by_key(|e| fields::text(e, "/lastTimestamp").to_owned())
        .map(|e| {
            fields::text(e, "/message")
                .trim_start_matches("Error creating: ")
                .to_owned()
        })
        .unwrap_or_default()
}

/// A ReplicaSet for a Deployment's template.
pub(super) fn of_deployment(deployment: &Value, hash: &str, replicas: u64) -> Value {
    let label = "pod-template-hash";
    let mut template = deployment["spec"]["template"].clone();
    fields::set(&mut template, &["metadata", "labels", label], hash);
    let mut selector = deployment["spec"]["selector"].clone();
    fields::set(&mut selector, &["matchLabels", label], hash);
    let mut set = json!({
        "metadata": {
            "name": format!("{}-{hash}", fields::name(deployment)),
            "namespace": deployment["metadata"]["namespace"],
            "labels": template["metadata"]["labels"],
            "annotations": {},
            "ownerReferences": pods::owned_by(deployment),
        },
        "spec": { "replicas": replicas, "selector": selector, "template": template },
    });
    if let Some(seconds) = deployment["spec"].get("minReadySeconds") {
        set["spec"]["minReadySeconds"] = seconds.clone();
    }
    set
}

/// Makes it.
pub(super) fn make(world: &mut World, set: Value) -> Option<Value> {
    match world.create(Kind::ReplicaSet, set, MANAGER, false) {
        Ok(set) => Some(set),
        Err(refusal) => {
            tracing::warn!(refusal = %refusal.message, "a ReplicaSet was refused");
            None
        }
    }
}
