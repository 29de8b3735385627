//! One write: made once, with its preconditions in the call, and told apart by what came of it.
//!
//! | the server answers | outcome |
//! | --- | --- |
//! | it took it | [`WriteOutcome::Applied`] |
//! | it was so before | [`WriteOutcome::AlreadySo`] |
//! | a test failed and, read again, does not hold; another uid | [`WriteOutcome::Conflict`] |
//! | a right is missing; the object would be invalid; admission or a budget says no | [`WriteOutcome::Refused`] |
//! | a deadline or break after the request was sent | [`ActError::InDoubt`] |
//!
//! Whether a pod is deleted or evicted is decided by its readiness at the moment of the call: an unready pod is
//! deleted (its eviction may be refused for ever by a disruption budget), a ready one is evicted (so that the budget
//! is kept).

use crate::act::diff::{self, Unmet};
use crate::act::{Actor, breach, pods, pointer, version};
use crate::error::{ApiError, Failure};
use crate::read::pods::{leaving, ready};
use dreamops_domain::journal::WriteOutcome;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::ports::ActError;
use dreamops_domain::read::ReadError;
use dreamops_domain::rehearsal::{RawPatch, Write};
use serde_json::Value;
use std::time::Duration;

/// How long a delete of a StatefulSet's pod waits for the controller to have seen the new template.
const CONTROLLER_DEADLINE: Duration = Duration::from_secs(5);
/// How often it looks.
const CONTROLLER_INTERVAL: Duration = Duration::from_millis(100);

/// The write that takes `done` back; see [`dreamops_domain::ports::ClusterWrite::inverse`].
pub(super) fn inverse(done: &Write, outcome: &WriteOutcome) -> Option<Write> {
    let WriteOutcome::Applied { version } = outcome else {
        return None;
    };
    match done {
        Write::Patch {
            target,
            forward,
            inverse,
            touched,
        } => Some(Write::Patch {
            target: target.clone(),
            forward: inverse.clone(),
            inverse: RawPatch(
                forward
                    .0
                    .iter()
                    .filter(|op| !is_moving_precondition(op))
                    .cloned()
                    .collect(),
            ),
            touched: touched.clone(),
        }),
        Write::Create { .. } => version.as_ref().map(|v| Write::Delete {
            target: v.object.clone(),
        }),
        Write::Delete { .. } | Write::Evict { .. } => None,
    }
}

/// Whether an operation tests what moves by itself once the patch is applied.
fn is_moving_precondition(op: &Value) -> bool {
    op["op"] == "test" && (op["path"] == "/metadata/generation" || op["path"] == "/metadata/resourceVersion")
}

