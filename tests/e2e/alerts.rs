//! One alert in each of the three forms.

use serde_json::{Value, json};

/// The forms in which an alert may come.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    PagerDuty,
    Alertmanager,
    ProcessIncident,
}

pub(crate) const FORMS: [Form; 3] = [Form::PagerDuty, Form::Alertmanager, Form::ProcessIncident];

/// An alert about `kind`/`name`, such as `deployment`/`web`.
pub(crate) fn alert(form: Form, namespace: &str, kind: &str, name: &str, title: &str) -> Value {
    match form {
        Form::PagerDuty => pagerduty(namespace, kind, name, title),
        Form::Alertmanager => alertmanager(&[(namespace, kind, name, title)]),
        Form::ProcessIncident => process_incident(namespace, kind, name, title),
    }
}

/// A PagerDuty v3 webhook body. It has no labels: the place is told in prose.
fn pagerduty(namespace: &str, kind: &str, name: &str, title: &str) -> Value {
    json!({
        "event": {
            "id": format!("01{namespace}"), "event_type": "incident.triggered", "resource_type": "incident",
            "occurred_at": "2026-01-31T03:00:00.000Z",
            "agent": null, "client": null,
            "data": {
                "id": "PGR0VU2", "type": "incident", "number": 2,
                "self": "https://api.example.com/incidents/PGR0VU2", "html_url": "https://example.com/incidents/PGR0VU2",
                "status": "triggered", "incident_key": namespace, "created_at": "2026-01-31T03:00:00Z",
                "title": format!("{title}: {kind} {name} in namespace {namespace}"),
                "service": { "id": "PF9KMXH", "summary": "shop", "type": "service_reference" },
                "assignees": [], "urgency": "high", "priority": null, "teams": [],
            }
        }
    })
}

/// An Alertmanager v4 webhook body with some alerts.
pub(crate) fn alertmanager(places: &[(&str, &str, &str, &str)]) -> Value {
    let alerts: Vec<Value> = places
        .iter()
        .map(|(namespace, kind, name, title)| {
            json!({
                "status": "firing",
                "labels": { "alertname": title, "namespace": namespace, (*kind): name, "severity": "critical" },
                "annotations": { "summary": format!("{title} on {kind} {name}") },
                "startsAt": "2026-01-31T03:00:00.000Z", "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "http://prometheus.example.com/graph",
                "fingerprint": format!("{namespace}-{kind}-{name}"),
            })
        })
        .collect();
    json!({
        "version": "4", "groupKey": "{}:{alertname=\"x\"}", "truncatedAlerts": 0, "status": "firing", "receiver": "dreamops",
        "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://alertmanager.example.com",
        "alerts": alerts,
    })
}

fn process_incident(namespace: &str, kind: &str, name: &str, title: &str) -> Value {
    json!({
        "alert_id": format!("inc-{namespace}"), "title": title, "description": format!("{kind} {name} has a problem"),
        "severity": "high", "metadata": { "namespace": namespace, (kind): name },
    })
}
