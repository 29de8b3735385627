//! Every action on a real cluster: rehearsed (nothing changed), applied, checked, taken back (the spec is as before).
//!
//! Runs where `DREAMOPS_TEST_KUBECONFIG` names the kubeconfig of a cluster administrator of the cluster in
//! `tests/cluster`; says that it was skipped otherwise.

#![allow(
    clippy::disallowed_methods,
    reason = "a real cluster keeps real time, and its kubeconfig is named by the environment"
)]

mod amounts;
mod conflicts;
mod fields;
mod pods;
mod pull_secret;
mod rights;
mod rollouts;
mod world;
