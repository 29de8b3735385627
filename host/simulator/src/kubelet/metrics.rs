//! What containers use, as the metrics API tells it: a sample every 15 s, the newest of which is served.

use super::program::Load;
use super::run::{ContainerRun, State};
use super::{part, spec};
use crate::fields;
use crate::quantity::Quantity;
use crate::world::World;
use crate::world::kind::Kind;
use serde_json::{Value, json};

/// Milliseconds between samples (metrics-server's default resolution).
const EVERY: u64 = 15_000;

/// The sample of a pod; `None` where it did not run when the sample was taken.
pub(crate) fn sample(world: &World, pod: &Value) -> Option<Value> {
    let at = world.now() / EVERY * EVERY;
    let run = world.kubelet.pods.get(fields::uid(pod))?;
    let containers: Vec<Value> = run
        .main
        .iter()
        .filter_map(|c| {
            let State::Running { since, .. } = c.state else {
                return None;
            };
            (since + EVERY <= at).then(|| usage(world, pod, run.spins, c, at - since))
        })
        .collect();
    if containers.is_empty() {
        return None;
    }
    Some(json!({
        "kind": "PodMetrics",
        "apiVersion": "metrics.k8s.io/v1beta1",
        "metadata": {
            "name": fields::name(pod),
            "namespace": fields::namespace(pod),
            "creationTimestamp": fields::time(world.now()),
            "labels": pod["metadata"]["labels"],
        },
        "timestamp": fields::time(at),
        "window": format!("{}.012s", EVERY / 1000),
        "containers": containers,
    }))
}

fn usage(world: &World, pod: &Value, spins: bool, run: &ContainerRun, age: u64) -> Value {
    let container = &pod["spec"]["containers"][run.place];
    let program = part::program(world, pod, container);
    let wanted = match program.load {
        _ if spins => u64::MAX,
        Load::Each(millis) => millis,
        Load::Shared(millis) => millis / sharers(world, pod),
    };
    // a container without a limit gets what a small node can spare
    let cpu = wanted.min(spec::cpu_limit(container).unwrap_or(2000));
    let grown = program.memory_mib * 1024 + program.leak_mib_per_minute * 1024 * age / 60_000;
    let most = spec::memory_limit(container).map_or(u64::MAX, |bytes| bytes / 1024);
    json!({
        "name": run.name,
        "usage": {
            "cpu": Quantity::millicores(cpu).to_string(),
            "memory": format!("{}Ki", grown.min(most)),
        },
    })
}

/// How many ready pods of the same ReplicaSet (or other controller) there are.
fn sharers(world: &World, pod: &Value) -> u64 {
    let owner = fields::controller(pod);
    let pods = world
        .within(Kind::Pod, fields::namespace(pod))
        .filter(|p| fields::controller(p) == owner && fields::holds(p, "Ready"));
    u64::try_from(pods.count()).unwrap_or(1).max(1)
}
