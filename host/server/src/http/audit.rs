//! `/api/v1/audit`: what happened, chained.

use super::App;
use super::caller::{Administer, May, Read};
use super::extract::{Asked, bad_parameter};
use super::problem::Problem;
use super::view::{Listed, Part};
use axum::Json;
use axum::extract::State;
use dreamops_domain::audit::{AuditEvent, AuditFilter, AuditHead};
use dreamops_domain::id::IncidentId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// An event.
#[derive(Serialize, ToSchema)]
pub(super) struct EventView {
    /// Its place in the tenant's chain, from 1.
    position: i64,
    /// When it happened.
    #[schema(format = DateTime)]
    at: String,
    /// The incident; null for acts outside of one.
    #[schema(format = Uuid)]
    incident_id: Option<String>,
    /// The phase that the incident was in.
    phase: Option<String>,
    /// The event's name.
    event: String,
    /// The event as it is stored.
    body: Value,
}

impl EventView {
    pub(super) fn of(event: AuditEvent) -> Self {
        Self {
            position: event.position,
            at: event.at.to_string(),
            incident_id: event.incident_id.map(|i| i.to_string()),
            phase: event.phase,
            event: event.event,
            body: event.body,
        }
    }

    pub(super) fn position(&self) -> i64 {
        self.position
    }

    pub(super) fn name(&self) -> &str {
        &self.event
    }
}

/// Which events are wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Of this incident.
    #[param(format = Uuid)]
    incident_id: Option<String>,
    /// With this name.
    event: Option<String>,
    /// At most so many items; 50 by default, and no more than 500 are given.
    #[param(value_type = Option<i64>, minimum = 0)]
    limit: Option<u32>,
    /// The `next_cursor` of the part before.
    cursor: Option<String>,
}

/// Events, newest first
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(Wanted), responses((status = 200, body = Listed<EventView>)))]
pub(super) async fn list(
    State(app): State<App>,
    May(by, ..): May<Read>,
    Asked(wanted): Asked<Wanted>,
) -> Result<Json<Listed<EventView>>, Problem> {
    let incident = wanted.incident_id.as_deref().map(str::parse::<IncidentId>).transpose();
    let filter = AuditFilter {
        incident: incident.map_err(|_| bad_parameter("incident_id", "UUID"))?,
        event: wanted.event,
    };
    let part = Part {
        limit: wanted.limit,
        cursor: wanted.cursor,
    };
    let request = part.request()?;
    // a cursor is a position
    if request.after.as_deref().is_some_and(|c| c.parse::<i64>().is_err()) {
        return Err(bad_parameter("cursor", "cursor that a list has given"));
    }
    let page = app.audit.events(by.tenant, &filter, &request).await?;
    Ok(Json(Listed::of(page, EventView::of)))
}

/// The end of the chain that was kept outside of the database.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Anchor {
    /// Its position.
    position: Option<i64>,
    /// Its chain value, hexadecimal.
    chain: Option<String>,
}

/// The end of a chain.
#[derive(Serialize, ToSchema)]
pub(super) struct Head {
    /// The position of the last sealed event; 0 for none.
    position: i64,
    /// Its chain value, hexadecimal.
    chain: String,
}

/// What a check of the chain found.
#[derive(Serialize, ToSchema)]
pub(super) struct ChainCheck {
    /// Whether the chain holds.
    intact: bool,
    /// How many events were checked.
    checked: u64,
    /// The head as it is: keep it outside of the database.
    head: Head,
    /// Events that are not sealed yet.
    unsealed: u64,
    /// What is wrong, in sentences.
    problems: Vec<String>,
}

/// Check the tenant's chain
///
/// With `position` and `chain` of an earlier answer, also that nothing before it was cut off since.
#[utoipa::path(get, path = "/api/v1/audit/verify", tag = "audit", params(Anchor), responses((status = 200, body = ChainCheck)))]
pub(super) async fn verify(
    State(app): State<App>,
    May(by, ..): May<Administer>,
    Asked(anchor): Asked<Anchor>,
) -> Result<Json<ChainCheck>, Problem> {
    let anchor = match (anchor.position, anchor.chain) {
        (None, None) => None,
        (Some(position), Some(chain)) => Some(AuditHead { position, chain }),
        (None, Some(_)) => return Err(bad_parameter("position", "position: `chain` needs one beside it")),
        (Some(_), None) => return Err(bad_parameter("chain", "chain value: `position` needs one beside it")),
    };
    let check = app.audit.verify(by.tenant, anchor.as_ref()).await?;
    Ok(Json(ChainCheck {
        intact: check.problems.is_empty(),
        checked: check.checked,
        head: Head {
            position: check.head.position,
            chain: check.head.chain,
        },
        unsealed: check.unsealed,
        problems: check.problems,
    }))
}
