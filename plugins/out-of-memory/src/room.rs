//! Whether quotas, limit ranges and nodes have room for pods of a new size. A rollout that cannot finish is not begun.
//!
//! The host rehearses the change exactly; this look comes first so that a person gets the numbers as a diagnosis and
//! not as a failed plan.

use crate::raise::Sizes;
use crate::scene::Scene;
use dreamops_sdk::cluster::{Quota, RangeLine};
use dreamops_sdk::json;
use dreamops_sdk::prelude::*;
use dreamops_sdk::quantity::{bytes, show_bytes};
use serde_json::Value;

/// How pods are replaced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Course {
    /// Pods that are wanted.
    wanted: u64,
    /// Pods made beside all that are there; 0 where old ones go first.
    beside: u64,
}

/// What one pod takes: all its containers together, and what the change adds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Takes {
    old: u64,
    new: u64,
}

/// What has no room for the new size, with the numbers; none where all has. What could not be looked at is noted.
pub(crate) fn lack(
    scene: &Scene,
    template: &Value,
    now: Sizes,
    new: Sizes,
    inquiry: &mut Inquiry,
) -> Result<Option<String>, Failure> {
    let object = &scene.subject.object;
    let source = format!("room in namespace {}", object.namespace);
    let Some(quota) = inquiry.look(&source, cluster::quota(&object.namespace))? else {
        return Ok(None);
    };
    for missing in &quota.not_checked {
        inquiry.saw(&source, format!("not checked: {missing}"));
    }
    let workload = inquiry.look(object, cluster::fetch(object))?;
    let course = workload.map_or(Course { wanted: 1, beside: 0 }, |w| course(&object.kind, &w.body));
    // a request that is not set follows the limit
    let requests = (now.request.unwrap_or(now.limit), new.request.unwrap_or(new.limit));
    let name = &scene.container.name;
    let limits = whole_pod(template, "limits", name, (now.limit, new.limit));
    let requests = whole_pod(template, "requests", name, requests);
    if let Some(lack) = by_quota(scene, &quota, course, limits, requests, inquiry)? {
        return Ok(Some(lack));
    }
    if let Some(lack) = by_range(&quota.ranges, new, limits) {
        return Ok(Some(lack));
    }
    let lack = by_node(&quota, course, requests);
    if lack.is_none() {
        inquiry.rule_out(format!("quotas, limit ranges and nodes: they have room for {new}"));
    }
    Ok(lack)
}

/// What the pod takes as a whole, given what the one container takes of it.
fn whole_pod(template: &Value, group: &str, container: &str, (old, new): (u64, u64)) -> Takes {
    let total = |own: u64| total(template, group, container, own);
    Takes {
        old: total(old),
        new: total(new),
    }
}

/// The sum of the containers and of the init containers that stay, or what an init container takes beside those that
/// stay from before it, whichever is more. Source: Kubernetes, "Resource sharing within containers".
fn total(template: &Value, group: &str, container: &str, own: u64) -> u64 {
    let given = |c: &Value, group: &str| bytes(json::text(c, &format!("/resources/{group}/memory")));
    let amount = |c: &Value| match json::text(c, "/name") {
        name if name == container => own,
        // a request that is not given is the limit
        _ if group == "requests" => given(c, group).or_else(|| given(c, "limits")).unwrap_or(0),
        _ => given(c, group).unwrap_or(0),
    };
    let (mut stay, mut peak) = (0, 0);
    for init in json::items(template, "/spec/initContainers") {
        let beside = stay + amount(init);
        peak = peak.max(beside);
        if json::text(init, "/restartPolicy") == "Always" {
            stay = beside;
        }
    }
    let main: u64 = json::items(template, "/spec/containers").iter().map(amount).sum();
    peak.max(stay + main)
}

fn course(kind: &str, workload: &Value) -> Course {
    let wanted = match kind {
        "DaemonSet" => json::number(workload, "/status/desiredNumberScheduled"),
        _ => json::number(workload, "/spec/replicas"),
    };
    let wanted = wanted.and_then(|n| u64::try_from(n).ok()).unwrap_or(1);
    let rolling = "/spec/strategy/rollingUpdate";
    let share = |field: &str, up: bool| {
        let default = if up { wanted.div_ceil(4) } else { wanted / 4 };
        match workload.pointer(&format!("{rolling}/{field}")) {
            Some(Value::Number(n)) => n.as_u64().unwrap_or(default),
            Some(Value::String(text)) => {
                text.strip_suffix('%')
                    .and_then(|p| p.parse::<u64>().ok())
                    .map_or(default, |p| {
                        let hundredfold = wanted.saturating_mul(p);
                        if up {
                            hundredfold.div_ceil(100)
                        } else {
                            hundredfold / 100
                        }
                    })
            }
            _ => default,
        }
    };
    let recreates = json::text(workload, "/spec/strategy/type") == "Recreate";
    let goes_first = kind != "Deployment" || recreates || share("maxUnavailable", false) > 0;
    Course {
        wanted,
        beside: if goes_first {
            0
        } else {
            share("maxSurge", true).clamp(1, wanted.max(1))
        },
    }
}

