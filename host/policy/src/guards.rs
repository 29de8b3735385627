//! The rules for an incident as a whole, before any step of its plan runs.

use crate::rules::Rules;
use crate::{ask, deny};
use dreamops_domain::decision::{Decision, IncidentFacts, PastAction};
use dreamops_domain::phase::{Mode, Phase};
use dreamops_domain::time::Timestamp;
use std::time::Duration;

type Rule = fn(&Rules, &IncidentFacts<'_>) -> Option<Decision>;

const RULES: [Rule; 7] = [
    too_many_steps,
    mode,
    maintenance,
    cool_down,
    too_often,
    too_many_automated,
    breaker,
];

const HOUR: Duration = Duration::from_hours(1);
/// The cool-down stops doubling here.
const LONGEST_COOL_DOWN: Duration = Duration::from_hours(24);

pub(crate) fn decide(rules: &Rules, facts: &IncidentFacts<'_>) -> Decision {
    if facts.steps_planned == 0 {
        return Decision::Auto;
    }
    RULES
        .iter()
        .find_map(|rule| rule(rules, facts))
        .unwrap_or(Decision::Auto)
}

fn too_many_steps(rules: &Rules, facts: &IncidentFacts<'_>) -> Option<Decision> {
    let sum = facts.steps_done + facts.steps_planned;
    if sum <= rules.max_steps_per_incident {
        return None;
    }
    Some(deny(format!(
        "with {} steps done and {} planned the incident would make {sum} changes, and policy.max_steps_per_incident is {}",
        facts.steps_done, facts.steps_planned, rules.max_steps_per_incident
    )))
}

fn mode(_: &Rules, facts: &IncidentFacts<'_>) -> Option<Decision> {
    match facts.mode {
        Mode::Yolo => None,
        Mode::Approval => Some(ask("mode approval: a person agrees to every plan".to_owned())),
        Mode::Observe => Some(ask("mode observe: nothing is written".to_owned())),
    }
}

fn maintenance(_: &Rules, facts: &IncidentFacts<'_>) -> Option<Decision> {
    let mut windows = facts.surroundings.windows.iter();
    let open = windows.find(|window| window.holds(facts.cluster, facts.namespace, facts.now))?;
    let reason = if open.reason.is_empty() {
        String::new()
    } else {
        format!(": {}", open.reason)
    };
    Some(ask(format!(
        "guard maintenance: a window of maintenance by {} is open{reason}; nothing is done without a person",
        open.created_by
    )))
}

fn cool_down(rules: &Rules, facts: &IncidentFacts<'_>) -> Option<Decision> {
    let last = facts.history.iter().max_by_key(|p| p.at)?;
    let failures = failures_in_a_row(facts.history);
    let wait = wait_after(rules, failures);
    let passed = facts.now.since(last.at);
    if passed >= wait {
        return None;
    }
    let after = match failures {
        0 => String::new(),
        1 => " after a failed attempt".to_owned(),
        n => format!(" after {n} failed attempts"),
    };
    Some(ask(format!(
        "guard cool-down: {} had {} {} minutes ago and is left alone for {} minutes{after} (policy.cool_down_minutes is {})",
        facts.owner,
        last.action,
        passed.as_secs() / 60,
        wait.as_secs() / 60,
        rules.cool_down_minutes
    )))
}

/// The cool-down after so many failures in a row: doubled by each.
fn wait_after(rules: &Rules, failures: u32) -> Duration {
    let base = Duration::from_secs(rules.cool_down_minutes.saturating_mul(60));
    base.saturating_mul(2u32.saturating_pow(failures))
        .min(LONGEST_COOL_DOWN.max(base))
}

/// Incidents since the last success, newest first. One that is still open has not failed yet.
fn failures_in_a_row(history: &[PastAction]) -> u32 {
    let mut newest_first: Vec<&PastAction> = history.iter().collect();
    newest_first.sort_by_key(|p| std::cmp::Reverse(p.at));
    let mut failed = Vec::new();
    for past in newest_first {
        match past.outcome.as_str() {
            "resolved" => break,
            "open" => {}
            _ if failed.contains(&past.incident) => {}
            _ => failed.push(past.incident),
        }
    }
    u32::try_from(failed.len()).unwrap_or(u32::MAX)
}

fn too_often(rules: &Rules, facts: &IncidentFacts<'_>) -> Option<Decision> {
    // an action in the future (the clock was set back) counts as new
    let recent = facts.history.iter().filter(|p| facts.now.since(p.at) < HOUR).count();
    let sum = recent + facts.steps_done + facts.steps_planned;
    if sum <= rules.max_actions_per_hour {
        return None;
    }
    Some(ask(format!(
        "guard actions per owner: {} would have had {sum} actions within an hour, and policy.max_actions_per_hour is {}",
        facts.owner, rules.max_actions_per_hour
    )))
}

fn too_many_automated(rules: &Rules, facts: &IncidentFacts<'_>) -> Option<Decision> {
    let sum = facts.surroundings.automated_last_hour + facts.steps_planned;
    if sum <= rules.max_automated_actions_per_hour {
        return None;
    }
    Some(ask(format!(
        "guard actions per hour: cluster {} would have had {sum} actions without a person within an hour, and \
         policy.max_automated_actions_per_hour is {}",
        facts.cluster, rules.max_automated_actions_per_hour
    )))
}

/// A strategy that fails in one place after the other has met something that it does not understand.
fn breaker(rules: &Rules, facts: &IncidentFacts<'_>) -> Option<Decision> {
    let ended = facts
        .surroundings
        .of_strategy
        .iter()
        .filter(|(_, phase)| phase.closed());
    let failed: Vec<Timestamp> = ended
        .take_while(|(_, phase)| *phase != Phase::Resolved)
        .filter(|(_, phase)| matches!(phase, Phase::Reverted | Phase::Escalated))
        .map(|(at, _)| *at)
        .collect();
    let last = failed.first()?;
    let broken = rules.breaker_failures > 0 && failed.len() >= rules.breaker_failures;
    let passed = facts.now.since(*last);
    if !broken || passed >= Duration::from_secs(rules.breaker_minutes.saturating_mul(60)) {
        return None;
    }
    Some(ask(format!(
        "guard circuit breaker: {} acted in {} incidents in a row without resolving one, the last {} minutes ago \
         (policy.breaker_failures is {}, policy.breaker_minutes is {})",
        facts.strategy,
        failed.len(),
        passed.as_secs() / 60,
        rules.breaker_failures,
        rules.breaker_minutes
    )))
}

#[cfg(test)]
mod tests;
