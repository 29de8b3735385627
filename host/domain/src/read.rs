//! Reads of the cluster: what may be asked, and the facts that come back.
//!
//! One request enum and one answer enum, so that scope, grants, metering, redaction and recording
//! wrap every read in one place. Everything in an answer has passed redaction.

use crate::object::ObjectRef;
use crate::redact::Shown;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where reads and writes may go. Bound by the host before a component is called; a component cannot name it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Scope {
    /// The incident's namespaces; objects elsewhere do not exist for the reader.
    pub namespaces: Vec<String>,
}

/// One read. The namespace is always one of the scope's.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "read")]
pub enum ReadRequest {
    /// One object, as JSON after the mask.
    Get {
        /// The kind, from [`crate::object::KINDS`].
        kind: String,
        /// The namespace; empty for cluster objects.
        namespace: String,
        /// The name.
        name: String,
        /// JSON pointers of the parts to return; empty returns all but `managedFields`.
        mask: Vec<String>,
    },
    /// Objects of a kind.
    List(ListQuery),
    /// Events about an object (by uid; by kind and name where it is gone), newest last.
    Events {
        /// The object.
        object: ObjectRef,
    },
    /// Lines of a container's log.
    Logs(LogQuery),
    /// The controllers above an object, nearest first; the last is the top-level owner.
    Owners {
        /// The object to begin at.
        object: ObjectRef,
    },
    /// A workload's revisions, newest first.
    Revisions {
        /// A Deployment, StatefulSet or DaemonSet.
        workload: ObjectRef,
    },
    /// A workload's count of pods and how they do.
    Health {
        /// A workload, pod or Service.
        object: ObjectRef,
    },
    /// A Service with its selector, ports and endpoints.
    Service {
        /// The namespace.
        namespace: String,
        /// The Service's name.
        name: String,
    },
    /// Whether nodes hold an image. Absence proves nothing: nodes report 50 images at most.
    NodeImages {
        /// The image as the pod names it.
        image: String,
    },
    /// ResourceQuotas, LimitRanges and room on nodes.
    Quota {
        /// The namespace.
        namespace: String,
    },
    /// Usage from the metrics API.
    Usage {
        /// A pod, or a workload whose pods are meant.
        object: ObjectRef,
    },
}

impl ReadRequest {
    /// The last part of the grant that allows this read: a plural for objects, a name for facts.
    pub fn grant(&self) -> String {
        let fact = match self {
            Self::Get { kind, .. } => crate::object::plural(kind).unwrap_or("unknown-kind"),
            Self::List(q) => crate::object::plural(&q.kind).unwrap_or("unknown-kind"),
            Self::Events { .. } => "events",
            Self::Logs(_) => "logs",
            Self::Owners { .. } => "owners",
            Self::Revisions { .. } => "revisions",
            Self::Health { .. } => "health",
            Self::Service { .. } => "service",
            Self::NodeImages { .. } => "node-images",
            Self::Quota { .. } => "quota",
            Self::Usage { .. } => "usage",
        };
        format!("kubernetes/read/{fact}")
    }
}

/// Which objects a list returns.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ListQuery {
    /// The kind.
    pub kind: String,
    /// The namespace; empty for cluster objects.
    pub namespace: String,
    /// Label selector as kubectl writes it; empty for all.
    pub labels: String,
    /// Field selector as kubectl writes it; empty for all.
    pub fields: String,
    /// JSON pointers to return of each object; empty returns all but `managedFields`.
    pub mask: Vec<String>,
    /// At most so many; 0 means the host's cap ([`LIST_CAP`]).
    pub limit: u32,
    /// Where the page before ended.
    pub cursor: String,
}

/// The most objects that one list returns.
pub const LIST_CAP: u32 = 200;
/// The most bytes that one log read returns.
pub const LOG_CAP_BYTES: u32 = 64 * 1024;

/// Which lines of a log are read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LogQuery {
    /// The pod.
    pub pod: ObjectRef,
    /// The container; empty where the pod has one.
    pub container: String,
    /// The log of the run before the present one.
    pub previous: bool,
    /// At most so many lines from the end; 0 means 200.
    pub tail_lines: u32,
}

