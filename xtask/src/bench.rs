//! Figures, each against a floor that is measured in the same run.
//!
//! | name | what | floor | bound |
//! | --- | --- | --- | --- |
//! | `cold-call` | one call into a component: store, instance, `plan` with two host calls, drop | bare wasmtime doing the same | 1.5 times |
//! | `starvation` | lateness of a 5 ms sleep beside four endless components | the same sleep on an idle machine | 40 ms in all |
//! | `respond` | process start to exit on the simulator, less simulated time | process start to exit of `dreamops version` | 300 ms |
//! | `memory` | peak memory of the same | of `dreamops version` | 100 MiB |
//! | `heal` | real cluster: from the start until `healed_at` | until healthy when kubectl makes the same fix | 3 s more |

mod figure;
mod heal;
mod respond;
mod sandbox;

use anyhow::bail;
use figure::Figure;

/// The groups in which figures are measured.
const GROUPS: [(&str, &[&str]); 3] = [
    ("sandbox", &["cold-call", "starvation"]),
    ("respond", &["respond", "memory"]),
    ("heal", &["heal"]),
];

/// Measures one figure or all, prints them, and fails if a bound is broken.
pub(crate) fn run(name: Option<&str>, output: &str) -> anyhow::Result<()> {
    let mut figures = Vec::new();
    for (group, names) in GROUPS {
        if name.is_some_and(|n| !names.contains(&n)) {
            continue;
        }
        figures.extend(match group {
            "sandbox" => sandbox::measure()?,
            "respond" => respond::measure()?,
            _ => heal::measure()?,
        });
    }
    if let Some(name) = name {
        figures.retain(|f| f.name == name);
    }
    if figures.is_empty() {
        let names: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        bail!("there is no such figure; there are: {}", names.join(", "));
    }
    figure::print(&figures, output)?;
    let broken: Vec<String> = figures.iter().filter(|f| !f.holds()).map(Figure::complaint).collect();
    if broken.is_empty() {
        Ok(())
    } else {
        bail!("{}", broken.join("; "))
    }
}
