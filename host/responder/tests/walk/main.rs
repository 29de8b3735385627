//! The walk of an incident through a world in memory, with the real store and the real rules.

#![allow(missing_docs, unreachable_pub, reason = "tests are named by what they promise")]
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod approval;
mod clock;
mod cluster;
mod component;
mod crash;
mod desk;
mod doubt;
mod fuse;
mod healing;
mod intake;
mod owners;
mod rights;
mod room;
mod stop;
mod strategies;
mod takeback;
