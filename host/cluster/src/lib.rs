//! Kubernetes: credentials to client, scoped reads, rehearsed actions.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`act`] | rehearsed actions |
//! | [`api`] | raw calls with deadlines and typed failures |
//! | [`error`] | what a refusal means |
//! | [`resource`] | kinds and where they are served |
//!
//! Invariants: credentials come from the source that was named and never from another one; nothing
//! here reads the environment; what leaves through a port has passed redaction.

pub mod act;
pub mod api;
pub mod error;
pub mod quantity;
pub mod read;
pub mod resource;
mod transport;
