//! A container without a limit that fills its node, to the harm of those beside it.
//!
//! Only pods of the incident's namespace are seen; what lies elsewhere on the node is not.

use crate::measure::{Measured, Resource};
use dreamops_sdk::cluster::Usage;
use dreamops_sdk::json;
use dreamops_sdk::owner::Subject;
use dreamops_sdk::prelude::*;
use dreamops_sdk::quantity::{bytes, millicores};
use std::cmp::Reverse;

/// From this share of its node on, in percent, one container without a limit fills it.
const FILLS_PERCENT: u64 = 50;
/// Pods of a node that are measured.
const MEASURED: usize = 30;

/// A container that fills a node.
struct Glutton {
    usage: Usage,
    resource: Resource,
    node: String,
    percent: u64,
}

/// Concludes where the subject itself, or a pod beside it on its node, fills that node without a limit; gives the inquiry
/// back where none does.
pub(crate) fn beside(
    subject: &Subject,
    mut inquiry: Inquiry,
    measured: &Measured,
    about: &[Resource],
) -> Result<Result<Finding, Inquiry>, Failure> {
    let own = measured
        .now
        .iter()
        .filter(|u| about.iter().any(|r| r.limit(u).is_none()));
    let mut nodes: Vec<String> = own
        .filter_map(|u| subject.pods.iter().find(|p| p.reference().uid == u.pod.uid))
        .map(|p| p.node().to_owned())
        .collect();
    // a pod that the alert names may be starved by a neighbour
    nodes.extend(subject.pods.first().map(|p| p.node().to_owned()));
    nodes.retain(|n| !n.is_empty());
    nodes.dedup();
    for node in nodes.iter().take(2) {
        let reference = ObjectRef::new("Node", "", node, "");
        if let Some(glutton) = find(&reference, &subject.object.namespace, &mut inquiry, about)? {
            return conclude(&reference, inquiry, &glutton).map(Ok);
        }
    }
    Ok(Err(inquiry))
}

/// Concludes about an alert that names a node.
pub(crate) fn on_node(
    node: &ObjectRef,
    namespace: &str,
    mut inquiry: Inquiry,
    about: &[Resource],
) -> Result<Finding, Failure> {
    match find(node, namespace, &mut inquiry, about)? {
        Some(glutton) => conclude(node, inquiry, &glutton),
        None => Ok(inquiry.unknown()),
    }
}

fn find(
    node: &ObjectRef,
    namespace: &str,
    inquiry: &mut Inquiry,
    about: &[Resource],
) -> Result<Option<Glutton>, Failure> {
    let read = cluster::get("Node", "", &node.name);
    let Some(object) = inquiry.look(node, read)? else {
        return Ok(None);
    };
    let query = Query::of("Pod", namespace).fields(&format!("spec.nodeName={}", node.name));
    let pods = inquiry
        .look(format!("pods on {node}"), cluster::list(&query))?
        .unwrap_or_default();
    let mut samples = Vec::new();
    for pod in pods.items.iter().take(MEASURED) {
        match cluster::usage(&pod.reference) {
            Ok(lines) => samples.extend(lines),
            Err(ReadFailure::NotFound(_)) => {}
            Err(failure) => {
                inquiry.look::<()>(format!("usage of {}", pod.reference), Err(failure))?;
                break;
            }
        }
    }
    for resource in about {
        let has = match resource {
            Resource::Cpu => millicores(json::text(&object.body, "/status/allocatable/cpu")),
            Resource::Memory => bytes(json::text(&object.body, "/status/allocatable/memory")),
        };
        let Some(has) = has.filter(|n| *n > 0) else { continue };
        let mut free: Vec<&Usage> = samples.iter().filter(|u| resource.limit(u).is_none()).collect();
        free.sort_by_key(|u| Reverse(resource.used(u)));
        for usage in free.iter().take(3) {
            inquiry.saw(
                format!("usage on {node}"),
                format!("{} (the node has {})", resource.line(usage), resource.show(has)),
            );
        }
        if let Some(usage) = free.first() {
            let percent = resource.used(usage).saturating_mul(100) / has;
            if percent >= FILLS_PERCENT {
                return Ok(Some(Glutton {
                    usage: (*usage).clone(),
                    resource: *resource,
                    node: node.name.clone(),
                    percent,
                }));
            }
        }
    }
    Ok(None)
}

fn conclude(node: &ObjectRef, mut inquiry: Inquiry, glutton: &Glutton) -> Result<Finding, Failure> {
    let usage = &glutton.usage;
    let owner = inquiry
        .look(format!("owners of {}", usage.pod), cluster::owners(&usage.pod))?
        .and_then(|mut chain| chain.pop())
        .map_or_else(|| usage.pod.clone(), |top| top.object);
    let (name, limit) = match glutton.resource {
        Resource::Cpu => (
            "cpu",
            glutton.resource.show((usage.cpu_millis / 2).next_multiple_of(50)),
        ),
        Resource::Memory => (
            "memory",
            glutton
                .resource
                .show((usage.memory_bytes + usage.memory_bytes / 4).next_multiple_of(1 << 20)),
        ),
    };
    inquiry.decide_escalate(
        "a limit that it never had is a person's decision",
        format!(
            "give container {} of {owner} a limit and a request: kubectl -n {} set resources {} -c {} --limits={name}={limit} \
             --requests={name}={limit}",
            usage.container,
            owner.namespace,
            owner.kubectl(),
            usage.container
        ),
    );
    let cause = format!(
        "{}, which is {} % of {node}: it fills node {}",
        glutton.resource.line(usage),
        glutton.percent,
        glutton.node
    );
    Ok(inquiry.cause("high-usage", &owner, cause, 0.85))
}
