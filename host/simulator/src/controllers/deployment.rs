//! Deployments: a ReplicaSet for each template, numbered by when it was asked for last.
//!
//! A template that was there before gets its old ReplicaSet back, with a new number: so an undo moves a number and makes
//! nothing new.

use super::{pods, replica_set, rollout};
use crate::fields;
use crate::names;
use crate::world::World;
use crate::world::kind::Kind;
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub(super) const REVISION: &str = "deployment.kubernetes.io/revision";
const HASH_LABEL: &str = "pod-template-hash";
/// Annotations of a Deployment that are not passed on to its ReplicaSets.
const NOT_PASSED_ON: [&str; 4] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
];

/// One round.
pub(super) fn sync(world: &mut World, dirty: &BTreeSet<String>) {
    for deployment in world.among(Kind::Deployment, dirty) {
        if !fields::leaving(&deployment) {
            sync_one(world, &deployment);
        }
    }
}

/// A Deployment's ReplicaSets: the one with its present template, and the others, oldest first.
pub(super) struct Sets {
    pub(super) new: Option<Value>,
    pub(super) old: Vec<Value>,
}

impl Sets {
    pub(super) fn all(&self) -> impl Iterator<Item = &Value> {
        self.old.iter().chain(&self.new)
    }

    fn find(world: &World, deployment: &Value) -> Self {
        let mut sets = world.controlled(Kind::ReplicaSet, deployment);
        sets.sort_by_key(|s| (fields::text(s, "/metadata/creationTimestamp").to_owned(), revision(s)));
        let wanted = bare(&deployment["spec"]["template"]);
        let place = sets.iter().position(|s| bare(&s["spec"]["template"]) == wanted);
        let new = place.map(|p| sets.remove(p));
        Self { new, old: sets }
    }
}

/// A template without what the controller adds.
fn bare(template: &Value) -> Value {
    let mut template = fields::without_nulls(template);
    fields::remove(&mut template, &["metadata", "labels", HASH_LABEL]);
    template
}

/// The number of a ReplicaSet.
fn revision(set: &Value) -> u64 {
    set["metadata"]["annotations"][REVISION]
        .as_str()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0)
}

fn sync_one(world: &mut World, deployment: &Value) {
    let mut sets = Sets::find(world, deployment);
    let paused = deployment["spec"]["paused"] == true;
    let recreate = fields::text(deployment, "/spec/strategy/type") == "Recreate";
    let must_wait = recreate && sets.new.is_none() && old_pods(world, &sets) > 0;
    if !paused && !must_wait {
        sets.new = ensure_new(world, deployment, &sets);
    }
    if paused {
        rollout::scale_paused(world, deployment, &sets);
    } else if recreate {
        let left = old_pods(world, &sets);
        rollout::recreate(world, deployment, &sets, left);
    } else {
        rollout::roll(world, deployment, &sets);
    }
    let sets = Sets::find(world, deployment);
    forget_old(world, deployment, &sets);
    rollout::write_status(world, deployment, &sets);
}

fn old_pods(world: &World, sets: &Sets) -> usize {
    sets.old.iter().map(|s| world.controlled(Kind::Pod, s).len()).sum()
}

/// The ReplicaSet of the present template, made or found, with its number and annotations.
fn ensure_new(world: &mut World, deployment: &Value, sets: &Sets) -> Option<Value> {
    let number = sets.old.iter().map(revision).max().unwrap_or(0) + 1;
    let set = if let Some(set) = &sets.new {
        set.clone()
    } else {
        let hash = names::hash(&bare(&deployment["spec"]["template"]));
        let first = rollout::first_count(deployment, sets);
        let made = replica_set::of_deployment(deployment, &hash, first);
        let made = with_annotations(made, deployment, number);
        let made = replica_set::make(world, made)?;
        if first > 0 {
            rollout::told_scaling(world, deployment, &made, 0, first);
        }
        made
    };
    let number = number.max(revision(&set));
    let before = revision(&set);
    let mut set = with_annotations(set, deployment, number);
    if before > 0 && before < number {
        remember(&mut set, before);
    }
    world.put(Kind::ReplicaSet, set.clone());
    let mut annotated = deployment.clone();
    fields::set(
        &mut annotated,
        &["metadata", "annotations", REVISION],
        number.to_string(),
    );
    world.put(Kind::Deployment, annotated);
    world
        .get(Kind::ReplicaSet, fields::namespace(&set), fields::name(&set))
        .cloned()
}

