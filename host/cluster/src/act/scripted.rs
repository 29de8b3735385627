//! An API server in memory that does what a test says: takes a write and stays silent, moves an object between two
//! calls, adds what admission would add. It knows just the requests that actions send.

use crate::act::{Actor, Bounds, diff};
use crate::api::Api;
use async_trait::async_trait;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::ports::{Clock, ClusterRead, RegistryCredential, RegistryCredentials, StoreError};
use dreamops_domain::read::{ReadError, ReadRequest, ReadResponse, Scope};
use dreamops_domain::redact::Redactor;
use dreamops_domain::time::Timestamp;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What goes wrong with the next write that is no dry run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// It is carried out and answered with 504.
    TakenAndSilent,
    /// It is not carried out and answered with 504.
    LostAndSilent,
    /// It is refused as a failed test.
    Refused,
}

#[derive(Default)]
pub(super) struct State {
    /// By path.
    pub(super) objects: BTreeMap<String, Value>,
    pub(super) fault: Option<Fault>,
    /// What admission does to every object that a patch gives.
    pub(super) admission: Option<fn(&mut Value)>,
    /// Done to the object after the next read of it.
    pub(super) after_read: Option<fn(&mut Value)>,
    /// Writes that were no dry run: method and path.
    pub(super) written: Vec<String>,
}

#[derive(Clone, Default)]
pub(super) struct Server(pub(super) Arc<Mutex<State>>);

pub(super) const WEB: &str = "/apis/apps/v1/namespaces/n/deployments/web";

pub(super) fn web() -> ObjectRef {
    ObjectRef::new("Deployment", "n", "web", "u")
}

pub(super) fn scope() -> Scope {
    Scope {
        namespaces: vec!["n".into()],
    }
}

/// A Deployment of one container.
pub(super) fn deployment() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "n", "uid": "u", "generation": 1},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "main", "image": "x", "resources": {"limits": {"memory": "64Mi"}}}]}}}})
}

impl Server {
    pub(super) fn with(objects: &[(&str, Value)]) -> Self {
        let server = Self::default();
        server.change(|s| {
            s.objects
                .extend(objects.iter().map(|(p, o)| ((*p).to_owned(), o.clone())));
        });
        server
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().expect("a script that makes sense"))
    }

    pub(super) fn get(&self, path: &str) -> Option<Value> {
        self.change(|s| s.objects.get(path).cloned())
    }

    pub(super) fn actor(&self) -> Actor {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move { Ok::<_, Infallible>(server.answer(request).await) }
        });
        Actor::new(
            Api::new(kube::Client::new(service, "n")),
            Redactor::new(b"key"),
            Arc::new(Nothing),
            Arc::new(Nothing),
            Arc::new(Nothing),
            Bounds::default(),
        )
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let body = body
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes)
            .unwrap_or_default();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let dry = head.uri.query().is_some_and(|q| q.contains("dryRun=All"))
            || !body["dryRun"].is_null()
            || !body["deleteOptions"]["dryRun"].is_null();
        let path = head.uri.path();
        let (code, answer) = self.change(|s| match head.method.as_str() {
            "GET" => s.read(path),
            "POST" if path.ends_with("selfsubjectaccessreviews") => (201, json!({"status": {"allowed": true}})),
            method => s.write(method, path, &body, dry),
        });
        let mut response = Response::new(Body::from(answer.to_string().into_bytes()));
        *response.status_mut() = StatusCode::from_u16(code).expect("a script that makes sense");
        response
    }
}

impl State {
    fn read(&mut self, path: &str) -> (u16, Value) {
        if let Some(object) = self.objects.get_mut(path) {
            let answer = object.clone();
            if let Some(change) = self.after_read.take() {
                change(object);
            }
            return (200, answer);
        }
        let below = format!("{path}/");
        let is_collection = !path.ends_with("/web") && !path.ends_with("/p");
        if is_collection {
            let items: Vec<&Value> = self
                .objects
                .iter()
                .filter(|(p, _)| p.starts_with(&below))
                .map(|(_, o)| o)
                .collect();
            return (200, json!({"items": items}));
        }
        status(404, "NotFound")
    }

    fn write(&mut self, method: &str, path: &str, body: &Value, dry: bool) -> (u16, Value) {
        let fault = if dry { None } else { self.fault.take() };
        match fault {
            Some(Fault::LostAndSilent) => return status(504, "Timeout"),
            Some(Fault::Refused) => return status(422, "Invalid"),
            Some(Fault::TakenAndSilent) | None => {}
        }
        let answer = self.carry_out(method, path, body, dry);
        if !dry && answer.0 < 300 {
            self.written.push(format!("{method} {path}"));
        }
        if fault.is_some() {
            status(504, "Timeout")
        } else {
            answer
        }
    }

    fn carry_out(&mut self, method: &str, path: &str, body: &Value, dry: bool) -> (u16, Value) {
        if method == "POST" {
            return (201, body.clone());
        }
        let Some(object) = self.objects.get(path).cloned() else {
            return status(404, "NotFound");
        };
        if method == "DELETE" {
            if body["preconditions"]["uid"] != object["metadata"]["uid"] {
                return status(409, "Conflict");
            }
            if !dry {
                self.objects.remove(path);
            }
            return (200, object);
        }
        let ops = body.as_array().cloned().unwrap_or_default();
        let Ok(mut after) = diff::apply(&object, &ops) else {
            return status(422, "Invalid");
        };
        if let Some(admission) = self.admission {
            admission(&mut after);
        }
        if after["spec"] != object["spec"] {
            after["metadata"]["generation"] = json!(object["metadata"]["generation"].as_u64().unwrap_or(0) + 1);
        }
        if !dry {
            self.objects.insert(path.to_owned(), after.clone());
        }
        (200, after)
    }
}

fn status(code: u16, reason: &str) -> (u16, Value) {
    (
        code,
        json!({"kind": "Status", "status": "Failure", "reason": reason, "details": {}, "code": code}),
    )
}

/// No reads, no credentials, no time.
struct Nothing;

#[async_trait]
impl ClusterRead for Nothing {
    async fn read(&self, _: &Scope, _: ReadRequest) -> Result<ReadResponse, ReadError> {
        Err(ReadError::Invalid { why: String::new() })
    }
}

#[async_trait]
impl RegistryCredentials for Nothing {
    async fn credential(&self, _: &str, _: &str) -> Result<Option<RegistryCredential>, StoreError> {
        Ok(None)
    }
}

#[async_trait]
impl Clock for Nothing {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000)
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    async fn sleep_until(&self, _: Duration) {
        tokio::task::yield_now().await;
    }
}
