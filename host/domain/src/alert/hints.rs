//! What labels say about the place of a fault.
//!
//! Order of objects, the most specific first: pod, the workloads, jobs, autoscaler, volume claim, Service; a node only
//! where nothing else is named.
//!
//! Two traps of Prometheus. A metric's own label that a scrape's target label displaces is kept as `exported_…`: where
//! one is there, the plain labels name the exporter. And an exporter that keeps its metrics' labels (`honorLabels`)
//! adds its own pod, container and Service beside a workload that it merely reports on: a pod that does not bear the
//! workload's name is the exporter's. Both hold only where labels show a scrape (`instance`, or `job` beside `alertname`).

use super::Hints;
use crate::object::kind_from;
use std::collections::BTreeMap;

/// Labels, as sources write them.
type Labels = BTreeMap<String, String>;

/// Names under which a cluster is told, ours first, then those of OpenTelemetry and Datadog.
const CLUSTER: [&str; 6] = [
    "cluster",
    "cluster_name",
    "kube_cluster_name",
    "kubernetes_cluster",
    "k8s.cluster.name",
    "k8s_cluster_name",
];
const NAMESPACE: [&str; 6] = [
    "namespace",
    "kubernetes_namespace",
    "kube_namespace",
    "kubernetes_namespace_name",
    "k8s.namespace.name",
    "k8s_namespace_name",
];
const CONTAINER: [&str; 5] = [
    "container",
    "container_name",
    "kube_container_name",
    "k8s.container.name",
    "k8s_container_name",
];
const POD: [&str; 5] = ["pod", "pod_name", "kubernetes_pod_name", "k8s.pod.name", "k8s_pod_name"];
/// Labels of objects but the pod, with the kind.
const WORKLOADS: [(&str, &[&str]); 6] = [
    (
        "ReplicaSet",
        &[
            "replicaset",
            "kube_replica_set",
            "k8s.replicaset.name",
            "k8s_replicaset_name",
        ],
    ),
    (
        "Deployment",
        &[
            "deployment",
            "kube_deployment",
            "k8s.deployment.name",
            "k8s_deployment_name",
        ],
    ),
    (
        "StatefulSet",
        &[
            "statefulset",
            "kube_stateful_set",
            "k8s.statefulset.name",
            "k8s_statefulset_name",
        ],
    ),
    (
        "DaemonSet",
        &[
            "daemonset",
            "kube_daemon_set",
            "k8s.daemonset.name",
            "k8s_daemonset_name",
        ],
    ),
    ("Job", &["job_name", "kube_job", "k8s.job.name", "k8s_job_name"]),
    (
        "CronJob",
        &["cronjob", "kube_cronjob", "k8s.cronjob.name", "k8s_cronjob_name"],
    ),
];
const OTHERS: [(&str, &[&str]); 2] = [
    ("HorizontalPodAutoscaler", &["horizontalpodautoscaler", "hpa"]),
    ("PersistentVolumeClaim", &["persistentvolumeclaim"]),
];
/// Pairs of labels that name a kind and a name of it.
const KIND_AND_NAME: [(&str, &str); 3] = [
    ("workload_type", "workload"),
    ("owner_kind", "owner_name"),
    ("created_by_kind", "created_by_name"),
];
/// Labels of the scrape's target: `exported_…` beside one of them means that they are the exporter's.
const TARGET_LABELS: [&str; 6] = ["namespace", "pod", "container", "service", "job", "node"];
/// Parts of names that only exporters bear.
pub(super) const EXPORTERS: [&str; 4] = ["kube-state-metrics", "kubelet", "node-exporter", "cadvisor"];

