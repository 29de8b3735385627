//! `/api/v1/alerts`: what came in.

use super::App;
use super::caller::{May, Read};
use super::extract::{Asked, bad_parameter};
use super::problem::Problem;
use super::view::{Listed, Part, SourceKind, value};
use axum::Json;
use axum::extract::State;
use dreamops_domain::id::DeliveryId;
use dreamops_domain::intake::{AlertFilter, AlertRecord};
use dreamops_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// An alert.
#[derive(Serialize, ToSchema)]
pub(super) struct AlertView {
    /// Its id.
    #[schema(format = Uuid)]
    id: String,
    /// The kind of source.
    source: SourceKind,
    /// The source's own id of it.
    source_id: String,
    /// The delivery it came with.
    #[schema(format = Uuid)]
    delivery_id: String,
    /// What tells it from others.
    fingerprint: String,
    /// `firing`, `resolved` or `acknowledged`.
    status: Value,
    /// The incident that deals with it.
    #[schema(format = Uuid)]
    incident_id: String,
    /// When it came.
    #[schema(format = DateTime)]
    received_at: String,
}

fn shown(alert: AlertRecord) -> AlertView {
    AlertView {
        id: alert.id.to_string(),
        source: alert.source.into(),
        source_id: alert.source_id,
        delivery_id: alert.delivery_id.to_string(),
        fingerprint: alert.fingerprint,
        status: value(alert.status),
        incident_id: alert.incident_id.to_string(),
        received_at: alert.received_at.to_string(),
    }
}

/// Which alerts are wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Of this delivery.
    #[param(format = Uuid)]
    delivery_id: Option<String>,
    /// Of this kind of source.
    source: Option<SourceKind>,
    /// Received then or later, RFC 3339.
    #[param(format = DateTime)]
    since: Option<String>,
    /// At most so many items; 50 by default, and no more than 500 are given.
    #[param(value_type = Option<i64>, minimum = 0)]
    limit: Option<u32>,
    /// The `next_cursor` of the part before.
    cursor: Option<String>,
}

/// Alerts, newest first
#[utoipa::path(get, path = "/api/v1/alerts", tag = "alerts", params(Wanted), responses((status = 200, body = Listed<AlertView>)))]
pub(super) async fn list(
    State(app): State<App>,
    May(by, ..): May<Read>,
    Asked(wanted): Asked<Wanted>,
) -> Result<Json<Listed<AlertView>>, Problem> {
    let delivery = wanted.delivery_id.as_deref().map(str::parse::<DeliveryId>).transpose();
    let since = wanted.since.as_deref().map(Timestamp::parse).transpose();
    let filter = AlertFilter {
        delivery: delivery.map_err(|_| bad_parameter("delivery_id", "UUID"))?,
        source: wanted.source.map(Into::into),
        since: since.map_err(|_| bad_parameter("since", "time as RFC 3339 writes it"))?,
    };
    let part = Part {
        limit: wanted.limit,
        cursor: wanted.cursor,
    };
    let page = app.intake.alerts(by.tenant, &filter, &part.request()?).await?;
    Ok(Json(Listed::of(page, shown)))
}
