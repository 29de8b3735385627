//! Recordings: what is in them, what is not, and what comes out when they are played.

#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod folder;
mod play;
mod secrets;
mod world;
