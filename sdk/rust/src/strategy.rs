//! What a strategy is.

use crate::host::now_ms;
use crate::incident::{Execution, Incident};
use std::fmt;

#[cfg(target_arch = "wasm32")]
pub use crate::bindings::dreamops::plan::draft::Draft;
pub use crate::bindings::dreamops::plan::draft::{Amounts, Refusal, Why};
pub use crate::bindings::exports::dreamops::strategy::strategy::{
    Assessment, Bearing, Descriptor, Diagnosis, Evidence, Failure, Finding, HandOver, Signal, Verdict,
};
#[cfg(not(target_arch = "wasm32"))]
pub use crate::mock::imports::Draft;

/// A way to remediate a fault. The host calls the methods in the order in which they stand here, each in a
/// fresh instance: what was learned travels in the values returned, there is no state.
pub trait Strategy {
    /// The settings that an operator can give, each with its meaning and default. None by default.
    fn describe() -> Descriptor {
        Descriptor { settings: Vec::new() }
    }

    /// Is this a case for me? Asked of every strategy for every incident, so: few and cheap reads.
    fn assess(incident: &Incident) -> Result<Assessment, Failure>;

    /// What is the cause? Begins with testing the alert's claim.
    fn diagnose(incident: &Incident) -> Result<Finding, Failure>;

    /// What should be done about a cause? By default a person is told what was found. (For other findings
    /// the host asks for no plan.)
    fn plan(incident: &Incident, diagnosis: &Diagnosis, draft: &Draft) -> Result<(), Failure> {
        let _ = incident;
        draft.escalate(
            &diagnosis.target,
            &diagnosis.root_cause,
            &why("the cause is known; the fix is a person's", ""),
        )?;
        Ok(())
    }

    /// Did it help? By default: healed when everything that is wanted is there, ready and of the wanted
    /// revision, and nothing has restarted since the last write. The host watches on through its own window of stability.
    fn verify(incident: &Incident, execution: &Execution) -> Result<Verdict, Failure> {
        let _ = incident;
        Ok(healed_or_waiting(execution))
    }
}

/// The verdict of the default [`Strategy::verify`].
pub fn healed_or_waiting(execution: &Execution) -> Verdict {
    let present = execution.present();
    let quiet = present.last_restart_ms.is_none_or(|at| at <= execution.finished_ms());
    if present.whole() && quiet {
        return Verdict::Healed;
    }
    // a young plan is asked about often, an old one seldom
    let age = now_ms().saturating_sub(execution.finished_ms());
    Verdict::Waiting((age / 10).clamp(500, 5_000))
}

/// Why a step is proposed, and what should be true after it.
pub fn why(reason: impl Into<String>, expect: impl Into<String>) -> Why {
    Why {
        reason: reason.into(),
        expect: expect.into(),
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Denied(grant) => Self::Denied(grant),
            Refusal::Invalid(why) => Self::Invalid(why),
            Refusal::Full => Self::Exhausted("steps of a plan".into()),
            Refusal::Other(other) => Self::Other(other),
        }
    }
}

impl fmt::Display for Bearing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Agrees => "agrees",
            Self::Against => "against",
            Self::Missing => "missing",
        })
    }
}
