//! Running the tests.

use crate::build;
use crate::run::{cargo, passed};
use anyhow::bail;

/// The parts that have end-to-end tests, and the tests that try each.
const PARTS: [(&str, &[&str]); 3] = [
    ("cluster", &["cluster"]),
    ("simulator", &["conformance"]),
    ("server", &["server", "watched"]),
];

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
    for test in PARTS
        .iter()
        .filter(|(name, _)| wanted(name))
        .flat_map(|(_, tests)| *tests)
    {
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
