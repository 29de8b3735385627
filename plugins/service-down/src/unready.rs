//! Pods that are selected and not ready: whose case they are, and what the scheduler says of those without a node.

use crate::scene::Scene;
use dreamops_sdk::json;
use dreamops_sdk::prelude::*;

/// Concludes about pods that are not ready.
pub(crate) fn conclude(scene: &Scene, mut inquiry: Inquiry) -> Result<Finding, Failure> {
    let unready: Vec<&Pod> = scene.pods.iter().filter(|p| !p.ready()).collect();
    for pod in unready.iter().take(3) {
        let state = pod.culprit().map_or_else(|| pod.phase().to_owned(), |c| c.to_string());
        inquiry.saw(pod.reference(), state);
    }
    inquiry.rule_out(format!(
        "the selector: {} matches {} pods",
        scene.selector_text(),
        scene.pods.len()
    ));
    // those that run and fail tell more than those that wait for a node
    let (placed, waiting): (Vec<&Pod>, Vec<&Pod>) = unready.into_iter().partition(|p| !p.node().is_empty());
    match (placed.first(), waiting.first()) {
        (Some(pod), _) => hand_over(scene, inquiry, &placed, pod),
        (None, Some(pod)) => unscheduled(scene, inquiry, pod, waiting.len()),
        (None, None) => Ok(inquiry.unknown()),
    }
}

/// Which strategy a pod's state calls for.
fn fault(pod: &Pod) -> Option<&'static str> {
    let containers = pod.containers();
    if containers.iter().any(Container::lacks_image) {
        Some("image-pull")
    } else if containers.iter().any(|c| !c.ready && c.out_of_memory()) {
        Some("out-of-memory")
    } else {
        pod.culprit().filter(Container::crashes).map(|_| "crash-loop")
    }
}

/// The last of the controllers above a pod; the pod itself where nothing owns it.
fn top_owner(inquiry: &mut Inquiry, pod: &Pod) -> Result<ObjectRef, Failure> {
    let source = format!("owners of {}", pod.reference());
    let chain = inquiry.look(source, cluster::owners(pod.reference()))?;
    let last = chain.and_then(|mut chain| chain.pop());
    Ok(last.map_or_else(|| pod.reference().clone(), |o| o.object))
}

fn hand_over(scene: &Scene, mut inquiry: Inquiry, placed: &[&Pod], first: &Pod) -> Result<Finding, Failure> {
    let telling = placed.iter().find_map(|p| Some((*p, fault(p)?)));
    // one that runs and is never ready is a matter of its probe, which is crash-loop's as well
    let (pod, fault) = telling.unwrap_or((first, "crash-loop"));
    let top = top_owner(&mut inquiry, pod)?;
    let state = pod
        .culprit()
        .map_or_else(|| "it is not ready".into(), |c| c.to_string());
    let ready = scene.pods.iter().filter(|p| p.ready()).count();
    let reason = format!(
        "{ready} of {} pods behind {} are ready; {}: {state}",
        scene.pods.len(),
        scene.object(),
        pod.reference()
    );
    Ok(inquiry.hand_over(fault, &top, reason))
}

fn unscheduled(scene: &Scene, mut inquiry: Inquiry, pod: &Pod, count: usize) -> Result<Finding, Failure> {
    let by_condition = pod
        .condition("PodScheduled")
        .filter(|c| json::text(c, "/status") == "False")
        .map(|c| json::text(c, "/message").to_owned())
        .filter(|m| !m.is_empty());
    let said = if let Some(said) = by_condition {
        said
    } else {
        let source = format!("events of {}", pod.reference());
        let events = inquiry
            .look(source, cluster::events(pod.reference()))?
            .unwrap_or_default();
        let last = cluster::with_reason(&events, &["FailedScheduling"]).last();
        last.map_or_else(|| "the scheduler has said nothing yet".into(), |e| e.message.clone())
    };
    inquiry.saw(pod.reference(), format!("not scheduled: {said}"));
    let top = top_owner(&mut inquiry, pod)?;
    inquiry.decide_escalate(
        "no node takes the pods; taints, budgets and affinities are not removed from here",
        advice(&said, &top, pod),
    );
    let cause = format!(
        "{count} pods of {top} behind {} find no node: {}",
        scene.object(),
        said.trim()
    );
    Ok(inquiry.cause("service-down", &top, cause, 0.9))
}

/// What a person can do, by the scheduler's words.
fn advice(said: &str, workload: &ObjectRef, pod: &Pod) -> String {
    let mut ways = Vec::new();
    if said.contains("Insufficient") {
        let asks: Vec<String> = json::items(pod.body(), "/spec/containers")
            .iter()
            .filter_map(|c| {
                let requests = c.pointer("/resources/requests")?;
                Some(format!("{} {requests}", json::text(c, "/name")))
            })
            .collect();
        ways.push(format!(
            "add a node, or lower what {workload} requests ({})",
            asks.join(", ")
        ));
    }
    if said.contains("untolerated taint") {
        ways.push(format!("add a node without that taint, or a toleration to {workload}"));
    }
    if said.contains("affinity") || said.contains("selector") {
        ways.push(format!(
            "label a node as {workload} asks, or correct its node selector or affinity"
        ));
    }
    if said.contains("PersistentVolumeClaim") || said.contains("persistentvolumeclaim") || said.contains("volume") {
        ways.push("provide the volume that its claim asks for".into());
    }
    if said.contains("unschedulable") || said.contains("cordon") {
        ways.push("uncordon a node that is well".into());
    }
    if said.contains("free ports") {
        ways.push("free the host port, or do without it".into());
    }
    if ways.is_empty() {
        ways.push(format!("give the pods of {workload} a node"));
    }
    format!("{} (scheduler: {})", ways.join("; "), said.trim())
}
