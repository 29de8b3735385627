//! Names of Kubernetes objects.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One object of the incident's cluster, named so that a successor of the same name is not meant.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Debug)]
pub struct ObjectRef {
    /// The kind as manifests write it: `Deployment`, `Pod`, `Service`.
    pub kind: String,
    /// The namespace; empty for objects of the cluster (Node).
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// `metadata.uid`; empty only before the host has looked the object up.
    pub uid: String,
}

impl ObjectRef {
    /// A reference with all its parts.
    pub fn new(kind: &str, namespace: &str, name: &str, uid: &str) -> Self {
        Self {
            kind: kind.into(),
            namespace: namespace.into(),
            name: name.into(),
            uid: uid.into(),
        }
    }

    /// Whether both name the same object, the uid included.
    pub fn same(&self, other: &Self) -> bool {
        self.uid == other.uid && self.kind == other.kind
    }
}

/// `Deployment/web`; the namespace is told by the incident.
impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// Kinds that keep a number of pods alive and can be rolled out.
pub const WORKLOADS: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

/// The kinds the host knows, with the plural that grants and the API use.
///
/// A kind that is not here cannot be read by a component nor be acted upon.
pub const KINDS: [(&str, &str); 20] = [
    ("Pod", "pods"),
    ("Deployment", "deployments"),
    ("ReplicaSet", "replicasets"),
    ("StatefulSet", "statefulsets"),
    ("DaemonSet", "daemonsets"),
    ("ControllerRevision", "controllerrevisions"),
    ("Job", "jobs"),
    ("CronJob", "cronjobs"),
    ("Service", "services"),
    ("EndpointSlice", "endpointslices"),
    ("ConfigMap", "configmaps"),
    ("Event", "events"),
    ("HorizontalPodAutoscaler", "horizontalpodautoscalers"),
    ("PodDisruptionBudget", "poddisruptionbudgets"),
    ("ResourceQuota", "resourcequotas"),
    ("LimitRange", "limitranges"),
    ("PersistentVolumeClaim", "persistentvolumeclaims"),
    ("NetworkPolicy", "networkpolicies"),
    ("Node", "nodes"),
    ("ServiceAccount", "serviceaccounts"),
];

/// The plural of a known kind.
pub fn plural(kind: &str) -> Option<&'static str> {
    KINDS.iter().find(|(k, _)| *k == kind).map(|(_, p)| *p)
}

/// The kind for what a person or an alert may write: `deploy`, `deployments`, `Deployment`, `sts`.
pub fn kind_from(text: &str) -> Option<&'static str> {
    let wanted = text.to_ascii_lowercase();
    let long = match wanted.as_str() {
        "po" => "pod",
        "deploy" => "deployment",
        "rs" => "replicaset",
        "sts" => "statefulset",
        "ds" => "daemonset",
        "svc" => "service",
        "hpa" => "horizontalpodautoscaler",
        "cm" => "configmap",
        "pdb" => "poddisruptionbudget",
        "no" => "node",
        other => other,
    };
    KINDS
        .iter()
        .find(|(k, p)| k.eq_ignore_ascii_case(long) || *p == long)
        .map(|(k, _)| *k)
}
