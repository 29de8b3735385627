//! Rehearsals: what an action would write, proved without effect, and how it is taken back.

use crate::object::ObjectRef;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// An object as it was when it was rehearsed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ObjectVersion {
    /// The object, with its uid.
    pub object: ObjectRef,
    /// `metadata.generation` as text; `rv:` and the resourceVersion where the kind has no generation; `spec:` and a
    /// hash where the resourceVersion moves with every status update as well (autoscaler, node); `uid` for a pod.
    pub version: String,
}

/// A JSON patch (RFC 6902) in raw form. It may hold secret values, so it shows nothing of itself;
/// the store seals it.
#[derive(Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct RawPatch(pub Vec<Value>);

impl fmt::Debug for RawPatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawPatch({} operations)", self.0.len())
    }
}

/// An object in raw form, for a create; shows nothing of itself.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RawObject(pub Value);

impl fmt::Debug for RawObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RawObject")
    }
}

/// One call that changes the cluster. There are no other forms.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "write")]
pub enum Write {
    /// A JSON patch that carries its own preconditions as `test` operations.
    Patch {
        /// The object.
        target: ObjectRef,
        /// What is sent.
        forward: RawPatch,
        /// What takes it back: value tests and the uid test, no generation.
        inverse: RawPatch,
        /// Pointers of the fields that the patch sets, for post-conditions.
        touched: Vec<String>,
    },
    /// DELETE with a uid precondition. A pod that is gone or has another uid counts as done.
    Delete {
        /// The object.
        target: ObjectRef,
    },
    /// Eviction with a uid precondition.
    Evict {
        /// The pod.
        target: ObjectRef,
    },
    /// POST of an object that we name. Taken back by a delete of what was made.
    Create {
        /// Kind, namespace and name; no uid yet.
        target: ObjectRef,
        /// What is sent.
        object: RawObject,
    },
}

impl Write {
    /// The object it changes.
    pub fn target(&self) -> &ObjectRef {
        match self {
            Self::Patch { target, .. }
            | Self::Delete { target }
            | Self::Evict { target }
            | Self::Create { target, .. } => target,
        }
    }
}

/// How much could go wrong. Computed by the host, never by the component.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// One pod, or a field that starts nothing anew.
    Low,
    /// One workload rolls anew.
    Medium,
    /// More than one workload, or something that cannot be taken back.
    High,
}

impl Risk {
    /// The name, as reports write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// The outcome of one thing that a rehearsal looked at.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum CheckOutcome {
    /// It holds.
    Passed,
    /// It does not; the action must not run.
    Failed {
        /// Why, with numbers.
        why: String,
    },
    /// It could not be looked at.
    NotChecked {
        /// Because.
        because: String,
    },
}

/// One thing that a rehearsal looked at: `dry run`, `inverse`, `rbac`, `quota`, `limit range`, `node room`, `disruption budget`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// How it came out.
    #[serde(flatten)]
    pub outcome: CheckOutcome,
}

/// What the rehearsal of one step showed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Rehearsal {
    /// The change as a unified diff of redacted YAML; empty where nothing would change.
    pub diff: String,
    /// What was looked at.
    pub checks: Vec<Check>,
    /// How much could go wrong.
    pub risk: Risk,
    /// Whether every write can be taken back, and was proved so.
    pub reversible: bool,
    /// The objects as they were.
    pub versions: Vec<ObjectVersion>,
    /// Pods that would be replaced.
    pub pods_affected: u32,
    /// Who keeps the target's spec, if it is not a person: `Helm`, `Argo CD`, `Flux`, an operator's name.
    pub managed_by: Option<String>,
    /// The calls, in order. They hold raw values: kept from every surface, sealed in the store.
    #[serde(skip)]
    pub writes: Vec<Write>,
}

impl Rehearsal {
    /// The first check that failed.
    pub fn failure(&self) -> Option<(&str, &str)> {
        self.checks.iter().find_map(|c| match &c.outcome {
            CheckOutcome::Failed { why } => Some((c.name.as_str(), why.as_str())),
            _ => None,
        })
    }
}
