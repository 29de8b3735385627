//! What has to hold before anything lands.

use crate::run::{cargo, passed};
use crate::test;

/// Formatting, lints, tests, real parts.
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
    test::all()?;
    test::end_to_end(None)
}
