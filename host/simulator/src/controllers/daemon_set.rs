//! DaemonSets: one pod on every node that fits.

use super::pods;
use super::stateful_set::without_directive;
use super::{revisions, rollout};
use crate::fields;
use crate::world::World;
use crate::world::events::Told;
use crate::world::kind::Kind;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const BY: &str = "daemonset-controller";
const GENERATION: &str = "deprecated.daemonset.template.generation";

/// Where a pod says which node it is for.
pub(super) const ASKED: &str = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution\
    /nodeSelectorTerms/0/matchFields/0/values/0";

/// One round.
pub(super) fn sync(world: &mut World, dirty: &BTreeSet<String>) {
    for set in world.among(Kind::DaemonSet, dirty) {
        if !fields::leaving(&set) {
            sync_one(world, &set);
        }
    }
}

fn sync_one(world: &mut World, set: &Value) {
    let Some(update) = revisions::present(world, set) else {
        return;
    };
    let hash = fields::text(&update, "/metadata/labels/controller-revision-hash").to_owned();
    let nodes: Vec<String> = world
        .of(Kind::Node)
        .filter(|n| {
            fields::members(&set["spec"]["template"], "/spec/nodeSelector")
                .all(|(k, v)| n["metadata"]["labels"][k] == *v)
        })
        .map(|n| fields::name(n).to_owned())
        .collect();
    for pod in world.controlled(Kind::Pod, set) {
        if !nodes.iter().any(|n| n == node_of(&pod)) && !fields::leaving(&pod) {
            remove(world, set, &pod);
        }
    }
    for node in &nodes {
        let there = world.controlled(Kind::Pod, set);
        let here: Vec<&Value> = there.iter().filter(|p| node_of(p) == node).collect();
        if here.is_empty() {
            make(world, set, &update, &hash, node);
        } else if let Some(ended) = here
            .iter()
            .find(|p| fields::text(p, "/status/phase") == "Failed" && !fields::leaving(p))
        {
            remove(world, set, ended);
        }
    }
    if fields::text(set, "/spec/updateStrategy/type") != "OnDelete" {
        roll(world, set, &hash, nodes.len());
    }
    write_status(world, set, &hash, nodes.len());
    revisions::forget_old(world, set, &[hash.as_str(), fields::name(&update)]);
}

/// The node that a pod runs on, or asks for.
fn node_of(pod: &Value) -> &str {
    match fields::text(pod, "/spec/nodeName") {
        "" => fields::text(pod, ASKED),
        name => name,
    }
}

/// A pod of a DaemonSet stays where others would go.
fn bear_an_ill_node(spec: &mut Value) {
    let mut all = fields::list(spec, "/tolerations").to_vec();
    for (key, effect) in [
        ("not-ready", "NoExecute"),
        ("unreachable", "NoExecute"),
        ("disk-pressure", "NoSchedule"),
        ("memory-pressure", "NoSchedule"),
        ("pid-pressure", "NoSchedule"),
        ("unschedulable", "NoSchedule"),
    ] {
        all.push(json!({"key": format!("node.kubernetes.io/{key}"), "operator": "Exists", "effect": effect}));
    }
    spec["tolerations"] = Value::Array(all);
}

fn revision(pod: &Value) -> &str {
    fields::text(pod, "/metadata/labels/controller-revision-hash")
}

/// Old pods that do not serve are replaced at once, others as far as may be unavailable.
fn roll(world: &mut World, set: &Value, hash: &str, nodes: usize) {
    let whole = u64::try_from(nodes).unwrap_or(0);
    let most = rollout::resolve(
        &set["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"],
        whole,
        true,
    )
    .max(1);
    let there = world.controlled(Kind::Pod, set);
    let serving = there.iter().filter(|p| pods::ready(p) && !fields::leaving(p)).count();
    let mut down = whole.saturating_sub(u64::try_from(serving).unwrap_or(0));
    for pod in there.iter().filter(|p| revision(p) != hash && !fields::leaving(p)) {
        if !pods::ready(pod) {
            remove(world, set, pod);
        } else if down < most {
            remove(world, set, pod);
            down += 1;
        }
    }
}

fn remove(world: &mut World, set: &Value, pod: &Value) {
    let message = format!("Deleted pod: {}", fields::name(pod));
    pods::remove(world, set, pod, &Told::normal(BY, "SuccessfulDelete", message));
}

fn make(world: &mut World, set: &Value, update: &Value, hash: &str, node: &str) {
    if !pods::may_try(world, set) {
        return;
    }
    let template = without_directive(&update["data"]["spec"]["template"]);
    let name = format!("{}-", fields::name(set));
    let number = set["metadata"]["annotations"][GENERATION]
        .as_str()
        .unwrap_or("1")
        .to_owned();
    let labels = [(revisions::LABEL, hash), ("pod-template-generation", number.as_str())];
    let mut pod = pods::from_template(set, &template, &name, &labels);
    fields::set(
        &mut pod,
        &[
            "spec",
            "affinity",
            "nodeAffinity",
            "requiredDuringSchedulingIgnoredDuringExecution",
        ],
        json!({"nodeSelectorTerms": [{"matchFields":
            [{"key": "metadata.name", "operator": "In", "values": [node]}]}]}),
    );
    bear_an_ill_node(&mut pod["spec"]);
    if let Ok(pod) = pods::make(world, set, pod, BY) {
        let message = format!("Created pod: {}", fields::name(&pod));
        world.tell(set, &Told::normal(BY, "SuccessfulCreate", message));
    }
}

fn write_status(world: &mut World, set: &Value, hash: &str, nodes: usize) {
    let delay = fields::count(set, "/spec/minReadySeconds");
    let there: Vec<Value> = world
        .controlled(Kind::Pod, set)
        .into_iter()
        .filter(pods::active)
        .collect();
    let ready = there.iter().filter(|p| pods::ready(p)).count();
    let available = there.iter().filter(|p| pods::available(world, p, delay)).count();
    let updated = there.iter().filter(|p| revision(p) == hash).count();
    let mut status = json!({
        "observedGeneration": set["metadata"]["generation"],
        "currentNumberScheduled": there.len(),
        "desiredNumberScheduled": nodes,
        "numberMisscheduled": 0,
        "numberReady": ready,
    });
    for (key, count) in [
        ("updatedNumberScheduled", updated),
        ("numberAvailable", available),
        ("numberUnavailable", nodes - available.min(nodes)),
    ] {
        if count > 0 {
            status[key] = json!(count);
        }
    }
    world.set_status(Kind::DaemonSet, set, status);
}
