//! The document that `respond`, `demo` and `incident show` print, and other programs script.

use crate::finding::Evidence;
use crate::id::IncidentId;
use crate::incident::{Escalation, Incident};
use crate::manifest::StrategyRef;
use crate::object::ObjectRef;
use serde::Serialize;

/// One incident as a document. Field names are fixed by the product.
#[derive(Serialize, Debug)]
pub struct Report {
    /// The incident.
    pub incident_id: IncidentId,
    /// Where it stands.
    pub phase: &'static str,
    /// How far the host may go.
    pub mode: &'static str,
    /// The cluster's name.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// The object acted upon.
    pub target: Option<ObjectRef>,
    /// The strategy in charge.
    pub strategy: Option<StrategyRef>,
    /// The fault.
    pub fault: Option<String>,
    /// The cause in one sentence.
    pub root_cause: Option<String>,
    /// The strategy's confidence in its diagnosis.
    pub confidence: Option<f64>,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
    /// What was or would be done.
    pub actions: Vec<ActionReport>,
    /// What an approval has to name.
    pub plan_digest: Option<String>,
    /// How it was found to be healed, or not.
    pub verification: Option<serde_json::Value>,
    /// What a person has to do.
    pub escalation: Option<Escalation>,
    /// What happened.
    pub timeline: Vec<serde_json::Value>,
    /// From opening to closing, or until now.
    pub duration_ms: u64,
}

/// One step of the plan.
#[derive(Serialize, Debug)]
pub struct ActionReport {
    /// The action's name.
    pub action: &'static str,
    /// Its object.
    pub target: ObjectRef,
    /// Why.
    pub reason: String,
    /// `low`, `medium`, `high`; absent before the rehearsal.
    pub risk: Option<&'static str>,
    /// Whether it can be taken back; absent before the rehearsal.
    pub reversible: Option<bool>,
    /// The change, redacted.
    pub diff: String,
    /// What became of it.
    pub outcome: String,
    /// Whether it was taken back.
    pub reverted: bool,
}

impl Report {
    /// The document of an incident.
    pub fn of(incident: &Incident) -> Self {
        let case = &incident.case;
        let cause = match &case.finding {
            Some(crate::finding::Finding::Cause(d)) => Some(d),
            _ => None,
        };
        let ended = incident.closed_at.unwrap_or(incident.updated_at);
        Self {
            incident_id: incident.id,
            phase: incident.phase.name(),
            mode: incident.mode.name(),
            cluster: incident.cluster.name.clone(),
            namespace: case.namespace.clone(),
            target: cause
                .map(|d| d.target.clone())
                .or_else(|| case.owner.clone())
                .or_else(|| case.target.clone()),
            strategy: case.strategy.clone(),
            fault: cause.map(|d| d.fault.clone()),
            root_cause: cause.map(|d| d.root_cause.clone()),
            confidence: cause.map(|d| d.confidence),
            evidence: case.finding.as_ref().map(|f| f.evidence().to_vec()).unwrap_or_default(),
            actions: actions(incident),
            plan_digest: case.plan_digest.clone(),
            verification: case.last_health.as_ref().map(|health| {
                serde_json::json!({
                    "healed": case.healed_at.is_some(),
                    "healed_at": case.healed_at,
                    "ready": health.ready,
                    "desired": health.desired,
                    "last_word": case.last_word,
                })
            }),
            escalation: case.escalation.clone(),
            timeline: case
                .timeline
                .iter()
                .map(|e| serde_json::to_value(e).unwrap_or_default())
                .collect(),
            duration_ms: u64::try_from(ended.since(incident.created_at).as_millis()).unwrap_or(u64::MAX),
        }
    }
}

fn actions(incident: &Incident) -> Vec<ActionReport> {
    let case = &incident.case;
    let steps = case.plan.as_ref().map(|p| p.steps.as_slice()).unwrap_or_default();
    steps
        .iter()
        .enumerate()
        .map(|(i, step)| {
            let rehearsal = case.rehearsals.get(i);
            let outcome = case.outcomes.get(i);
            ActionReport {
                action: step.action.name(),
                target: step.action.target().clone(),
                reason: step.reason.clone(),
                risk: rehearsal.map(|r| r.risk.name()),
                reversible: rehearsal.map(|r| r.reversible),
                diff: rehearsal.map(|r| r.diff.clone()).unwrap_or_default(),
                outcome: outcome.map_or_else(|| "not-run".to_owned(), |o| o.outcome.clone()),
                reverted: outcome.is_some_and(|o| o.reverted),
            }
        })
        .collect()
}
