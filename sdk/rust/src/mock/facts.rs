//! Facts that the host computes, from a mock's objects.

use super::selector::labels_match;
use super::world::{World, reference};
use crate::bindings::dreamops::kubernetes::read::Revision;
use crate::cluster::{Endpoint, Object, Service, ServicePort};
use crate::incident::{Health, ObjectRef};
use crate::json;
use crate::owner::{equal, label_selector};
use crate::pod::Pod;
use crate::time::millis;
use serde_json::Value;

fn pod(object: &Value) -> Pod {
    Pod::new(Object {
        reference: reference(object),
        body: object.clone(),
    })
}

fn selected(world: &World, selector: &str) -> Vec<Pod> {
    if selector.is_empty() {
        return Vec::new();
    }
    world
        .of_kind("Pod")
        .filter(|o| labels_match(selector, &json::pairs(o, "/metadata/labels")))
        .map(pod)
        .collect()
}

fn count(object: &Value, pointer: &str) -> u32 {
    json::number(object, pointer)
        .and_then(|n| u32::try_from(n).ok())
        .unwrap_or(0)
}

pub(super) fn health(world: &World, object: &ObjectRef) -> Option<Health> {
    if let Some(health) = world.health.get(&(object.kind.clone(), object.name.clone())) {
        return Some(health.clone());
    }
    let body = world.find(&object.kind, &object.name)?;
    let pods = match object.kind.as_str() {
        "Pod" => vec![pod(body)],
        "Service" => selected(world, &equal(&json::pairs(body, "/spec/selector"))),
        _ => selected(world, &label_selector(body.pointer("/spec/selector"))),
    };
    let all = u32::try_from(pods.len()).unwrap_or(u32::MAX);
    let ready = u32::try_from(pods.iter().filter(|p| p.ready()).count()).unwrap_or(u32::MAX);
    let (desired, ready, updated) = match object.kind.as_str() {
        "DaemonSet" => (
            count(body, "/status/desiredNumberScheduled"),
            count(body, "/status/numberReady"),
            count(body, "/status/updatedNumberScheduled"),
        ),
        "Deployment" | "StatefulSet" | "ReplicaSet" => (
            count(body, "/spec/replicas"),
            count(body, "/status/readyReplicas"),
            count(body, "/status/updatedReplicas"),
        ),
        _ => (all, ready, all),
    };
    let ends = pods
        .iter()
        .flat_map(Pod::containers)
        .filter(|c| c.restarts > 0)
        .filter_map(|c| c.last_end().map(|end| end.finished_ms))
        .max();
    let generation = json::number(body, "/metadata/generation").unwrap_or(0);
    let observed = json::number(body, "/status/observedGeneration").unwrap_or(generation);
    let progressing = json::condition(body, "Progressing").is_none_or(|c| json::text(c, "/status") != "False");
    Some(Health {
        desired,
        ready,
        updated,
        settled: observed >= generation && updated >= desired && all <= desired,
        progressing,
        restarts: pods.iter().map(Pod::restarts).sum(),
        last_restart_ms: ends,
        unready_pods: pods
            .iter()
            .filter(|p| !p.ready())
            .take(10)
            .map(|p| p.reference().clone())
            .collect(),
    })
}

pub(super) fn revisions(world: &World, workload: &ObjectRef) -> Vec<Revision> {
    let owned = |o: &&Value| {
        json::items(o, "/metadata/ownerReferences")
            .iter()
            .any(|r| json::text(r, "/uid") == workload.uid)
    };
    let mut all: Vec<Revision> = if workload.kind == "Deployment" {
        world
            .of_kind("ReplicaSet")
            .filter(owned)
            .map(|rs| {
                let number = json::text(rs, "/metadata/annotations/deployment.kubernetes.io~1revision");
                revision(
                    rs,
                    number.parse().unwrap_or(0),
                    rs.pointer("/spec/template"),
                    count(rs, "/status/readyReplicas"),
                )
            })
            .collect()
    } else {
        world
            .of_kind("ControllerRevision")
            .filter(owned)
            .map(|cr| {
                let name = json::text(cr, "/metadata/name");
                let ready = world
                    .of_kind("Pod")
                    .map(pod)
                    .filter(|p| {
                        let hash = p.revision_hash();
                        p.ready() && !hash.is_empty() && (name == hash || name.ends_with(&format!("-{hash}")))
                    })
                    .count();
                let number = json::number(cr, "/revision").and_then(|n| u64::try_from(n).ok());
                revision(
                    cr,
                    number.unwrap_or(0),
                    cr.pointer("/data/spec/template"),
                    u32::try_from(ready).unwrap_or(u32::MAX),
                )
            })
            .collect()
    };
    all.sort_by_key(|r| std::cmp::Reverse(r.number));
    if let Some(first) = all.first_mut() {
        first.current = true;
    }
    all
}

fn revision(object: &Value, number: u64, template: Option<&Value>, ready_pods: u32) -> Revision {
    let cause = json::text(object, "/metadata/annotations/kubernetes.io~1change-cause");
    Revision {
        uid: json::text(object, "/metadata/uid").into(),
        number,
        name: json::text(object, "/metadata/name").into(),
        current: false,
        ready_pods,
        created_ms: millis(json::text(object, "/metadata/creationTimestamp")).unwrap_or(0),
        template: template.unwrap_or(&Value::Null).to_string(),
        change_cause: (!cause.is_empty()).then(|| cause.to_owned()),
    }
}

pub(super) fn service(world: &World, name: &str) -> Option<Service> {
    let body = world.find("Service", name)?;
    let pairs = json::pairs(body, "/spec/selector");
    let pods = selected(world, &equal(&pairs));
    let ports: Vec<ServicePort> = json::items(body, "/spec/ports")
        .iter()
        .map(|p| {
            let number = |pointer| {
                json::number(p, pointer)
                    .and_then(|n| u16::try_from(n).ok())
                    .unwrap_or(0)
            };
            ServicePort {
                name: json::text(p, "/name").into(),
                port: number("/port"),
                target_port: match p.get("targetPort") {
                    Some(Value::String(name)) => name.clone(),
                    Some(other) => other.to_string(),
                    None => number("/port").to_string(),
                },
                protocol: match json::text(p, "/protocol") {
                    "" => "TCP".into(),
                    protocol => protocol.into(),
                },
            }
        })
        .collect();
    let endpoint = |p: &Pod| Endpoint {
        pod: Some(p.reference().clone()),
        ports: ports.iter().filter_map(|port| answers(p, &port.target_port)).collect(),
    };
    let kind = match (json::text(body, "/spec/type"), json::text(body, "/spec/clusterIP")) {
        (_, "None") => "Headless",
        ("", _) => "ClusterIP",
        (kind, _) => kind,
    };
    Some(Service {
        object: reference(body),
        kind: kind.into(),
        selector: pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        ready: pods.iter().filter(|p| p.ready()).map(endpoint).collect(),
        not_ready: pods.iter().filter(|p| !p.ready()).map(endpoint).collect(),
        selected: pods.iter().map(|p| p.reference().clone()).collect(),
        ports,
    })
}

/// The port of a pod behind a target port: a number is taken as it is, a name must be one of its ports.
fn answers(pod: &Pod, target: &str) -> Option<u16> {
    target.parse().ok().or_else(|| {
        json::items(pod.body(), "/spec/containers")
            .iter()
            .flat_map(|c| json::items(c, "/ports"))
            .find(|p| json::text(p, "/name") == target)
            .and_then(|p| json::number(p, "/containerPort"))
            .and_then(|n| u16::try_from(n).ok())
    })
}
