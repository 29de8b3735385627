//! Whose request it is.
//!
//! A guarded route is behind [`authenticate`], which puts the principal beside the request before the body is read, and
//! takes [`May`], which asks for one right. A route that asks for a right and is not behind the guard answers 500: it
//! fails closed.

use super::app::App;
use super::limits::Key;
use super::problem::{Kind, Problem};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use dreamops_domain::access::{Principal, Right, token_sha256};
use std::marker::PhantomData;

/// Longer credentials are not looked up.
const LONGEST: usize = 4096;

/// A right, as a type.
pub(super) trait Needed: Send + Sync {
    /// The right.
    const RIGHT: Right;
}

/// To post alerts.
pub(super) struct PostAlerts;
/// To read.
pub(super) struct Read;
/// To act on incidents.
pub(super) struct Respond;
/// To change what the host holds.
pub(super) struct Administer;

impl Needed for PostAlerts {
    const RIGHT: Right = Right::PostAlerts;
}
impl Needed for Read {
    const RIGHT: Right = Right::Read;
}
impl Needed for Respond {
    const RIGHT: Right = Right::Respond;
}
impl Needed for Administer {
    const RIGHT: Right = Right::Administer;
}

/// A principal who has the right.
pub(super) struct May<R>(pub(super) Principal, pub(super) PhantomData<R>);

impl<S: Send + Sync, R: Needed> FromRequestParts<S> for May<R> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let principal = parts
            .extensions
            .get::<Principal>()
            .ok_or_else(|| Problem::new(Kind::Internal, "", "tell us which path it was"))?;
        must(principal, R::RIGHT)?;
        Ok(Self(principal.clone(), PhantomData))
    }
}

/// Refuses who has not the right.
pub(super) fn must(principal: &Principal, right: Right) -> Result<(), Problem> {
    if principal.role.may(right) {
        return Ok(());
    }
    let (act, role) = match right {
        Right::PostAlerts => ("post alerts", "intake"),
        Right::Read => ("read", "viewer"),
        Right::Respond => ("act on incidents", "responder"),
        Right::Administer => ("change what the server holds", "admin"),
    };
    Err(Problem::new(
        Kind::Forbidden,
        format!("a token of role {} may not {act}", principal.role.name()),
        format!("use a token of role {role}"),
    ))
}

/// Lets nobody past without a token that is known, or faster than the token may.
pub(super) async fn authenticate(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let principal = principal(&app, request.headers()).await?;
    app.limits.check(&Key::Token(principal.token))?;
    request.extensions_mut().insert(principal);
    Ok(next.run(request).await)
}

/// The principal of the request's bearer token.
pub(super) async fn principal(app: &App, headers: &HeaderMap) -> Result<Principal, Problem> {
    let token = bearer(headers).ok_or_else(unauthenticated)?;
    app.access
        .principal(&token_sha256(token))
        .await?
        .ok_or_else(unauthenticated)
}

/// What stands after `Bearer`, if it can be a token.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && token.len() <= LONGEST).then_some(token)
}

/// One answer for a token that is missing, unknown, revoked or expired.
pub(super) fn unauthenticated() -> Problem {
    Problem::new(
        Kind::Unauthenticated,
        "",
        "send `Authorization: Bearer TOKEN` with a token that is neither revoked nor expired",
    )
}