/// What a read found. One variant for each of [`ReadRequest`].
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "found", content = "value")]
pub enum ReadResponse {
    /// For `Get`.
    Object(Object),
    /// For `List`.
    Page(Page),
    /// For `Events`.
    Events(Vec<EventFact>),
    /// For `Logs`.
    Log(LogText),
    /// For `Owners`.
    Owners(Vec<OwnerFact>),
    /// For `Revisions`.
    Revisions(Vec<Revision>),
    /// For `Health`.
    Health(Health),
    /// For `Service`.
    Service(ServiceFact),
    /// For `NodeImages`: names of nodes that hold the image.
    NodeImages(Vec<String>),
    /// For `Quota`.
    Quota(QuotaFact),
    /// For `Usage`.
    Usage(Vec<ContainerUsage>),
}

/// One object.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Object {
    /// Its name, with the uid.
    pub reference: ObjectRef,
    /// Its parts after mask and redaction.
    pub body: Shown<Value>,
}

/// Some objects.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Page {
    /// The objects.
    pub items: Vec<Object>,
    /// Where the next page begins; empty at the end.
    pub cursor: String,
    /// Whether the host's cap cut this page short of what was asked.
    pub cut: bool,
}

/// One event.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EventFact {
    /// `Normal` or `Warning`.
    pub severity: String,
    /// The reason, such as `BackOff`.
    pub reason: String,
    /// The message.
    pub message: Shown<String>,
    /// What it is about.
    pub about: ObjectRef,
    /// How often it was seen.
    pub count: u32,
    /// When it was seen first.
    pub first_seen: Timestamp,
    /// When it was seen last.
    pub last_seen: Timestamp,
}

/// A piece of a log.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LogText {
    /// The lines.
    pub text: Shown<String>,
    /// Whether the cap in bytes cut it.
    pub cut: bool,
}

/// One controller above an object.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OwnerFact {
    /// The controller.
    pub object: ObjectRef,
    /// Who keeps its spec, if it is not a person: `Helm`, `Argo CD`, `Flux`, or an operator's name.
    pub managed_by: Option<String>,
}

/// One revision of a workload.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Revision {
    /// The uid of the ReplicaSet or ControllerRevision: numbers move on undo, uids do not.
    pub uid: String,
    /// The number that kubectl shows.
    pub number: u64,
    /// The object's name.
    pub name: String,
    /// Whether this is what the workload asks for now.
    pub current: bool,
    /// Pods of this revision that are ready now.
    pub ready_pods: u32,
    /// When it was made.
    pub created: Timestamp,
    /// The pod template.
    pub template: Shown<Value>,
    /// The `kubernetes.io/change-cause` annotation.
    pub change_cause: Option<String>,
}

/// How a workload, pod or Service does.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Health {
    /// Pods wanted (for a Service: pods selected).
    pub desired: u32,
    /// Pods ready (for a Service: ready endpoints).
    pub ready: u32,
    /// Pods of the wanted revision.
    pub updated: u32,
    /// Whether the controller has seen the present spec, and no rollout or deletion is under way.
    pub settled: bool,
    /// Whether a rollout still makes progress by its controller's word.
    pub progressing: bool,
    /// Restarts of all containers of the present pods.
    pub restarts: u32,
    /// When a container of the present pods ended last.
    pub last_restart: Option<Timestamp>,
    /// Pods that exist and are not ready, at most ten.
    pub unready_pods: Vec<ObjectRef>,
    /// Where containers of the present pods wait for their next start because they ended too often (`CrashLoopBackOff`):
    /// when the last of them is started again.
    #[serde(default)]
    pub next_start: Option<Timestamp>,
    /// `minReadySeconds`.
    pub min_ready_seconds: u32,
    /// `progressDeadlineSeconds`, where the kind has one.
    pub progress_deadline_seconds: Option<u32>,
}

impl Health {
    /// Everything that is wanted is there, is ready and is of the wanted revision; something is wanted.
    pub fn whole(&self) -> bool {
        self.desired > 0 && self.ready >= self.desired && self.updated >= self.desired && self.settled
    }
}

/// A Service.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ServiceFact {
    /// The Service.
    pub object: ObjectRef,
    /// `ClusterIP`, `ExternalName`, …; `Headless` where there is no address.
    pub kind: String,
    /// The selector; empty where a person or controller keeps the endpoints.
    pub selector: Vec<(String, String)>,
    /// The ports.
    pub ports: Vec<ServicePort>,
    /// Ready endpoints.
    pub ready: Vec<Endpoint>,
    /// Endpoints that are not ready.
    pub not_ready: Vec<Endpoint>,
    /// Pods that the selector matches, ready or not.
    pub selected: Vec<ObjectRef>,
}

