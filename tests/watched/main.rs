//! The program as a server that watches the real cluster, and is told of it by others.
//!
//! Each test's thread moves into the cluster's network: servers, proxies and monitoring meet there, and nowhere else.

#![allow(missing_docs, reason = "tests are named by what they promise")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test ends where it fails")]
#![allow(clippy::disallowed_methods, reason = "a test of a real program waits in real time")]

mod connections;
mod far;
mod ground;
mod monitoring;
mod outage;
mod part;
mod proxies;
mod rotation;
mod roundabout;
