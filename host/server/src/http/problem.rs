//! What is answered when a request is not done: RFC 9457 problem documents.
//!
//! `type` is stable and what programs compare; `detail` and `hint` are for people and may change. Neither holds a secret.

use crate::ports::{ConnectRefusal, DeskError};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dreamops_domain::alert::AlertError;
use dreamops_domain::ports::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of a problem document.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Every kind of problem there is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The body, the path or the query cannot be read.
    Malformed,
    /// It can be read and cannot be right.
    Invalid,
    /// The cluster that was named cannot be connected.
    NotConnected,
    /// The request carries no valid credential.
    Unauthenticated,
    /// The credential does not give the right.
    Forbidden,
    /// There is nothing of that name or id.
    NotFound,
    /// The path takes other methods.
    WrongMethod,
    /// Something of that name is there already.
    Taken,
    /// The incident stands where this cannot be done.
    WrongPhase,
    /// Another plan waits than the one that was approved.
    OtherPlan,
    /// Somebody else is at it; the same request may do later.
    Held,
    /// The body is too long.
    TooLarge,
    /// The body is of another media type than is read here.
    WrongContentType,
    /// The key was used for another request.
    KeyReused,
    /// Too many requests by this token or source.
    TooMany,
    /// A fault of ours.
    Internal,
    /// It cannot be done now.
    Unavailable,
    /// It was not done in time.
    TookTooLong,
}

impl Kind {
    /// The part of `type` after `urn:dreamops:problem:`.
    pub fn slug(self) -> &'static str {
        self.row().0
    }

    /// The status that goes with it.
    pub fn status(self) -> StatusCode {
        self.row().1
    }

    fn row(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::Malformed => ("malformed", StatusCode::BAD_REQUEST, "the request cannot be read"),
            Self::Invalid => (
                "invalid",
                StatusCode::UNPROCESSABLE_ENTITY,
                "the request cannot be right",
            ),
            Self::NotConnected => (
                "not-connected",
                StatusCode::BAD_REQUEST,
                "the cluster was not connected",
            ),
            Self::Unauthenticated => (
                "unauthenticated",
                StatusCode::UNAUTHORIZED,
                "the request carries no valid credential",
            ),
            Self::Forbidden => (
                "forbidden",
                StatusCode::FORBIDDEN,
                "the credential does not give the right",
            ),
            Self::NotFound => ("not-found", StatusCode::NOT_FOUND, "there is no such thing"),
            Self::WrongMethod => (
                "wrong-method",
                StatusCode::METHOD_NOT_ALLOWED,
                "the path takes other methods",
            ),
            Self::Taken => ("taken", StatusCode::CONFLICT, "the name is taken"),
            Self::WrongPhase => (
                "wrong-phase",
                StatusCode::CONFLICT,
                "the incident stands where this cannot be done",
            ),
            Self::OtherPlan => ("other-plan", StatusCode::CONFLICT, "another plan waits"),
            Self::Held => ("held", StatusCode::CONFLICT, "somebody else is at it"),
            Self::TooLarge => ("too-large", StatusCode::PAYLOAD_TOO_LARGE, "the body is too long"),
            Self::WrongContentType => (
                "wrong-content-type",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body is of another media type",
            ),
            Self::KeyReused => (
                "key-reused",
                StatusCode::UNPROCESSABLE_ENTITY,
                "the idempotency key was used for another request",
            ),
            Self::TooMany => ("too-many", StatusCode::TOO_MANY_REQUESTS, "too many requests"),
            Self::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR, "the server failed at it"),
            Self::Unavailable => (
                "unavailable",
                StatusCode::SERVICE_UNAVAILABLE,
                "it cannot be done at this moment",
            ),
            Self::TookTooLong => (
                "took-too-long",
                StatusCode::SERVICE_UNAVAILABLE,
                "it was not done in time",
            ),
        }
    }
}

/// A problem document.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Which kind of problem it is; stable.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened, in a sentence.
    pub detail: String,
    /// What to do next.
    pub hint: String,
    #[serde(skip)]
    code: StatusCodeOf,
}

