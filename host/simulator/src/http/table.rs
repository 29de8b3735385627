//! Lists as tables: what kubectl asks for when a person looks.
//!
//! The columns are those of the real server's printers; of other kinds it gets name and age, as of kinds that the real
//! server has no printer for.

use crate::fields;
use crate::world::kind::Kind;
use serde_json::{Value, json};

/// Whether the client takes a table.
pub(super) fn wanted(accept: &str) -> bool {
    accept.contains("as=Table") && accept.contains("v=v1")
}

/// A table of objects at a moment, in milliseconds since 1970.
pub(super) fn of(kind: Kind, objects: &[&Value], metadata: &Value, now: u64) -> Value {
    let columns = columns(kind);
    let definitions: Vec<Value> = std::iter::once(("Name", "string"))
        .chain(columns.iter().copied())
        .map(|(name, shape)| {
            let format = if name == "Name" { "name" } else { "" };
            // nobody reads the names of events: shown only where all columns are
            let priority = u8::from(kind == Kind::Event && name == "Name");
            json!({"name": name, "type": shape, "format": format, "description": "", "priority": priority})
        })
        .collect();
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let mut cells = vec![json!(fields::name(object))];
            cells.extend(columns.iter().map(|(name, _)| cell(kind, object, name, now)));
            let part = json!({
                "kind": "PartialObjectMetadata",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": object["metadata"],
            });
            json!({"cells": cells, "object": part})
        })
        .collect();
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": definitions,
        "rows": rows,
    })
}

/// Columns after the name, each with its type.
fn columns(kind: Kind) -> &'static [(&'static str, &'static str)] {
    const NUMBER: &str = "integer";
    const TEXT: &str = "string";
    match kind {
        Kind::Pod => &[("Ready", TEXT), ("Status", TEXT), ("Restarts", TEXT), ("Age", TEXT)],
        Kind::Deployment => &[
            ("Ready", TEXT),
            ("Up-to-date", NUMBER),
            ("Available", NUMBER),
            ("Age", TEXT),
        ],
        Kind::ReplicaSet | Kind::DaemonSet => &[
            ("Desired", NUMBER),
            ("Current", NUMBER),
            ("Ready", NUMBER),
            ("Age", TEXT),
        ],
        Kind::StatefulSet => &[("Ready", TEXT), ("Age", TEXT)],
        Kind::Service => &[("Type", TEXT), ("Cluster-IP", TEXT), ("Port(s)", TEXT), ("Age", TEXT)],
        Kind::Event => &[
            ("Last Seen", TEXT),
            ("Type", TEXT),
            ("Reason", TEXT),
            ("Object", TEXT),
            ("Message", TEXT),
        ],
        Kind::Node => &[("Status", TEXT), ("Version", TEXT), ("Age", TEXT)],
        _ => &[("Age", TEXT)],
    }
}

