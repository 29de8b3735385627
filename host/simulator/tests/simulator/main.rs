//! The simulated cluster, seen from outside: over HTTP, with a clock that is moved by hand.

#![allow(clippy::unwrap_used)]

mod client;
mod crash_loop;
mod dry_run;
mod high_usage;
mod image_pull;
mod memory;
mod patches;
mod removal;
mod secure;
mod served;
mod service_down;
mod unhealed;
