//! What the whole-program tests share.

pub mod serving;
pub mod workloads;

use dreamops_test_cluster::Cluster;
use std::path::PathBuf;

/// The program under test.
///
/// # Panics
/// Where the tests were not started by `cargo xtask e2e`, which builds it and names it.
#[allow(clippy::disallowed_methods, reason = "a test is told by its environment what to try")]
pub fn program() -> PathBuf {
    std::env::var_os("DREAMOPS_PROGRAM")
        .map(PathBuf::from)
        .expect("run these tests with `cargo xtask e2e`")
}

/// Ends a test's namespace with the test; one of a test that failed is kept for a look.
#[allow(clippy::print_stderr, reason = "a person looks for the namespace that it names")]
pub fn leave(cluster: &Cluster, namespace: &str) {
    if std::thread::panicking() {
        eprintln!("the namespace {namespace} is kept for a look");
        return;
    }
    if let Err(error) = cluster.kubectl(&["delete", "namespace", namespace, "--wait=false"]) {
        eprintln!("cannot remove namespace {namespace}: {error}");
    }
}
