//! Rehearsal of a change: what it would write, tried dry, forward and back.
//!
//! The forward patch is dry-run, which gives R: the object as defaulting and admission would leave it. The inverse is
//! the minimal patch from R back to the live object. It counts as proved when both in one patch pass a dry run and
//! leave the object as it is, outside status and the metadata that the server and controllers keep.

use crate::act::draft::{Draft, Effect};
use crate::act::{Actor, apply, diff, pointer, shown, version};
use crate::error::Failure;
use crate::read::owners::managed_by;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::ports::ActError;
use dreamops_domain::rehearsal::{Check, CheckOutcome, RawObject, RawPatch, Rehearsal, Risk, Write};
use serde_json::Value;

/// A check that holds.
pub(super) fn passed(name: &str) -> Check {
    Check {
        name: name.to_owned(),
        outcome: CheckOutcome::Passed,
    }
}

/// A check that does not hold.
pub(super) fn failed(name: &str, why: impl Into<String>) -> Check {
    Check {
        name: name.to_owned(),
        outcome: CheckOutcome::Failed { why: why.into() },
    }
}

/// A check that could not be made.
pub(super) fn not_checked(name: &str, because: impl Into<String>) -> Check {
    Check {
        name: name.to_owned(),
        outcome: CheckOutcome::NotChecked {
            because: because.into(),
        },
    }
}

/// What the dry runs gave.
struct Tried {
    checks: Vec<Check>,
    /// The object as it would be; what we want where the server could not say.
    after: Value,
    inverse: RawPatch,
    proved: bool,
}

impl Actor {
    pub(super) async fn rehearse_draft(&self, draft: Draft) -> Result<Rehearsal, ActError> {
        let changes = diff::changes(&draft.live, &draft.wanted);
        let versions = vec![version::of(&draft.target, &draft.live)];
        let managed_by = managed_by(&draft.live);
        if changes.ops.is_empty() && draft.stuck.is_empty() && draft.create.is_none() {
            return Ok(Rehearsal {
                diff: String::new(),
                checks: Vec::new(),
                risk: Risk::Low,
                reversible: true,
                versions,
                pods_affected: 0,
                managed_by,
                writes: Vec::new(),
            });
        }
        let forward = changes.after(&version::tests(&draft.target.kind, &draft.live));
        let mut tried = self.try_patch(&draft, &forward).await?;
        let mut checks = Vec::new();
        checks.append(&mut tried.checks);
        checks.push(self.check_rights(&draft.target.namespace, &rights(&draft)).await);
        checks.extend(self.check_pods(&draft, &tried.after).await?);
        let risk = match (draft.effect, tried.proved) {
            (_, false) => Risk::High,
            (Effect::Rollout, true) => Risk::Medium,
            (Effect::Field | Effect::MorePods, true) => Risk::Low,
        };
        Ok(Rehearsal {
            diff: self.show(&draft, &tried.after),
            checks,
            risk,
            reversible: tried.proved,
            versions,
            pods_affected: pods_affected(&draft),
            managed_by,
            writes: writes(draft, forward, tried.inverse, changes.touched),
        })
    }

