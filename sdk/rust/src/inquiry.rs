//! Collecting what was seen while a cause is looked for, and concluding.
//!
//! Everything that was looked at becomes evidence or is ruled out, so that a person who takes over needs not
//! look again.

use crate::cluster::ReadFailure;
use crate::incident::ObjectRef;
use crate::strategy::{Diagnosis, Evidence, Failure, Finding, HandOver};
use std::fmt::Display;

/// What was seen so far.
#[derive(Debug, Default)]
pub struct Inquiry {
    evidence: Vec<Evidence>,
    ruled_out: Vec<String>,
    facts: Vec<(String, String)>,
}

impl Inquiry {
    /// Nothing was seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Something was seen at a place: `Pod/web-1 previous log`.
    pub fn saw(&mut self, source: impl Display, text: impl Into<String>) {
        let seen = Evidence {
            source: source.to_string(),
            text: text.into(),
        };
        if !self.evidence.contains(&seen) {
            self.evidence.push(seen);
        }
    }

    /// Something was looked at and is not the cause.
    pub fn rule_out(&mut self, what: impl Into<String>) {
        let what = what.into();
        if !self.ruled_out.contains(&what) {
            self.ruled_out.push(what);
        }
    }

    /// A name and a value for `plan` and `verify`.
    pub fn fact(&mut self, name: &str, value: impl Into<String>) {
        self.facts.push((name.into(), value.into()));
    }

    /// The answer of a read that may be missing: what failed becomes evidence ("could not be looked at"). A
    /// cluster that does not answer is no finding: that failure goes on to the host.
    pub fn look<T>(&mut self, what: impl Display, answer: Result<T, ReadFailure>) -> Result<Option<T>, Failure> {
        match answer {
            Ok(value) => Ok(Some(value)),
            Err(ReadFailure::Unavailable(why)) => Err(Failure::Unavailable((true, why))),
            Err(ReadFailure::Exhausted(budget)) => Err(Failure::Exhausted(budget)),
            Err(failure) => {
                self.saw(what, format!("could not be looked at: {}", failure.sentence()));
                Ok(None)
            }
        }
    }

    /// What was seen so far.
    pub fn evidence(&self) -> &[Evidence] {
        &self.evidence
    }

    /// The cause is known. `confidence` below 0.8 asks a person even where none would be.
    #[must_use]
    pub fn cause(self, fault: &str, target: &ObjectRef, root_cause: impl Into<String>, confidence: f64) -> Finding {
        Finding::Cause(Diagnosis {
            fault: fault.into(),
            root_cause: root_cause.into(),
            confidence,
            target: target.clone(),
            evidence: self.evidence,
            ruled_out: self.ruled_out,
            facts: self.facts,
        })
    }

    /// The case is another strategy's.
    #[must_use]
    pub fn hand_over(self, fault: &str, target: &ObjectRef, reason: impl Into<String>) -> Finding {
        Finding::HandOver(HandOver {
            fault: fault.into(),
            target: target.clone(),
            reason: reason.into(),
            evidence: self.evidence,
        })
    }

    /// Nothing is wrong (any more).
    #[must_use]
    pub fn healthy(self) -> Finding {
        Finding::Healthy(self.evidence)
    }

    /// Something is wrong and it cannot be told what. What was ruled out goes to the evidence.
    #[must_use]
    pub fn unknown(mut self) -> Finding {
        for what in std::mem::take(&mut self.ruled_out) {
            self.saw("ruled out", what);
        }
        Finding::Unknown(self.evidence)
    }
}

impl Diagnosis {
    /// A fact that `diagnose` left.
    pub fn fact(&self, name: &str) -> Option<&str> {
        self.facts.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// All values of a fact that may be there more than once.
    pub fn facts_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.facts
            .iter()
            .filter(move |(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }
}
