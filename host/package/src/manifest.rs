//! The manifest of a component: where it comes from, and where it is kept.
//!
//! It comes from the plugin's `Cargo.toml` and is kept as JSON in the custom section
//! [`MANIFEST_SECTION`], which [`crate::encode`] writes as the file's last part.
//!
//! ```toml
//! [package]
//! name = "crash-loop"        # the component's name: lower-case letters, digits and dashes
//! version = "1.2.0"
//!
//! [package.metadata.dreamops]
//! summary = "Pods that crash again and again"
//! faults = ["crash-loop"]
//!
//! [package.metadata.dreamops.grants]
//! "kubernetes/read/pods" = "to see why containers wait"
//! "plan/undo-rollout" = "to go back to the last revision that worked"
//! ```

use dreamops_domain::grant::{Grants, UnknownGrant};
use dreamops_domain::manifest::Manifest;
use serde::Deserialize;
use std::collections::BTreeMap;
use wasmparser::{Parser, Payload};

/// The name of the custom section that holds the manifest.
pub const MANIFEST_SECTION: &str = "dreamops:manifest";

/// The format of the manifest that this program writes and reads.
pub(crate) const MANIFEST_FORMAT: u32 = 1;

/// Why there is no manifest, or none that can be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ManifestError {
    /// The plugin's `Cargo.toml` has no `[package.metadata.dreamops]`.
    #[error("Cargo.toml has no [package.metadata.dreamops]; add it with `summary`, `faults` and the table `grants`")]
    NoMetadata,
    /// The table is there and cannot be read.
    #[error("[package.metadata.dreamops] in Cargo.toml cannot be read: {0}")]
    BadMetadata(String),
    /// The component has no such section.
    #[error(
        "the file carries no manifest: it was not made by `dreamops plugin build`, or it is cut short; build it again"
    )]
    Missing,
    /// There is more than one section, so that it is open which one counts.
    #[error("the file carries {0} manifests; build it again with `dreamops plugin build`")]
    Many(usize),
    /// The section cannot be read.
    #[error("its manifest cannot be read: {0}; build it again with `dreamops plugin build`")]
    BadSection(String),
    /// Another format.
    #[error(
        "its manifest has format {0} and this program reads format {MANIFEST_FORMAT}; build it again with this version of dreamops"
    )]
    Format(u32),
    /// The name cannot be one.
    #[error(
        "{0:?} cannot be a component's name: use 1 to 64 lower-case letters, digits and dashes, beginning with a letter"
    )]
    Name(String),
    /// The version is not semver.
    #[error("{0:?} is not a version as semver writes it, such as 1.2.0")]
    Version(String),
    /// A fault's name cannot be one.
    #[error("{0:?} cannot be a fault's name: use lower-case letters, digits and dashes, or company.example/name")]
    Fault(String),
    /// The summary is empty or longer than a line.
    #[error("the summary must be one line of 1 to 200 characters")]
    Summary,
    /// A grant that does not exist.
    #[error("it asks for a grant that does not exist: {0}")]
    Grant(#[from] UnknownGrant),
    /// A grant without a reason.
    #[error("it asks for {0} without a reason; write one for the person who decides")]
    NoReason(String),
}

/// What `[package.metadata.dreamops]` may hold.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    summary: String,
    faults: Vec<String>,
    #[serde(default)]
    grants: BTreeMap<String, String>,
}

/// The manifest from a package's name, version and `[package.metadata]` as cargo shows it.
pub fn from_cargo(name: &str, version: &str, metadata: &serde_json::Value) -> Result<Manifest, ManifestError> {
    let table = metadata.get("dreamops").ok_or(ManifestError::NoMetadata)?;
    let table = Metadata::deserialize(table).map_err(|error| ManifestError::BadMetadata(error.to_string()))?;
    let manifest = Manifest {
        format: MANIFEST_FORMAT,
        name: name.to_owned(),
        version: version.to_owned(),
        summary: table.summary,
        faults: table.faults,
        grants: table.grants,
    };
    validate(&manifest)?;
    Ok(manifest)
}

