//! `/api/v1/emergency-stop`: nothing is written to any cluster while it is on.
//!
//! It holds for the whole server, so that only people of the default tenant, the operator's, pull and release it. Others see
//! whether it is on, not by whom and why. Pulling asks for the right to act on incidents, releasing for that of an admin.

use super::App;
use super::caller::{Administer, May, Read, Respond};
use super::extract::Body;
use super::problem::{Kind, Problem};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use dreamops_domain::access::Principal;
use dreamops_domain::decision::EmergencyStop;
use dreamops_domain::id::TenantId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Longer reasons are refused.
const LONGEST_REASON: usize = 1000;

/// The emergency stop.
#[derive(Serialize, ToSchema)]
pub(super) struct StopView {
    /// Whether it is on.
    on: bool,
    /// Since when.
    #[schema(format = DateTime)]
    since: Option<String>,
    /// Who pulled it.
    by: Option<String>,
    /// Why.
    reason: Option<String>,
}

/// Why it is pulled.
#[derive(Deserialize, ToSchema)]
pub(super) struct Pull {
    /// In a sentence.
    #[serde(default)]
    reason: String,
}

fn shown(stop: Option<EmergencyStop>, to: &Principal) -> StopView {
    let operator = to.tenant == TenantId::DEFAULT;
    StopView {
        on: stop.is_some(),
        since: stop.as_ref().map(|s| s.since.to_string()),
        by: stop.as_ref().filter(|_| operator).map(|s| s.by.clone()),
        reason: stop.filter(|_| operator).map(|s| s.reason),
    }
}

fn operators_only(by: &Principal) -> Result<(), Problem> {
    if by.tenant == TenantId::DEFAULT {
        return Ok(());
    }
    Err(Problem::new(
        Kind::Forbidden,
        "the emergency stop holds for every tenant, and is the operator's",
        "ask the operator of this server; your own incidents end with reject and rollback",
    ))
}

/// Whether the emergency stop is on
#[utoipa::path(get, path = "/api/v1/emergency-stop", tag = "safety", responses((status = 200, body = StopView)))]
pub(super) async fn show(State(app): State<App>, May(by, ..): May<Read>) -> Result<Json<StopView>, Problem> {
    let stop = app.store.emergency_stop().await?;
    Ok(Json(shown(stop, &by)))
}

/// Pull the emergency stop
///
/// Where it is on already, who pulled it first stays.
#[utoipa::path(put, path = "/api/v1/emergency-stop", tag = "safety", request_body = Option<Pull>, responses((status = 200, body = StopView)))]
pub(super) async fn pull(
    State(app): State<App>,
    May(by, ..): May<Respond>,
    body: Option<Body<Pull>>,
) -> Result<Json<StopView>, Problem> {
    operators_only(&by)?;
    let reason = body.map(|Body(b)| b.reason).unwrap_or_default();
    if reason.len() > LONGEST_REASON {
        return Err(Problem::new(
            Kind::Invalid,
            format!("`reason` is longer than {LONGEST_REASON} bytes"),
            "say it shorter",
        ));
    }
    if app.store.emergency_stop().await?.is_none() {
        let stop = EmergencyStop {
            since: app.clock.now(),
            by: by.user.clone(),
            reason,
        };
        app.store.set_emergency_stop(Some(stop)).await?;
    }
    let stop = app.store.emergency_stop().await?;
    Ok(Json(shown(stop, &by)))
}

/// Release the emergency stop
#[utoipa::path(delete, path = "/api/v1/emergency-stop", tag = "safety", responses((status = 204, description = "it is off")))]
pub(super) async fn release(State(app): State<App>, May(by, ..): May<Administer>) -> Result<StatusCode, Problem> {
    operators_only(&by)?;
    app.store.set_emergency_stop(None).await?;
    app.desk.nudge();
    Ok(StatusCode::NO_CONTENT)
}
