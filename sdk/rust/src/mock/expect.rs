//! What tests of strategies ask of a finding or of drafted steps. Each panics with what is there instead.

use super::Step;
use crate::strategy::{Diagnosis, Finding};

/// The diagnosis of a finding that names a cause.
#[track_caller]
pub fn cause(finding: &Finding) -> &Diagnosis {
    match finding {
        Finding::Cause(diagnosis) => diagnosis,
        other => panic!("no cause: {other:?}"),
    }
}

/// The fault and the object, as `Kind/name`, that the incident was handed over for.
#[track_caller]
pub fn handed_to(finding: &Finding) -> (&str, String) {
    match finding {
        Finding::HandOver(over) => (over.fault.as_str(), over.target.to_string()),
        other => panic!("not handed over: {other:?}"),
    }
}

/// The only step writes nothing, and its proposal to a person holds `words`.
#[track_caller]
pub fn escalated(steps: &[Step], words: &str) {
    match steps {
        [only] => {
            assert!(!only.writes(), "{only:?}");
            assert!(only.proposal().contains(words), "{}", only.proposal());
        }
        other => panic!("one word to a person: {other:?}"),
    }
}
