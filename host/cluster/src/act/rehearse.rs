//! Rehearsal of a change: the dry runs, the checks, what a person reads, the writes in order.
//!
//! A draft becomes, in this order: the create of an object of ours, the patch, the deletes of pods that would hold
//! it back. Risk and reversibility are what the dry runs proved, whoever proposed the step.

use crate::act::draft::{Draft, Effect};
use crate::act::dry_run::kept;
use crate::act::{Actor, diff, pointer, rights, shown, version};
use crate::read::owners::managed_by;
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

/// One attempt at a rehearsal.
pub(super) struct Attempt {
    /// What it showed.
    pub(super) rehearsal: Rehearsal,
    /// Whether the object changed meanwhile, so that another attempt may show more.
    pub(super) moved: bool,
}

impl Actor {
    pub(super) async fn rehearse_draft(&self, draft: Draft) -> Result<Attempt, ActError> {
        let changes = diff::changes(&draft.live, &draft.wanted);
        let mut rehearsal = Rehearsal {
            diff: String::new(),
            checks: Vec::new(),
            risk: Risk::Low,
            reversible: true,
            versions: vec![version::of(&draft.target, &draft.live)],
            pods_affected: 0,
            managed_by: managed_by(&draft.live),
            writes: Vec::new(),
        };
        if changes.ops.is_empty() && draft.stuck.is_empty() && draft.create.is_none() {
            return Ok(Attempt {
                rehearsal,
                moved: false,
            });
        }
        let forward = changes.after(&version::tests(&draft.target.kind, &draft.live));
        let tried = self.try_draft(&draft, &forward).await?;
        rehearsal.checks = tried.checks;
        let needed = rights::of(&draft);
        let rights = self.check_rights(&draft.target.namespace, &needed).await;
        rehearsal.checks.push(rights);
        rehearsal.checks.extend(self.check_pods(&draft, &tried.after).await?);
        rehearsal.risk = match (draft.effect, tried.proved) {
            (_, false) => Risk::High,
            (Effect::Rollout, true) => Risk::Medium,
            (Effect::Field | Effect::MorePods, true) => Risk::Low,
        };
        rehearsal.reversible = tried.proved;
        rehearsal.pods_affected = pods_affected(&draft);
        rehearsal.diff = self.show(&draft, &tried.after);
        rehearsal.writes = writes(draft, forward, tried.inverse, changes.touched);
        Ok(Attempt {
            rehearsal,
            moved: tried.moved,
        })
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