    async fn try_patch(&self, draft: &Draft, forward: &RawPatch) -> Result<Tried, ActError> {
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
            Ok(after) => {
                checks.push(passed("dry run"));
                after
            }
            Err(error) => {
                let why = apply::said(&error, &self.redactor);
                checks.push(match error.failure {
                    Failure::Unavailable { .. } | Failure::Unauthorized => {
                        return Err(ActError::Read(error.into_read(&self.redactor)));
                    }
                    Failure::PatchTest | Failure::Conflict => failed(
                        "dry run",
                        format!("{target} was changed by someone else while this was rehearsed"),
                    ),
                    Failure::Forbidden => failed("dry run", error.into_read(&self.redactor).to_string()),
                    // an admission webhook that has side effects cannot be tried
                    Failure::BadRequest if why.contains("does not support dry run") => not_checked("dry run", why),
                    _ => failed("dry run", why),
                });
                checks.push(not_checked("inverse", "the dry run did not pass"));
                let inverse = inverse_from(&draft.wanted, &draft.live);
                return Ok(Tried {
                    checks,
                    after: draft.wanted.clone(),
                    inverse,
                    proved: false,
                });
            }
        };
        let inverse = inverse_from(&after, &draft.live);
        let check = self.try_inverse(draft, &after, &inverse).await?;
        let proved = check.outcome == CheckOutcome::Passed;
        checks.push(check);
        Ok(Tried {
            checks,
            after,
            inverse,
            proved,
        })
    }

    /// Forward and back in one patch: the server has to accept it, and the object has to be what it is.
    async fn try_inverse(&self, draft: &Draft, after: &Value, inverse: &RawPatch) -> Result<Check, ActError> {
        let target = &draft.target;
        let there = diff::changes(&kept(&draft.live), &kept(after));
        let mut both = there.after(&version::tests(&target.kind, &draft.live)).0;
        both.extend(inverse.0.iter().cloned());
        let answer = self
            .api
            .patch_json(&target.kind, &target.namespace, &target.name, &both, true)
            .await;
        Ok(match answer {
            Ok(back) => {
                let left = diff::changes(&kept(&draft.live), &kept(&back));
                match left.ops.first() {
                    None => passed("inverse"),
                    Some(op) => failed(
                        "inverse",
                        format!(
                            "taking it back would leave {} changed",
                            op["path"].as_str().unwrap_or_default()
                        ),
                    ),
                }
            }
            Err(e) if matches!(e.failure, Failure::Unavailable { .. } | Failure::Unauthorized) => {
                return Err(ActError::Read(e.into_read(&self.redactor)));
            }
            Err(e) => failed("inverse", apply::said(&e, &self.redactor)),
        })
    }

    async fn try_create(&self, target: &ObjectRef, object: &Value) -> Result<Check, ActError> {
        let name = "dry run of the Secret";
        match self.api.create(&target.kind, &target.namespace, object, true).await {
            Ok(_) => Ok(passed(name)),
            Err(e) if e.failure == Failure::Forbidden => Ok(failed(name, e.into_read(&self.redactor).to_string())),
            Err(e) if matches!(e.failure, Failure::Unavailable { .. } | Failure::Unauthorized) => {
                Err(ActError::Read(e.into_read(&self.redactor)))
            }
            Err(e) => Ok(failed(name, apply::said(&e, &self.redactor))),
        }
    }

    /// Whether the credential has each right (verb, kind, subresource) in a namespace.
    pub(super) async fn check_rights(&self, namespace: &str, rights: &[(&'static str, &str, &'static str)]) -> Check {
        let name = "rbac";
        for (verb, kind, subresource) in rights {
            let access = crate::api::Access {
                verb,
                kind,
                subresource,
                namespace,
                name: "",
            };
            match self.api.access_review(access).await {
                Ok(true) => {}
                Ok(false) => {
                    return failed(name, missing_right(verb, kind, subresource, namespace));
                }
                Err(e) => return not_checked(name, e.said(&self.redactor)),
            }
        }
        passed(name)
    }

    fn show(&self, draft: &Draft, after: &Value) -> String {
        let mut text = String::new();
        if let Some((target, object)) = &draft.create {
            text.push_str(&shown::creation(&self.redactor, target, object));
        }
        text.push_str(&shown::change(
            &self.redactor,
            &draft.target,
            &kept(&draft.live),
            &kept(after),
        ));
        for pod in &draft.stuck {
            text.push_str(&shown::removal(
                pod,
                "deleted, for it is not ready and would hold the others back",
            ));
        }
        text
    }
}

fn missing_right(verb: &str, kind: &str, subresource: &str, namespace: &str) -> String {
    let row = crate::resource::of(kind);
    let resource = match (row.map_or(kind, |r| r.plural), subresource) {
        (plural, "") => plural.to_owned(),
        (plural, sub) => format!("{plural}/{sub}"),
    };
    let group = row.map_or("", |r| r.group);
    dreamops_domain::read::ReadError::Forbidden {
        verb: verb.to_owned(),
        resource: resource.clone(),
        namespace: namespace.to_owned(),
        rule: format!(r#"{{apiGroups: ["{group}"], resources: ["{resource}"], verbs: ["{verb}"]}}"#),
    }
    .to_string()
}

/// The rights that a draft needs, now and for taking it back.
fn rights(draft: &Draft) -> Vec<(&'static str, &str, &'static str)> {
    let kind = draft.target.kind.as_str();
    let mut rights = vec![("get", kind, ""), ("patch", kind, "")];
    if draft.create.is_some() {
        rights.extend([
            ("create", "Secret", ""),
            ("get", "Secret", ""),
            ("delete", "Secret", ""),
        ]);
    }
    if !draft.stuck.is_empty() {
        rights.extend([("get", "Pod", ""), ("delete", "Pod", "")]);
    }
    rights
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
    // the Deployment's controller numbers its revisions here
    let revision = "deployment.kubernetes.io/revision";
    pointer::remove(&mut object, &["metadata", "annotations", revision]);
    if object["metadata"]["annotations"] == serde_json::json!({}) {
        pointer::remove(&mut object, &["metadata", "annotations"]);
    }
    object
}

fn pods_affected(draft: &Draft) -> u32 {
    if draft.effect != Effect::Rollout {
        return 0;
    }
    let count = if draft.target.kind == "DaemonSet" {
        pointer::count(&draft.live, "/status/desiredNumberScheduled").unwrap_or(0)
    } else {
        pointer::count(&draft.live, "/spec/replicas").unwrap_or(1)
    };
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn writes(draft: Draft, forward: RawPatch, inverse: RawPatch, touched: Vec<String>) -> Vec<Write> {
    let mut writes = Vec::new();
    if let Some((target, object)) = draft.create {
        writes.push(Write::Create {
            target,
            object: RawObject(object),
        });
    }
    if !touched.is_empty() || forward.0.iter().any(|op| op["op"] != "test") {
        writes.push(Write::Patch {
            target: draft.target,
            forward,
            inverse,
            touched,
        });
    }
    writes.extend(draft.stuck.into_iter().map(|target| Write::Delete { target }));
    writes
}
