//! How a Deployment goes from one ReplicaSet to the next, and what it says about that.

use super::deployment::{self, Sets, asked, available};
use crate::fields;
use crate::world::World;
use crate::world::events::Told;
use crate::world::kind::Kind;
use serde_json::{Value, json};

const BY: &str = "deployment-controller";

/// How far a rollout may go above and below the wanted count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) surge: u64,
    pub(super) unavailable: u64,
}

impl Bounds {
    /// As numbers. Shares round up for the surge and down for the unavailable; both zero would never end.
    pub(super) fn of(deployment: &Value) -> Self {
        let wanted = fields::count(deployment, "/spec/replicas");
        let rolling = &deployment["spec"]["strategy"]["rollingUpdate"];
        let surge = resolve(&rolling["maxSurge"], wanted, true);
        let unavailable = resolve(&rolling["maxUnavailable"], wanted, false);
        let unavailable = if surge == 0 && unavailable == 0 { 1 } else { unavailable };
        Self {
            surge,
            unavailable: unavailable.min(wanted),
        }
    }
}

/// A number, or a share of the whole.
pub(super) fn resolve(value: &Value, whole: u64, up: bool) -> u64 {
    if let Some(number) = value.as_u64() {
        return number;
    }
    let share: Option<u64> = value
        .as_str()
        .and_then(|s| s.strip_suffix('%'))
        .and_then(|s| s.parse().ok());
    match share {
        Some(percent) if up => (whole * percent).div_ceil(100),
        Some(percent) => whole * percent / 100,
        None => 0,
    }
}

/// How many pods the ReplicaSet of a new template begins with.
pub(super) fn first_count(deployment: &Value, sets: &Sets) -> u64 {
    let wanted = fields::count(deployment, "/spec/replicas");
    if fields::text(deployment, "/spec/strategy/type") == "Recreate" {
        return wanted;
    }
    let most = wanted + Bounds::of(deployment).surge;
    wanted.min(most.saturating_sub(asked(sets.old.iter())))
}

/// One step of a rolling update.
pub(super) fn roll(world: &mut World, deployment: &Value, sets: &Sets) {
    let Some(new) = &sets.new else { return };
    let wanted = fields::count(deployment, "/spec/replicas");
    let bounds = Bounds::of(deployment);
    let (all, own) = (asked(sets.all()), fields::count(new, "/spec/replicas"));
    let next = if own >= wanted {
        wanted
    } else {
        own + (wanted - own).min((wanted + bounds.surge).saturating_sub(all))
    };
    if next != own {
        return deployment::set_count(world, deployment, new, next);
    }
    let least = wanted - bounds.unavailable;
    let missing = own.saturating_sub(fields::count(new, "/status/availableReplicas"));
    let spare = all.saturating_sub(least).saturating_sub(missing);
    if spare == 0 || asked(sets.old.iter()) == 0 {
        return;
    }
    if clean_up(world, deployment, sets, spare) {
        return;
    }
    let mut spare = available(sets.all()).saturating_sub(least);
    for set in &sets.old {
        let there = fields::count(set, "/spec/replicas");
        let less = there.min(spare);
        if less > 0 {
            deployment::set_count(world, deployment, set, there - less);
            spare -= less;
        }
    }
}

/// Pods of old ReplicaSets that are of no use go first. Returns whether any went.
fn clean_up(world: &mut World, deployment: &Value, sets: &Sets, spare: u64) -> bool {
    let mut left = spare;
    for set in &sets.old {
        let there = fields::count(set, "/spec/replicas");
        let useless = there.saturating_sub(fields::count(set, "/status/availableReplicas"));
        let less = useless.min(left);
        if less > 0 {
            deployment::set_count(world, deployment, set, there - less);
            left -= less;
        }
    }
    left < spare
}

/// One step of a Recreate: nothing new before everything old is gone.
pub(super) fn recreate(world: &mut World, deployment: &Value, sets: &Sets, old_pods: usize) {
    for set in &sets.old {
        deployment::set_count(world, deployment, set, 0);
    }
    if let Some(new) = sets.new.as_ref().filter(|_| old_pods == 0) {
        let wanted = fields::count(deployment, "/spec/replicas");
        deployment::set_count(world, deployment, new, wanted);
    }
}

/// A paused Deployment still follows its count, with the ReplicaSet that has pods.
pub(super) fn scale_paused(world: &mut World, deployment: &Value, sets: &Sets) {
    let active: Vec<&Value> = sets.all().filter(|s| fields::count(s, "/spec/replicas") > 0).collect();
    if let [only] = active.as_slice() {
        deployment::set_count(world, deployment, only, fields::count(deployment, "/spec/replicas"));
    }
}

pub(super) fn told_scaling(world: &mut World, deployment: &Value, set: &Value, from: u64, to: u64) {
    let way = if to > from { "up" } else { "down" };
    let message = format!("Scaled {way} replica set {} from {from} to {to}", fields::name(set));
    world.tell(deployment, &Told::normal(BY, "ScalingReplicaSet", message));
}

