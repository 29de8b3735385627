//! `/api/v1/incidents`: looking at incidents, and a person's word on one.

use super::App;
use super::caller::{May, Read, Respond};
use super::extract::{Asked, Body, Named, bad_parameter};
use super::problem::{Kind, Problem};
use super::view::{IncidentView, Listed, Part, value};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use dreamops_domain::id::{IncidentId, TenantId};
use dreamops_domain::incident::Incident;
use dreamops_domain::phase::Phase;
use dreamops_domain::ports::IncidentFilter;
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// How many incidents one request looks at where few of them match; the cursor goes on behind the last of them.
const LOOKED_AT: u32 = 5000;
/// Longer reasons are refused.
const LONGEST_REASON: usize = 2000;

/// Which incidents are wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// In this phase.
    phase: Option<String>,
    /// Only open ones.
    open: Option<bool>,
    /// With this severity, as the source writes it.
    severity: Option<String>,
    /// On the cluster of this name.
    cluster: Option<String>,
    /// In this namespace.
    namespace: Option<String>,
    /// That this strategy has in charge.
    strategy: Option<String>,
    /// At most so many items; 50 by default, and no more than 500 are given.
    #[param(value_type = Option<i64>, minimum = 0)]
    limit: Option<u32>,
    /// The `next_cursor` of the part before.
    cursor: Option<String>,
}

impl Wanted {
    fn matches(&self, incident: &Incident) -> bool {
        let is = |wanted: &Option<String>, there: Option<&str>| {
            wanted
                .as_deref()
                .is_none_or(|wanted| there.is_some_and(|t| t == wanted))
        };
        let case = &incident.case;
        is(&self.severity, case.alerts.first().map(|a| a.severity.as_str()))
            && is(&self.cluster, Some(&incident.cluster.name))
            && is(&self.namespace, Some(&case.namespace))
            && is(&self.strategy, case.strategy.as_ref().map(|s| s.name.as_str()))
            // what only joined another incident is told by that one
            && (self.phase.is_some() || incident.phase != Phase::Suppressed)
    }
}

/// Incidents, newest first
///
/// Incidents in phase `suppressed` (most of them only joined another one) are left out unless `phase=suppressed` is asked for.
/// Where few of many match, a part may hold fewer items than asked for and still have a `next_cursor`.
#[utoipa::path(get, path = "/api/v1/incidents", tag = "incidents", params(Wanted), responses((status = 200, body = Listed<IncidentView>)))]
pub(super) async fn list(
    State(app): State<App>,
    May(by, ..): May<Read>,
    Asked(wanted): Asked<Wanted>,
) -> Result<Json<Listed<IncidentView>>, Problem> {
    let phase = match wanted.phase.as_deref() {
        None => None,
        Some(name) => Some(Phase::from_name(name).ok_or_else(|| bad_parameter("phase", "phase of an incident"))?),
    };
    let after = match wanted.cursor.as_deref().filter(|c| !c.is_empty()) {
        None => None,
        Some(text) => {
            let id = text.parse::<IncidentId>();
            Some(id.map_err(|_| bad_parameter("cursor", "cursor that a list has given"))?)
        }
    };
    let size = Part {
        limit: wanted.limit,
        cursor: None,
    };
    let size = size.request()?.size();
    let filter = IncidentFilter {
        phase,
        open: wanted.open.unwrap_or(false),
        limit: 0,
        after,
    };
    page(&app, by.tenant, filter, &wanted, size).await.map(Json)
}

/// The matching incidents after a cursor, looked for portion by portion until the page is full or enough was looked at.
async fn page(
    app: &App,
    tenant: TenantId,
    mut filter: IncidentFilter,
    wanted: &Wanted,
    size: u32,
) -> Result<Listed<IncidentView>, Problem> {
    filter.limit = size + 1;
    let (mut shown, mut looked_at) = (Vec::new(), 0);
    loop {
        let found = app.store.list(tenant, &filter).await?;
        let ended = found.len() < filter.limit as usize;
        for incident in &found {
            if shown.len() == size as usize && wanted.matches(incident) {
                return Ok(Listed::new(shown, filter.after.map(|id| id.to_string())));
            }
            if wanted.matches(incident) {
                shown.push(IncidentView::of(incident));
            }
            filter.after = Some(incident.id);
        }
        looked_at += filter.limit;
        if ended {
            return Ok(Listed::new(shown, None));
        }
        if looked_at >= LOOKED_AT {
            return Ok(Listed::new(shown, filter.after.map(|id| id.to_string())));
        }
    }
}

