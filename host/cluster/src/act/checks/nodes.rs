//! Room on nodes for one pod more: what the scheduler would count, as far as it can be told from outside.
//!
//! A node counts if it is ready, not cordoned, has no taint that the pod does not tolerate, and has the labels of the
//! pod's node selector. Affinity, spread and volumes are the scheduler's own; they can only make it harder.

use super::needs;
use super::rollout::Rollout;
use crate::act::pointer;
use crate::quantity::Quantity;
use dreamops_domain::rehearsal::CheckOutcome;
use serde_json::Value;

/// The resources that a pod has to find on one node.
const COUNTED: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

/// Judges whether one pod fits on some node.
pub(super) fn judge(nodes: &[Value], all: &[Value], pod: &Value, rollout: &Rollout, old: &[Value]) -> CheckOutcome {
    let need = needs::of(pod).requests;
    let leaving: Vec<&str> = if rollout.starts_beside() {
        Vec::new()
    } else {
        old.iter().map(|p| pointer::text(p, "/metadata/uid")).collect()
    };
    let mut largest: Vec<(&str, i128)> = Vec::new();
    let mut usable = 0;
    for node in nodes.iter().filter(|n| takes(n, pod)) {
        usable += 1;
        let name = pointer::text(node, "/metadata/name");
        let held: Vec<&Value> = all
            .iter()
            .filter(|p| pointer::text(p, "/spec/nodeName") == name && !has_ended(p))
            .filter(|p| !leaving.contains(&pointer::text(p, "/metadata/uid")))
            .collect();
        let room = |resource: &str| free(node, &held, resource);
        let slot = Quantity::from_json(&node["status"]["allocatable"]["pods"])
            .is_none_or(|most| most.whole() > held.len() as u64);
        let short: Vec<(&str, i128)> = COUNTED
            .iter()
            .filter_map(|r| Some((*r, need.get(*r).copied().filter(|n| *n > 0)?)))
            .filter_map(|(r, n)| room(r).filter(|room| *room < n).map(|room| (r, room)))
            .collect();
        if slot && short.is_empty() {
            return CheckOutcome::Passed;
        }
        for (resource, room) in short {
            match largest.iter_mut().find(|(r, _)| *r == resource) {
                Some((_, most)) => *most = room.max(*most),
                None => largest.push((resource, room)),
            }
        }
    }
    CheckOutcome::Failed {
        why: explain(usable, &need, &largest),
    }
}

fn explain(usable: usize, need: &needs::Amounts, largest: &[(&str, i128)]) -> String {
    if usable == 0 {
        return "no node is ready, schedulable and fit for the pod".to_owned();
    }
    if largest.is_empty() {
        return format!("none of {usable} nodes takes one pod more");
    }
    let parts: Vec<String> = largest
        .iter()
        .map(|(resource, room)| {
            format!(
                "{} of {resource} is needed and at most {} is free",
                super::shown_amount(resource, need.get(*resource).copied().unwrap_or(0)),
                super::shown_amount(resource, *room)
            )
        })
        .collect();
    format!("no node has room for one pod more: {}", parts.join("; "))
}

