//! The components that this program carries.

/// Name and bytes of each, in the order in which ties between them are settled.
pub(crate) const COMPONENTS: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/components.rs"));