/// One incident
#[utoipa::path(get, path = "/api/v1/incidents/{id}", tag = "incidents", params(("id" = String, Path, format = Uuid)), responses((status = 200, body = IncidentView)))]
pub(super) async fn show(
    State(app): State<App>,
    May(by, ..): May<Read>,
    Named(id): Named<IncidentId>,
) -> Result<Json<IncidentView>, Problem> {
    let incident = app.store.load(by.tenant, id).await?;
    Ok(Json(IncidentView::of(&incident)))
}

/// What happened in an incident, oldest first
#[utoipa::path(get, path = "/api/v1/incidents/{id}/timeline", tag = "incidents", params(("id" = String, Path, format = Uuid), Part), responses((status = 200, body = Listed<Value>)))]
pub(super) async fn timeline(
    State(app): State<App>,
    May(by, ..): May<Read>,
    Named(id): Named<IncidentId>,
    Asked(part): Asked<Part>,
) -> Result<Json<Listed<Value>>, Problem> {
    let request = part.request()?;
    let from = request.after.as_deref().map_or(Ok(0), str::parse::<usize>);
    let from = from.map_err(|_| bad_parameter("cursor", "cursor that a list has given"))?;
    let incident = app.store.load(by.tenant, id).await?;
    let entries = &incident.case.timeline;
    let to = from.saturating_add(request.size() as usize).min(entries.len());
    let items = entries.get(from..to).unwrap_or_default().iter().map(value).collect();
    let next = (to < entries.len()).then(|| to.to_string());
    Ok(Json(Listed::new(items, next)))
}

/// What was approved.
#[derive(Deserialize, ToSchema)]
pub(super) struct Approval {
    /// The `plan.digest` of the incident: the plan, component, object versions and policy that the person has seen.
    digest: String,
}

/// Why a plan was refused.
#[derive(Deserialize, ToSchema)]
pub(super) struct Rejection {
    /// In a sentence.
    #[serde(default)]
    reason: String,
}

type Acted = (StatusCode, Json<IncidentView>);

/// Approve the plan that waits
///
/// The answer comes when the approval is recorded; the plan is carried out afterwards.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/approve", tag = "incidents", params(("id" = String, Path, format = Uuid)),
    request_body = Approval,
    responses((status = 202, body = IncidentView), (status = 409, description = "wrong phase, another plan, or a worker has it", body = Problem))
)]
pub(super) async fn approve(
    State(app): State<App>,
    May(by, ..): May<Respond>,
    Named(id): Named<IncidentId>,
    Body(approval): Body<Approval>,
) -> Result<Acted, Problem> {
    let incident = app.desk.approve(by.tenant, id, &approval.digest, &by.user).await?;
    Ok(acted(&incident))
}

/// Refuse the plan that waits
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/reject", tag = "incidents", params(("id" = String, Path, format = Uuid)),
    request_body = Option<Rejection>,
    responses((status = 202, body = IncidentView), (status = 409, description = "wrong phase, or a worker has it", body = Problem))
)]
pub(super) async fn reject(
    State(app): State<App>,
    May(by, ..): May<Respond>,
    Named(id): Named<IncidentId>,
    body: Option<Body<Rejection>>,
) -> Result<Acted, Problem> {
    let reason = body.map(|Body(b)| b.reason).unwrap_or_default();
    if reason.len() > LONGEST_REASON {
        return Err(Problem::new(
            Kind::Invalid,
            format!("`reason` is longer than {LONGEST_REASON} bytes"),
            "say it shorter",
        ));
    }
    let incident = app.desk.reject(by.tenant, id, &by.user, &reason).await?;
    Ok(acted(&incident))
}

/// Take back what an incident wrote
///
/// It passes the emergency stop: a person asks for it.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/rollback", tag = "incidents", params(("id" = String, Path, format = Uuid)),
    responses((status = 202, body = IncidentView), (status = 409, description = "wrong phase, or a worker has it", body = Problem))
)]
pub(super) async fn rollback(
    State(app): State<App>,
    May(by, ..): May<Respond>,
    Named(id): Named<IncidentId>,
) -> Result<Acted, Problem> {
    let incident = app.desk.rollback(by.tenant, id, &by.user).await?;
    Ok(acted(&incident))
}

/// Say that a person has it
///
/// From now on nothing is done in this incident without being asked.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/acknowledge", tag = "incidents", params(("id" = String, Path, format = Uuid)),
    responses((status = 202, body = IncidentView), (status = 409, description = "wrong phase, or a worker has it", body = Problem))
)]
pub(super) async fn acknowledge(
    State(app): State<App>,
    May(by, ..): May<Respond>,
    Named(id): Named<IncidentId>,
) -> Result<Acted, Problem> {
    let incident = app.desk.acknowledge(by.tenant, id, &by.user).await?;
    Ok(acted(&incident))
}

fn acted(incident: &Incident) -> Acted {
    (StatusCode::ACCEPTED, Json(IncidentView::of(incident)))
}
