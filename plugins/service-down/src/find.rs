//! Which Service the incident is about.
//!
//! Its target, where that is one. Else the alert has to speak of a service or its endpoints, and either name one in a
//! label or be about a workload that exactly one Service is for.

use crate::labels::matches;
use dreamops_sdk::prelude::*;
use dreamops_sdk::{elsewhere, json};

/// Words of alerts about Services that do not answer.
pub(crate) const WORDS: [&str; 10] = [
    "service",
    "endpoint",
    "unavailable",
    "unreachable",
    "503",
    "502",
    "504",
    "down",
    "no healthy upstream",
    "not responding",
];

/// The name of the Service; none where the incident is about none.
pub(crate) fn service(incident: &Incident) -> Result<Option<ObjectRef>, ReadFailure> {
    let target = incident.target();
    if target.kind == "Service" {
        return Ok(Some(target));
    }
    if !elsewhere::alert_says(incident, &WORDS) {
        return Ok(None);
    }
    let owner = incident.owner();
    let workload = if owner.is_workload() {
        cluster::found(cluster::fetch(&owner))?
    } else {
        None
    };
    let labels = workload.as_ref().map(|w| pod_labels(&w.body)).unwrap_or_default();
    let services = cluster::list(&Query::of("Service", &target.namespace))?.items;
    let named = incident
        .labels()
        .into_iter()
        .find(|(key, _)| key == "service")
        .map(|(_, name)| name);
    // a label `service` may name what was scraped: it counts where a Service of that name is here
    if let Some(found) = named.and_then(|name| services.iter().find(|s| s.reference.name == name)) {
        return Ok(Some(found.reference.clone()));
    }
    let mut fitting = services.iter().filter(|s| {
        let selector = json::pairs(&s.body, "/spec/selector");
        !selector.is_empty() && !labels.is_empty() && matches(&selector, &labels)
    });
    Ok(match (fitting.next(), fitting.next()) {
        (Some(only), None) => Some(only.reference.clone()),
        _ => None,
    })
}

/// The labels of the pods that a workload makes.
pub(crate) fn pod_labels(workload: &serde_json::Value) -> Vec<(&str, &str)> {
    json::pairs(workload, "/spec/template/metadata/labels")
}
