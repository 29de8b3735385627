//! Peers that a program needs: a Service with a ready endpoint behind the port, or it ends.

use super::program::Program;
use super::run::{ContainerRun, Ending, State};
use super::{running, spec};
use crate::fields;
use crate::world::World;
use crate::world::kind::Kind;
use serde_json::Value;
use std::collections::BTreeMap;

/// Milliseconds for which a running program does without a peer.
const PATIENCE: u64 = 4000;

/// Whether any program in a pod needs peers.
pub(super) fn any(world: &World, pod: &Value) -> bool {
    ["/spec/initContainers", "/spec/containers"]
        .iter()
        .flat_map(|list| fields::list(pod, list))
        .filter_map(|c| world.registry.program(fields::text(c, "/image")))
        .any(|program| !program.peers.is_empty())
}

/// Why a peer cannot be reached, in the words of the program.
pub(super) fn lost(
    world: &World,
    pod: &Value,
    program: &Program,
    environment: &BTreeMap<String, String>,
) -> Option<String> {
    program.peers.iter().find_map(|peer| {
        let address = match peer.strip_prefix('$') {
            Some(name) => environment.get(name).map(String::as_str)?,
            None => peer,
        };
        let address = address.rsplit_once("://").map_or(address, |(_, rest)| rest);
        let address = address.rsplit_once('@').map_or(address, |(_, rest)| rest);
        let address = address.split('/').next().unwrap_or_default();
        let (host, port) = address.rsplit_once(':')?;
        unreachable(world, fields::namespace(pod), host, port.parse().ok()?)
    })
}

fn unreachable(world: &World, own: &str, host: &str, port: u64) -> Option<String> {
    let mut parts = host.split('.');
    let name = parts.next().unwrap_or_default();
    let namespace = parts.next().unwrap_or(own);
    let Some(service) = world.get(Kind::Service, namespace, name) else {
        return Some(format!("dial tcp: lookup {host} on 10.96.0.10:53: no such host"));
    };
    let served = fields::list(service, "/spec/ports").iter().any(|p| p["port"] == port);
    let ready = world
        .within(Kind::EndpointSlice, namespace)
        .filter(|s| s["metadata"]["labels"]["kubernetes.io/service-name"] == name)
        .flat_map(|s| fields::list(s, "/endpoints"))
        .any(|e| e["conditions"]["ready"] == true);
    if served && ready {
        return None;
    }
    let address = fields::text(service, "/spec/clusterIP");
    Some(format!(
        "dial tcp {address}:{port}: connect: connection refused ({host}:{port})"
    ))
}

pub(super) fn ending(why: &str) -> Ending {
    Ending {
        code: 1,
        reason: "Error",
        for_peers: true,
        lines: vec![
            format!("cannot connect, trying again: {why}"),
            format!("fatal: giving up after 3 attempts: {why}"),
        ],
    }
}

/// Looks whether the peers of a running program are still there. Returns whether anything changed.
pub(super) fn watch(world: &World, pod: &Value, container: &Value, run: &mut ContainerRun) -> bool {
    let Some(program) = world.registry.program(fields::text(container, "/image")) else {
        return false;
    };
    if program.peers.is_empty() {
        return false;
    }
    let environment = spec::environment(world, pod, container).unwrap_or_default();
    let lost = lost(world, pod, program, &environment);
    let now = world.now();
    let State::Running { end, .. } = &mut run.state else {
        return false;
    };
    match (lost, &end) {
        (Some(why), None) => *end = Some((now + PATIENCE, ending(&why))),
        (None, Some((_, ending))) if ending.for_peers => {
            *end = None;
            running::greet(run, now, program);
        }
        _ => return false,
    }
    true
}
