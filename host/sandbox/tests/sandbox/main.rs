//! The sandbox with small components made from text, each named by what is promised.

#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod calls;
mod drafts;
mod gate;
#[path = "../../../package/tests/contract/guests.rs"]
mod guests;
mod hostile;
mod loading;
mod world;
