//! Calls into components. The measuring program is a bench of `dreamops-sandbox`, the one crate that knows wasmtime.

use super::figure::{Bound, Figure};
use crate::run::cargo;
use anyhow::{Context, bail};
use serde_json::Value;

/// Runs the bench and reads its lines of JSON.
pub(crate) fn measure() -> anyhow::Result<Vec<Figure>> {
    let output = cargo()
        .args([
            "bench",
            "--quiet",
            "--package",
            "dreamops-sandbox",
            "--bench",
            "calls",
            "--locked",
        ])
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("cannot start the bench of dreamops-sandbox")?;
    if !output.status.success() {
        bail!("the bench of dreamops-sandbox failed with {}", output.status);
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<Value> = text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
    let read = |name: &str| -> anyhow::Result<(f64, f64)> {
        let line = lines
            .iter()
            .find(|l| l["name"] == name)
            .with_context(|| format!("the bench printed no {name}"))?;
        Ok((
            line["ours"].as_f64().unwrap_or(f64::NAN),
            line["floor"].as_f64().unwrap_or(f64::NAN),
        ))
    };
    let (ours, floor) = read("cold-call")?;
    let cold = Figure {
        name: "cold-call",
        ours,
        floor,
        unit: "us",
        bound: Bound::Ratio(1.5),
    };
    let (ours, floor) = read("starvation")?;
    Ok(vec![
        cold,
        Figure {
            name: "starvation",
            ours,
            floor,
            unit: "ms",
            bound: Bound::Value(40.0),
        },
    ])
}
