//! Packaging of components: encode, manifest, contract check, inspect
