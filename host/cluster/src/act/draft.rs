//! What an action wants of the cluster, before anything was tried.

use dreamops_domain::object::ObjectRef;
use serde_json::Value;

/// What a change sets going.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Effect {
    /// A field that starts nothing anew.
    Field,
    /// All pods of the workload are replaced by pods of a new template.
    Rollout,
    /// More pods of the same template are made.
    MorePods,
}

/// One action on one object: the object as it is and as it should be.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    /// The object.
    pub(crate) target: ObjectRef,
    /// As it was read.
    pub(crate) live: Value,
    /// As it should be.
    pub(crate) wanted: Value,
    /// What that sets going.
    pub(crate) effect: Effect,
    /// An object of ours that must be there before, with its name.
    pub(crate) create: Option<(ObjectRef, Value)>,
    /// Unready pods that would keep the change from reaching the others, deleted after it.
    pub(crate) stuck: Vec<ObjectRef>,
    /// The `ReplicaSet` or `ControllerRevision` that is gone back to: its pods are right already.
    pub(crate) revision: Option<Value>,
}

impl Draft {
    /// A change of `live` to `wanted` that needs nothing else.
    pub(crate) fn new(target: &ObjectRef, live: Value, wanted: Value, effect: Effect) -> Self {
        Self {
            target: target.clone(),
            live,
            wanted,
            effect,
            create: None,
            stuck: Vec::new(),
            revision: None,
        }
    }
}