fn with_annotations(mut set: Value, deployment: &Value, number: u64) -> Value {
    for (key, value) in fields::members(deployment, "/metadata/annotations") {
        if !NOT_PASSED_ON.contains(&key) {
            fields::set(&mut set, &["metadata", "annotations", key], value.clone());
        }
    }
    let wanted = fields::count(deployment, "/spec/replicas");
    let most = wanted + rollout::Bounds::of(deployment).surge;
    fields::set(&mut set, &["metadata", "annotations", REVISION], number.to_string());
    fields::set(
        &mut set,
        &["metadata", "annotations", "deployment.kubernetes.io/desired-replicas"],
        wanted.to_string(),
    );
    fields::set(
        &mut set,
        &["metadata", "annotations", "deployment.kubernetes.io/max-replicas"],
        most.to_string(),
    );
    set
}

/// The numbers that a ReplicaSet had before, oldest first.
fn remember(set: &mut Value, before: u64) {
    const HISTORY: &str = "deployment.kubernetes.io/revision-history";
    let known = set["metadata"]["annotations"][HISTORY].as_str().unwrap_or_default();
    let all = if known.is_empty() {
        before.to_string()
    } else {
        format!("{known},{before}")
    };
    fields::set(set, &["metadata", "annotations", HISTORY], all);
}

/// Keeps as many old ReplicaSets as the history may be long.
fn forget_old(world: &mut World, deployment: &Value, sets: &Sets) {
    let kept = usize::try_from(fields::count(deployment, "/spec/revisionHistoryLimit")).unwrap_or(10);
    let mut idle: Vec<&Value> = sets
        .old
        .iter()
        .filter(|s| fields::count(s, "/spec/replicas") == 0 && fields::count(s, "/status/replicas") == 0)
        .collect();
    idle.sort_by_key(|s| revision(s));
    for set in idle.iter().take(idle.len().saturating_sub(kept)) {
        world.erase(Kind::ReplicaSet, fields::namespace(set), fields::name(set));
    }
}

/// Sets the count of a ReplicaSet, and tells so.
pub(super) fn set_count(world: &mut World, deployment: &Value, set: &Value, count: u64) {
    let before = fields::count(set, "/spec/replicas");
    if before == count {
        return;
    }
    let mut changed = set.clone();
    changed["spec"]["replicas"] = json!(count);
    world.put(Kind::ReplicaSet, changed);
    rollout::told_scaling(world, deployment, set, before, count);
}

/// Pods that a set of ReplicaSets asks for.
pub(super) fn asked<'a>(sets: impl Iterator<Item = &'a Value>) -> u64 {
    sets.map(|s| fields::count(s, "/spec/replicas")).sum()
}

/// Pods of a set of ReplicaSets that are available.
pub(super) fn available<'a>(sets: impl Iterator<Item = &'a Value>) -> u64 {
    sets.map(|s| fields::count(s, "/status/availableReplicas")).sum()
}

/// Whether any pod of the Deployment was refused, as its ReplicaSet tells.
pub(super) fn failure(sets: &Sets) -> Option<&Value> {
    sets.all().find_map(|s| fields::condition(s, "ReplicaFailure"))
}

/// Whether nothing of the Deployment's pods stands in the way of calling a rollout done.
pub(super) fn pods_left(world: &World, sets: &Sets) -> usize {
    sets.old
        .iter()
        .flat_map(|s| world.controlled(Kind::Pod, s))
        .filter(pods::active)
        .count()
}