/// A port of a Service.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ServicePort {
    /// The name; empty where it has none.
    pub name: String,
    /// The Service's port.
    pub port: u16,
    /// The pods' port, number or name.
    pub target_port: String,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
}

/// An address behind a Service.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Endpoint {
    /// The pod, where it is one.
    pub pod: Option<ObjectRef>,
    /// The ports that answer there; empty means none was found by name.
    pub ports: Vec<u16>,
}

/// Limits of a namespace, and room on nodes.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct QuotaFact {
    /// Each line of each ResourceQuota.
    pub quotas: Vec<QuotaLine>,
    /// Each rule of each LimitRange.
    pub ranges: Vec<RangeLine>,
    /// The largest memory request that a schedulable node could still take, in bytes.
    pub largest_free_memory_bytes: Option<u64>,
    /// The most memory that a schedulable node has for pods, in bytes.
    pub largest_node_memory_bytes: Option<u64>,
    /// The largest processor request that a schedulable node could still take, in millicores.
    pub largest_free_cpu_millis: Option<u64>,
    /// What could not be looked at, with the reason.
    pub not_checked: Vec<String>,
}

/// One line of a ResourceQuota. Memory in bytes, processor in millicores, objects as a count.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct QuotaLine {
    /// The ResourceQuota's name.
    pub name: String,
    /// `limits.memory`, `requests.cpu`, `pods`, ….
    pub resource: String,
    /// The bound.
    pub hard: u64,
    /// What is taken.
    pub used: u64,
}

/// One rule of a LimitRange. Memory in bytes, processor in millicores.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RangeLine {
    /// The LimitRange's name.
    pub name: String,
    /// `Container` or `Pod`.
    pub applies_to: String,
    /// `memory` or `cpu`.
    pub resource: String,
    /// The most a limit may be.
    pub max: Option<u64>,
    /// The least a request may be.
    pub min: Option<u64>,
    /// The most that limit divided by request may be, in thousandths.
    pub max_ratio_millis: Option<u64>,
}

/// What one container uses.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ContainerUsage {
    /// The pod.
    pub pod: ObjectRef,
    /// The container.
    pub container: String,
    /// Processor in use, in millicores.
    pub cpu_millis: u64,
    /// Memory in use, in bytes.
    pub memory_bytes: u64,
    /// Processor limit.
    pub cpu_limit_millis: Option<u64>,
    /// Memory limit.
    pub memory_limit_bytes: Option<u64>,
    /// Processor request.
    pub cpu_request_millis: Option<u64>,
    /// Memory request.
    pub memory_request_bytes: Option<u64>,
    /// When the sample was taken.
    pub at: Timestamp,
    /// The span that the sample covers, in milliseconds.
    pub window_ms: u64,
}

/// Why a read found nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "failed")]
pub enum ReadError {
    /// It does not exist, or not in this scope: the two are not told apart.
    #[error("{what} does not exist in this incident's scope")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// The cluster's RBAC does not allow it.
    #[error("the cluster's credential may not {verb} {resource}{place}; add the rule `{rule}`", place = place(namespace))]
    Forbidden {
        /// The verb, such as `list`.
        verb: String,
        /// The resource, such as `pods/log`.
        resource: String,
        /// The namespace; empty for the cluster.
        namespace: String,
        /// The RBAC rule that would allow it.
        rule: String,
    },
    /// The cluster has no such API, such as metrics.
    #[error("this cluster has no {what}; {hint}")]
    NotAvailable {
        /// What is missing: `metrics API`.
        what: String,
        /// What a person can do about it.
        hint: String,
    },
    /// The request makes no sense.
    #[error("{why}")]
    Invalid {
        /// Why.
        why: String,
    },
    /// The credential is not accepted (any more). Never answered by trying another one.
    #[error("the cluster does not accept the credential: {why}")]
    Unauthorized {
        /// What the cluster said.
        why: String,
    },
    /// The cluster could not be reached or did not answer in time; trying again is safe.
    #[error("the cluster did not answer: {why}")]
    Unavailable {
        /// What happened.
        why: String,
    },
}

fn place(namespace: &str) -> String {
    if namespace.is_empty() {
        String::new()
    } else {
        format!(" in namespace {namespace}")
    }
}
