//! The numbers and names that the rules compare with, as the configuration file gives them.

use dreamops_domain::rehearsal::Risk;
use serde::{Deserialize, Serialize};

/// The section `[policy]` of the configuration file. What is not given keeps its default.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// The least confidence of a diagnosis that is acted upon without a person, 0 to 1. 0.8.
    pub min_confidence: f64,
    /// The highest risk that is taken without a person: `low`, `medium` (one workload rolls anew), `high`. `medium`.
    pub max_risk: Risk,
    /// Namespaces that nothing is written to, beside `kube-*`, which always is one. `*` at the end stands for anything.
    /// `dreamops`, where we may run ourselves.
    pub protected_namespaces: Vec<String>,
    /// The most pods that a step replaces without a person. 50: most workloads have fewer, and a mistake in a larger one
    /// is an outage of its own.
    pub max_pods_affected: u32,
    /// The most writing steps of one incident. 3: the longest known fix has two.
    pub max_steps_per_incident: usize,
    /// How long an owner is left alone after an action, in minutes; doubles with each failed incident in a row. 15.
    pub cool_down_minutes: u64,
    /// The most actions on one owner within an hour without a person. 6: two incidents of full length.
    pub max_actions_per_hour: usize,
    /// The most actions on one cluster within an hour without a person. 20: more at a time is an outage of the cluster itself.
    pub max_automated_actions_per_hour: usize,
    /// After so many incidents in a row that a strategy acted in and did not resolve it asks a person; 0 for never. 3.
    pub breaker_failures: usize,
    /// For how long after the last of them, in minutes. 60.
    pub breaker_minutes: u64,
    /// What may be done to specs that others keep.
    pub owners: Owners,
}

/// What may be done to a spec by who keeps it. Restarts change no spec and are allowed whoever keeps it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Owners {
    /// Helm: it sets a spec back only at its next upgrade. `propose`.
    pub helm: OwnerRule,
}

/// Whether a spec that somebody else keeps is changed without a person.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OwnerRule {
    /// A person decides.
    #[default]
    Propose,
    /// It is changed.
    Act,
}

/// Why rules are refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RulesError {
    /// A number is out of its range.
    #[error("policy.{field} is {value}; it must be {range}")]
    OutOfRange {
        /// The setting.
        field: &'static str,
        /// What was given.
        value: String,
        /// What is allowed.
        range: &'static str,
    },
    /// They cannot be written down for their digest.
    #[error("the policy's rules cannot be written as JSON: {0}")]
    Unwritable(String),
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            min_confidence: 0.8,
            max_risk: Risk::Medium,
            protected_namespaces: vec!["dreamops".to_owned()],
            max_pods_affected: 50,
            max_steps_per_incident: 3,
            cool_down_minutes: 15,
            max_actions_per_hour: 6,
            max_automated_actions_per_hour: 20,
            breaker_failures: 3,
            breaker_minutes: 60,
            owners: Owners::default(),
        }
    }
}

impl Rules {
    /// Whether the numbers make sense.
    pub(crate) fn check(&self) -> Result<(), RulesError> {
        if !(0.0..=1.0).contains(&self.min_confidence) {
            return Err(RulesError::OutOfRange {
                field: "min_confidence",
                value: self.min_confidence.to_string(),
                range: "between 0 and 1",
            });
        }
        let lone = |n: &&String| n.is_empty() || n.trim_end_matches('*').contains('*') || n.as_str() == "*";
        if let Some(bad) = self.protected_namespaces.iter().find(lone) {
            return Err(RulesError::OutOfRange {
                field: "protected_namespaces",
                value: format!("{bad:?}"),
                range: "names, with at most one * at their end; mode observe keeps from writing everywhere",
            });
        }
        Ok(())
    }

    /// The pattern that protects a namespace, if one does.
    pub(crate) fn protects(&self, namespace: &str) -> Option<&str> {
        let own = self.protected_namespaces.iter().map(String::as_str);
        std::iter::once("kube-*")
            .chain(own)
            .find(|pattern| match pattern.strip_suffix('*') {
                Some(prefix) => namespace.starts_with(prefix),
                None => namespace == *pattern,
            })
    }
}
