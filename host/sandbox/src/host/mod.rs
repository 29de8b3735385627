//! The host's side of the contract: one module per interface that components import. Every function is one line to
//! [`crate::dispatch`].

mod ambient;
mod draft;
mod read;
mod view;