/// Reads the hints out of labels.
pub(super) fn hints(labels: &Labels) -> Hints {
    let scraped = labels.contains_key("instance") || (labels.contains_key("job") && labels.contains_key("alertname"));
    let labels = &unexported(labels);
    let mut workloads: Vec<(String, String)> = Vec::new();
    for (kind, names) in WORKLOADS {
        push(&mut workloads, kind, first(labels, names));
    }
    for (kind, name) in KIND_AND_NAME {
        if let Some(kind) = labels.get(kind).and_then(|k| kind_from(k)) {
            push(&mut workloads, kind, labels.get(name).map(String::as_str));
        }
    }
    let mut pod = first(labels, &POD).and_then(object_name);
    let mut container = first(labels, &CONTAINER).filter(|c| dns_label(c)).map(str::to_owned);
    let foreign = |pod: &(Option<String>, String)| !workloads.iter().any(|(_, w)| pod.1.starts_with(w.as_str()));
    if scraped && !workloads.is_empty() && pod.as_ref().is_some_and(foreign) {
        (pod, container) = (None, None);
    }
    let from_pod = pod.as_ref().and_then(|(namespace, _)| namespace.clone());
    let mut objects: Vec<(String, String)> = pod.into_iter().map(|(_, name)| ("Pod".to_owned(), name)).collect();
    objects.extend(workloads);
    for (kind, names) in OTHERS {
        push(&mut objects, kind, first(labels, names));
    }
    if !scraped || objects.is_empty() || !scraped_by_exporter(labels) {
        push(&mut objects, "Service", labels.get("service").map(String::as_str));
    }
    if objects.is_empty() {
        push(&mut objects, "Node", labels.get("node").map(String::as_str));
    }
    Hints {
        cluster: first(labels, &CLUSTER).map(str::to_owned),
        namespace: first(labels, &NAMESPACE)
            .filter(|n| dns_label(n))
            .map(str::to_owned)
            .or(from_pod),
        objects,
        container,
    }
}

/// The labels without those of an exporter, where it can be told which these are.
fn unexported(labels: &Labels) -> Labels {
    let mut own = labels.clone();
    if !TARGET_LABELS
        .iter()
        .any(|l| labels.contains_key(&format!("exported_{l}")))
    {
        return own;
    }
    for label in TARGET_LABELS {
        own.remove(label);
        if let Some(value) = labels.get(&format!("exported_{label}")) {
            own.insert(label.to_owned(), value.clone());
        }
    }
    own
}

fn scraped_by_exporter(labels: &Labels) -> bool {
    ["job", "service"]
        .iter()
        .filter_map(|l| labels.get(*l))
        .any(|v| EXPORTERS.iter().any(|e| v.contains(e)))
}

fn first<'a>(labels: &'a Labels, names: &[&str]) -> Option<&'a str> {
    names
        .iter()
        .filter_map(|n| labels.get(*n))
        .map(|v| v.trim())
        .find(|v| !v.is_empty())
}

fn push(objects: &mut Vec<(String, String)>, kind: &str, name: Option<&str>) {
    if let Some((_, name)) = name.and_then(object_name) {
        let pair = (kind.to_owned(), name);
        if !objects.contains(&pair) {
            objects.push(pair);
        }
    }
}

/// A name as people write it into metadata: bare, `deployment/web`, or `shop/web` with the namespace.
fn object_name(text: &str) -> Option<(Option<String>, String)> {
    let text = text.trim();
    let (before, name) = match text.rsplit_once('/') {
        Some((before, name)) => (Some(before), name),
        None => (None, text),
    };
    let namespace = before.filter(|b| kind_from(b).is_none());
    let valid = dns_subdomain(name) && namespace.is_none_or(dns_label);
    valid.then(|| (namespace.map(str::to_owned), name.to_owned()))
}

/// Whether the API server would take it for a namespace's or container's name (RFC 1123 label).
pub(super) fn dns_label(text: &str) -> bool {
    text.len() <= 63 && !text.contains('.') && dns_subdomain(text)
}

/// Whether the API server would take it for an object's name (RFC 1123 subdomain).
pub(super) fn dns_subdomain(text: &str) -> bool {
    let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    let end = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = text.as_bytes();
    bytes.len() <= 253
        && bytes.iter().all(|b| inside(*b))
        && end(bytes.first())
        && end(bytes.last())
        && !text.contains("..")
}
