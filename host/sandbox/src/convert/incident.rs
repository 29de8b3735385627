//! `dreamops:incident`.

use super::{BadOutput, bounds};
use crate::bindings::dreamops::incident::view as wit;
use dreamops_domain::decision::PastAction;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::read::Health;
use dreamops_domain::time::Timestamp;

impl From<&ObjectRef> for wit::ObjectRef {
    fn from(object: &ObjectRef) -> Self {
        Self {
            kind: object.kind.clone(),
            namespace: object.namespace.clone(),
            name: object.name.clone(),
            uid: object.uid.clone(),
        }
    }
}

/// Bounds only: whether the host returned it is for the caller to ask.
impl TryFrom<wit::ObjectRef> for ObjectRef {
    type Error = BadOutput;

    fn try_from(object: wit::ObjectRef) -> Result<Self, BadOutput> {
        let optional = |what: &str, value: String| {
            if value.is_empty() {
                Ok(value)
            } else {
                bounds::name(what, value)
            }
        };
        Ok(Self {
            kind: bounds::name("an object's kind", object.kind)?,
            namespace: optional("an object's namespace", object.namespace)?,
            name: bounds::name("an object's name", object.name)?,
            uid: optional("an object's uid", object.uid)?,
        })
    }
}

impl From<&PastAction> for wit::PastAction {
    fn from(past: &PastAction) -> Self {
        Self {
            at_ms: past.at.millis(),
            action: past.action.clone(),
            strategy: past.strategy.clone(),
            outcome: past.outcome.clone(),
            fault: past.fault.clone(),
        }
    }
}

impl From<&Health> for wit::Health {
    fn from(health: &Health) -> Self {
        Self {
            desired: health.desired,
            ready: health.ready,
            updated: health.updated,
            settled: health.settled,
            progressing: health.progressing,
            restarts: health.restarts,
            last_restart_ms: health.last_restart.map(Timestamp::millis),
            unready_pods: health.unready_pods.iter().map(Into::into).collect(),
        }
    }
}
