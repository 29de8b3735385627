//! Running the tests.

use crate::build;
use crate::run::{cargo, passed};
use anyhow::bail;

/// The parts that have end-to-end tests, and the test that tries each.
const PARTS: [(&str, &str); 2] = [("cluster", "cluster"), ("simulator", "conformance")];

/// Everything that needs nothing but Rust.
pub(crate) fn all() -> anyhow::Result<()> {
    let components = build::components()?;
    passed(
        cargo()
            .args(["test", "--workspace", "--locked"])
            .args(["--exclude", "dreamops-tests"])
            .env("DREAMOPS_COMPONENTS", &components),
    )?;
    passed(
        cargo()
            .args(["test", "--package", "dreamops-tests", "--test", "structure", "--locked"])
            .env("DREAMOPS_COMPONENTS", &components),
    )
}

/// Tests against real parts.
pub(crate) fn end_to_end(part: Option<&str>) -> anyhow::Result<()> {
    let names = PARTS.map(|(name, _)| name);
    if let Some(other) = part.filter(|part| !names.contains(part)) {
        bail!("there is no part {other:?}; there are: {}", names.join(", "));
    }
    let wanted = |name: &str| part.is_none_or(|part| part == name);
    let program = build::program(false)?;
    for (_, test) in PARTS.iter().filter(|(name, _)| wanted(name)) {
        passed(
            cargo()
                .args([
                    "test",
                    "--package",
                    "dreamops-tests",
                    "--test",
                    test,
                    "--locked",
                    "--",
                    "--test-threads=4",
                ])
                .env("DREAMOPS_COMPONENTS", build::components_dir())
                .env("DREAMOPS_PROGRAM", &program),
        )?;
    }
    Ok(())
}
