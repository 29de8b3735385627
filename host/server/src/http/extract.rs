//! Reading requests, with problem documents for what cannot be read.

use super::problem::{Kind, Problem};
use axum::Json;
use axum::extract::rejection::{BytesRejection, JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequest, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match <Json<T> as FromRequest<S>>::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(why) => Err(unreadable(&why)),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> OptionalFromRequest<S> for Body<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Problem> {
        match <Json<T> as OptionalFromRequest<S>>::from_request(request, state).await {
            Ok(body) => Ok(body.map(|Json(body)| Self(body))),
            Err(why) => Err(unreadable(&why)),
        }
    }
}

fn unreadable(why: &JsonRejection) -> Problem {
    let kind = match why.status() {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            return not_json();
        }
        StatusCode::PAYLOAD_TOO_LARGE => return too_large(),
        StatusCode::UNPROCESSABLE_ENTITY => Kind::Invalid,
        _ => Kind::Malformed,
    };
    Problem::new(
        kind,
        format!("the body cannot be read: {}", inner(why)),
        "GET /openapi.json describes the body",
    )
}

/// The reason without axum's preamble: where in the body, and what is wrong there.
fn inner(why: &JsonRejection) -> String {
    let text = why.body_text();
    let cut = text.split_once(": ").map(|(_, rest)| rest.to_owned()).unwrap_or(text);
    cut.chars().take(300).collect()
}

pub(super) fn too_large() -> Problem {
    Problem::new(
        Kind::TooLarge,
        "the body is longer than is read on this route",
        "send less at a time",
    )
}

/// Bytes as they came.
pub(super) struct Raw(pub(super) axum::body::Bytes);

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = Problem;
    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match axum::body::Bytes::from_request(request, state).await {
            Ok(bytes) => Ok(Self(bytes)),
            Err(why) => Err(cut_short(&why)),
        }
    }
}

fn cut_short(why: &BytesRejection) -> Problem {
    if why.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return too_large();
    }
    Problem::new(
        Kind::Malformed,
        "the body ended before its length",
        "send the request again",
    )
}

/// The bytes of a body that is said to be JSON, for who reads them.
pub(super) struct JsonBytes(pub(super) axum::body::Bytes);

impl<S: Send + Sync> FromRequest<S> for JsonBytes {
    type Rejection = Problem;
    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok());
        if !kind.is_some_and(is_json) {
            return Err(not_json());
        }
        Raw::from_request(request, state).await.map(|Raw(bytes)| Self(bytes))
    }
}

/// As [`Json`] takes it: `application/json`, or a form that is built on it.
fn is_json(kind: &str) -> bool {
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let form = essence.strip_prefix("application/").unwrap_or_default();
    form == "json" || form.ends_with("+json")
}

fn not_json() -> Problem {
    Problem::new(
        Kind::WrongContentType,
        "the body is not said to be JSON",
        "send `Content-Type: application/json`",
    )
}

/// Parts of the path.
pub(super) struct Named<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(named)) => Ok(Self(named)),
            // an id that is no id names nothing
            Err(PathRejection::FailedToDeserializePathParams(_)) => Err(Problem::new(
                Kind::NotFound,
                "there is nothing of that id",
                "ids are UUIDs, as the lists show them",
            )),
            Err(_) => Err(Problem::new(Kind::Internal, "", "tell us which path it was")),
        }
    }
}

/// The query.
pub(super) struct Asked<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(why) => Err(bad_query(&why)),
        }
    }
}

fn bad_query(why: &QueryRejection) -> Problem {
    let text = why.body_text();
    let text = text.split_once(": ").map(|(_, rest)| rest.to_owned()).unwrap_or(text);
    Problem::new(
        Kind::Malformed,
        format!(
            "the query cannot be read: {}",
            text.chars().take(300).collect::<String>()
        ),
        "GET /openapi.json describes the parameters",
    )
}

/// A value of the query that is no such thing.
pub(super) fn bad_parameter(name: &str, wanted: &str) -> Problem {
    Problem::new(
        Kind::Malformed,
        format!("the parameter `{name}` is no {wanted}"),
        "GET /openapi.json describes the parameters",
    )
}

/// JSON of 201.
pub(super) fn created(body: impl serde::Serialize) -> Response {
    (StatusCode::CREATED, Json(body)).into_response()
}
