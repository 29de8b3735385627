//! How the server does: `/healthz`, `/readyz`, `/metrics`, `/api/v1/mode`.

use super::App;
use super::caller::{May, Read};
use super::problem::{Kind, Problem};
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// That it is up.
#[derive(Serialize, ToSchema)]
pub(super) struct Up {
    /// `ok`.
    status: &'static str,
}

/// Whether the process answers
#[utoipa::path(get, path = "/healthz", tag = "server", responses((status = 200, body = Up)))]
pub(super) async fn healthz() -> Json<Up> {
    Json(Up { status: "ok" })
}

/// Whether it can do its work: the store answers, and it is not stopping
#[utoipa::path(get, path = "/readyz", tag = "server", responses((status = 200, body = Up), (status = 503, body = Problem, description = "the store does not answer, or the server is stopping")))]
pub(super) async fn readyz(State(app): State<App>) -> Result<Json<Up>, Problem> {
    if *app.closing().borrow() {
        return Err(Problem::new(
            Kind::Unavailable,
            "the server is stopping",
            "use another replica, or wait for its successor",
        ));
    }
    app.queue.waiting().await?;
    Ok(Json(Up { status: "ok" }))
}

/// What the server counts, for Prometheus
#[utoipa::path(get, path = "/metrics", tag = "server", responses((status = 200, content_type = "application/openmetrics-text", body = String)))]
pub(super) async fn metrics(State(app): State<App>, May(_by, ..): May<Read>) -> Result<Response, Problem> {
    // a store that is away must not hide the rest
    if let Ok(waiting) = app.queue.waiting().await {
        app.metrics.waiting(waiting);
    }
    let text = app.metrics.text();
    let text = text.map_err(|_| Problem::new(Kind::Internal, "", "the server's log says more"))?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

/// How far the server may go.
#[derive(Serialize, ToSchema)]
pub(super) struct ModeView {
    /// `observe`, `approval` or `yolo`; a cluster may have its own.
    mode: &'static str,
    /// Whether the Kubernetes integration is on.
    kubernetes_enabled: bool,
    /// Whether an emergency stop is on for this whole tenant.
    emergency_stop: bool,
}

/// How far the server may go where a cluster has no mode of its own
#[utoipa::path(get, path = "/api/v1/mode", tag = "safety", responses((status = 200, body = ModeView)))]
pub(super) async fn mode(State(app): State<App>, May(by, ..): May<Read>) -> Result<Json<ModeView>, Problem> {
    let stops = app.store.stops(by.tenant).await?;
    Ok(Json(ModeView {
        mode: app.settings.mode.name(),
        kubernetes_enabled: app.settings.kubernetes,
        emergency_stop: stops.iter().any(|stop| stop.scope.cluster().is_none()),
    }))
}