/// Counts and conditions.
pub(super) fn write_status(world: &mut World, deployment: &Value, sets: &Sets) {
    let Some(present) = world
        .get(
            Kind::Deployment,
            fields::namespace(deployment),
            fields::name(deployment),
        )
        .cloned()
    else {
        return;
    };
    let sum = |key: &str| -> u64 { sets.all().map(|s| fields::count(s, &format!("/status/{key}"))).sum() };
    let updated = sets.new.as_ref().map_or(0, |s| fields::count(s, "/status/replicas"));
    let counts = [
        ("replicas", sum("replicas")),
        ("updatedReplicas", updated),
        ("readyReplicas", sum("readyReplicas")),
        ("availableReplicas", sum("availableReplicas")),
        (
            "unavailableReplicas",
            asked(sets.all()).saturating_sub(sum("availableReplicas")),
        ),
    ];
    let mut status = json!({ "observedGeneration": present["metadata"]["generation"] });
    for (key, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        status[key] = json!(count);
    }
    let mut conditions = Vec::new();
    conditions.extend(progressing(world, &present, sets, &status));
    conditions.push(availability(world, &present, &status));
    if let Some(failure) = deployment::failure(sets) {
        conditions.push(dated(world, &present, failure.clone(), false));
    }
    status["conditions"] = Value::Array(conditions);
    world.set_status(Kind::Deployment, &present, status);
}

fn availability(world: &World, deployment: &Value, status: &Value) -> Value {
    let wanted = fields::count(deployment, "/spec/replicas");
    let least = wanted - Bounds::of(deployment).unavailable;
    let enough = fields::count(status, "/availableReplicas") >= least;
    let condition = if enough {
        json!({"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable",
            "message": "Deployment has minimum availability."})
    } else {
        json!({"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable",
            "message": "Deployment does not have minimum availability."})
    };
    dated(world, deployment, condition, false)
}

fn progressing(world: &mut World, deployment: &Value, sets: &Sets, status: &Value) -> Option<Value> {
    let before = fields::condition(deployment, "Progressing").cloned();
    let Some(new) = &sets.new else { return before };
    let name = fields::name(new).to_owned();
    let say = |holds: bool, reason: &str, message: String| json!({"type": "Progressing", "status": if holds { "True" } else { "False" }, "reason": reason, "message": message});
    let wanted = fields::count(deployment, "/spec/replicas");
    let complete = ["updatedReplicas", "replicas", "availableReplicas"]
        .iter()
        .all(|key| fields::count(status, &format!("/{key}")) == wanted)
        && deployment::pods_left(world, sets) == 0;
    if complete {
        let message = format!("ReplicaSet \"{name}\" has successfully progressed.");
        return Some(dated(
            world,
            deployment,
            say(true, "NewReplicaSetAvailable", message),
            false,
        ));
    }
    let Some(before) = before else {
        let message = format!("Created new replica set \"{name}\"");
        return Some(dated(
            world,
            deployment,
            say(true, "NewReplicaSetCreated", message),
            true,
        ));
    };
    let old = &deployment["status"];
    let grew = |key: &str| fields::count(status, &format!("/{key}")) > fields::count(old, &format!("/{key}"));
    let left = |s: &Value| fields::count(s, "/replicas").saturating_sub(fields::count(s, "/updatedReplicas"));
    let new_spec = old["observedGeneration"] != status["observedGeneration"];
    let about_another = !fields::text(&before, "/message").contains(&format!("\"{name}\""));
    if grew("updatedReplicas")
        || grew("readyReplicas")
        || grew("availableReplicas")
        || left(status) < left(old)
        || (new_spec && about_another)
    {
        let message = format!("ReplicaSet \"{name}\" is progressing.");
        return Some(dated(world, deployment, say(true, "ReplicaSetUpdated", message), true));
    }
    if before["reason"] == "NewReplicaSetAvailable" && !about_another {
        return Some(before);
    }
    let patience = fields::count(deployment, "/spec/progressDeadlineSeconds") * 1000;
    let until = fields::millis(fields::text(&before, "/lastUpdateTime")) + patience;
    if until > world.now() {
        world.wake_at(until, fields::uid(deployment));
        return Some(before);
    }
    let message = format!("ReplicaSet \"{name}\" has timed out progressing.");
    Some(dated(
        world,
        deployment,
        say(false, "ProgressDeadlineExceeded", message),
        false,
    ))
}

/// Gives a condition its times: of the last change of its status, and of the last news.
fn dated(world: &World, deployment: &Value, mut condition: Value, news: bool) -> Value {
    let now = json!(fields::time(world.now()));
    let before = fields::condition(deployment, fields::text(&condition, "/type"));
    let same_status = before.filter(|c| c["status"] == condition["status"]);
    let same = same_status.filter(|c| c["reason"] == condition["reason"] && c["message"] == condition["message"]);
    condition["lastUpdateTime"] = match same {
        Some(before) if !news => before["lastUpdateTime"].clone(),
        _ => now.clone(),
    };
    condition["lastTransitionTime"] = same_status.map_or(now, |c| c["lastTransitionTime"].clone());
    condition
}
