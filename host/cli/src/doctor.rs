//! `doctor`: everything that the program needs, tried; what is wrong with it, and what to do.
//!
//! Each check says `ok`, `warn` (it works, but look at it) or `fail`. It changes nothing but what opening the database changes, and it
//! works beside a server that serves.

mod checks;

use crate::args::Format;
use crate::config::Config;
use crate::exit::{Failure, Outcome};
use crate::print;
use serde::Serialize;
use serde_json::json;

/// How a check ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// Nothing is to be done.
    Ok,
    /// It works; somebody should look at it.
    Warn,
    /// It does not work.
    Fail,
}

/// What a check found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    /// What was checked.
    check: String,
    /// How it ended.
    verdict: Verdict,
    /// What was found.
    found: String,
    /// What to do; empty where nothing is.
    advice: String,
}

impl Finding {
    /// All is well.
    fn ok(check: impl Into<String>, found: impl Into<String>) -> Self {
        Self::of(check, Verdict::Ok, found, "")
    }

    /// It works, but.
    fn warn(check: impl Into<String>, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::of(check, Verdict::Warn, found, advice)
    }

    /// It does not work.
    fn fail(check: impl Into<String>, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::of(check, Verdict::Fail, found, advice)
    }

    fn of(check: impl Into<String>, verdict: Verdict, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            check: check.into(),
            verdict,
            found: found.into(),
            advice: advice.into(),
        }
    }
}

/// Runs the checks; code 1 where one fails.
pub(crate) async fn run(output: Format) -> Outcome {
    let findings = match Config::load() {
        Ok(config) => Box::pin(checks::all(config)).await,
        Err(error) => vec![Finding::fail(
            "configuration",
            format!("{error:#}"),
            "correct the file or the variable; nothing else can be checked before",
        )],
    };
    let worst_is_fail = findings.iter().any(|f| f.verdict == Verdict::Fail);
    if output.is_table() {
        print::say(&shown(&findings))?;
    } else {
        print::document(&json!({ "ok": !worst_is_fail, "checks": findings }), output)?;
    }
    if worst_is_fail {
        let failed: Vec<&str> = findings
            .iter()
            .filter(|f| f.verdict == Verdict::Fail)
            .map(|f| f.check.as_str())
            .collect();
        return Err(Failure::from(anyhow::anyhow!("not in order: {}", failed.join(", "))));
    }
    Ok(0)
}

fn shown(findings: &[Finding]) -> String {
    use std::fmt::Write;
    let widest = findings
        .iter()
        .map(|f| f.check.chars().count())
        .max()
        .unwrap_or_default();
    let mut text = String::new();
    for finding in findings {
        let verdict = match finding.verdict {
            Verdict::Ok => "ok  ",
            Verdict::Warn => "warn",
            Verdict::Fail => "FAIL",
        };
        let found = print::cell(&finding.found, 400);
        let _ = writeln!(text, "{verdict}  {:<widest$}  {found}", finding.check);
        if !finding.advice.is_empty() {
            let advice = print::cell(&finding.advice, 400);
            let _ = writeln!(text, "      {:<widest$}  -> {advice}", "");
        }
    }
    text
}
