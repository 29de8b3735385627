//! Alerts as sources send them, in one form.
//!
//! [`parse`] tells the form of a body from its shape:
//!
//! | form | told by |
//! | --- | --- |
//! | PagerDuty v3 webhook | an object `event` that holds `event_type` |
//! | Alertmanager v4 webhook | a list `alerts` |
//! | `process-incident` | `alert_id` |
//!
//! Promises: nothing here panics, whatever the bytes; a body above [`MAX_BODY`] is not looked at; a hint is a name that
//! the API server could have accepted, so that it can stand in a path; what is long is cut. Texts and labels stay as the
//! source sent them otherwise: they may act on a terminal and hold secrets until [`Delivery::redacted`].

use crate::inert::inert;
use crate::redact::Redactor;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

mod alertmanager;
mod hints;
mod pagerduty;
mod process_incident;
mod prose;
mod text;

pub use prose::{Candidate, Strength, candidates_in, namespaces_in, namespaces_said_in, words_of};

/// The longest body that is read, in bytes. PagerDuty and Alertmanager stay far below it.
pub const MAX_BODY: usize = 1 << 20;

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
    /// The source's fingerprint: tells this alert from others. With `starts_at` it tells this firing from the next.
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

impl Delivery {
    /// The same delivery, showable: texts and labels are inert and have passed redaction. What places and identifies the
    /// alerts stays.
    #[must_use]
    pub fn redacted(mut self, redactor: &Redactor) -> Self {
        // inert first: what acts on a terminal may stand in the middle of a secret
        let still = |text: &str| inert(text, usize::MAX);
        for alert in &mut self.alerts {
            let labels = alert
                .labels
                .iter()
                .map(|(name, value)| (name.clone(), Value::String(still(value))))
                .collect();
            // as an object, so that a label is judged by its name too
            if let Value::Object(shown) = redactor.object(&Value::Object(labels)).into_inner() {
                alert.labels = shown
                    .into_iter()
                    .filter_map(|(name, v)| Some((name, text::scalar(&v)?)))
                    .collect();
            }
            alert.title = redactor.text(&still(&alert.title)).into_inner();
            alert.description = redactor.text(&still(&alert.description)).into_inner();
            alert.severity = redactor.text(&still(&alert.severity)).into_inner();
        }
        self
    }
}

/// Why a body is no alert that we understand. Nothing was done.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AlertError {
    /// There are no bytes, or only white space.
    #[error("the body is empty; send {FORMS}")]
    Empty,
    /// It is longer than [`MAX_BODY`].
    #[error("the body has {bytes} bytes and at most {MAX_BODY} are read; send fewer alerts at a time")]
    TooLarge {
        /// How long it is.
        bytes: usize,
    },
    /// It is not JSON.
    #[error("the body is not JSON: {why} at line {line}, column {column}; send {FORMS}")]
    NotJson {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What stands there.
        why: String,
    },
    /// It is JSON of none of the three forms.
    #[error("the body is JSON of an unknown shape ({found}); send {FORMS}")]
    UnknownShape {
        /// What it is instead.
        found: String,
    },
    /// It says that it is Alertmanager's, of another version.
    #[error(
        "the body is a webhook of version {version:?}, and Alertmanager's version \"4\" is wanted; use a `webhook_configs` receiver of Alertmanager 0.6 or later"
    )]
    WrongVersion {
        /// The version it names.
        version: String,
    },
    /// It is an event of PagerDuty's that is not about an incident: a ping, a note, a change of a service.
    #[error(
        "the event {event_type:?} is about no incident; subscribe to incident.triggered, incident.acknowledged and incident.resolved"
    )]
    NotAnIncident {
        /// The event.
        event_type: String,
    },
    /// It holds no alert.
    #[error("the body holds no alert: `alerts` is empty; send at least one")]
    NoAlerts,
    /// A part is missing or has the wrong type.
    #[error("the body looks like {form}, but `{field}` {why}")]
    Malformed {
        /// Which form it looks like.
        form: &'static str,
        /// Where, with dots.
        field: String,
        /// What is wrong, and what would be right.
        why: &'static str,
    },
}

const FORMS: &str = "a PagerDuty v3 webhook body ({\"event\": {\"event_type\", \"data\"}}), an Alertmanager v4 webhook body ({\"version\": \"4\", \"alerts\": [...]}) or the body of process-incident ({\"alert_id\", \"title\", \"description\", \"severity\", \"metadata\"})";

/// Reads the body of one request, whichever of the three forms it has.
pub fn parse(bytes: &[u8]) -> Result<Delivery, AlertError> {
    if bytes.len() > MAX_BODY {
        return Err(AlertError::TooLarge { bytes: bytes.len() });
    }
    // editors on Windows put a byte order mark in front, which JSON does not allow
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.trim_ascii().is_empty() {
        return Err(AlertError::Empty);
    }
    let body: Value = serde_json::from_slice(bytes).map_err(|e| not_json(&e))?;
    if body.pointer("/event/event_type").is_some() {
        pagerduty::parse(&body)
    } else if body.get("alerts").is_some_and(Value::is_array) {
        alertmanager::parse(&body)
    } else if body.get("alert_id").is_some() {
        process_incident::parse(&body)
    } else {
        Err(AlertError::UnknownShape { found: shape(&body) })
    }
}

fn not_json(error: &serde_json::Error) -> AlertError {
    let whole = error.to_string();
    // the position has fields of its own
    let why = whole.split(" at line ").next().unwrap_or_default().to_owned();
    AlertError::NotJson {
        line: error.line(),
        column: error.column(),
        why,
    }
}

/// What a body is, in a few words, for the person who sent it.
fn shape(body: &Value) -> String {
    let kind = match body {
        Value::Object(fields) if fields.is_empty() => return "an empty object".into(),
        Value::Object(fields) => {
            let names: Vec<String> = fields
                .keys()
                .take(8)
                .map(|k| format!("`{}`", text::cut(k, 40)))
                .collect();
            let mut found = format!("an object with {}", names.join(", "));
            if fields.len() > names.len() {
                found.push_str(", …");
            }
            if fields.contains_key("messages") {
                found.push_str("; PagerDuty's v1 and v2 webhooks look so: add a v3 subscription");
            } else if fields.contains_key("routing_key") {
                found.push_str("; that is an event for PagerDuty, not one from it");
            } else if fields.contains_key("title") || fields.contains_key("metadata") {
                found.push_str("; for process-incident `alert_id` is missing");
            }
            return found;
        }
        Value::Array(_) => "a list",
        Value::String(_) => "a text",
        Value::Number(_) => "a number",
        Value::Bool(_) => "true or false",
        Value::Null => "null",
    };
    kind.to_owned()
}

#[cfg(test)]
mod tests;
