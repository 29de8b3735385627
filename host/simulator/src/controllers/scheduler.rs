//! The scheduler: a node for every pod that fits, a reason for every one that does not.

use super::pods;
use crate::fields;
use crate::quantity::Quantity;
use crate::world::World;
use crate::world::events::Told;
use crate::world::kind::Kind;
use serde_json::{Value, json};

/// One round.
pub(super) fn sync(world: &mut World) {
    let waiting: Vec<Value> = world
        .of(Kind::Pod)
        .filter(|p| fields::text(p, "/spec/nodeName").is_empty() && pods::active(p))
        .cloned()
        .collect();
    for pod in waiting {
        place(world, pod);
    }
}

fn place(world: &mut World, pod: Value) {
    let nodes = world.copies(Kind::Node);
    let mut reasons: Vec<String> = Vec::new();
    let mut best: Option<(u128, String)> = None;
    for node in &nodes {
        match room(world, node, &pod) {
            Ok(left) => {
                if best.as_ref().is_none_or(|(most, _)| left > *most) {
                    best = Some((left, fields::name(node).to_owned()));
                }
            }
            Err(reason) => reasons.push(reason),
        }
    }
    let Some((_, node)) = best else {
        return refuse(world, &pod, nodes.len(), &reasons);
    };
    let place = format!("{}/{}", fields::namespace(&pod), fields::name(&pod));
    world.tell(
        &pod,
        &Told::normal(
            "default-scheduler",
            "Scheduled",
            format!("Successfully assigned {place} to {node}"),
        ),
    );
    world.bind(pod, &node);
}

/// The memory that would be left, or why the pod does not fit.
fn room(world: &World, node: &Value, pod: &Value) -> Result<u128, String> {
    if node["spec"]["unschedulable"] == true {
        return Err("node(s) were unschedulable".to_owned());
    }
    let labels = &node["metadata"]["labels"];
    if fields::members(pod, "/spec/nodeSelector").any(|(k, v)| labels[k] != *v) {
        return Err("node(s) didn't match Pod's node affinity/selector".to_owned());
    }
    let name = fields::name(node);
    let asked = fields::text(pod, super::daemon_set::ASKED);
    if !asked.is_empty() && asked != name {
        return Err("node(s) didn't satisfy plugin(s) [NodeAffinity]".to_owned());
    }
    let there: Vec<&Value> = world
        .of(Kind::Pod)
        .filter(|p| {
            fields::text(p, "/spec/nodeName") == name
                && !matches!(fields::text(p, "/status/phase"), "Succeeded" | "Failed")
        })
        .collect();
    let most = fields::text(node, "/status/allocatable/pods").parse().unwrap_or(110);
    if there.len() >= most {
        return Err("Too many pods".to_owned());
    }
    let mut left = 0;
    for resource in ["cpu", "memory"] {
        let has = Quantity::of(&node["status"]["allocatable"][resource]).map_or(0, Quantity::millis);
        let taken: u128 = there.iter().map(|p| request(p, resource)).sum();
        let wanted = request(pod, resource);
        if taken + wanted > has {
            return Err(format!("Insufficient {resource}"));
        }
        left = has - taken - wanted;
    }
    Ok(left)
}

fn request(pod: &Value, resource: &str) -> u128 {
    fields::list(pod, "/spec/containers")
        .iter()
        .filter_map(|c| Quantity::of(&c["resources"]["requests"][resource]))
        .map(Quantity::millis)
        .sum()
}

fn refuse(world: &mut World, pod: &Value, nodes: usize, reasons: &[String]) {
    let mut kinds: Vec<&String> = Vec::new();
    for reason in reasons {
        if !kinds.contains(&reason) {
            kinds.push(reason);
        }
    }
    let counted: Vec<String> = kinds
        .iter()
        .map(|kind| format!("{} {kind}", reasons.iter().filter(|r| r == kind).count()))
        .collect();
    let message = format!(
        "0/{nodes} nodes are available: {}. preemption: 0/{nodes} nodes are available: {nodes} No preemption victims found for incoming pod.",
        counted.join(", ")
    );
    let same = fields::condition(pod, "PodScheduled").is_some_and(|c| c["message"] == message.as_str());
    if same {
        return;
    }
    world.tell(
        pod,
        &Told::warning("default-scheduler", "FailedScheduling", message.clone()),
    );
    let mut status = pod["status"].clone();
    status["conditions"] = json!([{
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": message,
        "lastProbeTime": null,
        "lastTransitionTime": fields::time(world.now()),
    }]);
    world.set_status(Kind::Pod, pod, status);
}
