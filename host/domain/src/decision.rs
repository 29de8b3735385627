//! What policy is asked, and what it answers.

use crate::id::TenantId;
use crate::maintenance::MaintenanceWindow;
use crate::object::ObjectRef;
use crate::phase::{Mode, Phase};
use crate::plan::Step;
use crate::rehearsal::Rehearsal;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

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
    /// The cluster's name.
    pub cluster: &'a str,
    /// The incident's namespace.
    pub namespace: &'a str,
    /// The strategy that proposes the plan.
    pub strategy: &'a str,
    /// What else goes on.
    pub surroundings: &'a Surroundings,
}

/// What goes on around an incident, as far as policy heeds it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Surroundings {
    /// Actions on the cluster within the last hour that no person had agreed to.
    pub automated_last_hour: usize,
    /// Incidents of the team within the last 24 hours in which the strategy acted, by when it did last and where they stand;
    /// newest first.
    pub of_strategy: Vec<(Timestamp, Phase)>,
    /// The team's windows of maintenance, open ones and others.
    pub windows: Vec<MaintenanceWindow>,
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

/// Where an emergency stop holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopScope {
    /// In the whole program.
    Everywhere,
    /// For everything of a team.
    Tenant(TenantId),
    /// For one cluster of a team.
    Cluster {
        /// The team.
        tenant: TenantId,
        /// [`ClusterId::key`](crate::incident::ClusterId::key): what the stop is bound to.
        key: String,
        /// The cluster's name when it was pulled.
        name: String,
    },
}

impl StopScope {
    /// The scope's name, as the API writes it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Everywhere => "global",
            Self::Tenant(_) => "tenant",
            Self::Cluster { .. } => "cluster",
        }
    }

    /// The cluster's name, where it is one cluster's.
    pub fn cluster(&self) -> Option<&str> {
        match self {
            Self::Cluster { name, .. } => Some(name),
            _ => None,
        }
    }
}

impl fmt::Display for StopScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everywhere => f.write_str("the emergency stop"),
            Self::Tenant(_) => f.write_str("the emergency stop of this team"),
            Self::Cluster { name, .. } => write!(f, "the emergency stop of cluster {name}"),
        }
    }
}

/// An emergency stop that is on, with where it holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ScopedStop {
    /// Where.
    pub scope: StopScope,
    /// Who, since when, why.
    pub stop: EmergencyStop,
}
