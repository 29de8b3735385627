//! What the contract check takes, and each way in which it refuses.

#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod building;
mod guests;
mod refusals;
