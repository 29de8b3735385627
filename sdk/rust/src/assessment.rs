//! Saying how sure a strategy is.
//!
//! The host's confidence is the least of the claim, the share of agreeing signals and the operator's cap.
//! So name only signals that carry weight: each one that does not agree lowers the share. The best strategy
//! above 0.5 gets the case.

use crate::strategy::{Assessment, Bearing, Signal};

impl Assessment {
    /// A claim between 0 and 1, without signals yet.
    #[must_use]
    pub fn claiming(claim: f64) -> Self {
        Self {
            claim,
            signals: Vec::new(),
        }
    }

    /// Not a case for this strategy, and what speaks against it.
    #[must_use]
    pub fn not_mine(name: &str, seen: impl Into<String>) -> Self {
        Self::claiming(0.0).against(name, seen)
    }

    /// A sign that is there.
    #[must_use]
    pub fn agrees(self, name: &str, seen: impl Into<String>) -> Self {
        self.with(name, Bearing::Agrees, seen)
    }

    /// Something that speaks against the fault.
    #[must_use]
    pub fn against(self, name: &str, seen: impl Into<String>) -> Self {
        self.with(name, Bearing::Against, seen)
    }

    /// A sign that was looked for and is missing.
    #[must_use]
    pub fn missing(self, name: &str, seen: impl Into<String>) -> Self {
        self.with(name, Bearing::Missing, seen)
    }

    /// A sign that agrees if `there`, and is missing else.
    #[must_use]
    pub fn signal(self, name: &str, there: bool, seen: impl Into<String>) -> Self {
        let bearing = if there { Bearing::Agrees } else { Bearing::Missing };
        self.with(name, bearing, seen)
    }

    /// A sign with its bearing.
    #[must_use]
    pub fn with(mut self, name: &str, bearing: Bearing, seen: impl Into<String>) -> Self {
        self.signals.push(Signal {
            name: name.into(),
            bearing,
            seen: seen.into(),
        });
        self
    }

    /// The host's confidence for a component with `cap`.
    pub fn confidence(&self, cap: f64) -> f64 {
        if self.signals.is_empty() {
            return 0.0;
        }
        let agreeing = self.signals.iter().filter(|s| s.bearing == Bearing::Agrees).count();
        self.claim.min(agreeing as f64 / self.signals.len() as f64).min(cap)
    }
}
