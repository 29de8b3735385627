//! StatefulSets: pods with names that stay, one after the other.
//!
//! With `OrderedReady` nothing happens behind a pod that is not ready, also where a new template would heal it: a stuck
//! pod is replaced only when somebody deletes it.

use super::pods;
use super::revisions;
use crate::fields;
use crate::world::World;
use crate::world::events::Told;
use crate::world::kind::Kind;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const BY: &str = "statefulset-controller";

/// One round.
pub(super) fn sync(world: &mut World, dirty: &BTreeSet<String>) {
    for set in world.among(Kind::StatefulSet, dirty) {
        if !fields::leaving(&set) {
            sync_one(world, &set);
        }
    }
}

fn sync_one(world: &mut World, set: &Value) {
    let Some(update) = revisions::present(world, set) else {
        return;
    };
    let update = fields::name(&update).to_owned();
    let current = match fields::text(set, "/status/currentRevision") {
        "" => update.clone(),
        name => name.to_owned(),
    };
    step(world, set, &update, &current);
    let there = world.controlled(Kind::Pod, set);
    write_status(world, set, &there, &update, current);
    let used: Vec<&str> = there.iter().map(revision).chain([update.as_str()]).collect();
    revisions::forget_old(world, set, &used);
}

fn revision(pod: &Value) -> &str {
    fields::text(pod, "/metadata/labels/controller-revision-hash")
}

fn ordinal(pod: &Value) -> Option<u64> {
    fields::name(pod).rsplit_once('-')?.1.parse().ok()
}

/// Takes the set one step further.
fn step(world: &mut World, set: &Value, update: &str, current: &str) {
    let wanted = fields::count(set, "/spec/replicas");
    let ordered = fields::text(set, "/spec/podManagementPolicy") != "Parallel";
    let partition = fields::count(set, "/spec/updateStrategy/rollingUpdate/partition");
    let rolls = fields::text(set, "/spec/updateStrategy/type") != "OnDelete";
    let delay = fields::count(set, "/spec/minReadySeconds");
    let there = world.controlled(Kind::Pod, set);
    let at = |n: u64| there.iter().find(|p| ordinal(p) == Some(n));
    for n in 0..wanted {
        let Some(pod) = at(n) else {
            let name = if rolls && n < partition { current } else { update };
            make(world, set, n, name);
            if ordered {
                return;
            }
            continue;
        };
        if matches!(fields::text(pod, "/status/phase"), "Failed" | "Succeeded") && !fields::leaving(pod) {
            remove(world, set, pod);
            return;
        }
        if ordered && (fields::leaving(pod) || !pods::available(world, pod, delay)) {
            return;
        }
    }
    let mut condemned: Vec<&Value> = there
        .iter()
        .filter(|p| ordinal(p).is_some_and(|n| n >= wanted))
        .collect();
    condemned.sort_by_key(|p| std::cmp::Reverse(ordinal(p)));
    for pod in condemned {
        if !fields::leaving(pod) {
            remove(world, set, pod);
        }
        if ordered {
            return;
        }
    }
    if !rolls {
        return;
    }
    for n in (partition..wanted).rev() {
        let Some(pod) = at(n) else { return };
        if revision(pod) != update && !fields::leaving(pod) {
            remove(world, set, pod);
            return;
        }
        if fields::leaving(pod) || !pods::available(world, pod, delay) {
            return;
        }
    }
}

fn remove(world: &mut World, set: &Value, pod: &Value) {
    let message = format!(
        "delete Pod {} in StatefulSet {} successful",
        fields::name(pod),
        fields::name(set)
    );
    pods::remove(world, set, pod, &Told::normal(BY, "SuccessfulDelete", message));
}

fn make(world: &mut World, set: &Value, n: u64, name: &str) {
    if !pods::may_try(world, set) {
        return;
    }
    let template = world
        .get(Kind::ControllerRevision, fields::namespace(set), name)
        .map_or_else(
            || set["spec"]["template"].clone(),
            |r| without_directive(&r["data"]["spec"]["template"]),
        );
    let pod_name = format!("{}-{n}", fields::name(set));
    let index = n.to_string();
    let labels = [
        (revisions::LABEL, name),
        ("statefulset.kubernetes.io/pod-name", pod_name.as_str()),
        ("apps.kubernetes.io/pod-index", index.as_str()),
    ];
    let mut pod = pods::from_template(set, &template, &pod_name, &labels);
    pod["metadata"]["generateName"] = json!(format!("{}-", fields::name(set)));
    pod["spec"]["hostname"] = json!(pod_name);
    pod["spec"]["subdomain"] = set["spec"]["serviceName"].clone();
    if pods::make(world, set, pod, BY).is_ok() {
        let message = format!("create Pod {pod_name} in StatefulSet {} successful", fields::name(set));
        world.tell(set, &Told::normal(BY, "SuccessfulCreate", message));
    }
}

/// A template without the directive that revisions hold for the controller's merge.
pub(super) fn without_directive(template: &Value) -> Value {
    let mut template = template.clone();
    fields::remove(&mut template, &["$patch"]);
    template
}

fn write_status(world: &mut World, set: &Value, there: &[Value], update: &str, current: String) {
    let wanted = fields::count(set, "/spec/replicas");
    let delay = fields::count(set, "/spec/minReadySeconds");
    let live: Vec<&Value> = there.iter().filter(|p| pods::active(p)).collect();
    let of = |name: &str| live.iter().filter(|p| revision(p) == name).count();
    let ready = live.iter().filter(|p| pods::ready(p)).count();
    let available = live.iter().filter(|p| pods::available(world, p, delay)).count();
    let done = u64::try_from(of(update)).unwrap_or(0) == wanted
        && u64::try_from(ready).unwrap_or(0) == wanted
        && live.len() == there.len();
    let current = if done { update.to_owned() } else { current };
    let mut status = json!({
        "observedGeneration": set["metadata"]["generation"],
        "replicas": live.len(),
        "availableReplicas": available,
        "currentRevision": current,
        "updateRevision": update,
        "collisionCount": 0,
    });
    for (key, count) in [
        ("readyReplicas", ready),
        ("currentReplicas", of(&current)),
        ("updatedReplicas", of(update)),
    ] {
        if count > 0 {
            status[key] = json!(count);
        }
    }
    world.set_status(Kind::StatefulSet, set, status);
}
