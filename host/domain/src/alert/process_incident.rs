//! The body of `process-incident`.

use super::hints::hints;
use super::text::{add_all, at, description, first, title};
use super::{Alert, AlertError, AlertStatus, Delivery, Source};
use crate::time::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

const FORM: &str = "the body of process-incident";

pub(super) fn parse(body: &Value) -> Result<Delivery, AlertError> {
    let id = at(body, "/alert_id");
    if id.is_empty() {
        return Err(malformed(
            "alert_id",
            "is empty; it tells a repeated alert from a new one",
        ));
    }
    let metadata = body.get("metadata").unwrap_or(&Value::Null);
    if !metadata.is_object() && !metadata.is_null() {
        return Err(malformed(
            "metadata",
            "is no object; it holds cluster, namespace, pod, deployment, service",
        ));
    }
    let (words, more) = (at(body, "/title"), at(body, "/description"));
    if words.is_empty() && more.is_empty() {
        return Err(malformed(
            "title",
            "is missing, and so is `description`; say what is wrong",
        ));
    }
    let mut labels = BTreeMap::new();
    add_all(&mut labels, metadata);
    let alert = Alert {
        source: Source::ProcessIncident,
        source_id: id.clone(),
        fingerprint: id.clone(),
        status: status(&first([at(body, "/status"), at(metadata, "/status")])),
        title: title(&first([words, more.clone()])),
        description: description(&more),
        severity: at(body, "/severity"),
        hints: hints(&with_job(&labels)),
        labels,
        starts_at: Timestamp::parse(&at(body, "/timestamp")).ok(),
    };
    Ok(Delivery {
        source: Source::ProcessIncident,
        key: format!("process-incident:{id}"),
        alerts: vec![alert],
    })
}

/// A person's `job` is a Job; a monitoring system's is what it scraped.
fn with_job(labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut labels = labels.clone();
    if let Some(job) = labels.get("job").cloned() {
        labels.entry("job_name".to_owned()).or_insert(job);
    }
    labels
}

fn status(text: &str) -> AlertStatus {
    match text {
        "resolved" => AlertStatus::Resolved,
        "acknowledged" => AlertStatus::Acknowledged,
        _ => AlertStatus::Firing,
    }
}

fn malformed(field: &str, why: &'static str) -> AlertError {
    AlertError::Malformed {
        form: FORM,
        field: field.to_owned(),
        why,
    }
}
