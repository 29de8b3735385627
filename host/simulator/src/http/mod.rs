//! The API over HTTP: what the host asks of a cluster, answered as a real API server does.
//!
//! | served | how |
//! | --- | --- |
//! | get, list (selectors, pages), also as tables | of every kind in [`crate::world::kind::KINDS`] |
//! | JSON patch and merge patch, dry or not | of kinds with objects here |
//! | create, dry or not | likewise |
//! | delete with preconditions, eviction | likewise; pods |
//! | logs, also of the run before | pods |
//! | `SelfSubjectAccessReview`, `/version`, discovery, `metrics.k8s.io` | |
//!
//! Whatever else is asked gets 501 with a reason, never a guess. A request without the token gets 401.

mod discovery;
mod eviction;
mod json_patch;
mod logs;
mod metrics;
mod path;
mod query;
mod read;
mod remove;
mod review;
mod table;
mod write;

use crate::clock::Present;
use crate::world::World;
use crate::world::refusal::Refusal;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use path::Path;
use query::Query;
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The largest request that a real API server takes.
const LARGEST: usize = 3 * 1024 * 1024;

/// The world behind the address.
pub(crate) struct Served {
    pub(crate) world: Mutex<World>,
    pub(crate) present: Present,
    pub(crate) token: String,
}

impl Served {
    /// The world as it is now.
    pub(crate) fn now(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.live_until(self.present.millis());
        world
    }
}

/// What is sent back.
pub(crate) enum Answer {
    /// An object with a status.
    Json(u16, Value),
    /// Plain text.
    Text(String),
}

/// A request, taken apart.
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: Path,
    pub(crate) query: Query,
    pub(crate) content_type: String,
    pub(crate) accept: String,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    /// The body as a JSON object.
    pub(crate) fn object(&self) -> Result<Value, Refusal> {
        if self.content_type == "application/vnd.kubernetes.protobuf" {
            return Err(Refusal::not_simulated("requests in protobuf; send JSON"));
        }
        let value: Value = serde_json::from_slice(&self.body)
            .map_err(|e| Refusal::bad_request(format!("the object provided is unrecognized: {e}")))?;
        if value.is_object() {
            Ok(value)
        } else {
            Err(Refusal::bad_request(
                "the object provided is unrecognized: it is no JSON object",
            ))
        }
    }
}

/// The routes.
pub(crate) fn router(served: Arc<Served>) -> Router {
    Router::new().fallback(serve).with_state(served)
}

async fn serve(State(served): State<Arc<Served>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let given = parts.headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    if given != Some(format!("Bearer {}", served.token).as_str()) {
        return respond(Err(Refusal::new(401, "Unauthorized", "Unauthorized")));
    }
    let header = |name: header::HeaderName| {
        let value = parts.headers.get(name).and_then(|v| v.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let content_type = header(header::CONTENT_TYPE);
    let content_type = content_type.split(';').next().unwrap_or_default().trim().to_owned();
    let accept = header(header::ACCEPT);
    let Ok(body) = to_bytes(body, LARGEST).await else {
        return respond(Err(Refusal::new(
            413,
            "RequestEntityTooLarge",
            "the request is too large",
        )));
    };
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let outcome = Path::parse(parts.uri.path()).and_then(|path| {
        let asked = Asked {
            method: parts.method,
            path,
            query,
            content_type,
            accept,
            body: body.to_vec(),
        };
        let mut world = served.now();
        let outcome = dispatch(&mut world, &asked);
        world.settle();
        outcome
    });
    respond(outcome)
}

fn dispatch(world: &mut World, asked: &Asked) -> Result<Answer, Refusal> {
    match &asked.path {
        Path::Version => Ok(Answer::Json(200, discovery::version())),
        Path::Healthy => Ok(Answer::Text("ok".to_owned())),
        Path::Groups | Path::CoreVersions | Path::Resources { .. } if asked.method == Method::GET => {
            discovery::answer(world, &asked.path)
        }
        Path::AccessReview => review::answer(world, asked),
        Path::Metrics { node, namespace, name } if asked.method == Method::GET => {
            metrics::answer(world, asked, *node, namespace, name)
        }
        Path::Log { namespace, pod } if asked.method == Method::GET => logs::answer(world, asked, namespace, pod),
        Path::Eviction { namespace, pod } if asked.method == Method::POST => {
            eviction::answer(world, asked, namespace, pod)
        }
        Path::Collection { kind, namespace } => match asked.method {
            Method::GET => read::list(world, asked, *kind, namespace),
            Method::POST => write::create(world, asked, *kind, namespace),
            _ => Err(unserved(asked)),
        },
        Path::Object { kind, namespace, name } => match asked.method {
            Method::GET => read::get(world, asked, (*kind, namespace, name)),
            Method::PATCH => write::patch(world, asked, (*kind, namespace, name)),
            Method::DELETE => remove::answer(world, asked, *kind, namespace, name),
            _ => Err(unserved(asked)),
        },
        _ => Err(unserved(asked)),
    }
}

fn unserved(asked: &Asked) -> Refusal {
    Refusal::not_simulated(&format!("{} of this path", asked.method))
}

fn respond(outcome: Result<Answer, Refusal>) -> Response {
    let (code, kind, text) = match outcome {
        Ok(Answer::Json(code, value)) => (code, "application/json", value.to_string()),
        Ok(Answer::Text(text)) => (200, "text/plain", text),
        // what the server's router does not know it says without a Status
        Err(refusal) if refusal.reason.is_empty() => (refusal.code, "text/plain", refusal.message),
        Err(refusal) => (refusal.code, "application/json", refusal.status().to_string()),
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}
