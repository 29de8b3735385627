//! Kubernetes: credentials to client, scoped reads, rehearsed actions.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`connect`] | a kubeconfig, or what a user gave, to a client, bound to one cluster |
//! | [`rights`] | what the credential must be allowed, and whether it is |
//! | [`api`] | raw calls with deadlines and typed failures |
//! | [`error`] | what a refusal means |
//! | [`read`] | scoped, redacted reads |
//! | [`act`] | rehearse, apply, settle, take back |
//! | [`quantity`] | amounts as Kubernetes writes them |
//! | [`resource`] | kinds and where they are served |
//!
//! Invariants: credentials come from the source that was named and never from another one; nothing
//! here reads the environment; what leaves through a port has passed redaction.

pub mod act;
pub mod api;
pub mod connect;
pub mod error;
mod exchange;
pub mod quantity;
pub mod read;
pub mod resource;
pub mod rights;
mod transport;