/// A pod that is on its way out still takes its room; one that has ended does not.
fn has_ended(pod: &Value) -> bool {
    matches!(pointer::text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// What a node has left of a resource; `None` where it does not count it.
fn free(node: &Value, held: &[&Value], resource: &str) -> Option<i128> {
    let all = Quantity::from_json(&node["status"]["allocatable"][resource])?;
    let taken: i128 = held
        .iter()
        .map(|p| needs::of(&p["spec"]).requests.get(resource).copied().unwrap_or(0))
        .sum();
    Some((i128::from(all.millis()) - taken).max(0))
}

fn takes(node: &Value, pod: &Value) -> bool {
    let ready = pointer::list(node, "/status/conditions")
        .iter()
        .any(|c| c["type"] == "Ready" && c["status"] == "True");
    let tolerated = pointer::list(node, "/spec/taints").iter().all(|taint| {
        pointer::text(taint, "/effect") == "PreferNoSchedule"
            || pointer::list(pod, "/tolerations").iter().any(|t| tolerates(t, taint))
    });
    let labels = &node["metadata"]["labels"];
    let selected = pod["nodeSelector"]
        .as_object()
        .into_iter()
        .flatten()
        .all(|(key, value)| labels[key] == *value);
    ready && tolerated && selected && node["spec"]["unschedulable"] != true
}

fn tolerates(toleration: &Value, taint: &Value) -> bool {
    let same = |field: &str| toleration[field] == taint[field];
    let exists = pointer::text(toleration, "/operator") == "Exists";
    let key = if pointer::text(toleration, "/key").is_empty() {
        exists
    } else {
        same("key")
    };
    let value = exists || pointer::text(toleration, "/value") == pointer::text(taint, "/value");
    let effect = pointer::text(toleration, "/effect").is_empty() || same("effect");
    key && value && effect
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn node(memory: &str) -> Value {
        json!({"metadata": {"name": "n1", "labels": {"disk": "ssd"}}, "spec": {},
            "status": {"allocatable": {"memory": memory, "cpu": "2", "pods": "10"},
                "conditions": [{"type": "Ready", "status": "True"}]}})
    }

    fn spec(memory: &str) -> Value {
        json!({"containers": [{"name": "c", "resources": {"requests": {"memory": memory}}}]})
    }

    fn held(uid: &str, memory: &str) -> Value {
        let mut spec = spec(memory);
        spec["nodeName"] = json!("n1");
        json!({"metadata": {"uid": uid}, "spec": spec})
    }

    fn beside() -> Rollout {
        Rollout::of("Deployment", &json!({"spec": {"replicas": 1}}), 0, 1)
    }

    #[test]
    fn the_largest_room_is_named_where_it_is_too_small() {
        let all = [held("a", "768Mi")];
        let judged = judge(&[node("1Gi")], &all, &spec("512Mi"), &beside(), &all);
        assert_eq!(
            judged,
            CheckOutcome::Failed {
                why: "no node has room for one pod more: 512Mi of memory is needed and at most 256Mi is free".into()
            }
        );
        assert_eq!(
            judge(&[node("1Gi")], &all, &spec("256Mi"), &beside(), &all),
            CheckOutcome::Passed
        );
    }

    #[test]
    fn the_room_of_a_pod_that_goes_first_counts_as_free() {
        let all = [held("a", "768Mi")];
        let set = Rollout::of("StatefulSet", &json!({"spec": {"replicas": 1}}), 0, 1);
        assert_eq!(
            judge(&[node("1Gi")], &all, &spec("1Gi"), &set, &all),
            CheckOutcome::Passed
        );
        assert_ne!(
            judge(&[node("1Gi")], &all, &spec("1Gi"), &set, &[]),
            CheckOutcome::Passed
        );
    }

    #[test]
    fn nodes_that_would_not_take_the_pod_do_not_count() {
        let mut cordoned = node("1Gi");
        cordoned["spec"]["unschedulable"] = json!(true);
        let mut tainted = node("1Gi");
        tainted["spec"]["taints"] = json!([{"key": "gpu", "effect": "NoSchedule"}]);
        let mut down = node("1Gi");
        down["status"]["conditions"] = json!([]);
        for bad in [cordoned, tainted.clone(), down] {
            assert_ne!(judge(&[bad], &[], &spec("1Mi"), &beside(), &[]), CheckOutcome::Passed);
        }
        let mut tolerant = spec("1Mi");
        tolerant["tolerations"] = json!([{"key": "gpu", "operator": "Exists"}]);
        assert_eq!(judge(&[tainted], &[], &tolerant, &beside(), &[]), CheckOutcome::Passed);
        let mut picky = spec("1Mi");
        picky["nodeSelector"] = json!({"disk": "hdd"});
        assert_ne!(judge(&[node("1Gi")], &[], &picky, &beside(), &[]), CheckOutcome::Passed);
    }
}
