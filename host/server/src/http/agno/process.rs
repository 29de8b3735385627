//! `process-incident`: one alert in the product's own form, and what came of it.

use crate::http::App;
use crate::http::caller::{May, PostAlerts};
use crate::http::extract::{Asked, JsonBytes, bad_parameter};
use crate::http::problem::{Kind, Problem};
use crate::http::webhooks::take;
use crate::intake::Origin;
use axum::Json;
use axum::extract::State;
use dreamops_domain::access::{PageRequest, Principal, Right};
use dreamops_domain::alert::{Source, parse};
use dreamops_domain::id::{DeliveryId, IncidentId};
use dreamops_domain::incident::Incident;
use dreamops_domain::intake::AlertFilter;
use dreamops_domain::phase::{Mode, Phase};
use dreamops_domain::report::Report;
use futures::future::select;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

/// The longest that `wait` may be.
const LONGEST_WAIT: Duration = Duration::from_mins(5);
/// How often the incident is looked at while somebody waits.
const LOOK: Duration = Duration::from_millis(250);

/// An alert. As [`parse`] reads it; this is its description.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body, which the domain reads")]
pub(crate) struct ProcessIncident {
    /// Tells this alert from others: the same one again is the same incident.
    #[schema(min_length = 1)]
    alert_id: String,
    /// One line.
    #[schema(min_length = 1)]
    title: String,
    /// More lines.
    description: Option<String>,
    /// As you write it.
    severity: Option<String>,
    /// Where: `cluster`, `namespace`, `pod`, `deployment`, `service` and other labels.
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    metadata: Option<BTreeMap<String, Value>>,
}

/// How long the answer may wait.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Waiting {
    /// Answer when the incident has ended or a plan waits for approval, at the latest after so long: `30s`, `2m`; 5 minutes at
    /// most. Without it the answer comes when the alert is stored.
    wait: Option<String>,
}

/// What came of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Processed {
    /// `success`: the alert is stored.
    status: &'static str,
    /// The incident that deals with it.
    #[schema(format = Uuid)]
    incident_id: String,
    /// Where that stands.
    processing_result: ProcessingResult,
}

#[derive(Serialize, ToSchema)]
struct ProcessingResult {
    /// `processing`, `awaiting_approval` or `completed`.
    status: &'static str,
    /// The incident.
    #[schema(format = Uuid)]
    incident_id: String,
    /// The cluster's name.
    cluster: String,
    /// The namespace.
    namespace: String,
    /// The incident's phase.
    current_status: &'static str,
    /// The cause in one sentence.
    root_cause: Option<String>,
    /// What was done, in order.
    actions_taken: Vec<String>,
    /// How it ended, in one sentence.
    agent_response: Option<String>,
    /// When this was so.
    #[schema(format = DateTime)]
    timestamp: String,
    /// Whether no person is asked where policy allows it.
    yolo_mode: bool,
}

/// Hand an alert over
///
/// A token of role intake gets the incident's id and nothing of what was found.
#[utoipa::path(
    post, path = "/api/v1/kubernetes/agno/process-incident", tag = "agno", params(Waiting), request_body = ProcessIncident,
    responses((status = 200, body = Processed), (status = 503, description = "it could not be committed: send it again", body = Problem))
)]
pub(crate) async fn process(
    State(app): State<App>,
    May(by, ..): May<PostAlerts>,
    Asked(waiting): Asked<Waiting>,
    JsonBytes(body): JsonBytes,
) -> Result<Json<Processed>, Problem> {
    let wait = waiting.wait.as_deref().map(patience).transpose()?;
    let delivery = parse(&body)?;
    if delivery.source != Source::ProcessIncident {
        return Err(Problem::new(
            Kind::Invalid,
            "the body is a webhook of another form",
            "PagerDuty and Alertmanager have routes of their own under /api/v1/webhooks",
        ));
    }
    let origin = Origin::of(by.tenant);
    let taken = take(&app, &origin, delivery, "process-incident").await?;
    let id = taken.incidents.first().copied().ok_or_else(|| {
        Problem::new(
            Kind::Internal,
            "the alert was stored and no incident deals with it",
            "send the request again",
        )
    })?;
    let incident = settled(&app, &by, (taken.delivery, id), wait).await?;
    Ok(Json(shown(&app, &by, &incident)))
}

/// The incident that deals with the alert of a delivery now.
async fn dealt_with_by(app: &App, by: &Principal, delivery: DeliveryId) -> Result<Option<IncidentId>, Problem> {
    let filter = AlertFilter {
        delivery: Some(delivery),
        ..AlertFilter::default()
    };
    let one = PageRequest { limit: 1, after: None };
    let alerts = app.intake.alerts(by.tenant, &filter, &one).await?;
    Ok(alerts.items.first().map(|alert| alert.incident_id))
}

fn patience(text: &str) -> Result<Duration, Problem> {
    humantime::parse_duration(text)
        .ok()
        .filter(|wait| *wait <= LONGEST_WAIT)
        .ok_or_else(|| bad_parameter("wait", "duration of at most 5 minutes, such as 30s"))
}

/// The incident, at its end or where a person is asked, or when patience has ended. One that joined another is followed there.
async fn settled(
    app: &App,
    by: &Principal,
    (delivery, mut id): (DeliveryId, IncidentId),
    wait: Option<Duration>,
) -> Result<Incident, Problem> {
    let until = app.clock.monotonic() + wait.unwrap_or_default();
    let mut closing = app.closing();
    loop {
        let incident = app.store.load(by.tenant, id).await?;
        if incident.phase == Phase::Suppressed
            && let Some(other) = dealt_with_by(app, by, delivery).await?
            && other != id
        {
            id = other;
            continue;
        }
        let settled = incident.phase.closed() || incident.phase == Phase::AwaitingApproval;
        let now = app.clock.monotonic();
        if settled || now >= until || *closing.borrow() {
            return Ok(incident);
        }
        let closed = pin!(closing.changed());
        select(closed, app.clock.sleep_until((now + LOOK).min(until))).await;
    }
}

fn shown(app: &App, by: &Principal, incident: &Incident) -> Processed {
    let report = Report::of(incident);
    let may_read = by.role.may(Right::Read);
    let done = report
        .actions
        .iter()
        .filter(|a| matches!(a.outcome.as_str(), "applied" | "already-so"))
        .map(|a| format!("{} {}", a.action, a.target))
        .collect();
    Processed {
        status: "success",
        incident_id: incident.id.to_string(),
        processing_result: ProcessingResult {
            status: match incident.phase {
                phase if phase.closed() => "completed",
                Phase::AwaitingApproval => "awaiting_approval",
                _ => "processing",
            },
            incident_id: incident.id.to_string(),
            cluster: report.cluster,
            namespace: report.namespace,
            current_status: report.phase,
            root_cause: report.root_cause.filter(|_| may_read),
            actions_taken: if may_read { done } else { Vec::new() },
            agent_response: incident.case.summary.clone().filter(|_| may_read),
            timestamp: app.clock.now().to_string(),
            yolo_mode: incident.mode == Mode::Yolo,
        },
    }
}
