//! The alert that a broken world raises, as each of the three sources writes it.

use crate::fields;
use serde_json::{Value, json};

/// What is raised.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Raised {
    /// The rule: `KubePodCrashLooping`.
    pub(crate) rule: &'static str,
    /// One line, which names namespace and object: PagerDuty passes nothing else on.
    pub(crate) title: String,
    pub(crate) description: String,
    /// `critical`, `warning`.
    pub(crate) severity: &'static str,
    pub(crate) namespace: String,
    /// Labels that name objects: `pod`, `deployment`, `service`, `container`, ….
    pub(crate) labels: Vec<(&'static str, String)>,
    /// Milliseconds since 1970.
    pub(crate) since: u64,
    /// A number that tells this alert from others.
    pub(crate) number: u64,
}

impl Raised {
    /// An Alertmanager v4 webhook.
    pub(crate) fn alertmanager(&self) -> Value {
        let mut labels = json!({
            "alertname": self.rule,
            "severity": self.severity,
            "cluster": "simulated",
            "namespace": self.namespace,
        });
        for (key, value) in &self.labels {
            labels[*key] = json!(value);
        }
        let annotations = json!({"summary": self.title, "description": self.description});
        let grouped = json!({"alertname": self.rule, "namespace": self.namespace});
        json!({
            "version": "4",
            "groupKey": format!("{{}}:{{alertname=\"{}\", namespace=\"{}\"}}", self.rule, self.namespace),
            "truncatedAlerts": 0,
            "status": "firing",
            "receiver": "dreamops",
            "groupLabels": grouped,
            "commonLabels": labels,
            "commonAnnotations": annotations,
            "externalURL": "http://alertmanager.monitoring:9093",
            "alerts": [{
                "status": "firing",
                "labels": labels,
                "annotations": annotations,
                "startsAt": fields::time(self.since),
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "http://prometheus.monitoring:9090/graph",
                "fingerprint": format!("{:016x}", self.number),
            }],
        })
    }

    /// A PagerDuty v3 webhook.
    pub(crate) fn pagerduty(&self) -> Value {
        let id = format!("Q{:013X}", self.number & 0xf_ffff_ffff_ffff);
        let url = format!("https://shop.pagerduty.example/incidents/{id}");
        let urgency = if self.severity == "critical" { "high" } else { "low" };
        json!({
            "event": {
                "id": format!("01{:024X}", self.number),
                "event_type": "incident.triggered",
                "resource_type": "incident",
                "occurred_at": fields::time(self.since),
                "agent": null,
                "client": null,
                "data": {
                    "id": id,
                    "type": "incident",
                    "self": url,
                    "html_url": url,
                    "number": self.number % 100_000,
                    "status": "triggered",
                    "incident_key": format!("{}/{}", self.rule, self.namespace),
                    "created_at": fields::time(self.since),
                    "title": self.title,
                    "service": {"id": "PSHOP01", "type": "service_reference", "summary": "shop",
                        "html_url": "https://shop.pagerduty.example/services/PSHOP01"},
                    "assignees": [],
                    "escalation_policy": {"id": "PESC001", "type": "escalation_policy_reference", "summary": "on call"},
                    "teams": [],
                    "priority": null,
                    "urgency": urgency,
                    "conference_bridge": null,
                    "resolve_reason": null,
                },
            },
        })
    }

    /// The body of `process-incident`.
    pub(crate) fn process_incident(&self) -> Value {
        let mut metadata = json!({"cluster": "simulated", "namespace": self.namespace});
        for (key, value) in &self.labels {
            metadata[*key] = json!(value);
        }
        json!({
            "alert_id": format!("sim-{:016x}", self.number),
            "title": self.title,
            "description": self.description,
            "severity": self.severity,
            "metadata": metadata,
        })
    }
}
