//! Reads of the incident's cluster, with objects as parsed JSON.
//!
//! Each function is one host call and one import: a component that does not call it cannot make it. Secret
//! values appear as handles like `‹secret:1a2b3c4d›`: equal handles mean equal values.

use crate::host::read;
use crate::incident::{Health, ObjectRef};
use crate::pod::Pod;
use crate::strategy::Failure;
use serde_json::Value;

pub use crate::bindings::dreamops::kubernetes::read::{
    Endpoint, Event, Failure as ReadFailure, LogText, Owner, Query, Quota, QuotaLine, RangeLine, Service, ServicePort,
    Usage,
};

/// One object.
#[derive(Clone, PartialEq, Debug)]
pub struct Object {
    /// Its name, with the uid that drafts may use.
    pub reference: ObjectRef,
    /// Its parts, after mask and redaction.
    pub body: Value,
}

/// Some objects.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Listing {
    /// The objects.
    pub items: Vec<Object>,
    /// Whether there are more than these.
    pub cut: bool,
}

/// One revision of a workload.
#[derive(Clone, PartialEq, Debug)]
pub struct Revision {
    /// The uid of the ReplicaSet or ControllerRevision; `undo_rollout` takes it.
    pub uid: String,
    /// The number that kubectl shows. It moves on undo.
    pub number: u64,
    /// The object's name.
    pub name: String,
    /// Whether this is what the workload asks for now.
    pub current: bool,
    /// Pods of this revision that are ready now.
    pub ready_pods: u32,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: u64,
    /// The pod template.
    pub template: Value,
    /// Its `kubernetes.io/change-cause`.
    pub change_cause: Option<String>,
}

fn parsed(json: &str) -> Result<Value, ReadFailure> {
    serde_json::from_str(json).map_err(|error| ReadFailure::Other(("malformed-json".into(), error.to_string())))
}

/// One object by name, all of it.
pub fn get(kind: &str, namespace: &str, name: &str) -> Result<Object, ReadFailure> {
    get_parts(kind, namespace, name, &[])
}

/// Some parts of one object, named by JSON pointers.
pub fn get_parts(kind: &str, namespace: &str, name: &str, mask: &[&str]) -> Result<Object, ReadFailure> {
    let mask: Vec<String> = mask.iter().map(|&m| m.to_owned()).collect();
    let found = read::get(kind, namespace, name, &mask)?;
    Ok(Object {
        body: parsed(&found.json)?,
        reference: found.reference,
    })
}

/// The object that a reference names.
pub fn fetch(object: &ObjectRef) -> Result<Object, ReadFailure> {
    get(&object.kind, &object.namespace, &object.name)
}

/// Objects of a kind, page by page, at most 1000.
pub fn list(query: &Query) -> Result<Listing, ReadFailure> {
    let mut query = query.clone();
    let mut all = Listing::default();
    for _ in 0..5 {
        let page = read::list(&query)?;
        for item in page.items {
            all.items.push(Object {
                body: parsed(&item.json)?,
                reference: item.reference,
            });
        }
        if page.cursor.is_empty() {
            all.cut = page.cut;
            return Ok(all);
        }
        query.cursor = page.cursor;
    }
    all.cut = true;
    Ok(all)
}

/// Pods that a label selector matches.
pub fn pods(namespace: &str, labels: &str) -> Result<Vec<Pod>, ReadFailure> {
    let found = list(&Query::of("Pod", namespace).labels(labels))?;
    Ok(found.items.into_iter().map(Pod::new).collect())
}

/// One pod.
pub fn pod(namespace: &str, name: &str) -> Result<Pod, ReadFailure> {
    get("Pod", namespace, name).map(Pod::new)
}

/// Events about an object, newest last, at most 100.
pub fn events(about: &ObjectRef) -> Result<Vec<Event>, ReadFailure> {
    read::events(about)
}

/// The last lines of a container's log; `previous` for the run before the present one.
pub fn logs(pod: &ObjectRef, container: &str, previous: bool, tail_lines: u32) -> Result<LogText, ReadFailure> {
    read::logs(pod, container, previous, tail_lines)
}

/// The controllers above an object, nearest first.
pub fn owners(of: &ObjectRef) -> Result<Vec<Owner>, ReadFailure> {
    read::owners(of)
}

