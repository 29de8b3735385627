//! What may run, and what may run without a person.
//!
//! [`BuiltIn`] answers for the responder from [`Rules`]. `yolo` removes the person, not the policy. Every rule has a
//! sentence that names the number it compared and, where a person could change it, the setting.
//!
//! | rule | setting | when it is broken |
//! | --- | --- | --- |
//! | a namespace is protected: `kube-*`, and those configured | `protected_namespaces` | denied |
//! | a rehearsal failed | | denied |
//! | more than one step, or one that is no restart-pod, cannot be taken back | | denied in yolo, else a person |
//! | an incident makes at most so many changes | `max_steps_per_incident` | denied |
//! | the mode is yolo | | a person |
//! | the diagnosis is sure enough | `min_confidence` | a person |
//! | the rehearsal computed a bearable risk | `max_risk` | a person |
//! | not too many pods are replaced | `max_pods_affected` | a person |
//! | the spec is not kept by somebody else | `owners.helm` | a person |
//! | the owner was left alone for a while, longer after failures | `cool_down_minutes` | a person |
//! | the owner was not changed too often | `max_actions_per_hour` | a person |
//! | the cluster was not changed too often without a person | `max_automated_actions_per_hour` | a person |
//! | the strategy did not fail several times in a row | `breaker_failures`, `breaker_minutes` | a person |
//! | no window of maintenance is open | `/api/v1/maintenance-windows` | a person |
//!
//! Words to a person (the action `escalate`) write nothing and always pass. The emergency stop and one open incident
//! per owner are kept by the store, which can hold them against a crash.

mod guards;
mod rules;
mod steps;

pub use rules::{OwnerRule, Owners, Rules, RulesError};

use dreamops_domain::decision::{Decision, IncidentFacts, StepFacts};
use dreamops_domain::ports::Policy;
use sha2::{Digest, Sha256};

/// Raised when a rule's meaning changes, so that an approval under the old meaning is void.
const MEANING: u32 = 2;

/// Policy from rules that are part of the program.
#[derive(Clone, Debug)]
pub struct BuiltIn {
    rules: Rules,
    digest: String,
}

impl BuiltIn {
    /// Policy under these rules, if they make sense.
    pub fn new(rules: Rules) -> Result<Self, RulesError> {
        rules.check()?;
        // field by field in the order of declaration: the same rules give the same text
        let text = serde_json::to_string(&(MEANING, &rules)).map_err(|e| RulesError::Unwritable(e.to_string()))?;
        Ok(Self {
            digest: hex::encode(Sha256::digest(text)),
            rules,
        })
    }

    /// The rules in force.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }
}

impl Policy for BuiltIn {
    fn digest(&self) -> String {
        self.digest.clone()
    }

    fn incident(&self, facts: &IncidentFacts<'_>) -> Decision {
        guards::decide(&self.rules, facts)
    }

    fn step(&self, facts: &StepFacts<'_>) -> Decision {
        steps::decide(&self.rules, facts)
    }
}

fn deny(because: String) -> Decision {
    Decision::Deny { because }
}

fn ask(because: String) -> Decision {
    Decision::NeedsApproval { because }
}
