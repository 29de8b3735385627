//! What wasmtime makes of the contract in `wit/`.
//!
//! Every import is asynchronous and may trap, so that all of them can go through [`crate::dispatch`].
#![allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::unwrap_used,
    reason = "generated code"
)]

/// The host's side of the resource `incident`. There is one in a call, so the handle says nothing.
pub struct Incident;
/// The host's side of the resource `execution`.
pub struct Execution;
/// The host's side of the resource `draft`.
pub struct Draft;

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "dreamops:worlds/strategy",
    imports: { default: async | trappable },
    exports: { default: async },
    additional_derives: [serde::Serialize],
    with: {
        "dreamops:incident/view.incident": crate::bindings::Incident,
        "dreamops:incident/view.execution": crate::bindings::Execution,
        "dreamops:plan/draft.draft": crate::bindings::Draft,
    },
});
