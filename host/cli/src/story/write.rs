//! Each event as lines.

use super::State;
use super::paint::Paint;
use dreamops_domain::alert::Alert;
use dreamops_domain::decision::Decision;
use dreamops_domain::event::{Event, TimelineEntry};
use dreamops_domain::finding::{Evidence, Finding};
use dreamops_domain::id::IncidentId;
use dreamops_domain::inert::inert;
use dreamops_domain::journal::{Direction, WriteOutcome};
use dreamops_domain::phase::Phase;
use dreamops_domain::plan::{Action, Plan};
use dreamops_domain::read::Health;
use dreamops_domain::rehearsal::{CheckOutcome, Rehearsal};
use std::fmt::Write;

/// Columns: time 8, label 11.
const INDENT: &str = "                    ";
/// The longest piece of foreign text on one line.
const CUT: usize = 400;

/// One entry of the timeline; empty where it tells nothing new.
pub(super) fn entry(paint: &Paint, state: &mut State, incident: IncidentId, entry: &TimelineEntry) -> String {
    let began = *state.began.get_or_insert(entry.at);
    let at = clock(entry.at.since(began).as_millis());
    let line = |label: &str, text: &str| labelled(paint, &at, label, text);
    match &entry.event {
        Event::AlertReceived { alert } => line("alert", &alert_text(paint, alert)),
        Event::Correlated {
            target,
            owner,
            managed_by,
            health,
        } => {
            state.ready = Some((health.ready, health.desired));
            let via = if target.same(owner) {
                String::new()
            } else {
                format!("{target}, owned by ")
            };
            let kept = managed_by
                .as_ref()
                .map_or_else(String::new, |m| format!(", kept by {m}"));
            line(
                "object",
                &format!("{via}{}{kept}: {}", paint.bold(&owner.to_string()), health_text(health)),
            )
        }
        Event::Assessed {
            strategy, confidence, ..
        } => {
            state.assessed.push((strategy.name.clone(), *confidence));
            String::new()
        }
        Event::StrategyFailed {
            strategy,
            call,
            outcome,
            message,
        } => line(
            "trouble",
            &paint.warm(&format!(
                "{} failed in {call} ({outcome}): {}",
                strategy.name,
                safe(message)
            )),
        ),
        Event::Chosen { strategy, because } => chosen(paint, state, &at, &strategy.name, because),
        Event::Seen { evidence } => line("note", &paint.faint(&safe(&evidence.text))),
        Event::Diagnosed { finding } => diagnosed(paint, &at, finding),
        Event::Planned { plan } => planned(paint, &at, plan),
        Event::Rehearsed { rehearsal, .. } => rehearsed(paint, &at, rehearsal),
        Event::Decided { decision, .. } => decided(paint, &at, decision),
        Event::ApprovalAsked { digest } => line("waits", &format!("for a person to approve {digest}")),
        Event::Approved { by, .. } => line("approved", &format!("by {}", safe(by))),
        Event::Acknowledged { by } => line("taken", &format!("by {}", safe(by))),
        Event::Rejected { by, reason } => line("rejected", &format!("by {}: {}", safe(by), safe(reason))),
        Event::Acting { direction, write, .. } => {
            let label = if *direction == Direction::Forward {
                "acts"
            } else {
                "takes back"
            };
            line(label, &safe(write))
        }
        Event::Acted { outcome, .. } => acted(paint, &at, outcome),
        Event::Checked { health, breach, .. } => checked(paint, state, &at, health, breach.as_deref()),
        Event::Healing { window_ms, .. } => line(
            "healing",
            &format!("{}, watching for {} s", paint.good("works again"), window_ms / 1000),
        ),
        Event::Halted { because } => line("halted", &paint.bad(&safe(because))),
        Event::Escalated { reason, proposal } => {
            let mut text = line("escalated", &paint.warm(&safe(reason)));
            text.push_str(&block(&format!("to do: {}", safe(proposal))));
            text
        }
        Event::Closed { phase, summary } => closed(paint, &at, incident, *phase, summary),
    }
}

/// A line with time and label.
pub(super) fn labelled(paint: &Paint, at: &str, label: &str, text: &str) -> String {
    format!(
        "{} {} {text}\n",
        paint.faint(&format!("{at:>7}")),
        paint.cool(&format!("{label:<11}"))
    )
}

fn clock(millis: u128) -> String {
    format!("{}:{:02}.{}", millis / 60_000, millis / 1000 % 60, millis / 100 % 10)
}

fn block(text: &str) -> String {
    text.lines().fold(String::new(), |mut out, line| {
        let _ = writeln!(out, "{INDENT}{line}");
        out
    })
}

fn safe(text: &str) -> String {
    inert(text, CUT)
}

fn alert_text(paint: &Paint, alert: &Alert) -> String {
    let severity = if alert.severity.is_empty() {
        String::new()
    } else {
        format!(" [{}]", safe(&alert.severity))
    };
    let about = alert.description.lines().next().unwrap_or_default();
    let about = if about.is_empty() || about == alert.title {
        String::new()
    } else {
        format!("\n{INDENT}{}", safe(about))
    };
    format!("{}{severity}{about}", paint.bold(&safe(&alert.title)))
}

fn health_text(health: &Health) -> String {
    let restarts = match health.restarts {
        0 => String::new(),
        1 => ", 1 restart".to_owned(),
        n => format!(", {n} restarts"),
    };
    format!("{} of {} ready{restarts}", health.ready, health.desired)
}