#[derive(Clone, PartialEq, Eq, Debug, ToSchema)]
struct StatusCodeOf(#[schema(value_type = u16)] StatusCode, Option<u32>);

impl Problem {
    /// A problem with what happened and what to do next.
    pub fn new(kind: Kind, detail: impl Into<String>, hint: impl Into<String>) -> Self {
        let (slug, status, title) = kind.row();
        let detail = detail.into();
        Self {
            kind: format!("urn:dreamops:problem:{slug}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: if detail.is_empty() { title.to_owned() } else { detail },
            hint: hint.into(),
            code: StatusCodeOf(status, None),
        }
    }

    /// With the seconds after which the same request may do.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.code.1 = Some(seconds);
        self
    }

    /// Something of the tenant's that is not there, or is another tenant's: both are answered alike.
    pub fn not_found(what: &str, name: impl std::fmt::Display) -> Self {
        Self::new(
            Kind::NotFound,
            format!("there is no {what} {name}"),
            format!("list them with GET /api/v1/{what}s"),
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let StatusCodeOf(status, retry) = self.code;
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, PROBLEM_JSON)], body).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = retry {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NoSuchIncident(id) => Self::not_found("incident", id),
            StoreError::LeaseLost => Self::new(
                Kind::Held,
                "a worker has the incident at this moment",
                "send the request again in a few seconds",
            )
            .retry_after(5),
            StoreError::Stopped(_) => Self::new(
                Kind::Unavailable,
                "the emergency stop is on",
                "an admin releases it with DELETE /api/v1/emergency-stop",
            ),
            StoreError::Forbidden { from, to } => Self::new(
                Kind::WrongPhase,
                format!("an incident in phase {from} cannot go to {to}"),
                "look at GET /api/v1/incidents/{id}",
            ),
            // what the database or the vault says is for the operator: it goes to the log, once, here
            other => {
                tracing::error!(error = %other, "the store did not do as asked");
                Self::new(
                    Kind::Unavailable,
                    "the store did not do as asked; nothing was changed",
                    "send the request again; if it stays so, the server's log and `dreamops doctor` say why",
                )
                .retry_after(5)
            }
        }
    }
}

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Self {
        let detail = error.to_string();
        match error {
            DeskError::NotFound(id) => Self::not_found("incident", id),
            DeskError::WrongPhase { .. } => Self::new(Kind::WrongPhase, detail, "look at GET /api/v1/incidents/{id}"),
            DeskError::OtherPlan { waiting } => Self::new(
                Kind::OtherPlan,
                detail,
                format!("look at the plan again; the digest of the one that waits is {waiting}"),
            ),
            DeskError::Held(_) => {
                Self::new(Kind::Held, detail, "send the request again in a few seconds").retry_after(5)
            }
            DeskError::Unavailable(_) => {
                Self::new(Kind::Unavailable, detail, "send the request again in a few seconds").retry_after(5)
            }
            DeskError::Store(error) => error.into(),
        }
    }
}

impl From<ConnectRefusal> for Problem {
    fn from(refusal: ConnectRefusal) -> Self {
        let detail = refusal.to_string();
        let (kind, hint) = match refusal {
            ConnectRefusal::Invalid(_) => (Kind::NotConnected, "correct the field that is named and send it again"),
            ConnectRefusal::Unreachable(_) => (
                Kind::NotConnected,
                "check cluster_endpoint, ca_certificate and proxy_url from where this server runs",
            ),
            ConnectRefusal::Refused(_) => (
                Kind::NotConnected,
                "give a credential that the cluster accepts; `dreamops cluster rbac` prints the rights it needs",
            ),
            ConnectRefusal::Unavailable(_) => (Kind::Unavailable, "send the request again later"),
        };
        Self::new(kind, detail, hint)
    }
}

impl From<AlertError> for Problem {
    fn from(error: AlertError) -> Self {
        let kind = match error {
            AlertError::TooLarge { .. } => Kind::TooLarge,
            _ => Kind::Malformed,
        };
        Self::new(
            kind,
            error.to_string(),
            "nothing was stored; correct the body and send it again",
        )
    }
}