/// A patch without the preconditions that move by themselves.
pub(super) fn lasting(patch: &RawPatch) -> Vec<Value> {
    patch
        .0
        .iter()
        .filter(|op| !is_moving_precondition(op))
        .cloned()
        .collect()
}

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

    async fn delete(&self, target: &ObjectRef) -> Result<WriteOutcome, ActError> {
        let answer = self
            .api
            .delete(&target.kind, &target.namespace, &target.name, &target.uid, false)
            .await;
        self.removed(answer)
    }

    async fn remove_pod(&self, target: &ObjectRef) -> Result<WriteOutcome, ActError> {
        let pod = match self.read_for(target).await? {
            Present::Same(pod) => pod,
            Present::Gone(_) => return Ok(WriteOutcome::AlreadySo),
        };
        if leaving(&pod) {
            return Ok(WriteOutcome::AlreadySo);
        }
        if let Some(owner) = pods::controller(&pod).filter(|o| o.kind == "StatefulSet") {
            self.await_controller(&owner).await?;
        }
        if ready(&pod) {
            let answer = self
                .api
                .evict(&target.namespace, &target.name, &target.uid, false)
                .await;
            return self.removed(answer);
        }
        self.delete(target).await
    }

    fn removed(&self, answer: Result<Value, ApiError>) -> Result<WriteOutcome, ActError> {
        match answer {
            Ok(_) => Ok(WriteOutcome::Applied { version: None }),
            // gone, or a successor has its name: what was meant is no more
            Err(e) if matches!(e.failure, Failure::NotFound | Failure::Conflict) => Ok(WriteOutcome::AlreadySo),
            Err(e) => self.refusal(e),
        }
    }

    /// Waits until a StatefulSet's controller has seen its present template. Before that, it would make a deleted
    /// pod anew from the old one.
    async fn await_controller(&self, set: &ObjectRef) -> Result<(), ActError> {
        let deadline = self.clock.monotonic() + CONTROLLER_DEADLINE;
        loop {
            let live = self
                .api
                .get(&set.kind, &set.namespace, &set.name)
                .await
                .map_err(|e| ActError::Read(e.into_read(&self.redactor)))?;
            let seen = pointer::count(&live, "/status/observedGeneration");
            let present = pointer::count(&live, "/metadata/generation");
            let now = self.clock.monotonic();
            if seen >= present || now >= deadline {
                return Ok(());
            }
            self.clock.sleep_until(now + CONTROLLER_INTERVAL).await;
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
    fn refusal(&self, error: ApiError) -> Result<WriteOutcome, ActError> {
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

    /// Takes our entry out of `managedFields` after a revert, so that the next apply of the object's owner meets no
    /// conflict with a manager that holds nothing. Its failure changes nothing that matters and is only noted.
    async fn disown(&self, target: &ObjectRef, after: &Value) {
        let Some(ops) = disowning(after) else { return };
        let answer = self
            .api
            .patch_json(&target.kind, &target.namespace, &target.name, &ops, false)
            .await;
        if let Err(error) = answer {
            tracing::debug!(object = %target, ?error, "our entry in managedFields stays");
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
pub(super) fn said(error: &ApiError, redactor: &dreamops_domain::redact::Redactor) -> String {
    let mut text = error.said(redactor);
    for cause in &error.causes {
        let more = cause.said(redactor);
        if !more.is_empty() && !text.contains(&more) {
            text = format!("{text} ({more})");
        }
    }
    text
}

/// Only a patch that takes something back goes without a generation or resourceVersion.
fn is_revert(forward: &RawPatch) -> bool {
    !forward.0.iter().any(is_moving_precondition)
}

/// Whether an object has what the patch wants and not what it starts from.
pub(super) fn is_already_so(write: &Write, live: &Value) -> bool {
    let Write::Patch { forward, inverse, .. } = write else {
        return false;
    };
    diff::apply(live, &lasting(forward)).is_err() && diff::apply(live, &lasting(inverse)).is_ok()
}

/// Whether an object that we create is there already: our labels and our data.
fn same_content(wanted: &Value, live: &Value) -> bool {
    let labels = |o: &Value| o["metadata"]["labels"].clone();
    wanted["data"] == live["data"] && wanted["type"] == live["type"] && labels(wanted) == labels(live)
}

/// The patch that removes our entry from `managedFields`, tested so that no other entry can be hit.
fn disowning(object: &Value) -> Option<Vec<Value>> {
    let place = pointer::list(object, "/metadata/managedFields")
        .iter()
        .position(|e| e["manager"] == crate::api::FIELD_MANAGER && e["subresource"].is_null())?;
    let entry = format!("/metadata/managedFields/{place}");
    Some(vec![
        diff::test("/metadata/uid", &object["metadata"]["uid"]),
        diff::test(
            &format!("{entry}/manager"),
            &serde_json::json!(crate::api::FIELD_MANAGER),
        ),
        serde_json::json!({"op": "remove", "path": entry}),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use dreamops_domain::rehearsal::{ObjectVersion, RawObject};
    use serde_json::json;

    fn patch(forward: &[Value], inverse: &[Value]) -> Write {
        Write::Patch {
            target: ObjectRef::new("Deployment", "n", "web", "u"),
            forward: RawPatch(forward.to_vec()),
            inverse: RawPatch(inverse.to_vec()),
            touched: vec!["/spec/replicas".into()],
        }
    }

    fn scaled() -> Write {
        patch(
            &[
                json!({"op": "test", "path": "/metadata/uid", "value": "u"}),
                json!({"op": "test", "path": "/metadata/generation", "value": 3}),
                json!({"op": "test", "path": "/spec/replicas", "value": 1}),
                json!({"op": "replace", "path": "/spec/replicas", "value": 2}),
            ],
            &[
                json!({"op": "test", "path": "/metadata/uid", "value": "u"}),
                json!({"op": "test", "path": "/spec/replicas", "value": 2}),
                json!({"op": "replace", "path": "/spec/replicas", "value": 1}),
            ],
        )
    }

    fn applied(version: Option<ObjectVersion>) -> WriteOutcome {
        WriteOutcome::Applied { version }
    }

    #[test]
    fn the_inverse_of_an_inverse_is_the_patch_without_its_generation() {
        let back = inverse(&scaled(), &applied(None)).expect("a patch can be taken back");
        let Write::Patch { forward, .. } = &back else {
            panic!("a patch is taken back by a patch")
        };
        assert!(is_revert(forward));
        let object = json!({"metadata": {"uid": "u", "generation": 9}, "spec": {"replicas": 2}});
        let reverted = diff::apply(&object, &forward.0).expect("it applies");
        assert_eq!(reverted["spec"]["replicas"], 1);
        let again = inverse(&back, &applied(None)).expect("so can that");
        let Write::Patch { forward, .. } = &again else {
            panic!("a patch again")
        };
        assert_eq!(diff::apply(&reverted, &forward.0), Ok(object));
    }

    #[test]
    fn only_what_took_effect_is_taken_back() {
        for outcome in [
            WriteOutcome::AlreadySo,
            WriteOutcome::Conflict { why: String::new() },
            WriteOutcome::Refused { why: String::new() },
        ] {
            assert_eq!(inverse(&scaled(), &outcome), None);
        }
        let pod = ObjectRef::new("Pod", "n", "p", "u");
        assert_eq!(inverse(&Write::Delete { target: pod }, &applied(None)), None);
    }

    #[test]
    fn a_created_object_is_taken_back_by_the_uid_it_got() {
        let create = Write::Create {
            target: ObjectRef::new("Secret", "n", "s", ""),
            object: RawObject(json!({})),
        };
        let made = ObjectRef::new("Secret", "n", "s", "new");
        let outcome = applied(Some(ObjectVersion {
            object: made.clone(),
            version: "rv:1".into(),
        }));
        assert_eq!(inverse(&create, &outcome), Some(Write::Delete { target: made }));
    }

    #[test]
    fn what_has_the_wanted_value_is_already_so_and_nothing_else_is() {
        let at = |replicas: u32| json!({"metadata": {"uid": "u", "generation": 4}, "spec": {"replicas": replicas}});
        assert!(is_already_so(&scaled(), &at(2)));
        assert!(!is_already_so(&scaled(), &at(1)));
        assert!(!is_already_so(&scaled(), &at(5)));
    }

    #[test]
    fn only_our_own_entry_of_managed_fields_is_removed() {
        let object = json!({"metadata": {"uid": "u", "managedFields": [
            {"manager": "kubectl"}, {"manager": "dreamops", "subresource": "status"}, {"manager": "dreamops"}]}});
        let ops = disowning(&object).expect("there is one");
        assert_eq!(ops[2]["path"], "/metadata/managedFields/2");
        assert!(diff::apply(&object, &ops).is_ok());
        assert_eq!(
            disowning(&json!({"metadata": {"managedFields": [{"manager": "kubectl"}]}})),
            None
        );
    }
}
