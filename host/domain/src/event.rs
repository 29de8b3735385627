//! What happened in an incident, as one typed stream: the timeline, the audit and the story on a terminal are views of it.

use crate::alert::Alert;
use crate::decision::Decision;
use crate::finding::{Assessment, Evidence, Finding, Verdict};
use crate::journal::{Direction, WriteOutcome};
use crate::manifest::StrategyRef;
use crate::object::ObjectRef;
use crate::phase::Phase;
use crate::plan::Plan;
use crate::read::Health;
use crate::rehearsal::Rehearsal;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// One thing that happened.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// When.
    pub at: Timestamp,
    /// The phase the incident was in.
    pub phase: Phase,
    /// What.
    pub event: Event,
}

impl TimelineEntry {
    /// An incident in `phase` heard an alert.
    pub fn heard(alert: &Alert, at: Timestamp, phase: Phase) -> Self {
        let event = Event::AlertReceived { alert: alert.clone() };
        Self { at, phase, event }
    }
}

/// The kinds of things that happen. Values are redacted before they are put here.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub enum Event {
    /// An alert opened or joined the incident.
    AlertReceived {
        /// The alert.
        alert: Alert,
    },
    /// The object and its owner are known.
    Correlated {
        /// The object that the alert is about.
        target: ObjectRef,
        /// Its top-level owner; equal to the target where nothing owns it.
        owner: ObjectRef,
        /// Who keeps the owner's spec, if it is not a person.
        managed_by: Option<String>,
        /// How the owner does before anything is done.
        health: Health,
    },
    /// A strategy said how sure it is.
    Assessed {
        /// The strategy.
        strategy: StrategyRef,
        /// What it said.
        assessment: Assessment,
        /// What the host makes of it.
        confidence: f64,
    },
    /// A strategy could not be asked, or did not answer as it should.
    StrategyFailed {
        /// The strategy.
        strategy: StrategyRef,
        /// The call: `assess`, `diagnose`, `plan`, `verify`.
        call: String,
        /// The outcome, such as `cpu-limit`.
        outcome: String,
        /// What it says.
        message: String,
    },
    /// A strategy got the case.
    Chosen {
        /// The strategy.
        strategy: StrategyRef,
        /// Why: its confidence, a hand-over, a fallback.
        because: String,
    },
    /// Something was seen on the way (a component's log line or a read's essence).
    Seen {
        /// What.
        evidence: Evidence,
    },
    /// A strategy said what it found.
    Diagnosed {
        /// What.
        finding: Finding,
    },
    /// A strategy proposed.
    Planned {
        /// What.
        plan: Plan,
    },
    /// A step was tried without effect.
    Rehearsed {
        /// Which step, from 0.
        step: usize,
        /// What it showed.
        rehearsal: Rehearsal,
    },
    /// Policy answered for a step.
    Decided {
        /// Which step, from 0; `None` for the plan as a whole.
        step: Option<usize>,
        /// The answer.
        decision: Decision,
    },
    /// The plan waits for a person.
    ApprovalAsked {
        /// The digest to approve.
        digest: String,
    },
    /// A person approved.
    Approved {
        /// Who.
        by: String,
        /// Which digest.
        digest: String,
    },
    /// A person refused.
    Rejected {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// A person took the incident.
    Acknowledged {
        /// Who.
        by: String,
    },
    /// A write is about to be made.
    Acting {
        /// Which step.
        step: usize,
        /// Forward or back.
        direction: Direction,
        /// What is written, in a few words.
        write: String,
    },
    /// A write was made, or not.
    Acted {
        /// Which step.
        step: usize,
        /// Forward or back.
        direction: Direction,
        /// What came of it.
        outcome: WriteOutcome,
    },
    /// The workload was looked at after the plan.
    Checked {
        /// How it does.
        health: Health,
        /// What the strategy says.
        verdict: Option<Verdict>,
        /// What the host's post-conditions say; `None` if they hold.
        breach: Option<String>,
    },
    /// It works from here on, unless the window is broken.
    Healing {
        /// The first moment of the window.
        since: Timestamp,
        /// How long the window is, in milliseconds.
        window_ms: u64,
    },
    /// The emergency stop, a cool-down or a resolution ended it.
    Halted {
        /// Why.
        because: String,
    },
    /// A person has to take it.
    Escalated {
        /// Why.
        reason: String,
        /// The exact change a person should make.
        proposal: String,
    },
    /// The incident is over.
    Closed {
        /// How.
        phase: Phase,
        /// In a sentence.
        summary: String,
    },
}

impl Event {
    /// The event's name, as the audit writes it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::AlertReceived { .. } => "alert-received",
            Self::Correlated { .. } => "correlated",
            Self::Assessed { .. } => "assessed",
            Self::StrategyFailed { .. } => "strategy-failed",
            Self::Chosen { .. } => "chosen",
            Self::Seen { .. } => "seen",
            Self::Diagnosed { .. } => "diagnosed",
            Self::Planned { .. } => "planned",
            Self::Rehearsed { .. } => "rehearsed",
            Self::Decided { .. } => "decided",
            Self::ApprovalAsked { .. } => "approval-asked",
            Self::Approved { .. } => "approved",
            Self::Rejected { .. } => "rejected",
            Self::Acknowledged { .. } => "acknowledged",
            Self::Acting { .. } => "acting",
            Self::Acted { .. } => "acted",
            Self::Checked { .. } => "checked",
            Self::Healing { .. } => "healing",
            Self::Halted { .. } => "halted",
            Self::Escalated { .. } => "escalated",
            Self::Closed { .. } => "closed",
        }
    }
}
