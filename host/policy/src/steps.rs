//! The rules for one step of a plan.

use crate::rules::{OwnerRule, Rules};
use crate::{ask, deny};
use dreamops_domain::decision::{Decision, StepFacts};
use dreamops_domain::phase::Mode;
use dreamops_domain::plan::Action;

type Rule = fn(&Rules, &StepFacts<'_>) -> Option<Decision>;

/// The rules, those that deny first: where one of them holds, a person is not asked in vain.
const RULES: [Rule; 8] = [
    protected_namespace,
    failed_rehearsal,
    irreversible,
    mode,
    confidence,
    risk,
    pods_affected,
    ownership,
];

pub(crate) fn decide(rules: &Rules, facts: &StepFacts<'_>) -> Decision {
    if !facts.step.action.writes() {
        return Decision::Auto;
    }
    RULES
        .iter()
        .find_map(|rule| rule(rules, facts))
        .unwrap_or(Decision::Auto)
}

fn protected_namespace(rules: &Rules, facts: &StepFacts<'_>) -> Option<Decision> {
    let places = [facts.namespace, facts.step.action.target().namespace.as_str()];
    let (namespace, pattern) = places.iter().find_map(|n| Some((n, rules.protects(n)?)))?;
    Some(deny(format!(
        "namespace {namespace} is protected ({pattern} in policy.protected_namespaces or built in)"
    )))
}

fn failed_rehearsal(_: &Rules, facts: &StepFacts<'_>) -> Option<Decision> {
    let (check, why) = facts.rehearsal.failure()?;
    Some(deny(format!("the rehearsal failed at {check}: {why}")))
}

fn irreversible(_: &Rules, facts: &StepFacts<'_>) -> Option<Decision> {
    if facts.rehearsal.reversible {
        return None;
    }
    let action = &facts.step.action;
    let sole_restart = matches!(action, Action::RestartPod { .. }) && facts.irreversible_so_far <= 1;
    match (sole_restart, facts.mode) {
        (true, _) => None,
        (false, Mode::Yolo) => Some(deny(format!(
            "{} on {} cannot be taken back, and without a person only one restart-pod of that sort is made; use mode approval",
            action.name(),
            action.target()
        ))),
        (false, _) => Some(ask(format!(
            "{} on {} cannot be taken back",
            action.name(),
            action.target()
        ))),
    }
}

fn mode(_: &Rules, facts: &StepFacts<'_>) -> Option<Decision> {
    match facts.mode {
        Mode::Yolo => None,
        Mode::Approval => Some(ask("mode approval: a person agrees to every change".to_owned())),
        Mode::Observe => Some(ask("mode observe: nothing is written".to_owned())),
    }
}

fn confidence(rules: &Rules, facts: &StepFacts<'_>) -> Option<Decision> {
    // written so that a value that is no number is not enough
    let enough = facts.confidence >= rules.min_confidence && facts.confidence <= 1.0;
    if enough {
        return None;
    }
    Some(ask(format!(
        "the diagnosis is {:.2} sure and policy.min_confidence is {:.2}",
        facts.confidence, rules.min_confidence
    )))
}

fn risk(rules: &Rules, facts: &StepFacts<'_>) -> Option<Decision> {
    let risk = facts.rehearsal.risk;
    if risk <= rules.max_risk {
        return None;
    }
    Some(ask(format!(
        "the risk is {} and policy.max_risk is {}",
        risk.name(),
        rules.max_risk.name()
    )))
}

fn pods_affected(rules: &Rules, facts: &StepFacts<'_>) -> Option<Decision> {
    let pods = facts.rehearsal.pods_affected;
    if pods <= rules.max_pods_affected {
        return None;
    }
    Some(ask(format!(
        "{pods} pods would be replaced and policy.max_pods_affected is {}",
        rules.max_pods_affected
    )))
}

fn ownership(rules: &Rules, facts: &StepFacts<'_>) -> Option<Decision> {
    let keeper = facts.rehearsal.managed_by.as_deref()?;
    let helm_may = keeper == "Helm" && rules.owners.helm == OwnerRule::Act;
    if helm_may || !facts.step.action.changes_spec() {
        return None;
    }
    let hint = if keeper == "Helm" {
        "; policy.owners.helm = \"act\" would allow it"
    } else {
        ""
    };
    let target = facts.step.action.target();
    Some(ask(format!(
        "{keeper} keeps the spec of {target} and would set a change back{hint}"
    )))
}

#[cfg(test)]
mod tests;
