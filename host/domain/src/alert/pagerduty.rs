//! PagerDuty's webhook, version 3.
//!
//! <https://developer.pagerduty.com/docs/webhooks-overview>. The webhook itself carries no labels. Details come where
//! a program fills them in from `GET /incidents/{id}/alerts` (`alerts`), where the incident was opened with a body, or where
//! a relay adds `custom_details`.

use super::hints::hints;
use super::text::{add, add_all, add_lines, at, description, first, scalar, title};
use super::{Alert, AlertError, AlertStatus, Delivery, Source};
use crate::time::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

const FORM: &str = "a PagerDuty v3 webhook";
/// Where details may stand, below an incident or an alert, the nearest to the source first.
const DETAILS: [&str; 9] = [
    "/custom_details",
    "/body/cef_details/details",
    "/body/details",
    "/body/custom_details",
    "/details",
    "/payload/custom_details",
    "/first_trigger_log_entry/channel/details",
    "/first_trigger_log_entry/channel/custom_details",
    "/metadata",
];

pub(super) fn parse(body: &Value) -> Result<Delivery, AlertError> {
    let event = &body["event"];
    let event_type = at(event, "/event_type");
    let Some(data) = event.get("data").filter(|d| d.is_object()) else {
        return Err(malformed("event.data", "is no object; it holds the incident"));
    };
    // notes, responders and status updates come under incident.… too, with data of their own type
    let about = at(data, "/type");
    let of_incident = event_type.starts_with("incident.") && matches!(about.as_str(), "incident" | "");
    let of_alert = event_type.starts_with("alert.") && matches!(about.as_str(), "alert" | "");
    if !of_incident && !of_alert {
        return Err(AlertError::NotAnIncident { event_type });
    }
    let words = first([at(data, "/title"), at(data, "/summary")]);
    if words.is_empty() {
        return Err(malformed(
            "event.data.title",
            "is missing; PagerDuty writes the incident's title there",
        ));
    }
    let about = Incident {
        data,
        id: at(data, "/id"),
        title: title(&words),
        status: status(&event_type, &at(data, "/status")),
        severity: first([at(data, "/severity"), at(data, "/urgency")]),
        labels: incident_labels(data),
    };
    let entries: Vec<&Value> = data
        .get("alerts")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|a| a.is_object())
        .collect();
    let alerts = if entries.is_empty() {
        vec![about.alone(event)]
    } else {
        entries.into_iter().map(|a| about.with(a)).collect()
    };
    Ok(Delivery {
        source: Source::PagerDuty,
        key: key(event, body),
        alerts,
    })
}

/// An incident of PagerDuty's.
struct Incident<'a> {
    data: &'a Value,
    id: String,
    title: String,
    status: AlertStatus,
    severity: String,
    labels: BTreeMap<String, String>,
}

impl Incident<'_> {
    /// The incident as one alert.
    fn alone(&self, event: &Value) -> Alert {
        let mut labels = BTreeMap::new();
        let texts = add_details(&mut labels, self.data);
        let started = first([at(self.data, "/created_at"), at(event, "/occurred_at")]);
        let print = first([
            at(self.data, "/incident_key"),
            at(self.data, "/alert_key"),
            self.id.clone(),
        ]);
        self.alert(labels, &texts, self.title.clone(), print, &started)
    }

    /// One of the alerts that the incident gathers.
    fn with(&self, entry: &Value) -> Alert {
        let mut labels = BTreeMap::new();
        let mut texts = add_details(&mut labels, entry);
        for more in ["labels", "annotations"].iter().filter_map(|n| entry.get(n)) {
            add_all(&mut labels, more);
        }
        texts.push(self.title.clone());
        let words = first([at(entry, "/summary"), at(entry, "/title"), self.title.clone()]);
        let print = first([at(entry, "/alert_key"), at(entry, "/id"), self.id.clone()]);
        let started = first([at(entry, "/created_at"), at(self.data, "/created_at")]);
        self.alert(labels, &texts, title(&words), print, &started)
    }

    fn alert(
        &self,
        mut labels: BTreeMap<String, String>,
        texts: &[String],
        title: String,
        fingerprint: String,
        started: &str,
    ) -> Alert {
        let hints = hints(&labels);
        let severity = labels.get("severity").cloned().unwrap_or_else(|| self.severity.clone());
        for (name, value) in &self.labels {
            add(&mut labels, name, value);
        }
        Alert {
            source: Source::PagerDuty,
            source_id: self.id.clone(),
            fingerprint,
            status: self.status,
            description: description(&first([at(self.data, "/description"), texts.join("\n")])),
            title,
            severity,
            labels,
            hints,
            starts_at: Timestamp::parse(started).ok(),
        }
    }
}

