//! Whether quotas and nodes have room for more pods like those that are there.

use dreamops_sdk::json;
use dreamops_sdk::owner::Subject;
use dreamops_sdk::prelude::*;
use dreamops_sdk::quantity::{bytes, millicores, show_bytes, show_millicores};
use serde_json::Value;

/// What has no room for `more` pods, with the numbers; none where all has, or it cannot be told.
pub(crate) fn lack(subject: &Subject, more: u32, inquiry: &mut Inquiry) -> Result<Option<String>, Failure> {
    let namespace = &subject.object.namespace;
    let source = format!("room in namespace {namespace}");
    let (Some(quota), Some(pod)) = (inquiry.look(&source, cluster::quota(namespace))?, subject.pods.first()) else {
        return Ok(None);
    };
    for missing in &quota.not_checked {
        inquiry.saw(&source, format!("not checked: {missing}"));
    }
    for line in &quota.quotas {
        let Some((each, show)) = takes(pod.body(), &line.resource) else {
            continue;
        };
        let (need, free) = (
            each.saturating_mul(u64::from(more)),
            line.hard.saturating_sub(line.used),
        );
        if need > free {
            return Ok(Some(format!(
                "quota {} allows {} of {} and {} are used; {more} pods take {} more",
                line.name,
                show(line.hard),
                line.resource,
                show(line.used),
                show(need)
            )));
        }
    }
    let cpu = whole_pod(pod.body(), "requests", "cpu");
    let memory = whole_pod(pod.body(), "requests", "memory");
    if let Some(free) = quota.largest_free_cpu.filter(|free| cpu > *free) {
        return Ok(Some(format!(
            "no node has room: a pod requests {} processor and the most that is free on one node is {}",
            show_millicores(cpu),
            show_millicores(free)
        )));
    }
    Ok(quota.largest_free_memory.filter(|free| memory > *free).map(|free| {
        format!(
            "no node has room: a pod requests {} memory and the most that is free on one node is {}",
            show_bytes(memory),
            show_bytes(free)
        )
    }))
}

type Show = fn(u64) -> String;

/// What one pod takes of a quota's line, and how its amounts are shown; none for lines about other objects.
fn takes(pod: &Value, resource: &str) -> Option<(u64, Show)> {
    let count: Show = |n| n.to_string();
    match resource {
        "pods" | "count/pods" => return Some((1, count)),
        "cpu" => return Some((whole_pod(pod, "requests", "cpu"), show_millicores)),
        "memory" => return Some((whole_pod(pod, "requests", "memory"), show_bytes)),
        _ => {}
    }
    let (group, plain) = resource.split_once('.')?;
    let show: Show = match plain {
        "cpu" => show_millicores,
        "memory" => show_bytes,
        _ => return None,
    };
    ["requests", "limits"]
        .contains(&group)
        .then(|| (whole_pod(pod, group, plain), show))
}

fn whole_pod(pod: &Value, group: &str, resource: &str) -> u64 {
    let parse = if resource == "cpu" { millicores } else { bytes };
    json::items(pod, "/spec/containers")
        .iter()
        .filter_map(|c| parse(json::text(c, &format!("/resources/{group}/{resource}"))))
        .sum()
}
