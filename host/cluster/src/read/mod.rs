//! Scoped, redacted reads of one cluster.
//!
//! Promises:
//! - A read sees the scope's namespaces, and nodes. What lies elsewhere does not exist for it: the
//!   answer is the same as for an object that does not exist.
//! - Only kinds of [`dreamops_domain::object::KINDS`] can be read; Secrets are not among them.
//! - A reference with a uid means that object: a successor of the same name is not found. A
//!   reference without one is looked up by kind and name, and the answer carries the uid.
//! - Everything that leaves has passed the [`Redactor`]; masks and caps cut after it.
//! - Nothing is written, whatever is asked.

mod events;
pub(crate) mod health;
mod logs;
mod nodes;
mod objects;
pub(crate) mod owners;
pub(crate) mod pods;
mod quota;
pub(crate) mod revisions;
pub(crate) mod selector;
mod service;
mod usage;

use crate::api::Api;
use crate::error::{ApiError, Failure};
use async_trait::async_trait;
use dreamops_domain::object::{KINDS, ObjectRef, plural};
use dreamops_domain::ports::ClusterRead;
use dreamops_domain::read::{Health, ReadError, ReadRequest, ReadResponse, Scope};
use dreamops_domain::redact::Redactor;
use serde_json::Value;

/// Reads one cluster.
#[derive(Clone)]
pub struct Reader {
    api: Api,
    redactor: Redactor,
}

/// Why a read ended: the API server's word, or ours.
#[derive(Debug)]
pub(crate) enum Stop {
    /// A call failed.
    Api(ApiError),
    /// There is nothing (to be seen) there.
    Read(ReadError),
}

impl From<ApiError> for Stop {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl Stop {
    pub(crate) fn into_read(self, redactor: &Redactor) -> ReadError {
        match self {
            Self::Api(error) => error.into_read(redactor),
            Self::Read(error) => error,
        }
    }
}

impl Reader {
    /// Reads through `api`; redacts under a tenant's key.
    pub fn new(api: Api, redactor: Redactor) -> Self {
        Self { api, redactor }
    }

    /// How an object does now.
    pub async fn health(&self, scope: &Scope, object: &ObjectRef) -> Result<Health, ReadError> {
        match self.read(scope, ReadRequest::Health { object: object.clone() }).await? {
            ReadResponse::Health(health) => Ok(health),
            _ => Err(invalid("the answer is of another kind than the question")),
        }
    }

