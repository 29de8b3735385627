//! The world: all objects, the present moment, and what is going to happen.
//!
//! Promises:
//! - What can be seen depends only on the clock and on the writes that were made: the world moves when it is asked,
//!   from one due moment to the next, and never by itself.
//! - Every change of an object gives it a new resourceVersion; a change of the spec, of a kind that has one, a new
//!   generation; a write that changes nothing changes neither.
//! - Controllers act on what they see until nothing is left to do, all at the same moment.

mod dirty;
pub(crate) mod events;
pub(crate) mod kind;
pub(crate) mod managed;
pub(crate) mod refusal;
pub(crate) mod registry;
pub(crate) mod selector;
mod time;
mod write;

use crate::fields;
use crate::kubelet::Kubelet;
use crate::names::Names;
use kind::Kind;
use registry::Registry;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Kind, namespace (empty for objects of the cluster), name.
type Key = (Kind, String, String);

/// A whole simulated cluster.
#[derive(Debug)]
pub(crate) struct World {
    objects: BTreeMap<Key, Value>,
    /// The last resourceVersion that was given.
    revision: u64,
    /// Uids of objects that controllers have to look at: they, or what they own, select or wait for, changed.
    dirty: BTreeSet<String>,
    /// Milliseconds since 1970.
    now: u64,
    /// Moments at which controllers have to look at an object again.
    wakes: BTreeSet<(u64, String)>,
    /// When a controller may try again what was refused, with the delay that came before; by the owner's uid.
    pub(crate) retries: BTreeMap<String, (u64, u64)>,
    pub(crate) names: Names,
    pub(crate) registry: Registry,
    pub(crate) kubelet: Kubelet,
    /// Addresses given out so far: pods, Services.
    pub(crate) addresses: (u16, u16),
    /// Whether the metrics API is there.
    pub(crate) has_metrics: bool,
}

impl World {
    /// An empty world at a moment. Worlds of different seeds share no uid.
    pub(crate) fn new(seed: u64, now: u64) -> Self {
        Self {
            objects: BTreeMap::new(),
            revision: 1000,
            dirty: BTreeSet::new(),
            now,
            wakes: BTreeSet::new(),
            retries: BTreeMap::new(),
            names: Names::seeded(seed),
            registry: Registry::default(),
            kubelet: Kubelet::default(),
            addresses: (1, 1),
            has_metrics: true,
        }
    }

    /// The present moment, in milliseconds since 1970.
    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    /// The last resourceVersion that was given.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// One object. The namespace is empty for objects of the cluster.
    pub(crate) fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<&Value> {
        self.objects.get(&(kind, namespace.to_owned(), name.to_owned()))
    }

    /// Objects of a kind, by namespace and name.
    pub(crate) fn of(&self, kind: Kind) -> impl Iterator<Item = &Value> {
        let first = (kind, String::new(), String::new());
        self.objects
            .range(first..)
            .take_while(move |((k, _, _), _)| *k == kind)
            .map(|(_, object)| object)
    }

    /// Objects of a kind in a namespace.
    pub(crate) fn within<'a>(&'a self, kind: Kind, namespace: &'a str) -> impl Iterator<Item = &'a Value> {
        self.of(kind).filter(move |o| fields::namespace(o) == namespace)
    }

    /// Objects of a kind that an object controls.
    pub(crate) fn controlled(&self, kind: Kind, owner: &Value) -> Vec<Value> {
        let uid = fields::uid(owner);
        self.within(kind, fields::namespace(owner))
            .filter(|o| fields::controller(o) == uid)
            .cloned()
            .collect()
    }

    /// Copies of all objects of a kind, for a controller that goes through them and writes.
    pub(crate) fn copies(&self, kind: Kind) -> Vec<Value> {
        self.of(kind).cloned().collect()
    }

    /// Copies of those objects of a kind that are among the uids.
    pub(crate) fn among(&self, kind: Kind, uids: &BTreeSet<String>) -> Vec<Value> {
        self.of(kind)
            .filter(|o| uids.contains(fields::uid(o)))
            .cloned()
            .collect()
    }

    /// All objects, with their keys.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&Key, &Value)> {
        self.objects.iter()
    }
}
