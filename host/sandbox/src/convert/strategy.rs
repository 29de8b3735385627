//! `dreamops:strategy`.

use super::{BadOutput, bounds};
use crate::bindings::exports::dreamops::strategy::strategy as wit;
use crate::guest::Guest;
use dreamops_domain::finding::{Assessment, Bearing, Diagnosis, Evidence, Finding, Signal, Verdict};
use dreamops_domain::inert;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::ports::CallError;

/// How long the host waits before it asks again when `verify` says something it does not know: 2 s.
const ASK_AGAIN_MS: u64 = 2_000;
/// The longest that `verify` can put the host off: 10 min.
const LONGEST_WAIT_MS: u64 = 600_000;

/// The settings that a component describes, as (name, meaning and default).
pub(crate) fn settings(descriptor: wit::Descriptor) -> Result<Vec<(String, String)>, BadOutput> {
    bounds::list("settings", descriptor.settings, |(name, meaning)| {
        Ok((
            bounds::name("a setting's name", name)?,
            bounds::text("a setting's meaning", &meaning)?,
        ))
    })
}

pub(crate) fn assessment(assessment: wit::Assessment) -> Result<Assessment, BadOutput> {
    Ok(Assessment {
        claim: bounds::share("the claim", assessment.claim)?,
        signals: bounds::list("signals", assessment.signals, |signal| {
            Ok(Signal {
                name: bounds::name("a signal's name", signal.name)?,
                bearing: match signal.bearing {
                    wit::Bearing::Agrees => Bearing::Agrees,
                    wit::Bearing::Against => Bearing::Against,
                    wit::Bearing::Missing => Bearing::Missing,
                },
                seen: bounds::text("what a signal saw", &signal.seen)?,
            })
        })?,
    })
}

pub(crate) fn finding(finding: wit::Finding, guest: &Guest) -> Result<Finding, BadOutput> {
    Ok(match finding {
        wit::Finding::Cause(cause) => Finding::Cause(Diagnosis {
            fault: fault(cause.fault)?,
            root_cause: bounds::text("the root cause", &cause.root_cause)?,
            confidence: bounds::share("the confidence", cause.confidence)?,
            target: target(cause.target, guest)?,
            evidence: evidence(cause.evidence)?,
            ruled_out: bounds::list("what was ruled out", cause.ruled_out, |text| {
                bounds::text("what was ruled out", &text)
            })?,
            facts: bounds::facts(cause.facts)?,
        }),
        wit::Finding::HandOver(over) => Finding::HandOver {
            fault: fault(over.fault)?,
            target: target(over.target, guest)?,
            reason: bounds::text("the reason", &over.reason)?,
            evidence: evidence(over.evidence)?,
        },
        wit::Finding::Healthy(seen) => Finding::Healthy {
            evidence: evidence(seen)?,
        },
        wit::Finding::Unknown(seen) => Finding::Unknown {
            evidence: evidence(seen)?,
        },
        wit::Finding::Other((name, sentence)) => Finding::Unknown {
            evidence: evidence(vec![wit::Evidence {
                source: format!("the strategy ({})", bounds::name("a finding's name", name)?),
                text: sentence,
            }])?,
        },
    })
}

/// A registered fault, or one with its owner's domain.
fn fault(fault: String) -> Result<String, BadOutput> {
    let fault = bounds::name("the fault", fault)?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-./".contains(c);
    if fault.chars().all(plain) {
        Ok(fault)
    } else {
        Err(BadOutput(format!(
            "{fault:?} cannot be a fault's name: use lower-case letters, digits and dashes, or company.example/name"
        )))
    }
}

/// An object of this incident. Its uid is what later steps are bound to, so it must be the host's word.
fn target(object: crate::bindings::dreamops::incident::view::ObjectRef, guest: &Guest) -> Result<ObjectRef, BadOutput> {
    let object = ObjectRef::try_from(object)?;
    if guest.is_own(&object) || guest.recall(&object).is_some() {
        return Ok(object);
    }
    Err(BadOutput(format!(
        "it names {object} with uid {:?}, which the host did not return in this incident",
        object.uid
    )))
}

fn evidence(seen: Vec<wit::Evidence>) -> Result<Vec<Evidence>, BadOutput> {
    bounds::list("evidence", seen, |one| {
        Ok(Evidence {
            source: bounds::text("an evidence's source", &one.source)?,
            text: bounds::text("an evidence", &one.text)?,
        })
    })
}

pub(crate) fn verdict(verdict: wit::Verdict) -> Result<Verdict, BadOutput> {
    Ok(match verdict {
        wit::Verdict::Healed => Verdict::Healed,
        wit::Verdict::Waiting(ms) => Verdict::Waiting {
            retry_after_ms: ms.min(LONGEST_WAIT_MS),
        },
        wit::Verdict::Worse(why) => Verdict::Worse {
            why: bounds::text("why it is worse", &why)?,
        },
        wit::Verdict::Other(_) => Verdict::Waiting {
            retry_after_ms: ASK_AGAIN_MS,
        },
    })
}

/// A component's own failure. A refusal counts as one only if the host did refuse that grant in this call, and its
/// line is the host's, not the component's.
pub(crate) fn failure(failure: wit::Failure, refused: &[(String, String)]) -> CallError {
    let say = |text: &str| CallError::Failure(inert::line(text, 2_000));
    match failure {
        wit::Failure::Denied((grant, _)) => match refused.iter().find(|(g, _)| *g == grant) {
            Some((grant, line)) => CallError::Refused {
                grant: grant.clone(),
                line: line.clone(),
            },
            None => say(&format!("it was denied {grant}")),
        },
        wit::Failure::NotFound(what) => say(&format!("not found: {what}")),
        wit::Failure::Invalid(why) => say(&format!("the incident makes no sense to it: {why}")),
        wit::Failure::Unavailable((again, what)) => say(&format!(
            "the cluster did not answer: {what}{}",
            if again { "; trying again is safe" } else { "" }
        )),
        wit::Failure::Exhausted(which) => say(&format!("a budget is used up: {which}")),
        wit::Failure::Other((name, sentence)) => say(&format!("{name}: {sentence}")),
    }
}

impl From<&Finding> for wit::Finding {
    fn from(finding: &Finding) -> Self {
        match finding {
            Finding::Cause(cause) => Self::Cause(wit::Diagnosis {
                fault: cause.fault.clone(),
                root_cause: cause.root_cause.clone(),
                confidence: cause.confidence,
                target: (&cause.target).into(),
                evidence: shown(&cause.evidence),
                ruled_out: cause.ruled_out.clone(),
                facts: cause.facts.clone(),
            }),
            Finding::HandOver {
                fault,
                target,
                reason,
                evidence,
            } => Self::HandOver(wit::HandOver {
                fault: fault.clone(),
                target: target.into(),
                reason: reason.clone(),
                evidence: shown(evidence),
            }),
            Finding::Healthy { evidence } => Self::Healthy(shown(evidence)),
            Finding::Unknown { evidence } => Self::Unknown(shown(evidence)),
        }
    }
}

fn shown(evidence: &[Evidence]) -> Vec<wit::Evidence> {
    evidence
        .iter()
        .map(|one| wit::Evidence {
            source: one.source.clone(),
            text: one.text.clone(),
        })
        .collect()
}
