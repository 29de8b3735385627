//! The manifest of a component: its static facts, written into it when it is packaged.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a component says about itself. The one source of static facts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The format of this record; 1.
    pub format: u32,
    /// The component's name: lower-case letters, digits and dashes.
    pub name: String,
    /// Its version, as semver.
    pub version: String,
    /// One sentence for a list.
    pub summary: String,
    /// The faults it handles.
    pub faults: Vec<String>,
    /// The grants it wants, each with the reason a person reads.
    pub grants: BTreeMap<String, String>,
}

/// An installed strategy, as lists and incidents name it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StrategyInfo {
    /// The manifest.
    pub manifest: Manifest,
    /// SHA-256 of the component file, lower-case hexadecimal.
    pub digest: String,
    /// Whether it came with the program.
    pub first_party: bool,
}

/// Which strategy handled an incident.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StrategyRef {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its file.
    pub digest: String,
}

impl From<&StrategyInfo> for StrategyRef {
    fn from(info: &StrategyInfo) -> Self {
        Self {
            name: info.manifest.name.clone(),
            version: info.manifest.version.clone(),
            digest: info.digest.clone(),
        }
    }
}
