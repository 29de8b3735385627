//! What policy is asked, and what it answers.

use crate::object::ObjectRef;
use crate::phase::Mode;
use crate::plan::Step;
use crate::rehearsal::Rehearsal;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The answer for one step, or for a whole incident.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "decision")]
pub enum Decision {
    /// It may run without a person.
    Auto,
    /// A person has to agree, because of this rule.
    NeedsApproval {
        /// The rule, as a sentence.
        because: String,
    },
    /// It must not run, whoever agrees.
    Deny {
        /// The rule, as a sentence, and what would change it.
        because: String,
    },
}

/// What policy knows about a step.
#[derive(Clone, Debug)]
pub struct StepFacts<'a> {
    /// How far the host may go in this incident.
    pub mode: Mode,
    /// The cluster's name.
    pub cluster: &'a str,
    /// The incident's namespace.
    pub namespace: &'a str,
    /// The component's confidence in its diagnosis.
    pub confidence: f64,
    /// The step.
    pub step: &'a Step,
    /// Its rehearsal.
    pub rehearsal: &'a Rehearsal,
    /// Which step of the plan, from 0.
    pub index: usize,
    /// How many of the plan's steps so far, this one included, cannot be taken back.
    pub irreversible_so_far: usize,
}

/// What policy knows about an incident before its plan runs.
#[derive(Clone, Debug)]
pub struct IncidentFacts<'a> {
    /// How far the host may go in this incident.
    pub mode: Mode,
    /// The incident's owner object.
    pub owner: &'a ObjectRef,
    /// Now.
    pub now: Timestamp,
    /// Earlier actions on this owner, newest first.
    pub history: &'a [PastAction],
    /// Writing steps that this incident has carried out already.
    pub steps_done: usize,
    /// Writing steps that the plan would carry out.
    pub steps_planned: usize,
}

/// An earlier action on an owner.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PastAction {
    /// When it was carried out.
    pub at: Timestamp,
    /// Its name.
    pub action: String,
    /// The component that proposed it.
    pub strategy: String,
    /// How its incident ended: a closed phase, or `open`.
    pub outcome: String,
    /// The incident.
    pub incident: crate::id::IncidentId,
    /// The fault that was diagnosed.
    pub fault: String,
}

/// Whether the emergency stop is on, and who pulled it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EmergencyStop {
    /// Since when.
    pub since: Timestamp,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
}