fn chosen(paint: &Paint, state: &mut State, at: &str, strategy: &str, because: &str) -> String {
    let mut text = String::new();
    if !state.assessed.is_empty() {
        let answers: Vec<String> = state
            .assessed
            .drain(..)
            .map(|(name, c)| format!("{name} {c:.2}"))
            .collect();
        text.push_str(&labelled(paint, at, "strategies", &paint.faint(&answers.join(" · "))));
    }
    text.push_str(&labelled(
        paint,
        at,
        "case",
        &format!("goes to {}: {}", paint.bold(strategy), safe(because)),
    ));
    text
}

fn evidence_text(paint: &Paint, evidence: &[Evidence]) -> String {
    evidence.iter().fold(String::new(), |mut out, e| {
        let first = e.text.lines().next_back().unwrap_or_default();
        let _ = writeln!(
            out,
            "{INDENT}{} {}",
            paint.faint(&format!("{}:", safe(&e.source))),
            safe(first)
        );
        out
    })
}

fn diagnosed(paint: &Paint, at: &str, finding: &Finding) -> String {
    let head = match finding {
        Finding::Cause(d) => {
            let sure = paint.faint(&format!("(confidence {:.2})", d.confidence));
            labelled(
                paint,
                at,
                "cause",
                &format!("{} {sure}", paint.bold(&safe(&d.root_cause))),
            )
        }
        Finding::HandOver {
            fault, target, reason, ..
        } => labelled(
            paint,
            at,
            "hands over",
            &format!("to {fault} at {target}: {}", safe(reason)),
        ),
        Finding::Healthy { .. } => labelled(paint, at, "finding", &paint.good("nothing is wrong")),
        Finding::Unknown { .. } => labelled(paint, at, "finding", &paint.warm("the cause cannot be told")),
    };
    let mut text = head + &evidence_text(paint, finding.evidence());
    if let Finding::Cause(d) = finding
        && !d.ruled_out.is_empty()
    {
        let ruled_out = d.ruled_out.iter().map(|r| safe(r)).collect::<Vec<_>>().join("; ");
        text.push_str(&block(&paint.faint(&format!("ruled out: {ruled_out}"))));
    }
    text
}

fn planned(paint: &Paint, at: &str, plan: &Plan) -> String {
    if plan.steps.is_empty() {
        return labelled(paint, at, "plan", "change nothing, wait");
    }
    plan.steps.iter().enumerate().fold(String::new(), |mut out, (i, step)| {
        let what = match &step.action {
            Action::Escalate { target, .. } => format!("hand {target} to a person"),
            action => format!("{} {}", action.name(), action.target()),
        };
        let head = format!("{}. {}", i + 1, paint.bold(&what));
        out.push_str(&labelled(
            paint,
            if i == 0 { at } else { "" },
            if i == 0 { "plan" } else { "" },
            &head,
        ));
        out.push_str(&block(&safe(&step.reason)));
        out
    })
}

fn rehearsed(paint: &Paint, at: &str, rehearsal: &Rehearsal) -> String {
    let checks: Vec<String> = rehearsal
        .checks
        .iter()
        .map(|check| match &check.outcome {
            CheckOutcome::Passed => paint.good(&format!("✔ {}", check.name)),
            CheckOutcome::Failed { why } => paint.bad(&format!("✘ {}: {}", check.name, safe(why))),
            CheckOutcome::NotChecked { because } => {
                paint.faint(&format!("· {} not checked, because {}", check.name, safe(because)))
            }
        })
        .collect();
    let back = if rehearsal.reversible {
        "can be taken back"
    } else {
        "cannot be taken back"
    };
    let risk = format!(
        "risk {}, {back}, {} pods affected",
        rehearsal.risk.name(),
        rehearsal.pods_affected
    );
    let mut text = labelled(paint, at, "rehearsal", &checks.join("  "));
    text.push_str(&block(&risk));
    for line in rehearsal.diff.lines() {
        let _ = writeln!(text, "{INDENT}{}", paint.diff_line(&safe(line)));
    }
    text
}

fn decided(paint: &Paint, at: &str, decision: &Decision) -> String {
    match decision {
        Decision::Auto => String::new(),
        Decision::NeedsApproval { because } => labelled(
            paint,
            at,
            "policy",
            &paint.warm(&format!("a person has to agree: {because}")),
        ),
        Decision::Deny { because } => labelled(paint, at, "policy", &paint.bad(&format!("denied: {because}"))),
    }
}

fn acted(paint: &Paint, at: &str, outcome: &WriteOutcome) -> String {
    match outcome {
        WriteOutcome::Applied { .. } => labelled(paint, at, "", &paint.good("✔ done")),
        WriteOutcome::AlreadySo => labelled(paint, at, "", &paint.faint("· it was so already")),
        WriteOutcome::Conflict { why } => labelled(paint, at, "", &paint.bad(&format!("✘ conflict: {}", safe(why)))),
        WriteOutcome::Refused { why } => labelled(paint, at, "", &paint.bad(&format!("✘ refused: {}", safe(why)))),
    }
}

fn checked(paint: &Paint, state: &mut State, at: &str, health: &Health, breach: Option<&str>) -> String {
    if let Some(breach) = breach {
        return labelled(paint, at, "breach", &paint.bad(&safe(breach)));
    }
    let now = (health.ready, health.desired);
    if state.ready.replace(now) == Some(now) {
        return String::new();
    }
    labelled(paint, at, "looks", &health_text(health))
}

fn closed(paint: &Paint, at: &str, incident: IncidentId, phase: Phase, summary: &str) -> String {
    let label = match phase {
        Phase::Resolved | Phase::NoAction => paint.good(phase.name()),
        Phase::Proposed => paint.warm(phase.name()),
        _ => paint.bad(phase.name()),
    };
    let mut text = labelled(paint, at, "end", &format!("{label}: {}", safe(summary)));
    text.push_str(&labelled(
        paint,
        "",
        "audit",
        &paint.faint(&format!("incident {incident}")),
    ));
    text
}
