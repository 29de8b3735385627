//! A change tried without effect, forward and back.
//!
//! The forward patch is dry-run, which gives R: the object as defaulting and admission would leave it. The inverse is
//! the minimal patch from R back to the live object. It counts as proved when both in one patch pass a dry run and
//! leave the object as it is, outside status and the metadata that the server and controllers keep.

use crate::act::draft::Draft;
use crate::act::rehearse::{failed, not_checked, passed};
use crate::act::{Actor, apply, diff, pointer, version};
use crate::error::{ApiError, Failure};
use dreamops_domain::object::ObjectRef;
use dreamops_domain::ports::ActError;
use dreamops_domain::rehearsal::{Check, CheckOutcome, RawPatch, Write};
use serde_json::Value;

/// Annotations in which server and controllers number a workload's templates.
const COUNTED: [&str; 2] = [
    "deployment.kubernetes.io/revision",
    "deprecated.daemonset.template.generation",
];

/// What the dry runs gave.
pub(super) struct Tried {
    /// The checks `dry run` and `inverse`, and one for an object that is created.
    pub(super) checks: Vec<Check>,
    /// The object as it would be; what we want where the server could not say.
    pub(super) after: Value,
    /// The way back.
    pub(super) inverse: RawPatch,
    /// Whether the way back was proved.
    pub(super) proved: bool,
    /// Whether the object changed between being read and being tried.
    pub(super) moved: bool,
}

impl Actor {
    pub(super) async fn try_draft(&self, draft: &Draft, forward: &RawPatch) -> Result<Tried, ActError> {
        let mut checks = Vec::new();
        if let Some((target, object)) = &draft.create {
            checks.push(self.try_create(target, object).await?);
        }
        let target = &draft.target;
        let answer = self
            .api
            .patch_json(&target.kind, &target.namespace, &target.name, &forward.0, true)
            .await;
        let after = match answer {
            Ok(after) => after,
            Err(error) => {
                let moved = matches!(error.failure, Failure::PatchTest | Failure::Conflict);
                checks.push(self.refused("dry run", target, error)?);
                checks.push(not_checked("inverse", "the dry run did not pass"));
                return Ok(Tried {
                    checks,
                    after: draft.wanted.clone(),
                    inverse: inverse_from(&draft.wanted, &draft.live),
                    proved: false,
                    moved,
                });
            }
        };
        checks.push(passed("dry run"));
        let inverse = inverse_from(&after, &draft.live);
        let (check, moved) = self.try_inverse(draft, &after, &inverse).await?;
        let proved = check.outcome == CheckOutcome::Passed;
        checks.push(check);
        Ok(Tried {
            checks,
            after,
            inverse,
            proved,
            moved,
        })
    }

    /// A dry run that the server did not accept, as a check; an error where it could not answer.
    fn refused(&self, name: &str, target: &ObjectRef, error: ApiError) -> Result<Check, ActError> {
        let why = apply::said(&error, &self.redactor);
        Ok(match error.failure {
            Failure::Unavailable { .. } | Failure::Unauthorized | Failure::TooManyRequests { .. } => {
                return Err(ActError::Read(error.into_read(&self.redactor)));
            }
            Failure::PatchTest | Failure::Conflict => failed(
                name,
                format!("{target} was changed by someone else while this was rehearsed"),
            ),
            Failure::Forbidden => failed(name, error.into_read(&self.redactor).to_string()),
            // an admission webhook with side effects cannot be tried
            Failure::BadRequest if why.contains("does not support dry run") => not_checked(name, why),
            _ => failed(name, why),
        })
    }

    /// Forward and back in one patch: the server has to accept it, and the object has to be what it is.
    async fn try_inverse(&self, draft: &Draft, after: &Value, inverse: &RawPatch) -> Result<(Check, bool), ActError> {
        let target = &draft.target;
        let name = "inverse";
        let there = diff::changes(&kept(&draft.live), &kept(after));
        let mut both = there.after(&version::tests(&target.kind, &draft.live)).0;
        both.extend(inverse.0.iter().cloned());
        let answer = self
            .api
            .patch_json(&target.kind, &target.namespace, &target.name, &both, true)
            .await;
        match answer {
            Ok(back) => {
                let left = diff::changes(&kept(&draft.live), &kept(&back));
                let check = left.ops.first().map_or_else(
                    || passed(name),
                    |op| {
                        let path = op["path"].as_str().unwrap_or_default();
                        failed(name, format!("taking it back would leave {path} changed"))
                    },
                );
                Ok((check, false))
            }
            Err(error) => {
                let moved = matches!(error.failure, Failure::PatchTest | Failure::Conflict);
                Ok((self.refused(name, target, error)?, moved))
            }
        }
    }

    async fn try_create(&self, target: &ObjectRef, object: &Value) -> Result<Check, ActError> {
        let name = "dry run of the Secret";
        match self.api.create(&target.kind, &target.namespace, object, true).await {
            Ok(_) => Ok(passed(name)),
            Err(error) => self.refused(name, target, error),
        }
    }

    /// Why a write could not be made now, tried without effect; `None` where it could.
    pub(super) async fn obstacle_to(&self, write: &Write) -> Result<Option<String>, ActError> {
        let target = write.target();
        let (kind, namespace, name) = (&target.kind, &target.namespace, &target.name);
        let answer = match write {
            Write::Patch { forward, .. } => self.api.patch_json(kind, namespace, name, &forward.0, true).await,
            Write::Create { object, .. } => self.api.create(kind, namespace, &object.0, true).await,
            Write::Evict { .. } => self.api.evict(namespace, name, &target.uid, true).await,
            Write::Delete { .. } => self.api.delete(kind, namespace, name, &target.uid, true).await,
        };
        let Err(error) = answer else { return Ok(None) };
        Ok(match self.refused("", target, error)?.outcome {
            CheckOutcome::Failed { why } => Some(why),
            CheckOutcome::NotChecked { because } => Some(because),
            CheckOutcome::Passed => None,
        })
    }
}

/// Tests of the uid and of each value, then the way back; no generation, which moves.
fn inverse_from(after: &Value, live: &Value) -> RawPatch {
    diff::changes(&kept(after), &kept(live)).after(&version::identity(live))
}

/// The parts of an object that people and admission write, without what the server and controllers keep.
pub(super) fn kept(object: &Value) -> Value {
    let mut object = diff::without_nulls(object);
    pointer::remove(&mut object, &["status"]);
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.retain(|key, _| {
            matches!(
                key.as_str(),
                "name" | "namespace" | "labels" | "annotations" | "finalizers" | "ownerReferences"
            )
        });
    }
    for counted in COUNTED {
        pointer::remove(&mut object, &["metadata", "annotations", counted]);
    }
    if object["metadata"]["annotations"] == serde_json::json!({}) {
        pointer::remove(&mut object, &["metadata", "annotations"]);
    }
    object
}
