//! What has to hold before anything lands.

use crate::run::{cargo, passed};
use crate::test;

/// Formatting, lints, dependencies, tests, real parts.
pub(crate) fn run() -> anyhow::Result<()> {
    passed(cargo().args(["fmt", "--all", "--check"]))?;
    passed(cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ]))?;
    dependencies()?;
    test::all()?;
    test::end_to_end(None)
}

/// Licenses, bans and sources of the dependencies. Known vulnerabilities need a database that is fetched:
/// `cargo deny check advisories` asks it.
fn dependencies() -> anyhow::Result<()> {
    let there = cargo().args(["deny", "--version"]).output();
    if !there.is_ok_and(|there| there.status.success()) {
        eprintln!(
            "xtask: the dependencies were not checked: there is no cargo-deny (`cargo install cargo-deny --locked`)"
        );
        return Ok(());
    }
    let quiet = ["--log-level", "error"];
    passed(
        cargo()
            .arg("deny")
            .args(quiet)
            .args(["check", "licenses", "bans", "sources"]),
    )
}
