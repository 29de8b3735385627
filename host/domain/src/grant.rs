//! Grants: what a component may ask the host for.
//!
//! | pattern | means |
//! | --- | --- |
//! | `kubernetes/read/pods` | get and list of one kind, by its plural |
//! | `kubernetes/read/logs` | one kind of fact: `logs`, `events`, `owners`, `revisions`, `health`, `service`, `node-images`, `quota`, `usage` |
//! | `plan/undo-rollout` | drafting one action |
//! | `plan/*` | every action; a wildcard is only ever a whole last segment |
//! | absent or empty | nothing |
//!
//! A segment that is not in this tree is an error that lists the valid ones.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Facts that can be read besides objects by kind.
pub const FACTS: [&str; 9] = [
    "events",
    "logs",
    "owners",
    "revisions",
    "health",
    "service",
    "node-images",
    "quota",
    "usage",
];

/// Actions that can be drafted.
pub const ACTIONS: [&str; 8] = [
    "restart-pod",
    "restart-workload",
    "undo-rollout",
    "scale",
    "set-resources",
    "set-pull-secret",
    "patch",
    "escalate",
];

/// A pattern that is not in the tree.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{pattern:?} is not a grant: {segment:?} is not one of {}", valid.join(", "))]
pub struct UnknownGrant {
    /// The pattern.
    pub pattern: String,
    /// The segment that is unknown.
    pub segment: String,
    /// What may stand there.
    pub valid: Vec<String>,
}

/// A set of single grants, with wildcards already spelled out.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Grants(BTreeSet<String>);

/// Every single grant that exists.
pub fn all() -> Vec<String> {
    let kinds = crate::object::KINDS
        .iter()
        .map(|(_, plural)| *plural)
        .filter(|p| *p != "events");
    kinds
        .chain(FACTS)
        .map(|leaf| format!("kubernetes/read/{leaf}"))
        .chain(ACTIONS.iter().map(|a| format!("plan/{a}")))
        .collect()
}

impl Grants {
    /// Reads patterns and spells wildcards out.
    pub fn parse<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, UnknownGrant> {
        let tree = all();
        let mut set = BTreeSet::new();
        for pattern in patterns {
            let before = set.len();
            match pattern.strip_suffix('*') {
                Some(prefix) if prefix.ends_with('/') => {
                    set.extend(tree.iter().filter(|g| g.starts_with(prefix)).cloned());
                }
                _ => set.extend(tree.iter().filter(|g| *g == pattern).cloned()),
            }
            let known = set.len() > before || tree.iter().any(|g| set.contains(g) && matches(pattern, g));
            if !known {
                return Err(unknown(pattern, &tree));
            }
        }
        Ok(Self(set))
    }

    /// Whether a single grant is in the set.
    pub fn allows(&self, grant: &str) -> bool {
        self.0.contains(grant)
    }

    /// What is in both.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// The single grants, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

fn matches(pattern: &str, grant: &str) -> bool {
    pattern == grant
        || pattern
            .strip_suffix('*')
            .is_some_and(|p| p.ends_with('/') && grant.starts_with(p))
}

/// Names the first segment of `pattern` that leads nowhere, and what could stand in its place.
fn unknown(pattern: &str, tree: &[String]) -> UnknownGrant {
    let mut prefix = String::new();
    for segment in pattern.split('/') {
        let longer = format!("{prefix}{segment}");
        let leads_on = tree
            .iter()
            .any(|g| *g == longer || g.starts_with(&format!("{longer}/")));
        if !leads_on {
            let valid: BTreeSet<String> = tree
                .iter()
                .filter_map(|g| g.strip_prefix(prefix.as_str()))
                .filter_map(|rest| rest.split('/').next())
                .map(str::to_owned)
                .collect();
            return UnknownGrant {
                pattern: pattern.into(),
                segment: segment.into(),
                valid: valid.into_iter().collect(),
            };
        }
        prefix = format!("{longer}/");
    }
    UnknownGrant {
        pattern: pattern.into(),
        segment: String::new(),
        valid: tree.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_and_empty_both_mean_none() {
        let none = Grants::parse([]).expect("empty is valid");
        assert!(all().iter().all(|g| !none.allows(g)));
        assert!(Grants::parse([""]).is_err());
    }

    #[test]
    fn a_wildcard_is_only_a_whole_last_segment() {
        let reads = Grants::parse(["kubernetes/read/*"]).expect("valid");
        assert!(reads.allows("kubernetes/read/pods") && !reads.allows("plan/scale"));
        assert!(Grants::parse(["kubernetes/read/pod*"]).is_err());
        assert!(Grants::parse(["*/scale"]).is_err());
    }

    #[test]
    fn an_unknown_segment_lists_the_valid_ones() {
        let error = Grants::parse(["kubernetes/write/pods"]).expect_err("no such thing");
        assert_eq!(
            (error.segment.as_str(), error.valid),
            ("write", vec!["read".to_owned()])
        );
        let error = Grants::parse(["plan/delete-everything"]).expect_err("no such thing");
        assert!(error.to_string().contains("undo-rollout"), "{error}");
    }

    #[test]
    fn the_same_pattern_twice_is_no_error() {
        assert!(Grants::parse(["plan/scale", "plan/*", "plan/scale"]).is_ok());
    }
}
