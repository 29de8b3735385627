//! Alertmanager's webhook, version 4.
//!
//! <https://prometheus.io/docs/alerting/latest/configuration/#webhook_config>

use super::hints::hints;
use super::text::{add, add_all, at, description, first, scalar, title};
use super::{Alert, AlertError, AlertStatus, Delivery, Source};
use crate::time::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Annotations that become title or description; others are kept as labels `annotation.NAME`.
const TEXTS: [&str; 4] = ["summary", "description", "message", "title"];

pub(super) fn parse(body: &Value) -> Result<Delivery, AlertError> {
    let version = at(body, "/version");
    if version != "4" {
        // Grafana's alerting sends the same shape as version 1
        return Err(match version.as_str() {
            "" => missing("version"),
            _ => AlertError::WrongVersion { version },
        });
    }
    let entries = body
        .get("alerts")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    if entries.is_empty() {
        return Err(AlertError::NoAlerts);
    }
    let alerts = entries
        .iter()
        .enumerate()
        .map(|(i, e)| alert(body, i, e))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Delivery {
        source: Source::Alertmanager,
        key: key(body, &alerts),
        alerts,
    })
}

fn missing(field: &str) -> AlertError {
    AlertError::Malformed {
        form: "an Alertmanager webhook",
        field: field.to_owned(),
        why: "is missing; Alertmanager writes \"4\" there",
    }
}

fn alert(body: &Value, index: usize, entry: &Value) -> Result<Alert, AlertError> {
    if !entry.is_object() {
        return Err(AlertError::Malformed {
            form: "an Alertmanager webhook",
            field: format!("alerts[{index}]"),
            why: "is no object; it holds labels, annotations, status and startsAt",
        });
    }
    let mut labels = BTreeMap::new();
    for shared in [entry.get("labels"), body.get("commonLabels"), body.get("groupLabels")]
        .into_iter()
        .flatten()
    {
        add_all(&mut labels, shared);
    }
    let fingerprint = first([at(entry, "/fingerprint"), print_of(&labels)]);
    let mut annotations = BTreeMap::new();
    for shared in [entry.get("annotations"), body.get("commonAnnotations")]
        .into_iter()
        .flatten()
    {
        add_all(&mut annotations, shared);
    }
    let text = |name: &str| annotations.get(name).cloned().unwrap_or_default();
    let name = labels.get("alertname").cloned().unwrap_or_default();
    let hints = hints(&labels);
    let severity = labels.get("severity").cloned().unwrap_or_default();
    for (name, value) in &annotations {
        if !TEXTS.contains(&name.as_str()) {
            add(&mut labels, &format!("annotation.{name}"), value);
        }
    }
    Ok(Alert {
        source: Source::Alertmanager,
        source_id: fingerprint.clone(),
        fingerprint,
        status: status(&first([at(entry, "/status"), at(body, "/status")])),
        title: title(&first([text("summary"), text("title"), name, "alert".to_owned()])),
        description: description(&first([text("description"), text("message"), text("summary")])),
        severity,
        hints,
        labels,
        starts_at: entry
            .get("startsAt")
            .and_then(scalar)
            .and_then(|t| Timestamp::parse(&t).ok()),
    })
}

fn status(text: &str) -> AlertStatus {
    if text == "resolved" {
        AlertStatus::Resolved
    } else {
        AlertStatus::Firing
    }
}

/// A fingerprint where the sender gave none (Alertmanager before 0.19): by the labels, as Alertmanager does it.
fn print_of(labels: &BTreeMap<String, String>) -> String {
    let mut hash = Sha256::new();
    for (name, value) in labels {
        hash.update(name);
        hash.update([0xff]);
        hash.update(value);
        hash.update([0xff]);
    }
    hex::encode(&hash.finalize()[..8])
}

/// Tells a repeated delivery from a new one: receiver, group, status, and each alert's fingerprint, start and status.
fn key(body: &Value, alerts: &[Alert]) -> String {
    let mut parts: Vec<String> = alerts
        .iter()
        .map(|a| {
            format!(
                "{}\u{1f}{}\u{1f}{:?}",
                a.fingerprint,
                a.starts_at.map_or(0, Timestamp::millis),
                a.status
            )
        })
        .collect();
    parts.sort();
    let mut hash = Sha256::new();
    for part in ["/receiver", "/groupKey", "/status"]
        .map(|p| at(body, p))
        .into_iter()
        .chain(parts)
    {
        hash.update(part);
        hash.update([0x1e]);
    }
    format!("alertmanager:{}", hex::encode(hash.finalize()))
}
