//! The program as a server in the network of the real cluster: connected by every method and through real proxies, and told of
//! faults by a real Prometheus and Alertmanager.
//!
//! Each test has a namespace of the cluster, a server and a data directory of its own. A test's thread moves into the network
//! namespace where the cluster is, and all that it starts is there with it.

#![allow(missing_docs, reason = "tests are named by what they promise")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test ends where it fails")]
#![allow(
    clippy::disallowed_methods,
    reason = "a test on a real cluster waits in real time and is told by its environment what to try"
)]

mod alarms;
mod corner;
mod daemon;
mod far;
mod methods;
mod monitoring;
mod programs;
mod proxies;
mod rotation;
mod through;
