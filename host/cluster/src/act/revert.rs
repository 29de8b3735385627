//! Taking a write back, and leaving no trace of ours.

use crate::act::{Actor, diff, pointer};
use crate::api::FIELD_MANAGER;
use dreamops_domain::journal::WriteOutcome;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::rehearsal::{RawPatch, Write};
use serde_json::{Value, json};

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

/// Only a patch that takes something back goes without a generation or resourceVersion.
pub(super) fn is_revert(forward: &RawPatch) -> bool {
    !forward.0.iter().any(is_moving_precondition)
}

/// Whether an object has what the patch wants and not what it starts from.
pub(super) fn is_already_so(write: &Write, live: &Value) -> bool {
    let Write::Patch { forward, inverse, .. } = write else {
        return false;
    };
    diff::apply(live, &lasting(forward)).is_err() && diff::apply(live, &lasting(inverse)).is_ok()
}

impl Actor {
    /// Takes our entry out of `managedFields` after a revert, so that the next apply of the object's owner meets no
    /// conflict with a manager that holds nothing. Its failure changes nothing that matters and is only noted.
    pub(super) async fn disown(&self, target: &ObjectRef, after: &Value) {
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

/// The patch that removes our entry from `managedFields`, tested so that no other entry can be hit.
fn disowning(object: &Value) -> Option<Vec<Value>> {
    let place = pointer::list(object, "/metadata/managedFields")
        .iter()
        .position(|e| e["manager"] == FIELD_MANAGER && e["subresource"].is_null())?;
    let entry = format!("/metadata/managedFields/{place}");
    Some(vec![
        diff::test("/metadata/uid", &object["metadata"]["uid"]),
        diff::test(&format!("{entry}/manager"), &json!(FIELD_MANAGER)),
        json!({"op": "remove", "path": entry}),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use dreamops_domain::rehearsal::{ObjectVersion, RawObject};

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

    #[test]
    fn what_has_the_wanted_value_is_already_so_and_nothing_else_is() {
        let at = |replicas: u32| json!({"metadata": {"uid": "u", "generation": 4}, "spec": {"replicas": replicas}});
        assert!(is_already_so(&scaled(), &at(2)));
        assert!(!is_already_so(&scaled(), &at(1)));
        assert!(!is_already_so(&scaled(), &at(5)));
    }
}
