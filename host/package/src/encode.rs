//! From a core module, as `wit-bindgen` and rustc make it, to a component with a manifest.

use crate::manifest::{MANIFEST_SECTION, ManifestError, validate};
use dreamops_domain::manifest::Manifest;
use wasm_encoder::{ComponentSection, CustomSection};
use wit_component::ComponentEncoder;

/// Why a module could not be encoded.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The manifest is not right.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The bytes are a component already.
    #[error("the file is a component already; `dreamops plugin check FILE` looks at it")]
    AlreadyComponent,
    /// The module does not fit its own description of imports and exports, or has none.
    #[error("the module cannot be made a component: {0}; does the crate export a strategy through the SDK's macro?")]
    Module(String),
    /// The manifest could not be written.
    #[error("the manifest cannot be written: {0}")]
    Json(#[from] serde_json::Error),
}

/// Makes a component of a core module for `wasm32-unknown-unknown`, with the manifest as its last section.
///
/// The component imports the functions that the module calls and no others: its import list is its capability list.
pub fn encode(core_wasm: &[u8], manifest: &Manifest) -> Result<Vec<u8>, EncodeError> {
    validate(manifest)?;
    if wasmparser::Parser::is_component(core_wasm) {
        return Err(EncodeError::AlreadyComponent);
    }
    let mut component = ComponentEncoder::default()
        .validate(true)
        .module(core_wasm)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| EncodeError::Module(format!("{error:#}")))?;
    let text = serde_json::to_vec(manifest)?;
    CustomSection {
        name: MANIFEST_SECTION.into(),
        data: (&text).into(),
    }
    .append_to_component(&mut component);
    Ok(component)
}