    async fn answer(&self, scope: &Scope, request: ReadRequest) -> Result<ReadResponse, Stop> {
        let (api, redactor) = (&self.api, &self.redactor);
        match request {
            ReadRequest::Get {
                kind,
                namespace,
                name,
                mask,
            } => {
                let object = ObjectRef::new(&kind, &namespace, &name, "");
                let object = inside(scope, &object)?;
                objects::get(api, redactor, &object, &mask)
                    .await
                    .map(ReadResponse::Object)
            }
            ReadRequest::List(query) => {
                let place = ObjectRef::new(&query.kind, &query.namespace, "", "");
                let place = inside(scope, &place)?;
                objects::list(api, redactor, &place, &query)
                    .await
                    .map(ReadResponse::Page)
            }
            ReadRequest::Events { object } => {
                let object = inside(scope, &object)?;
                events::about(api, redactor, &object).await.map(ReadResponse::Events)
            }
            ReadRequest::Logs(query) => {
                let pod = inside(scope, &query.pod)?;
                logs::of(api, redactor, &pod, &query).await.map(ReadResponse::Log)
            }
            ReadRequest::Owners { object } => {
                let object = inside(scope, &object)?;
                owners::above(api, &object).await.map(ReadResponse::Owners)
            }
            ReadRequest::Revisions { workload } => {
                let workload = inside(scope, &workload)?;
                revisions::shown(api, redactor, &workload)
                    .await
                    .map(ReadResponse::Revisions)
            }
            ReadRequest::Health { object } => {
                let object = inside(scope, &object)?;
                health::of(api, &object).await.map(ReadResponse::Health)
            }
            ReadRequest::Service { namespace, name } => {
                let service = ObjectRef::new("Service", &namespace, &name, "");
                let service = inside(scope, &service)?;
                service::of(api, &service).await.map(ReadResponse::Service)
            }
            ReadRequest::NodeImages { image } => nodes::that_hold(api, &image).await.map(ReadResponse::NodeImages),
            ReadRequest::Quota { namespace } => {
                let place = ObjectRef::new("ResourceQuota", &namespace, "", "");
                inside(scope, &place)?;
                quota::of(api, redactor, &namespace).await.map(ReadResponse::Quota)
            }
            ReadRequest::Usage { object } => {
                let object = inside(scope, &object)?;
                usage::of(api, &object).await.map(ReadResponse::Usage)
            }
        }
    }
}

#[async_trait]
impl ClusterRead for Reader {
    async fn read(&self, scope: &Scope, request: ReadRequest) -> Result<ReadResponse, ReadError> {
        let outcome = Box::pin(self.answer(scope, request)).await;
        outcome.map_err(|stop| stop.into_read(&self.redactor))
    }
}

/// The reference, if the scope lets it be seen; nodes lose the namespace that somebody gave them.
fn inside(scope: &Scope, object: &ObjectRef) -> Result<ObjectRef, ReadError> {
    if plural(&object.kind).is_none() {
        let kinds: Vec<&str> = KINDS.iter().map(|(kind, _)| *kind).collect();
        return Err(invalid(&format!(
            "{:?} is not a kind that can be read; those are {}",
            object.kind,
            kinds.join(", ")
        )));
    }
    let mut object = object.clone();
    if object.kind == "Node" {
        object.namespace.clear();
        return Ok(object);
    }
    if object.namespace.is_empty() {
        return Err(invalid(&format!(
            "a {} lives in a namespace; name one of {}",
            object.kind,
            scope.namespaces.join(", ")
        )));
    }
    if scope.namespaces.contains(&object.namespace) {
        Ok(object)
    } else {
        Err(not_found(&object))
    }
}

pub(crate) fn invalid(why: &str) -> ReadError {
    ReadError::Invalid { why: why.to_owned() }
}

pub(crate) fn not_found(object: &ObjectRef) -> ReadError {
    let name = if object.name.is_empty() {
        format!("namespace {}", object.namespace)
    } else {
        object.to_string()
    };
    ReadError::NotFound { what: name }
}

/// The object that is meant, as the server has it now: by name, and by uid where the reference has one.
pub(crate) async fn live(api: &Api, object: &ObjectRef) -> Result<Value, Stop> {
    let found = api.get(&object.kind, &object.namespace, &object.name).await;
    match found {
        Ok(found) if object.uid.is_empty() || text(&found, "/metadata/uid") == object.uid => Ok(found),
        Ok(_) => Err(not_found(object).into()),
        Err(error) if error.failure == Failure::NotFound => Err(not_found(object).into()),
        Err(error) => Err(error.into()),
    }
}

/// The reference of an object as the server sent it.
pub(crate) fn reference(object: &Value) -> ObjectRef {
    ObjectRef::new(
        text(object, "/kind"),
        text(object, "/metadata/namespace"),
        text(object, "/metadata/name"),
        text(object, "/metadata/uid"),
    )
}

/// The text at a pointer; empty where there is none.
pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The count at a pointer, where there is one.
pub(crate) fn count(object: &Value, pointer: &str) -> Option<u32> {
    let number = object.pointer(pointer)?.as_u64()?;
    Some(u32::try_from(number).unwrap_or(u32::MAX))
}

/// The elements at a pointer; none where there is no list.
pub(crate) fn elements<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object
        .pointer(pointer)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// The members at a pointer, as text.
pub(crate) fn members<'a>(object: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    object
        .pointer(pointer)
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
}

#[cfg(test)]
mod tests;
