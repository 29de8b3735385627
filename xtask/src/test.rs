//! Running the tests.

use crate::build;
use crate::run::{cargo, passed};
use anyhow::bail;

/// The parts that have end-to-end tests.
const PARTS: [&str; 1] = ["cluster"];

/// Everything that needs nothing but Rust.
pub(crate) fn all() -> anyhow::Result<()> {
    let components = build::components()?;
    passed(
        cargo()
            .args(["test", "--workspace", "--locked"])
            .args(PARTS.iter().flat_map(|_| ["--exclude", "dreamops-tests"]))
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
    let parts: Vec<&str> = match part {
        None => PARTS.to_vec(),
        Some(part) if PARTS.contains(&part) => vec![part],
        Some(other) => bail!("there is no part {other:?}; there are: {}", PARTS.join(", ")),
    };
    let program = build::program(false)?;
    for part in parts {
        passed(
            cargo()
                .args([
                    "test",
                    "--package",
                    "dreamops-tests",
                    "--test",
                    part,
                    "--locked",
                    "--",
                    "--test-threads=2",
                ])
                .env("DREAMOPS_COMPONENTS", build::components_dir())
                .env("DREAMOPS_PROGRAM", &program),
        )?;
    }
    Ok(())
}
