//! Alerts as sources send them, in one form.

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where an alert came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A PagerDuty v3 webhook.
    PagerDuty,
    /// An Alertmanager v4 webhook.
    Alertmanager,
    /// The body of `process-incident`.
    ProcessIncident,
}

/// Whether the source still sees the symptom.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlertStatus {
    /// It is there.
    Firing,
    /// It is gone.
    Resolved,
    /// A person has taken it.
    Acknowledged,
}

/// What an alert says about the place of the fault. Everything may be wrong or missing.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Hints {
    /// The cluster's name.
    pub cluster: Option<String>,
    /// The namespace.
    pub namespace: Option<String>,
    /// Objects named by labels or metadata as (kind, name), the most specific first.
    pub objects: Vec<(String, String)>,
    /// The container.
    pub container: Option<String>,
}

/// One alert.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Alert {
    /// Where it came from.
    pub source: Source,
    /// The source's own id of it; empty where it has none.
    pub source_id: String,
    /// The source's fingerprint and the start: tells this firing from the next.
    pub fingerprint: String,
    /// Firing, resolved or acknowledged.
    pub status: AlertStatus,
    /// One line.
    pub title: String,
    /// More lines.
    pub description: String,
    /// As the source writes it; empty where it has none.
    pub severity: String,
    /// Labels and details as the source sent them.
    pub labels: BTreeMap<String, String>,
    /// What it says about the place.
    pub hints: Hints,
    /// When it began.
    pub starts_at: Option<Timestamp>,
}

/// One request of a source: some alerts that came together.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Delivery {
    /// Where it came from.
    pub source: Source,
    /// What tells a repeated delivery from a new one.
    pub key: String,
    /// The alerts.
    pub alerts: Vec<Alert>,
}