fn by_quota(
    scene: &Scene,
    quota: &Quota,
    course: Course,
    limits: Takes,
    requests: Takes,
    inquiry: &mut Inquiry,
) -> Result<Option<String>, Failure> {
    for line in &quota.quotas {
        let takes = match line.resource.as_str() {
            "limits.memory" => limits,
            "requests.memory" | "memory" => requests,
            _ => continue,
        };
        let more = takes.new.saturating_sub(takes.old);
        let need = if course.beside > 0 {
            course.beside * takes.new + course.wanted.saturating_sub(course.beside) * more
        } else {
            course.wanted * more
        };
        let free = line.hard.saturating_sub(line.used);
        if need > free && counts_all(scene, &line.name, inquiry)? {
            return Ok(Some(format!(
                "quota {} allows {} of {} and {} are used; the rollout takes {} more",
                line.name,
                show_bytes(line.hard),
                line.resource,
                show_bytes(line.used),
                show_bytes(need)
            )));
        }
    }
    Ok(None)
}

/// A quota with scopes may not count these pods; the host's rehearsal knows.
fn counts_all(scene: &Scene, name: &str, inquiry: &mut Inquiry) -> Result<bool, Failure> {
    let read = cluster::get("ResourceQuota", &scene.subject.object.namespace, name);
    let quota = inquiry.look(format!("quota {name}"), read)?;
    Ok(quota.is_none_or(|q| {
        json::items(&q.body, "/spec/scopes").is_empty() && q.body.pointer("/spec/scopeSelector").is_none()
    }))
}

fn by_range(ranges: &[RangeLine], new: Sizes, pod: Takes) -> Option<String> {
    ranges.iter().filter(|r| r.resource == "memory").find_map(|range| {
        let limit = if range.applies_to == "Pod" { pod.new } else { new.limit };
        if let Some(max) = range.max.filter(|max| limit > *max) {
            return Some(format!(
                "limit range {} allows a {} at most {} and this takes {}",
                range.name,
                range.applies_to.to_ascii_lowercase(),
                show_bytes(max),
                show_bytes(limit)
            ));
        }
        let (ratio, request) = (range.max_ratio_millis?, new.request?);
        let over =
            range.applies_to == "Container" && u128::from(limit) * 1_000 > u128::from(request) * u128::from(ratio);
        over.then(|| {
            format!(
                "limit range {} allows a limit of {}.{:03} times the request at most, and this has {} for {}",
                range.name,
                ratio / 1_000,
                ratio % 1_000,
                show_bytes(limit),
                show_bytes(request)
            )
        })
    })
}

fn by_node(quota: &Quota, course: Course, requests: Takes) -> Option<String> {
    if let Some(most) = quota.largest_node_memory.filter(|most| requests.new > *most) {
        return Some(format!(
            "no node is large enough: a pod would request {} and the largest node has {}",
            show_bytes(requests.new),
            show_bytes(most)
        ));
    }
    // where old pods go first, each leaves its room to its successor
    let freed = if course.beside > 0 { 0 } else { requests.old };
    let free = quota.largest_free_memory?.saturating_add(freed);
    (requests.new > free).then(|| {
        format!(
            "no node has room: a new pod would request {} and the most that is free on one node is {}",
            show_bytes(requests.new),
            show_bytes(free)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_single_replica_is_replaced_by_one_beside_it_and_sets_replace_in_place() {
        let one = json!({"spec": {"replicas": 1}});
        assert_eq!(course("Deployment", &one), Course { wanted: 1, beside: 1 });
        assert_eq!(course("StatefulSet", &one), Course { wanted: 1, beside: 0 });
        let recreate = json!({"spec": {"replicas": 3, "strategy": {"type": "Recreate"}}});
        assert_eq!(course("Deployment", &recreate), Course { wanted: 3, beside: 0 });
        let percent = json!({"spec": {"replicas": 3, "strategy": {"rollingUpdate": {"maxSurge": "50%", "maxUnavailable": "10%"}}}});
        assert_eq!(course("Deployment", &percent), Course { wanted: 3, beside: 2 });
        let four = json!({"spec": {"replicas": 4}});
        assert_eq!(course("Deployment", &four), Course { wanted: 4, beside: 0 });
    }

    #[test]
    fn a_container_without_a_request_takes_its_limit_of_the_nodes_room() {
        let template = json!({"spec": {"containers": [
            {"name": "a", "resources": {"limits": {"memory": "64Mi"}}}, {"name": "b", "resources": {"limits": {"memory": "10Mi"}, "requests": {"memory": "5Mi"}}}]}});
        let takes = whole_pod(&template, "requests", "a", (64 << 20, 96 << 20));
        assert_eq!(
            takes,
            Takes {
                old: 69 << 20,
                new: 101 << 20
            }
        );
    }

    #[test]
    fn an_init_container_takes_more_of_the_pods_room_only_where_it_takes_more_than_all_that_run_later() {
        let sized =
            |name: &str, mib: u64| json!({"name": name, "resources": {"limits": {"memory": format!("{mib}Mi")}}});
        let mut sidecar = sized("proxy", 10);
        sidecar["restartPolicy"] = json!("Always");
        let template =
            json!({"spec": {"initContainers": [sidecar, sized("seed", 20)], "containers": [sized("web", 50)]}});
        let takes = |name: &str, old: u64, new: u64| {
            let takes = whole_pod(&template, "limits", name, (old << 20, new << 20));
            (takes.old >> 20, takes.new >> 20)
        };
        assert_eq!(takes("seed", 20, 30), (60, 60));
        assert_eq!(takes("seed", 20, 90), (60, 100));
        assert_eq!(takes("proxy", 10, 15), (60, 65));
        assert_eq!(takes("web", 50, 75), (60, 85));
    }
}
