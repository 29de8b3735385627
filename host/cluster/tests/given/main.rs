//! Connections from what a user gave, to an API server with TLS on the loopback device: every method, proxies, and
//! whom a refused credential or address never reaches.
//!
//! The tests in `real` run where `DREAMOPS_TEST_KUBECONFIG` names the kubeconfig of an administrator of a real cluster.
//! They only read; they say that they were skipped otherwise.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod addresses;
mod methods;
mod proxies;
mod proxy;
mod real;
mod rights;
mod server;
mod world;
