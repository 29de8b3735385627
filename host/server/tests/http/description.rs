//! `/openapi.json` describes what is answered.

use crate::world::World;
use serde_json::Value;

#[tokio::test]
async fn every_route_is_described_with_what_it_may_answer() {
    let world = World::new().await;
    let api = world.get("viewer", "/openapi.json").await.json();
    let paths = api["paths"].as_object().unwrap();
    for path in [
        "/api/v1/kubernetes/agno/test-connection",
        "/api/v1/kubernetes/agno/connect-cluster",
        "/api/v1/kubernetes/agno/clusters",
        "/api/v1/kubernetes/agno/process-incident",
        "/api/v1/kubernetes/agno/test-remediation",
        "/api/v1/kubernetes/agno/agent-status",
        "/api/v1/webhooks/pagerduty",
        "/api/v1/webhooks/pagerduty/{source}",
        "/api/v1/webhooks/alertmanager",
        "/api/v1/webhooks/alertmanager/{source}",
        "/api/v1/alerts",
        "/api/v1/incidents",
        "/api/v1/incidents/{id}",
        "/api/v1/incidents/{id}/timeline",
        "/api/v1/incidents/{id}/approve",
        "/api/v1/incidents/{id}/reject",
        "/api/v1/incidents/{id}/rollback",
        "/api/v1/incidents/{id}/acknowledge",
        "/api/v1/clusters",
        "/api/v1/clusters/{name}",
        "/api/v1/clusters/{name}/mode",
        "/api/v1/clusters/{name}/test",
        "/api/v1/tenants",
        "/api/v1/tenants/{name}/tokens",
        "/api/v1/tokens",
        "/api/v1/tokens/{id}",
        "/api/v1/sources",
        "/api/v1/sources/{id}",
        "/api/v1/audit",
        "/api/v1/audit/verify",
        "/api/v1/emergency-stop",
        "/api/v1/keys/rotate",
        "/api/v1/maintenance-windows",
        "/api/v1/maintenance-windows/{id}",
        "/api/v1/mode",
        "/api/v1/events",
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
    ] {
        assert!(paths.contains_key(path), "{path} is not described");
    }
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            for status in ["400", "500", "503"] {
                assert!(responses.contains_key(status), "{method} {path}: {status}");
            }
            for (status, response) in responses.iter().filter(|(s, _)| s.as_str() >= "400") {
                let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/Problem", "{method} {path}: {status}");
            }
        }
    }
}

#[tokio::test]
async fn every_reference_leads_to_a_schema() {
    let world = World::new().await;
    let api = world.get("viewer", "/openapi.json").await.json();
    let mut open = vec![&api];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(to)) = fields.get("$ref") {
                    assert!(api.pointer(to.trim_start_matches('#')).is_some(), "{to}");
                }
                open.extend(fields.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
}
