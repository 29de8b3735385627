//! EndpointSlices: the pods behind each Service, ready or not.

use super::pods;
use crate::fields;
use crate::kubelet::port_number;
use crate::world::World;
use crate::world::kind::Kind;
use crate::world::selector;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// One round.
pub(super) fn sync(world: &mut World, dirty: &BTreeSet<String>) {
    for service in world.among(Kind::Service, dirty) {
        if fields::members(&service, "/spec/selector").next().is_some() {
            sync_one(world, &service);
        }
    }
}

/// Pods that resolve the Service's ports to the same numbers share a slice.
fn sync_one(world: &mut World, service: &Value) {
    let behind: Vec<Value> = world
        .within(Kind::Pod, fields::namespace(service))
        .filter(|p| selector::matches_map(&service["spec"]["selector"], &p["metadata"]["labels"]))
        .filter(|p| {
            fields::present(p, "/status/podIP") && !matches!(fields::text(p, "/status/phase"), "Succeeded" | "Failed")
        })
        .cloned()
        .collect();
    let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
    for pod in &behind {
        let ports = ports(service, pod);
        let endpoint = endpoint(pod);
        match groups.iter_mut().find(|(p, _)| *p == ports) {
            Some((_, endpoints)) => endpoints.push(endpoint),
            None => groups.push((ports, vec![endpoint])),
        }
    }
    if groups.is_empty() {
        // the real controller keeps an empty slice, so that consumers see there is none
        groups.push((Value::Null, Vec::new()));
    }
    let mut slices = world.controlled(Kind::EndpointSlice, service);
    for (ports, endpoints) in groups {
        let same = slices
            .iter()
            .position(|s| s["ports"] == ports)
            .or(if slices.is_empty() { None } else { Some(0) });
        let mut slice = match same {
            Some(place) => slices.remove(place),
            None => fresh(world, service),
        };
        if slice["ports"] == ports && fields::list(&slice, "/endpoints") == endpoints && is_old(&slice) {
            continue;
        }
        slice["ports"] = ports;
        slice["endpoints"] = Value::Array(endpoints);
        if fields::list(&slice, "/endpoints").is_empty() {
            slice["endpoints"] = Value::Null;
        }
        let generation = fields::count(&slice, "/metadata/generation");
        slice["metadata"]["generation"] = json!(generation + 1);
        world.put(Kind::EndpointSlice, slice);
    }
    for slice in slices {
        world.erase(Kind::EndpointSlice, fields::namespace(&slice), fields::name(&slice));
    }
}

/// Whether a slice has been written before.
fn is_old(slice: &Value) -> bool {
    fields::count(slice, "/metadata/generation") > 0
}

fn fresh(world: &mut World, service: &Value) -> Value {
    let name = fields::name(service);
    let slice_name = format!("{name}-{}", world.names.suffix());
    let uid = world.names.uid();
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": slice_name,
            "generateName": format!("{name}-"),
            "namespace": service["metadata"]["namespace"],
            "uid": uid,
            "creationTimestamp": fields::time(world.now()),
            "labels": {
                "kubernetes.io/service-name": name,
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
            },
            "ownerReferences": pods::owned_by(service),
        },
        "addressType": "IPv4",
    })
}

/// The numbers behind the Service's ports in a pod. A name that the pod does not have leads nowhere.
fn ports(service: &Value, pod: &Value) -> Value {
    let containers = fields::list(pod, "/spec/containers");
    let found: Vec<Value> = fields::list(service, "/spec/ports")
        .iter()
        .filter_map(|port| {
            let number = port_number(containers, &port["targetPort"])?;
            Some(json!({
                "name": fields::text(port, "/name"),
                "port": number,
                "protocol": fields::text(port, "/protocol"),
            }))
        })
        .collect();
    if found.is_empty() {
        Value::Null
    } else {
        Value::Array(found)
    }
}

fn endpoint(pod: &Value) -> Value {
    let (ready, leaving) = (pods::ready(pod), fields::leaving(pod));
    json!({
        "addresses": [pod["status"]["podIP"]],
        "conditions": { "ready": ready && !leaving, "serving": ready, "terminating": leaving },
        "nodeName": pod["spec"]["nodeName"],
        "targetRef": {
            "kind": "Pod",
            "namespace": pod["metadata"]["namespace"],
            "name": pod["metadata"]["name"],
            "uid": pod["metadata"]["uid"],
        },
    })
}
