//! What a strategy says about an incident before it proposes anything, and after something was done.

use crate::object::ObjectRef;
use serde::{Deserialize, Serialize};

/// How a looked-for sign of a fault turned out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bearing {
    /// The sign is there.
    Agrees,
    /// Something is there that speaks against the fault.
    Against,
    /// The sign was looked for and is missing.
    Missing,
}

/// One sign that a strategy looked for.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Signal {
    /// A short name, such as `waiting-reason`.
    pub name: String,
    /// How it turned out.
    pub bearing: Bearing,
    /// What was seen, in a few words.
    pub seen: String,
}

/// How sure a strategy is that an incident is a case for it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Assessment {
    /// What the strategy claims, 0 to 1.
    pub claim: f64,
    /// What the claim rests on.
    pub signals: Vec<Signal>,
}

impl Assessment {
    /// The host's confidence: the least of the claim, the share of agreeing signals and the
    /// operator's `cap` for the component. Without a signal it is 0: a bare claim proves nothing.
    pub fn confidence(&self, cap: f64) -> f64 {
        if self.signals.is_empty() {
            return 0.0;
        }
        let agreeing = self.signals.iter().filter(|s| s.bearing == Bearing::Agrees).count();
        let share = agreeing as f64 / self.signals.len() as f64;
        self.claim.min(share).min(cap)
    }
}

/// One thing that was looked at, and what it showed. Already redacted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Evidence {
    /// Where it was seen: `Pod/web-1 previous log`, `events of Deployment/web`.
    pub source: String,
    /// What was seen.
    pub text: String,
}

/// A cause, with what a plan is drafted from.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Diagnosis {
    /// The fault, from the registry in the strategy contract: `crash-loop`, `image-pull`, ….
    pub fault: String,
    /// The cause in one sentence.
    pub root_cause: String,
    /// How sure the strategy is, 0 to 1.
    pub confidence: f64,
    /// The object to act upon.
    pub target: ObjectRef,
    /// What the cause rests on.
    pub evidence: Vec<Evidence>,
    /// What was looked at and is not the cause.
    pub ruled_out: Vec<String>,
    /// What `plan` and `verify` of the same strategy need to know; the host does not read it.
    pub facts: Vec<(String, String)>,
}

/// What `diagnose` found.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Finding {
    /// The cause is known.
    Cause(Diagnosis),
    /// Another strategy should look, at this object.
    HandOver {
        /// The fault that it handles.
        fault: String,
        /// Where it should look.
        target: ObjectRef,
        /// Why.
        reason: String,
        /// What was seen until here.
        evidence: Vec<Evidence>,
    },
    /// Nothing is wrong (any more).
    Healthy {
        /// What shows it.
        evidence: Vec<Evidence>,
    },
    /// Something is wrong and the strategy cannot tell what.
    Unknown {
        /// What was seen, for the person who takes over.
        evidence: Vec<Evidence>,
    },
}

impl Finding {
    /// What was seen, whatever came out.
    pub fn evidence(&self) -> &[Evidence] {
        match self {
            Self::Cause(d) => &d.evidence,
            Self::HandOver { evidence, .. } | Self::Healthy { evidence } | Self::Unknown { evidence } => evidence,
        }
    }
}

/// What `verify` says after the plan was carried out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Verdict {
    /// The fault is gone at this moment.
    Healed,
    /// Not yet; look again after so many milliseconds.
    Waiting {
        /// When to ask again, in milliseconds.
        retry_after_ms: u64,
    },
    /// The plan made it worse, or cannot work.
    Worse {
        /// Why.
        why: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(bearing: Bearing) -> Signal {
        Signal {
            name: "s".into(),
            bearing,
            seen: String::new(),
        }
    }

    #[test]
    fn a_strategy_cannot_take_a_case_by_shouting() {
        let bare = Assessment {
            claim: 1.0,
            signals: vec![],
        };
        assert!(bare.confidence(1.0).abs() < f64::EPSILON);
        let half = Assessment {
            claim: 1.0,
            signals: vec![signal(Bearing::Agrees), signal(Bearing::Missing)],
        };
        assert!((half.confidence(1.0) - 0.5).abs() < f64::EPSILON);
        let full = Assessment {
            claim: 0.9,
            signals: vec![signal(Bearing::Agrees)],
        };
        assert!((full.confidence(0.7) - 0.7).abs() < f64::EPSILON);
    }
}
