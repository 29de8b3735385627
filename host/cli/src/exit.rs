//! Exit codes, and errors with the code they lead to.
//!
//! | code | meaning |
//! | --- | --- |
//! | 0 | done; resolved, or there was nothing to do |
//! | 1 | an error of ours or of the surroundings; a check (`doctor`, `audit verify`, `cluster test`) that does not hold |
//! | 2 | wrong usage, an unknown name, or an alert that cannot be read or placed |
//! | 3 | a plan waits: proposed, or awaiting approval |
//! | 4 | not fixed: escalated, reverted, rejected, expired, suppressed, stopped |
//! | 130 | interrupted |

use dreamops_domain::phase::Phase;
use std::process::ExitCode;

/// Wrong usage.
pub(crate) const USAGE: u8 = 2;
/// Interrupted by the user.
pub(crate) const INTERRUPTED: u8 = 130;

/// The code for where an incident ended up.
pub(crate) fn code_of(phase: Phase) -> u8 {
    match phase {
        Phase::Resolved | Phase::NoAction => 0,
        Phase::Proposed | Phase::AwaitingApproval => 3,
        Phase::Escalated | Phase::Reverted | Phase::Rejected | Phase::Expired | Phase::Suppressed | Phase::Stopped => 4,
        // an open phase that is neither waiting nor closed means that the work broke off
        _ => 1,
    }
}

/// A failure with its exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) error: anyhow::Error,
}

impl Failure {
    /// The user has to call it differently, or give another file.
    pub(crate) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self {
            code: USAGE,
            error: error.into(),
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self {
            code: 1,
            error: error.into(),
        }
    }
}

/// What a command ends with.
pub(crate) type Outcome = Result<u8, Failure>;

/// Prints a failure in one breath and turns the outcome into the process's exit code.
pub(crate) fn finish(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            eprintln!("dreamops: {}", in_one_breath(&failure.error));
            ExitCode::from(failure.code)
        }
    }
}

/// The chain of causes on one line, without saying anything twice.
fn in_one_breath(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        if line.contains(&text) {
            continue;
        }
        if !line.is_empty() {
            line.push_str(": ");
        }
        line.push_str(&text);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use dreamops_domain::phase::PHASES;

    #[test]
    fn every_phase_has_the_documented_code() {
        for phase in PHASES {
            let code = code_of(phase);
            let closed_or_waiting = phase.closed() || phase == Phase::AwaitingApproval;
            assert_eq!(code != 1, closed_or_waiting, "{phase} gives {code}");
        }
    }

    #[test]
    fn a_cause_that_is_already_said_is_not_said_again() {
        let error = anyhow::anyhow!("no such file").context("cannot read a: no such file");
        assert_eq!(in_one_breath(&error), "cannot read a: no such file");
    }
}
