//! What came of a write that nobody heard the end of, by reading and nothing else.

use crate::act::apply::Present;
use crate::act::breach::first_difference;
use crate::act::revert::{is_already_so, lasting};
use crate::act::{Actor, diff, version};
use crate::error::Failure;
use crate::read::pods::leaving;
use crate::read::reference;
use dreamops_domain::journal::WriteOutcome;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::ports::ActError;
use dreamops_domain::rehearsal::Write;
use serde_json::Value;

impl Actor {
    pub(super) async fn settle_write(&self, write: &Write) -> Result<Option<WriteOutcome>, ActError> {
        let target = write.target();
        match write {
            Write::Patch { forward, .. } => match self.read_for(target).await? {
                Present::Gone(why) => Ok(Some(WriteOutcome::Conflict { why })),
                Present::Same(live) => Ok(self.settle_patch(write, target, &lasting(forward), &live)),
            },
            Write::Delete { target } | Write::Evict { target } => Ok(match self.read_for(target).await? {
                Present::Gone(_) => Some(WriteOutcome::Applied { version: None }),
                Present::Same(live) => leaving(&live).then_some(WriteOutcome::Applied { version: None }),
            }),
            Write::Create { object, .. } => self.settle_create(target, &object.0).await,
        }
    }

    fn settle_patch(&self, write: &Write, target: &ObjectRef, forward: &[Value], live: &Value) -> Option<WriteOutcome> {
        match diff::apply(live, forward) {
            Ok(_) => None,
            Err(_) if is_already_so(write, live) || first_difference(write, live).is_none() => {
                Some(WriteOutcome::Applied {
                    version: Some(version::of(target, live)),
                })
            }
            Err(unmet) => Some(WriteOutcome::Conflict {
                why: self.drift(target, live, &unmet),
            }),
        }
    }

    async fn settle_create(&self, target: &ObjectRef, object: &Value) -> Result<Option<WriteOutcome>, ActError> {
        match self.made_before(target, object).await? {
            None => Ok(None),
            Some(false) => Ok(Some(WriteOutcome::Conflict {
                why: format!("{target} exists and is another one"),
            })),
            Some(true) => {
                let made = self.api.get(&target.kind, &target.namespace, &target.name).await;
                match made {
                    Ok(made) => Ok(Some(WriteOutcome::Applied {
                        version: Some(version::of(&reference(&made), &made)),
                    })),
                    Err(e) if e.failure == Failure::NotFound => Ok(None),
                    Err(e) => Err(ActError::Read(e.into_read(&self.redactor))),
                }
            }
        }
    }
}
