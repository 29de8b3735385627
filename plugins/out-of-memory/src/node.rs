//! Nodes that run out of memory: what they kill or evict is not at fault.

use crate::scene::Scene;
use dreamops_sdk::json;
use dreamops_sdk::owner::Subject;
use dreamops_sdk::prelude::*;
use dreamops_sdk::quantity::show_bytes;

/// The kernel's kill and the kubelet's report of it are apart by less than this.
const NEARBY_MS: u64 = 120_000;

/// A pod that its node has evicted for memory.
pub(crate) struct Eviction {
    pub(crate) pod: ObjectRef,
    pub(crate) node: String,
    /// The kubelet's words.
    pub(crate) said: String,
}

/// The eviction for memory of the pod that the alert names, or of one of the subject's where that is not whole.
pub(crate) fn eviction(target: &ObjectRef, subject: &Subject) -> Result<Option<Eviction>, ReadFailure> {
    let evicted = |pod: &Pod| {
        let said = json::text(pod.body(), "/status/message");
        (pod.reason() == "Evicted" && said.contains("memory")).then(|| Eviction {
            pod: pod.reference().clone(),
            node: pod.node().to_owned(),
            said: said.trim().to_owned(),
        })
    };
    let mut found = subject
        .pods
        .iter()
        .filter_map(|p| Some((p.reference().uid == target.uid, evicted(p)?)));
    let wanted = found.find(|(named, _)| *named || subject.object.is_workload());
    if let Some((_, eviction)) = wanted {
        return Ok(Some(eviction));
    }
    // the pod is gone, its events are not
    let events = cluster::events(target)?;
    Ok(cluster::with_reason(&events, &["Evicted"])
        .filter(|e| e.message.contains("memory"))
        .last()
        .map(|e| Eviction {
            pod: target.clone(),
            node: String::new(),
            said: e.message.trim().to_owned(),
        }))
}

/// A pod was evicted: nothing in the workload is at fault. Over where its successors are ready.
pub(crate) fn conclude_eviction(
    subject: &Subject,
    mut inquiry: Inquiry,
    eviction: &Eviction,
) -> Result<Finding, Failure> {
    inquiry.saw(&eviction.pod, format!("evicted: {}", eviction.said));
    if let Some(health) = inquiry.look(&subject.object, cluster::health(&subject.object))? {
        inquiry.saw(&subject.object, health.to_string());
        if health.whole() && subject.object.is_workload() {
            return Ok(inquiry.healthy());
        }
    }
    let node = &eviction.node;
    let node_name = if node.is_empty() {
        "its node".to_owned()
    } else {
        format!("node {node}")
    };
    inquiry.rule_out(format!(
        "the template of {}: an eviction is the node's act",
        subject.object
    ));
    inquiry.decide_escalate(
        "the node ran out of memory; nothing in the workload has to change",
        format!(
            "give {node_name} room: set memory requests and limits on its largest pods that have none \
             (kubectl top pods -A --sort-by=memory; kubectl describe {}), or add a node",
            if node.is_empty() {
                "nodes".to_owned()
            } else {
                format!("node {node}")
            }
        ),
    );
    let cause = format!(
        "{node_name} was low on memory and evicted {}: {}",
        eviction.pod, eviction.said
    );
    Ok(inquiry.cause("out-of-memory", &subject.object, cause, 0.9))
}

/// What tells that the node as a whole was out of memory when the container was killed.
pub(crate) fn pressure(scene: &Scene, inquiry: &mut Inquiry) -> Result<Option<String>, Failure> {
    let Some(kill) = &scene.kill else { return Ok(None) };
    let node = scene.pod.node();
    let about = ObjectRef::new("Node", "", node, "");
    let events = inquiry
        .look(format!("events of {about}"), cluster::events(&about))?
        .unwrap_or_default();
    let system = cluster::with_reason(&events, &["SystemOOM"])
        .filter(|e| e.last_ms.abs_diff(kill.finished_ms) < NEARBY_MS)
        .last();
    if let Some(event) = system {
        return Ok(Some(format!("node {node}: {}", event.line())));
    }
    let pod_limit = !json::text(scene.pod.body(), "/spec/resources/limits/memory").is_empty();
    if scene.limit().is_none() && !pod_limit {
        return Ok(Some(format!(
            "the container has no memory limit, so only node {node} can have been full"
        )));
    }
    Ok(None)
}

/// Killed because the node was full.
pub(crate) fn conclude_pressure(scene: &Scene, mut inquiry: Inquiry, told: &str) -> Finding {
    let node = scene.pod.node();
    let object = &scene.subject.object;
    inquiry.saw(scene.pod.reference(), told);
    let request = scene
        .within(scene.pod.body())
        .and_then(|c| crate::scene::memory(c, "requests"));
    let own = match (request, scene.limit()) {
        (None, None) => format!(
            "set a memory request and limit on container {} of {object}, which has neither and is killed first: \
             kubectl -n {} set resources {} -c {} --requests=memory=AMOUNT --limits=memory=AMOUNT; ",
            scene.container.name,
            object.namespace,
            object.kubectl(),
            scene.container.name
        ),
        (Some(r), _) => format!("it requests {}, which the node did not keep free; ", show_bytes(r)),
        (None, Some(_)) => String::new(),
    };
    inquiry.decide_escalate(
        "the node ran out of memory as a whole; a higher limit here would make that worse",
        format!(
            "{own}find what fills node {node} (kubectl top pods -A --sort-by=memory --field-selector spec.nodeName={node}) \
             and give it limits, or add a node"
        ),
    );
    let cause = format!("{} {}: {told}", scene.title(), scene.state());
    inquiry.cause("out-of-memory", object, cause, 0.9)
}
