//! One write: made once, with its preconditions in the call, and told apart by what came of it.
//!
//! | the server answers | outcome |
//! | --- | --- |
//! | it took it | [`WriteOutcome::Applied`] |
//! | it was so before | [`WriteOutcome::AlreadySo`] |
//! | a test failed and, read again, does not hold; another uid | [`WriteOutcome::Conflict`] |
//! | a right is missing; the object would be invalid; admission or a budget says no | [`WriteOutcome::Refused`] |
//! | a deadline or break after the request was sent | [`ActError::InDoubt`] |

use crate::act::diff::{self, Unmet};
use crate::act::revert::{is_already_so, is_revert};
use crate::act::{Actor, breach, pointer, version};
use crate::error::{ApiError, Failure};
use dreamops_domain::journal::WriteOutcome;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::ports::ActError;
use dreamops_domain::read::ReadError;
use dreamops_domain::redact::Redactor;
use dreamops_domain::rehearsal::{RawPatch, Write};
use serde_json::Value;

impl Actor {
    pub(super) async fn apply_write(&self, write: &Write) -> Result<WriteOutcome, ActError> {
        match write {
            Write::Patch { target, forward, .. } => self.apply_patch(write, target, forward).await,
            Write::Delete { target } if target.kind == "Pod" => self.remove_pod(target).await,
            Write::Delete { target } => self.delete(target).await,
            Write::Evict { target } => self.remove_pod(target).await,
            Write::Create { target, object } => self.apply_create(target, &object.0).await,
        }
    }

    async fn apply_patch(
        &self,
        write: &Write,
        target: &ObjectRef,
        forward: &RawPatch,
    ) -> Result<WriteOutcome, ActError> {
        let live = match self.read_for(target).await? {
            Present::Same(live) => live,
            Present::Gone(why) => return Ok(WriteOutcome::Conflict { why }),
        };
        if is_already_so(write, &live) {
            return Ok(WriteOutcome::AlreadySo);
        }
        let answer = self
            .api
            .patch_json(&target.kind, &target.namespace, &target.name, &forward.0, false)
            .await;
        match answer {
            Ok(after) => {
                if is_revert(forward) {
                    self.disown(target, &after).await;
                }
                Ok(WriteOutcome::Applied {
                    version: Some(version::of(target, &after)),
                })
            }
            Err(error) => self.patch_failed(write, target, forward, error).await,
        }
    }

    async fn patch_failed(
        &self,
        write: &Write,
        target: &ObjectRef,
        forward: &RawPatch,
        error: ApiError,
    ) -> Result<WriteOutcome, ActError> {
        match error.failure {
            Failure::PatchTest | Failure::Conflict | Failure::NotFound => {}
            _ => return self.refusal(error),
        }
        let live = match self.read_for(target).await? {
            Present::Same(live) => live,
            Present::Gone(why) => return Ok(WriteOutcome::Conflict { why }),
        };
        if is_already_so(write, &live) {
            return Ok(WriteOutcome::AlreadySo);
        }
        Ok(match diff::apply(&live, &forward.0) {
            Err(unmet) => WriteOutcome::Conflict {
                why: self.drift(target, &live, &unmet),
            },
            Ok(_) => WriteOutcome::Refused {
                why: format!(
                    "the cluster refused the patch of {target} although all its tests hold ({}); this is a defect of DreamOps, please report it",
                    error.said(&self.redactor)
                ),
            },
        })
    }

    /// What differs from what a patch expects, for a person.
    pub(super) fn drift(&self, target: &ObjectRef, live: &Value, unmet: &Unmet) -> String {
        if unmet.path == "/metadata/generation" || unmet.path == "/metadata/resourceVersion" {
            return format!("{target} was changed by someone else since it was looked at");
        }
        let shown = self.redactor.object(live);
        let present = breach::shown_value(&shown, &unmet.path);
        let writer = breach::writer(live, &unmet.path)
            .map(|w| format!(", written by {w}"))
            .unwrap_or_default();
        format!("{} of {target} is {present} now{writer}", unmet.path)
    }

    async fn apply_create(&self, target: &ObjectRef, object: &Value) -> Result<WriteOutcome, ActError> {
        let answer = self.api.create(&target.kind, &target.namespace, object, false).await;
        match answer {
            Ok(made) => {
                let made_ref = crate::read::reference(&made);
                Ok(WriteOutcome::Applied {
                    version: Some(version::of(&made_ref, &made)),
                })
            }
            Err(error) if error.failure == Failure::AlreadyExists => match self.made_before(target, object).await? {
                Some(true) => Ok(WriteOutcome::AlreadySo),
                _ => Ok(WriteOutcome::Conflict {
                    why: format!("{target} exists already and is another one"),
                }),
            },
            Err(error) => self.refusal(error),
        }
    }

    /// Whether `target` is there with the content of `object`; `None` where it is not there.
    pub(super) async fn made_before(&self, target: &ObjectRef, object: &Value) -> Result<Option<bool>, ActError> {
        match self.api.get(&target.kind, &target.namespace, &target.name).await {
            Ok(live) => Ok(Some(same_content(object, &live))),
            Err(e) if e.failure == Failure::NotFound => Ok(None),
            Err(e) => Err(ActError::Read(e.into_read(&self.redactor))),
        }
    }

    /// The object a write is for, if it still is that object.
    pub(super) async fn read_for(&self, target: &ObjectRef) -> Result<Present, ActError> {
        match self.api.get(&target.kind, &target.namespace, &target.name).await {
            Ok(live) if pointer::text(&live, "/metadata/uid") == target.uid => Ok(Present::Same(live)),
            Ok(_) => Ok(Present::Gone(format!(
                "{target} was deleted and made anew by someone else"
            ))),
            Err(e) if e.failure == Failure::NotFound => Ok(Present::Gone(format!("{target} does not exist any more"))),
            Err(e) => Err(ActError::Read(e.into_read(&self.redactor))),
        }
    }

    /// A write that the server did not carry out, or may have.
    pub(super) fn refusal(&self, error: ApiError) -> Result<WriteOutcome, ActError> {
        if error.in_doubt() {
            return Err(error.into_act(&self.redactor));
        }
        match error.failure {
            Failure::Unavailable { .. } | Failure::Unauthorized => Err(error.into_act(&self.redactor)),
            Failure::TooManyRequests { .. } if !error.call.resource.ends_with("/eviction") => {
                Err(error.into_act(&self.redactor))
            }
            Failure::Forbidden => {
                let read: ReadError = error.into_read(&self.redactor);
                Ok(WriteOutcome::Refused { why: read.to_string() })
            }
            _ => Ok(WriteOutcome::Refused {
                why: said(&error, &self.redactor),
            }),
        }
    }
}

/// What a write's target turned out to be.
pub(super) enum Present {
    /// The object itself.
    Same(Value),
    /// Not that object any more; why.
    Gone(String),
}

/// What the server said, with the causes it named.
pub(super) fn said(error: &ApiError, redactor: &Redactor) -> String {
    let mut text = error.said(redactor);
    for cause in &error.causes {
        let more = cause.said(redactor);
        if !more.is_empty() && !text.contains(&more) {
            text = format!("{text} ({more})");
        }
    }
    text
}

/// Whether an object that we create is there already: our labels and our data.
fn same_content(wanted: &Value, live: &Value) -> bool {
    let labels = |o: &Value| o["metadata"]["labels"].clone();
    wanted["data"] == live["data"] && wanted["type"] == live["type"] && labels(wanted) == labels(live)
}
