//! Remedies as facts of a diagnosis: `diagnose` decides on one, `plan` drafts it.
//!
//! Each remedy has a function of its own that drafts it, so that a component imports only the actions it can propose:
//!
//! ```
//! # use dreamops_sdk::prelude::*;
//! use dreamops_sdk::remedy;
//!
//! fn plan(_: &Incident, diagnosis: &Diagnosis, draft: &Draft) -> Result<(), Failure> {
//!     match remedy::of(diagnosis) {
//!         remedy::UNDO => remedy::undo(diagnosis, draft),
//!         remedy::WAIT => Ok(()),
//!         _ => remedy::escalate(diagnosis, draft),
//!     }
//! }
//! ```

use crate::cluster::Revision;
use crate::incident::ObjectRef;
use crate::inquiry::Inquiry;
use crate::strategy::{Diagnosis, Draft, Failure, Why, why};

/// Go back to a revision.
pub const UNDO: &str = "undo";
/// Start one pod anew.
pub const RESTART_POD: &str = "restart-pod";
/// Set one harmless field.
pub const PATCH: &str = "patch";
/// Change nothing: the host watches for a while whether the fault goes by itself, then tells a person.
pub const WAIT: &str = "wait";
/// A person has to make a change.
pub const ESCALATE: &str = "escalate";

impl Inquiry {
    fn decide(&mut self, remedy: &str, reason: &str, expect: &str) {
        self.fact("remedy", remedy);
        self.fact("reason", reason);
        self.fact("expect", expect);
    }

    /// Decides to go back to a revision.
    pub fn decide_undo(&mut self, revision: &Revision, reason: &str, expect: &str) {
        self.decide(UNDO, reason, expect);
        self.fact("revision", revision.uid.as_str());
        self.fact("revision-title", revision.title());
    }

    /// Decides to start one pod anew.
    pub fn decide_restart(&mut self, pod: &ObjectRef, reason: &str, expect: &str) {
        self.decide(RESTART_POD, reason, expect);
        self.fact("pod", pod.to_fact());
    }

    /// Decides to set a field of an object, named by a JSON pointer, to a value given as JSON text.
    pub fn decide_patch(&mut self, object: &ObjectRef, path: &str, value: &str, reason: &str, expect: &str) {
        self.decide(PATCH, reason, expect);
        self.fact("object", object.to_fact());
        self.fact("path", path);
        self.fact("value", value);
    }

    /// Decides to change nothing and wait.
    pub fn decide_wait(&mut self, reason: &str) {
        self.decide(WAIT, reason, "");
    }

    /// Decides to ask a person for an exact change.
    pub fn decide_escalate(&mut self, reason: &str, proposal: impl Into<String>) {
        self.decide(ESCALATE, reason, "");
        self.fact("proposal", proposal);
    }
}

/// The remedy that was decided on; [`ESCALATE`] where none was.
pub fn of(diagnosis: &Diagnosis) -> &str {
    diagnosis.fact("remedy").unwrap_or(ESCALATE)
}

fn because(diagnosis: &Diagnosis) -> Why {
    why(
        diagnosis.fact("reason").unwrap_or(&diagnosis.root_cause),
        diagnosis.fact("expect").unwrap_or(""),
    )
}

fn missing(fact: &str) -> Failure {
    Failure::Invalid(format!("the diagnosis has no fact {fact:?}"))
}

fn object(diagnosis: &Diagnosis, fact: &str) -> Result<ObjectRef, Failure> {
    diagnosis
        .fact(fact)
        .and_then(ObjectRef::from_fact)
        .ok_or_else(|| missing(fact))
}

/// Drafts [`UNDO`].
pub fn undo(diagnosis: &Diagnosis, draft: &Draft) -> Result<(), Failure> {
    let revision = diagnosis.fact("revision").ok_or_else(|| missing("revision"))?;
    draft.undo_rollout(&diagnosis.target, revision, &because(diagnosis))?;
    Ok(())
}

/// Drafts [`RESTART_POD`].
pub fn restart_pod(diagnosis: &Diagnosis, draft: &Draft) -> Result<(), Failure> {
    draft.restart_pod(&object(diagnosis, "pod")?, &because(diagnosis))?;
    Ok(())
}

/// Drafts [`PATCH`].
pub fn patch(diagnosis: &Diagnosis, draft: &Draft) -> Result<(), Failure> {
    let path = diagnosis.fact("path").ok_or_else(|| missing("path"))?;
    let value = diagnosis.fact("value").ok_or_else(|| missing("value"))?;
    draft.patch(&object(diagnosis, "object")?, path, value, &because(diagnosis))?;
    Ok(())
}

/// Drafts [`ESCALATE`].
pub fn escalate(diagnosis: &Diagnosis, draft: &Draft) -> Result<(), Failure> {
    let proposal = diagnosis.fact("proposal").unwrap_or(&diagnosis.root_cause);
    draft.escalate(&diagnosis.target, proposal, &because(diagnosis))?;
    Ok(())
}
