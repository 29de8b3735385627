//! What happens to every request and answer, whatever the route.
//!
//! - a span with method, route, status and duration; no body, no query and no header is in it
//! - an answer in time: 503 after [`IN_TIME`], except where the route itself waits
//! - a problem document for what no handler answered: unknown paths, wrong methods, panics
//! - headers that keep a browser from doing more with an answer than showing it

use super::App;
use super::problem::{Kind, PROBLEM_JSON, Problem};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::future::{Either, select};
use std::any::Any;
use std::pin::pin;
use std::time::Duration;
use tracing::Instrument;

/// How long a request may take, its body included.
pub(super) const IN_TIME: Duration = Duration::from_secs(30);

/// Routes that take longer on purpose; each ends by itself.
const THAT_WAIT: [&str; 3] = [
    "/api/v1/events",
    "/api/v1/kubernetes/agno/process-incident",
    "/api/v1/kubernetes/agno/test-remediation",
];

/// Span, metrics, time limit, problem documents, headers.
pub(super) async fn around(State(app): State<App>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map(|p| p.as_str().to_owned())
        .unwrap_or_default();
    let span = tracing::info_span!("request", http.method = %method, http.route = %route);
    let began = app.clock.monotonic();
    let answer = in_time(&app, &route, next.run(request)).instrument(span.clone()).await;
    let mut answer = as_problem(answer);
    for (name, value) in HEADERS {
        if !answer.headers().contains_key(&name) {
            answer.headers_mut().insert(name, HeaderValue::from_static(value));
        }
    }
    if app.settings.tls.is_some() {
        let year = HeaderValue::from_static("max-age=31536000");
        answer.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    let took = app.clock.monotonic().saturating_sub(began);
    let status = answer.status().as_u16();
    app.metrics.answered(&method, &route, status, took);
    span.in_scope(|| tracing::debug!(http.status = status, duration_ms = took.as_millis(), "answered"));
    answer
}

/// Set where the route does not set its own.
const HEADERS: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    ),
];

async fn in_time(app: &App, route: &str, answer: impl Future<Output = Response>) -> Response {
    if THAT_WAIT.contains(&route) {
        return answer.await;
    }
    let deadline = app.clock.monotonic() + IN_TIME;
    match select(pin!(answer), app.clock.sleep_until(deadline)).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Problem::new(
            Kind::TookTooLong,
            format!("the request was not answered within {} s", IN_TIME.as_secs()),
            "look whether it was done before you send it again",
        )
        .retry_after(5)
        .into_response(),
    }
}

/// The answer, as a problem document where it is an error in another form. Its headers (`Allow`) stay.
fn as_problem(answer: Response) -> Response {
    let status = answer.status();
    if !(status.is_client_error() || status.is_server_error()) || is_problem(answer.headers()) {
        return answer;
    }
    let problem = match status {
        StatusCode::METHOD_NOT_ALLOWED => Problem::new(Kind::WrongMethod, "", "the header Allow lists the methods"),
        StatusCode::NOT_FOUND => Problem::new(
            Kind::NotFound,
            "there is nothing at this path",
            "GET /openapi.json lists the paths",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => super::extract::too_large(),
        _ if status.is_client_error() => Problem::new(Kind::Malformed, "", "GET /openapi.json describes the requests"),
        _ => Problem::new(Kind::Internal, "", "the server's log says more"),
    };
    let mut new = problem.into_response();
    for (name, value) in answer.headers() {
        if ![header::CONTENT_TYPE, header::CONTENT_LENGTH].contains(name) {
            new.headers_mut().insert(name.clone(), value.clone());
        }
    }
    new
}

fn is_problem(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|t| t.as_bytes() == PROBLEM_JSON.as_bytes())
}

/// The answer of a handler that panicked. What it said may hold anything: it goes to the log of the panic hook alone.
pub(super) fn panicked(_: Box<dyn Any + Send>) -> Response {
    Problem::new(
        Kind::Internal,
        "the server failed at this request",
        "the server's log says more; other requests are not touched",
    )
    .into_response()
}

/// Refuses a path or query with a NUL, which no database keeps in a text.
pub(super) async fn without_nul(request: Request, next: Next) -> Response {
    let there = |text: &str| text.contains("%00");
    if there(request.uri().path()) || request.uri().query().is_some_and(there) {
        return Problem::new(
            Kind::Malformed,
            "the path or query holds a NUL character",
            "send it without",
        )
        .into_response();
    }
    next.run(request).await
}
