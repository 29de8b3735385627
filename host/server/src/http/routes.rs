//! Which path is answered by what, and behind which guard.

use super::caller::authenticate;
use super::idempotency::idempotent;
use super::layers::{around, panicked};
use super::{App, GENERAL_BODY, PAGERDUTY_BODY};
use super::{
    agno, alerts, audit, clusters, describe, events, incidents, keys, maintenance, sources, status, stop, tenants,
    tokens, webhooks,
};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use dreamops_domain::alert::MAX_BODY;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Behind the guard: every one asks for a token.
pub(super) fn guarded() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(agno::connect::connect))
        .routes(routes!(agno::connect::clusters))
        .routes(routes!(agno::process::process))
        .routes(routes!(agno::rehearse::run))
        .routes(routes!(agno::agent::status))
        .routes(routes!(agno::agent::test_connection))
        .routes(routes!(alerts::list))
        .routes(routes!(incidents::list))
        .routes(routes!(incidents::show))
        .routes(routes!(incidents::timeline))
        .routes(routes!(incidents::approve))
        .routes(routes!(incidents::reject))
        .routes(routes!(incidents::rollback))
        .routes(routes!(incidents::acknowledge))
        .routes(routes!(clusters::list))
        .routes(routes!(clusters::show, clusters::remove))
        .routes(routes!(clusters::set_mode))
        .routes(routes!(clusters::test))
        .routes(routes!(tenants::create))
        .routes(routes!(tenants::token))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(sources::list, sources::create))
        .routes(routes!(sources::remove))
        .routes(routes!(audit::list))
        .routes(routes!(audit::verify))
        .routes(routes!(events::events))
        .routes(routes!(stop::show, stop::pull, stop::release))
        .routes(routes!(maintenance::list, maintenance::create))
        .routes(routes!(maintenance::remove))
        .routes(routes!(keys::rotate))
        .routes(routes!(status::mode))
        .routes(routes!(status::metrics))
        .routes(routes!(describe::openapi))
}

/// Webhooks that prove themselves by their signature.
pub(super) fn signed() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(webhooks::pagerduty))
        .routes(routes!(webhooks::pagerduty_of))
        .layer(DefaultBodyLimit::max(PAGERDUTY_BODY))
}

/// Webhooks whose token is a source's or the API's: the route looks at it itself.
pub(super) fn tokened() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(webhooks::alertmanager))
        .routes(routes!(webhooks::alertmanager_of))
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

/// Open to everybody.
pub(super) fn open() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(status::healthz))
        .routes(routes!(status::readyz))
}

/// All of it.
pub(super) fn router(app: &App) -> Router {
    let guarded = Router::from(guarded())
        .layer(DefaultBodyLimit::max(GENERAL_BODY))
        .layer(from_fn_with_state(app.clone(), idempotent))
        .layer(from_fn_with_state(app.clone(), authenticate));
    guarded
        .merge(signed())
        .merge(tokened())
        .merge(open())
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(super::layers::without_nul))
        .layer(from_fn_with_state(app.clone(), around))
        .with_state(app.clone())
}
