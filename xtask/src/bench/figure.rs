//! A figure and how it is printed.

use anyhow::Context;
use serde_json::{Value, json};
use std::io::Write;

/// What a figure must not exceed.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    /// So many times the floor.
    Ratio(f64),
    /// This value, in the figure's unit.
    Value(f64),
    /// So much more than the floor, in the figure's unit.
    More(f64),
}

/// One figure.
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) ours: f64,
    pub(crate) floor: f64,
    pub(crate) unit: &'static str,
    pub(crate) bound: Bound,
}

impl Figure {
    /// Whether the bound is kept.
    pub(crate) fn holds(&self) -> bool {
        match self.bound {
            Bound::Ratio(times) => self.ours <= self.floor * times,
            Bound::Value(most) => self.ours <= most,
            Bound::More(more) => self.ours <= self.floor + more,
        }
    }

    /// What is wrong.
    pub(crate) fn complaint(&self) -> String {
        format!(
            "{}: {:.2} {} breaks its bound ({})",
            self.name,
            self.ours,
            self.unit,
            self.bound()
        )
    }

    fn bound(&self) -> String {
        match self.bound {
            Bound::Ratio(times) => format!("at most {times} times the floor of {:.2}", self.floor),
            Bound::Value(most) => format!("at most {most} {}", self.unit),
            Bound::More(more) => format!("at most {more} {} more than the floor of {:.2}", self.unit, self.floor),
        }
    }

    fn ratio(&self) -> f64 {
        self.ours / self.floor
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name, "ours": self.ours, "floor": self.floor, "ratio": self.ratio(), "unit": self.unit,
            "bound": self.bound(), "holds": self.holds(),
        })
    }
}

/// The middle of some values.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Prints figures as a table or as JSON.
pub(crate) fn print(figures: &[Figure], output: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if output == "json" {
        let all: Vec<Value> = figures.iter().map(Figure::json).collect();
        return writeln!(out, "{}", serde_json::to_string_pretty(&all)?).context("cannot write to standard output");
    }
    writeln!(
        out,
        "{:<12} {:>12} {:>12} {:>8}  {:<4} bound",
        "name", "ours", "floor", "ratio", "unit"
    )?;
    for f in figures {
        let verdict = if f.holds() { "" } else { "  BROKEN" };
        writeln!(
            out,
            "{:<12} {:>12.2} {:>12.2} {:>8.2}  {:<4} {}{verdict}",
            f.name,
            f.ours,
            f.floor,
            f.ratio(),
            f.unit,
            f.bound()
        )?;
    }
    Ok(())
}
