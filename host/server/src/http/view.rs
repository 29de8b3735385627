//! What the API shows. Field names are fixed by the product; moments are RFC 3339 in UTC, ids UUIDs.

use super::extract::bad_parameter;
use super::problem::Problem;
use dreamops_domain::access::{Page, PageRequest};
use dreamops_domain::alert::{Alert, Source};
use dreamops_domain::incident::Incident;
use dreamops_domain::report::Report;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// A part of a list.
#[derive(Serialize, ToSchema)]
pub(super) struct Listed<T: ToSchema> {
    /// The items.
    items: Vec<T>,
    /// The `cursor` of the next part; null on the last.
    next_cursor: Option<String>,
}

impl<T: ToSchema> Listed<T> {
    pub(super) fn new(items: Vec<T>, next_cursor: Option<String>) -> Self {
        Self { items, next_cursor }
    }

    /// A page, each item as it is shown.
    pub(super) fn of<D>(page: Page<D>, show: impl FnMut(D) -> T) -> Self {
        Self::new(page.items.into_iter().map(show).collect(), page.next_cursor)
    }
}

/// Which part of a list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Part {
    /// At most so many items; 50 by default, and no more than 500 are given.
    #[param(value_type = Option<i64>, minimum = 0)]
    pub(super) limit: Option<u32>,
    /// The `next_cursor` of the part before.
    pub(super) cursor: Option<String>,
}

impl Part {
    /// The part, for the store. Cursors that the server never gave are refused here.
    pub(super) fn request(&self) -> Result<PageRequest, Problem> {
        let after = match self.cursor.as_deref() {
            None | Some("") => None,
            Some(cursor) if cursor.len() <= 300 && !cursor.contains('\0') => Some(cursor.to_owned()),
            Some(_) => return Err(bad_parameter("cursor", "cursor that a list has given")),
        };
        Ok(PageRequest {
            limit: self.limit.unwrap_or(0),
            after,
        })
    }
}

/// A kind of source.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SourceKind {
    /// PagerDuty's webhook, version 3.
    #[serde(rename = "pagerduty")]
    PagerDuty,
    /// Alertmanager's webhook, version 4.
    Alertmanager,
    /// `process-incident`.
    ProcessIncident,
}

impl From<Source> for SourceKind {
    fn from(source: Source) -> Self {
        match source {
            Source::PagerDuty => Self::PagerDuty,
            Source::Alertmanager => Self::Alertmanager,
            Source::ProcessIncident => Self::ProcessIncident,
        }
    }
}

impl From<SourceKind> for Source {
    fn from(kind: SourceKind) -> Self {
        match kind {
            SourceKind::PagerDuty => Self::PagerDuty,
            SourceKind::Alertmanager => Self::Alertmanager,
            SourceKind::ProcessIncident => Self::ProcessIncident,
        }
    }
}

/// An incident.
#[derive(Serialize, ToSchema)]
pub(super) struct IncidentView {
    /// Its id.
    #[schema(format = Uuid)]
    id: String,
    /// Where it stands.
    #[schema(example = "awaiting-approval")]
    phase: &'static str,
    /// How far the host may go: `observe`, `approval`, `yolo`.
    mode: &'static str,
    /// The first alert's title.
    title: String,
    /// The first alert's severity, as the source writes it.
    severity: String,
    /// The cluster's name.
    cluster: String,
    /// The namespace.
    namespace: String,
    /// The object that the alert is about or that is acted upon: kind, namespace, name, uid.
    target: Option<Value>,
    /// The strategy in charge: name, version, digest.
    strategy: Option<Value>,
    /// The fault.
    fault: Option<String>,
    /// The cause in one sentence.
    root_cause: Option<String>,
    /// How sure the strategy is, 0 to 1.
    confidence: Option<f64>,
    /// What the cause rests on.
    evidence: Vec<Value>,
    /// The alerts that opened or joined it.
    alerts: Vec<AlertOfIncident>,
    /// What is or was proposed.
    plan: Option<PlanView>,
    /// Who approved it.
    approved_by: Option<String>,
    /// How it was found to be healed, or not.
    verification: Option<Value>,
    /// What a person has to do.
    escalation: Option<Value>,
    /// One sentence on how it ended.
    summary: Option<String>,
    /// When it was opened.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it changed last.
    #[schema(format = DateTime)]
    updated_at: String,
    /// When it ended.
    #[schema(format = DateTime)]
    closed_at: Option<String>,
}

/// An alert, within its incident.
#[derive(Serialize, ToSchema)]
struct AlertOfIncident {
    /// The kind of source.
    source: SourceKind,
    /// The source's own id of it.
    source_id: String,
    /// What tells it from others.
    fingerprint: String,
    /// `firing`, `resolved` or `acknowledged`.
    status: Value,
    /// One line.
    title: String,
    /// As the source writes it.
    severity: String,
    /// Labels and details, redacted.
    labels: BTreeMap<String, String>,
    /// When it began.
    #[schema(format = DateTime)]
    starts_at: Option<String>,
}

/// A plan.
#[derive(Serialize, ToSchema)]
struct PlanView {
    /// What an approval has to name; null until the plan was rehearsed.
    digest: Option<String>,
    /// The steps, with reason, risk, diff and what became of them.
    actions: Vec<Value>,
}

impl IncidentView {
    pub(super) fn of(incident: &Incident) -> Self {
        let report = Report::of(incident);
        let case = &incident.case;
        let first = case.alerts.first();
        Self {
            id: incident.id.to_string(),
            phase: report.phase,
            mode: report.mode,
            title: first.map(|a| a.title.clone()).unwrap_or_default(),
            severity: first.map(|a| a.severity.clone()).unwrap_or_default(),
            cluster: report.cluster,
            namespace: report.namespace,
            target: report.target.map(value),
            strategy: report.strategy.map(value),
            fault: report.fault,
            root_cause: report.root_cause,
            confidence: report.confidence,
            evidence: report.evidence.into_iter().map(value).collect(),
            alerts: case.alerts.iter().map(alert).collect(),
            plan: case.plan.as_ref().map(|_| PlanView {
                digest: report.plan_digest,
                actions: report.actions.into_iter().map(value).collect(),
            }),
            approved_by: case.approval.as_ref().map(|(by, _)| by.clone()),
            verification: report.verification,
            escalation: report.escalation.map(value),
            summary: case.summary.clone(),
            created_at: incident.created_at.to_string(),
            updated_at: incident.updated_at.to_string(),
            closed_at: incident.closed_at.map(|t| t.to_string()),
        }
    }
}

fn alert(alert: &Alert) -> AlertOfIncident {
    AlertOfIncident {
        source: alert.source.into(),
        source_id: alert.source_id.clone(),
        fingerprint: alert.fingerprint.clone(),
        status: value(alert.status),
        title: alert.title.clone(),
        severity: alert.severity.clone(),
        labels: alert.labels.clone(),
        starts_at: alert.starts_at.map(|t| t.to_string()),
    }
}

/// A document of the domain as JSON.
pub(super) fn value(document: impl Serialize) -> Value {
    serde_json::to_value(document).unwrap_or_default()
}