/// What the incident says of itself, under names that are not taken for Kubernetes' own: PagerDuty's service is no Service.
fn incident_labels(data: &Value) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    let parts = [
        (
            "pagerduty.number",
            first([at(data, "/number"), at(data, "/incident_number")]),
        ),
        (
            "pagerduty.service",
            first([at(data, "/service/summary"), at(data, "/service/name")]),
        ),
        ("pagerduty.service_id", at(data, "/service/id")),
        ("pagerduty.urgency", at(data, "/urgency")),
        ("pagerduty.priority", at(data, "/priority/summary")),
        ("pagerduty.html_url", at(data, "/html_url")),
    ];
    for (name, value) in parts {
        add(&mut labels, name, &value);
    }
    labels
}

/// Adds the labels that the details hold; returns the details that are prose.
fn add_details(labels: &mut BTreeMap<String, String>, of: &Value) -> Vec<String> {
    let mut prose = Vec::new();
    for details in DETAILS.iter().filter_map(|p| of.pointer(p)) {
        let texts: Vec<&String> = match details {
            Value::String(text) => vec![text],
            // Alertmanager's `firing` lists the labels of each alert as lines of text
            Value::Object(fields) => fields
                .values()
                .filter_map(as_text)
                .filter(|t| t.contains('\n'))
                .collect(),
            _ => Vec::new(),
        };
        for text in texts {
            if let Ok(inner) = serde_json::from_str::<Value>(text) {
                add_all(labels, &inner);
            }
            add_lines(labels, text);
            prose.push(text.clone());
        }
        add_all(labels, details);
        for name in ["description", "message", "summary"] {
            prose.extend(details.get(name).and_then(scalar));
        }
    }
    for field in of.get("custom_fields").and_then(Value::as_array).into_iter().flatten() {
        add(labels, &at(field, "/name"), &at(field, "/value"));
    }
    prose.dedup();
    prose
}

fn as_text(value: &Value) -> Option<&String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn status(event_type: &str, by_data: &str) -> AlertStatus {
    match event_type.rsplit('.').next().unwrap_or_default() {
        "resolved" => AlertStatus::Resolved,
        "acknowledged" => AlertStatus::Acknowledged,
        "triggered" | "unacknowledged" | "reopened" => AlertStatus::Firing,
        // escalated, reassigned, priority_updated and the like leave the state as it is
        _ => match by_data {
            "resolved" => AlertStatus::Resolved,
            "acknowledged" => AlertStatus::Acknowledged,
            _ => AlertStatus::Firing,
        },
    }
}

/// The event's id; where a relay dropped it, a hash of the whole. (The server prefers the header `X-Webhook-Id`.)
fn key(event: &Value, body: &Value) -> String {
    let id = at(event, "/id");
    if id.is_empty() {
        format!("pagerduty:{}", hex::encode(Sha256::digest(body.to_string())))
    } else {
        format!("pagerduty:{id}")
    }
}

fn malformed(field: &str, why: &'static str) -> AlertError {
    AlertError::Malformed {
        form: FORM,
        field: field.to_owned(),
        why,
    }
}