/// Checks every field, and returns the grants it asks for with wildcards spelled out.
pub fn validate(manifest: &Manifest) -> Result<Grants, ManifestError> {
    if manifest.format != MANIFEST_FORMAT {
        return Err(ManifestError::Format(manifest.format));
    }
    if !is_name(&manifest.name) {
        return Err(ManifestError::Name(manifest.name.clone()));
    }
    if semver::Version::parse(&manifest.version).is_err() {
        return Err(ManifestError::Version(manifest.version.clone()));
    }
    let length = manifest.summary.chars().count();
    if !(1..=200).contains(&length) || manifest.summary.chars().any(char::is_control) {
        return Err(ManifestError::Summary);
    }
    if let Some(fault) = manifest.faults.iter().find(|fault| !is_fault(fault)) {
        return Err(ManifestError::Fault(fault.clone()));
    }
    if let Some((grant, _)) = manifest.grants.iter().find(|(_, why)| why.trim().is_empty()) {
        return Err(ManifestError::NoReason(grant.clone()));
    }
    Ok(Grants::parse(manifest.grants.keys().map(String::as_str))?)
}

/// Lower-case letters, digits and dashes, beginning with a letter.
fn is_name(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// A name, or a domain and a name.
fn is_fault(text: &str) -> bool {
    match text.split_once('/') {
        None => is_name(text),
        Some((domain, name)) => {
            domain.contains('.') && domain.len() <= 253 && domain.split('.').all(is_label) && is_name(name)
        }
    }
}

fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// The manifest that a component carries, checked.
pub fn read_section(component: &[u8]) -> Result<Manifest, ManifestError> {
    let mut depth = 0_usize;
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(component) {
        match payload {
            // sections of nested modules and components are not the component's own word
            Ok(Payload::Version { .. }) => depth += 1,
            Ok(Payload::End(_)) => depth = depth.saturating_sub(1),
            Ok(Payload::CustomSection(section)) if depth == 1 && section.name() == MANIFEST_SECTION => {
                found.push(section.data());
            }
            Ok(_) => {}
            Err(error) => return Err(ManifestError::BadSection(error.message().to_owned())),
        }
    }
    let [text] = found[..] else {
        return Err(if found.is_empty() {
            ManifestError::Missing
        } else {
            ManifestError::Many(found.len())
        });
    };
    let manifest: Manifest =
        serde_json::from_slice(text).map_err(|error| ManifestError::BadSection(error.to_string()))?;
    validate(&manifest)?;
    Ok(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn metadata() -> serde_json::Value {
        json!({"dreamops": {"summary": "Pods that crash", "faults": ["crash-loop"],
            "grants": {"plan/*": "to act", "kubernetes/read/pods": "to look"}}})
    }

    #[test]
    fn a_manifest_comes_from_cargo_toml() {
        let manifest = from_cargo("crash-loop", "1.2.0", &metadata()).expect("valid");
        assert_eq!((manifest.format, manifest.name.as_str()), (1, "crash-loop"));
        assert!(validate(&manifest).expect("valid").allows("plan/undo-rollout"));
    }

    #[test]
    fn each_bad_field_is_named() {
        let with = |at: &str, value: serde_json::Value| {
            let mut all = metadata();
            all["dreamops"][at] = value;
            from_cargo("crash-loop", "1.2.0", &all).expect_err(at)
        };
        assert_eq!(from_cargo("a", "1.0.0", &json!({})), Err(ManifestError::NoMetadata));
        assert!(matches!(
            from_cargo("Crash_Loop", "1.0.0", &metadata()),
            Err(ManifestError::Name(_))
        ));
        assert!(matches!(
            from_cargo("a", "one", &metadata()),
            Err(ManifestError::Version(_))
        ));
        assert!(matches!(
            with("grants", json!({"plan/delete": "x"})),
            ManifestError::Grant(_)
        ));
        assert!(matches!(
            with("grants", json!({"plan/scale": " "})),
            ManifestError::NoReason(_)
        ));
        assert!(matches!(with("faults", json!(["Crash"])), ManifestError::Fault(_)));
        assert!(matches!(with("summary", json!("")), ManifestError::Summary));
        assert!(matches!(with("summery", json!("x")), ManifestError::BadMetadata(_)));
    }

    #[test]
    fn faults_of_companies_carry_their_domain() {
        assert!(is_fault("acme.example/disk-full") && is_fault("crash-loop"));
        assert!(!is_fault("acme/disk-full") && !is_fault("a.b/") && !is_fault(".a/x"));
    }
}