fn cell(kind: Kind, object: &Value, column: &str, now: u64) -> Value {
    let count = |pointer: &str| json!(fields::count(object, pointer));
    let text = |pointer: &str| json!(fields::text(object, pointer));
    match (kind, column) {
        (_, "Age") => json!(age(fields::text(object, "/metadata/creationTimestamp"), now)),
        (Kind::Pod, _) => pod(object, column),
        (Kind::Deployment | Kind::StatefulSet, "Ready") => {
            let ready = fields::count(object, "/status/readyReplicas");
            json!(format!("{ready}/{}", fields::count(object, "/spec/replicas")))
        }
        (_, "Up-to-date") => count("/status/updatedReplicas"),
        (_, "Available") => count("/status/availableReplicas"),
        (Kind::ReplicaSet, "Desired") => count("/spec/replicas"),
        (Kind::ReplicaSet, "Current") => count("/status/replicas"),
        (Kind::ReplicaSet, "Ready") => count("/status/readyReplicas"),
        (Kind::DaemonSet, "Desired") => count("/status/desiredNumberScheduled"),
        (Kind::DaemonSet, "Current") => count("/status/currentNumberScheduled"),
        (Kind::DaemonSet, "Ready") => count("/status/numberReady"),
        (Kind::Service, "Type") => text("/spec/type"),
        (Kind::Service, "Cluster-IP") => text("/spec/clusterIP"),
        (Kind::Service, _) => json!(ports(object)),
        (Kind::Event, "Last Seen") => json!(age(fields::text(object, "/lastTimestamp"), now)),
        (Kind::Event, "Type") => text("/type"),
        (Kind::Event, "Reason") => text("/reason"),
        (Kind::Event, "Object") => {
            let kind = fields::text(object, "/involvedObject/kind").to_lowercase();
            json!(format!("{kind}/{}", fields::text(object, "/involvedObject/name")))
        }
        (Kind::Event, _) => text("/message"),
        (Kind::Node, "Status") => json!(if fields::holds(object, "Ready") {
            "Ready"
        } else {
            "NotReady"
        }),
        (Kind::Node, _) => text("/status/nodeInfo/kubeletVersion"),
        _ => Value::Null,
    }
}

fn pod(pod: &Value, column: &str) -> Value {
    let statuses = fields::list(pod, "/status/containerStatuses");
    match column {
        "Ready" => {
            let ready = statuses.iter().filter(|s| s["ready"] == true).count();
            json!(format!("{ready}/{}", fields::list(pod, "/spec/containers").len()))
        }
        "Restarts" => {
            let restarts: u64 = statuses.iter().map(|s| fields::count(s, "/restartCount")).sum();
            json!(restarts.to_string())
        }
        _ => json!(condition(pod, statuses)),
    }
}

/// The word for how a pod does: that of its last container that does not run, else its phase.
fn condition(pod: &Value, statuses: &[Value]) -> String {
    if fields::leaving(pod) {
        return "Terminating".to_owned();
    }
    let stopped = statuses.iter().rev().find_map(|s| {
        let reasons = ["/state/waiting/reason", "/state/terminated/reason"];
        reasons.iter().map(|r| fields::text(s, r)).find(|r| !r.is_empty())
    });
    stopped.unwrap_or_else(|| fields::text(pod, "/status/phase")).to_owned()
}

fn ports(service: &Value) -> String {
    let ports = fields::list(service, "/spec/ports").iter();
    let shown: Vec<String> = ports
        .map(|p| format!("{}/{}", fields::count(p, "/port"), fields::text(p, "/protocol")))
        .collect();
    shown.join(",")
}

/// `12s`, `8m3s`, `40m`, `5h20m`, `26h`, `3d4h`, `12d` (`k8s.io/apimachinery/pkg/util/duration`, `HumanDuration`).
fn age(since: &str, now: u64) -> String {
    let seconds = now.saturating_sub(fields::millis(since)) / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |large: u64, unit: char, small: u64, part: char| match small {
        0 => format!("{large}{unit}"),
        _ => format!("{large}{unit}{small}{part}"),
    };
    if seconds < 120 {
        format!("{seconds}s")
    } else if minutes < 10 {
        two(minutes, 'm', seconds % 60, 's')
    } else if minutes < 180 {
        format!("{minutes}m")
    } else if hours < 8 {
        two(hours, 'h', minutes % 60, 'm')
    } else if hours < 48 {
        format!("{hours}h")
    } else if days < 8 {
        two(days, 'd', hours % 24, 'h')
    } else {
        format!("{days}d")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_written_as_kubectl_writes_it() {
        for (seconds, shown) in [
            (0, "0s"),
            (119, "119s"),
            (483, "8m3s"),
            (480, "8m"),
            (2400, "40m"),
            (19_200, "5h20m"),
            (93_600, "26h"),
            (273_600, "3d4h"),
            (1_036_800, "12d"),
        ] {
            assert_eq!(age("1970-01-01T00:00:00Z", seconds * 1000), shown);
        }
    }
}
