//! `test-remediation`: a fault in the simulator, and what would be done about it. No real cluster is touched.

use crate::http::App;
use crate::http::caller::{May, Respond};
use crate::http::extract::{Asked, Body};
use crate::http::problem::{Kind, Problem};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// The product guide's names of scenarios, with ours.
const GUIDE: [(&str, &str); 5] = [
    ("pod_crash", "crash-loop"),
    ("oom_kill", "out-of-memory"),
    ("image_pull", "image-pull"),
    ("service_down", "service-down"),
    ("high_usage", "high-usage"),
];

/// What is to be tried; each as a field of the body or a parameter.
#[derive(Deserialize, Default, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Remediation {
    /// The scenario: `pod_crash`, `image_pull`, `oom_kill`, `service_down`, `high_usage`, and those that a 400 lists.
    scenario: Option<String>,
    /// A connected cluster; the simulator without one.
    cluster_name: Option<String>,
    /// The namespace on that cluster.
    #[expect(
        dead_code,
        reason = "the product fixes the field; scenarios bring their own namespace"
    )]
    namespace: Option<String>,
}

/// What came of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Remediated {
    /// `success`: the scenario ran to its end.
    status: &'static str,
    /// The scenario, as it was asked for.
    scenario: String,
    /// The alert that it began with.
    test_alert: TestAlert,
    /// The incident's report.
    remediation_result: Value,
}

#[derive(Serialize, ToSchema)]
struct TestAlert {
    /// Its id.
    alert_id: String,
    /// One line.
    title: String,
    /// More.
    description: String,
    /// As sources write it.
    severity: &'static str,
    /// Where.
    metadata: BTreeMap<&'static str, String>,
}

/// Try what would be done about a fault, in the simulator
#[utoipa::path(
    post, path = "/api/v1/kubernetes/agno/test-remediation", tag = "agno", params(Remediation), request_body = Option<Remediation>,
    responses((status = 200, body = Remediated), (status = 400, description = "no such scenario; those there are", body = Problem))
)]
pub(crate) async fn run(
    State(app): State<App>,
    May(_by, ..): May<Respond>,
    Asked(asked): Asked<Remediation>,
    body: Option<Body<Remediation>>,
) -> Result<Json<Remediated>, Problem> {
    let body = body.map(|Body(b)| b).unwrap_or_default();
    let asked_for = body.scenario.or(asked.scenario).unwrap_or_default();
    let name = GUIDE
        .iter()
        .find(|(guide, _)| *guide == asked_for)
        .map_or(asked_for.as_str(), |(_, ours)| ours);
    let scenarios = app.rehearsals.scenarios();
    if !scenarios.iter().any(|s| s == name) {
        return Err(unknown(&asked_for, &scenarios));
    }
    if let Some(cluster) = body.cluster_name.or(asked.cluster_name).filter(|c| !c.is_empty()) {
        return Err(Problem::new(
            Kind::Unavailable,
            format!("scenarios do not run on the cluster {cluster}: they break something first"),
            "leave cluster_name out to run it in the simulator; for a real fault use process-incident in mode observe",
        ));
    }
    let result = app.rehearsals.run(name).await;
    let result = result.map_err(|why| Problem::new(Kind::Unavailable, why, "send the request again"))?;
    Ok(Json(Remediated {
        status: "success",
        test_alert: alert(name, &result),
        scenario: asked_for,
        remediation_result: result,
    }))
}

fn unknown(asked: &str, scenarios: &[String]) -> Problem {
    let guide: Vec<&str> = GUIDE.iter().map(|(guide, _)| *guide).collect();
    let detail = if asked.is_empty() {
        "`scenario` is missing".to_owned()
    } else {
        format!("there is no scenario {:?}", asked.chars().take(80).collect::<String>())
    };
    Problem::new(
        Kind::Malformed,
        detail,
        format!("one of {}, {}", guide.join(", "), scenarios.join(", ")),
    )
}

/// The alert that a scenario begins with, as far as the report tells it.
fn alert(scenario: &str, report: &Value) -> TestAlert {
    let text = |pointer: &str| {
        report
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let metadata = BTreeMap::from([
        ("cluster", text("/cluster")),
        ("namespace", text("/namespace")),
        ("object", text("/target/name")),
    ]);
    TestAlert {
        alert_id: format!("test-{scenario}"),
        title: format!("Test: {scenario}"),
        description: format!("a simulated cluster with the fault {scenario}"),
        severity: "high",
        metadata,
    }
}