/// A workload's revisions, newest first.
pub fn revisions(of: &ObjectRef) -> Result<Vec<Revision>, ReadFailure> {
    read::revisions(of)?
        .into_iter()
        .map(|r| {
            Ok(Revision {
                template: parsed(&r.template)?,
                uid: r.uid,
                number: r.number,
                name: r.name,
                current: r.current,
                ready_pods: r.ready_pods,
                created_ms: r.created_ms,
                change_cause: r.change_cause,
            })
        })
        .collect()
}

/// How a workload, pod or Service does.
pub fn health(object: &ObjectRef) -> Result<Health, ReadFailure> {
    read::health_of(object)
}

/// A Service with its endpoints.
pub fn service(namespace: &str, name: &str) -> Result<Service, ReadFailure> {
    read::service_of(namespace, name)
}

/// Nodes that hold an image. Nodes report 50 images at most: absence proves nothing.
pub fn node_images(image: &str) -> Result<Vec<String>, ReadFailure> {
    read::node_images(image)
}

/// Quotas, limit ranges, and room on nodes.
pub fn quota(namespace: &str) -> Result<Quota, ReadFailure> {
    read::quota_of(namespace)
}

/// Usage of a pod's containers, or of all pods of a workload.
pub fn usage(object: &ObjectRef) -> Result<Vec<Usage>, ReadFailure> {
    read::usage_of(object)
}

impl Query {
    /// All objects of a kind in a namespace.
    #[must_use]
    pub fn of(kind: &str, namespace: &str) -> Self {
        Self {
            kind: kind.into(),
            namespace: namespace.into(),
            labels: String::new(),
            fields: String::new(),
            mask: Vec::new(),
            limit: 0,
            cursor: String::new(),
        }
    }

    /// Only what a label selector matches.
    #[must_use]
    pub fn labels(mut self, selector: &str) -> Self {
        self.labels = selector.into();
        self
    }

    /// Only what a field selector matches.
    #[must_use]
    pub fn fields(mut self, selector: &str) -> Self {
        self.fields = selector.into();
        self
    }

    /// Only these parts of each object, named by JSON pointers.
    #[must_use]
    pub fn parts(mut self, mask: &[&str]) -> Self {
        self.mask = mask.iter().map(|&m| m.to_owned()).collect();
        self
    }
}

/// Where absence is an answer: `Ok(None)` for what does not exist.
pub fn found<T>(answer: Result<T, ReadFailure>) -> Result<Option<T>, ReadFailure> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(ReadFailure::NotFound(_)) => Ok(None),
        Err(other) => Err(other),
    }
}

impl ReadFailure {
    /// What went wrong, for evidence and log lines.
    pub fn sentence(&self) -> String {
        match self {
            Self::Denied((grant, line)) => format!("the grant {grant} is missing: {line}"),
            Self::NotFound(text)
            | Self::Invalid(text)
            | Self::Forbidden(text)
            | Self::NotAvailable(text)
            | Self::Unavailable(text) => text.clone(),
            Self::Exhausted(budget) => format!("the budget of {budget} is used up"),
            Self::Other((name, text)) => format!("{name}: {text}"),
        }
    }
}

impl From<ReadFailure> for Failure {
    fn from(failure: ReadFailure) -> Self {
        match failure {
            ReadFailure::Denied(grant) => Self::Denied(grant),
            ReadFailure::NotFound(what) => Self::NotFound(what),
            ReadFailure::Invalid(why) => Self::Invalid(why),
            ReadFailure::Forbidden(why) => Self::Other(("forbidden".into(), why)),
            ReadFailure::NotAvailable(why) => Self::Other(("not-available".into(), why)),
            ReadFailure::Unavailable(why) => Self::Unavailable((true, why)),
            ReadFailure::Exhausted(budget) => Self::Exhausted(budget),
            ReadFailure::Other(other) => Self::Other(other),
        }
    }
}

/// The events with one of these reasons.
pub fn with_reason<'a>(events: &'a [Event], reasons: &'a [&str]) -> impl Iterator<Item = &'a Event> {
    events.iter().filter(move |e| reasons.contains(&e.reason.as_str()))
}

impl Event {
    /// `Unhealthy ×7: Liveness probe failed: …`, for evidence.
    pub fn line(&self) -> String {
        let times = if self.count > 1 {
            format!(" ×{}", self.count)
        } else {
            String::new()
        };
        format!("{}{times}: {}", self.reason, self.message)
    }
}
