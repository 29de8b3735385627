//! Packaging of components: from Rust source to one file that the host takes, and back to what the file says.
//!
//! | step | function |
//! | --- | --- |
//! | build a plugin's crate, encode, check | [`build_plugin`] |
//! | core module and manifest → component | [`encode`] |
//! | what does a file say about itself? | [`inspect`] |
//! | would the host take it? | [`check`] |
//!
//! Invariants: a component is judged by the contract in `wit/`, which is part of this program, before
//! any engine sees it; types are compared by their structure, never by their names alone; a component that
//! imports more than its manifest asks for is refused. Nothing here runs a component.

mod artefact;
mod build;
pub mod capability;
mod check;
pub mod contract;
mod encode;
mod manifest;
mod shape;

pub use artefact::{digest, write_atomically};
pub use build::{BuildError, BuildOptions, BuiltPlugin, TARGET, build_plugin, inherited};
pub use check::{ContractError, Inspection, SIZE_CAP, check, inspect};
pub use encode::{EncodeError, encode};
pub use manifest::{MANIFEST_SECTION, ManifestError, from_cargo, read_section, validate};
