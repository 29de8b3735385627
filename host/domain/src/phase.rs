//! The phases an incident passes, and which may follow which.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Where an incident stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Stored; nothing was looked at.
    Received,
    /// Looking for the object, its owner, and an incident that is already open for it.
    Correlating,
    /// Strategies say how sure they are.
    Assessing,
    /// The chosen strategy looks for the cause.
    Diagnosing,
    /// It drafts actions.
    Planning,
    /// Every action is tried without effect.
    Rehearsing,
    /// A person has to agree.
    AwaitingApproval,
    /// Writes are made from the journal.
    Executing,
    /// Watching whether the fault is gone and stays gone.
    Verifying,
    /// Taking writes back.
    Reverting,
    /// Over: the fault was fixed.
    Resolved,
    /// Over: there was nothing to do.
    NoAction,
    /// Over: observe mode; the plan is recorded.
    Proposed,
    /// Over: a person said no.
    Rejected,
    /// Over: nobody answered in time.
    Expired,
    /// Over: the writes were taken back on a person's word.
    Reverted,
    /// Over for us: a person has to take it.
    Escalated,
    /// Over: a maintenance window or cool-down covers it, or it joined another incident.
    Suppressed,
    /// Over: the emergency stop.
    Stopped,
}

/// Every phase, in the order of the walk.
pub const PHASES: [Phase; 19] = [
    Phase::Received,
    Phase::Correlating,
    Phase::Assessing,
    Phase::Diagnosing,
    Phase::Planning,
    Phase::Rehearsing,
    Phase::AwaitingApproval,
    Phase::Executing,
    Phase::Verifying,
    Phase::Reverting,
    Phase::Resolved,
    Phase::NoAction,
    Phase::Proposed,
    Phase::Rejected,
    Phase::Expired,
    Phase::Reverted,
    Phase::Escalated,
    Phase::Suppressed,
    Phase::Stopped,
];

impl Phase {
    /// Whether the incident is over.
    pub fn closed(self) -> bool {
        matches!(
            self,
            Self::Resolved
                | Self::NoAction
                | Self::Proposed
                | Self::Rejected
                | Self::Expired
                | Self::Reverted
                | Self::Escalated
                | Self::Suppressed
                | Self::Stopped
        )
    }

    /// Whether `next` may follow this phase.
    ///
    /// Three exceptions to the walk's straight line: a hand-over goes back from diagnosing to
    /// diagnosing or assessing, a failed or reverted plan goes to the fallback strategy's diagnosing, and a
    /// drifted approval goes back to rehearsing. A person's rollback reopens a resolved incident to reverting.
    pub fn may_become(self, next: Self) -> bool {
        use Phase::{
            Assessing, AwaitingApproval, Correlating, Diagnosing, Escalated, Executing, Expired, NoAction, Planning,
            Proposed, Received, Rehearsing, Rejected, Resolved, Reverted, Reverting, Stopped, Suppressed, Verifying,
        };
        match self {
            Received => matches!(next, Correlating | NoAction | Suppressed | Stopped),
            Correlating => matches!(next, Assessing | NoAction | Escalated | Suppressed | Stopped),
            Assessing => matches!(next, Diagnosing | NoAction | Escalated | Suppressed | Stopped),
            Diagnosing => {
                matches!(
                    next,
                    Diagnosing | Assessing | Planning | NoAction | Escalated | Suppressed | Stopped
                )
            }
            Planning => matches!(next, Rehearsing | Diagnosing | NoAction | Escalated | Stopped),
            Rehearsing => {
                matches!(
                    next,
                    AwaitingApproval | Executing | Diagnosing | Proposed | NoAction | Escalated | Stopped
                )
            }
            AwaitingApproval => {
                matches!(
                    next,
                    Rehearsing | Executing | Rejected | Expired | NoAction | Escalated | Stopped
                )
            }
            Executing => matches!(next, Verifying | Reverting | Escalated | Stopped),
            Verifying => matches!(next, Resolved | Executing | Reverting | Escalated | Stopped),
            Reverting => matches!(next, Diagnosing | Reverted | Escalated | Stopped),
            Resolved | Escalated | Stopped => matches!(next, Reverting),
            NoAction | Proposed | Rejected | Expired | Reverted | Suppressed => false,
        }
    }

    /// The name, as every surface writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Correlating => "correlating",
            Self::Assessing => "assessing",
            Self::Diagnosing => "diagnosing",
            Self::Planning => "planning",
            Self::Rehearsing => "rehearsing",
            Self::AwaitingApproval => "awaiting-approval",
            Self::Executing => "executing",
            Self::Verifying => "verifying",
            Self::Reverting => "reverting",
            Self::Resolved => "resolved",
            Self::NoAction => "no-action",
            Self::Proposed => "proposed",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Reverted => "reverted",
            Self::Escalated => "escalated",
            Self::Suppressed => "suppressed",
            Self::Stopped => "stopped",
        }
    }

    /// The phase of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        PHASES.into_iter().find(|p| p.name() == name)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How far the host may go on its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Diagnose and propose, never act.
    Observe,
    /// A person approves the plan.
    #[default]
    Approval,
    /// No person is asked where policy allows it.
    Yolo,
}

impl Mode {
    /// The name, as flags and reports write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Approval => "approval",
            Self::Yolo => "yolo",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_open_phase_can_end_and_be_stopped() {
        for phase in PHASES.into_iter().filter(|p| !p.closed()) {
            assert!(phase.may_become(Phase::Stopped), "{phase} cannot be stopped");
            assert!(
                PHASES
                    .into_iter()
                    .any(|n| n.closed() && n != Phase::Stopped && phase.may_become(n)),
                "{phase}"
            );
        }
    }

    #[test]
    fn nothing_is_written_before_a_rehearsal() {
        for phase in PHASES {
            let may_write = phase.may_become(Phase::Executing);
            assert_eq!(
                may_write,
                matches!(phase, Phase::Rehearsing | Phase::AwaitingApproval | Phase::Verifying),
                "{phase} may go to executing: {may_write}"
            );
        }
    }

    #[test]
    fn a_closed_incident_reopens_only_to_take_writes_back() {
        for phase in PHASES.into_iter().filter(|p| p.closed()) {
            for next in PHASES {
                assert!(!phase.may_become(next) || next == Phase::Reverting, "{phase} to {next}");
            }
        }
    }

    #[test]
    fn names_are_unique_and_read_back() {
        for phase in PHASES {
            assert_eq!(Phase::from_name(phase.name()), Some(phase));
            assert_eq!(serde_json::to_value(phase).ok(), Some(phase.name().into()));
        }
    }
}
