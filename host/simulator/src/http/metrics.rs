//! The metrics API.

use super::{Answer, Asked};
use crate::fields;
use crate::kubelet::metrics::sample;
use crate::quantity::Quantity;
use crate::world::World;
use crate::world::kind::Kind;
use crate::world::refusal::Refusal;
use crate::world::selector::LabelQuery;
use serde_json::{Value, json};

pub(super) fn answer(world: &World, asked: &Asked, node: bool, namespace: &str, name: &str) -> Result<Answer, Refusal> {
    if !world.has_metrics {
        return Err(Refusal::no_such_path());
    }
    let labels = LabelQuery::parse(asked.query.text("labelSelector"))?;
    let (kind, list) = if node {
        (Kind::Node, "NodeMetricsList")
    } else {
        (Kind::Pod, "PodMetricsList")
    };
    let found: Vec<Value> = world
        .of(kind)
        .filter(|o| namespace.is_empty() || fields::namespace(o) == namespace)
        .filter(|o| name.is_empty() || fields::name(o) == name)
        .filter(|o| labels.matches(o))
        .filter_map(|o| {
            if node {
                Some(of_node(world, o))
            } else {
                sample(world, o)
            }
        })
        .collect();
    if name.is_empty() {
        let items: Vec<Value> = found.into_iter().map(without_kind).collect();
        return Ok(Answer::Json(
            200,
            json!({"kind": list, "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, "items": items}),
        ));
    }
    if let Some(one) = found.into_iter().next() {
        Ok(Answer::Json(200, one))
    } else {
        let plural = if node { "nodes" } else { "pods" };
        let message = format!("{plural} {name:?} not found");
        Err(Refusal::new(404, "NotFound", message).about("", plural, name))
    }
}

/// Items of a list come without their kind.
fn without_kind(mut item: Value) -> Value {
    fields::remove(&mut item, &["kind"]);
    fields::remove(&mut item, &["apiVersion"]);
    item
}

/// The sum of what its pods use.
fn of_node(world: &World, node: &Value) -> Value {
    let name = fields::name(node);
    let (mut cpu, mut memory) = (Quantity::millicores(0), Quantity::bytes(0));
    let mut at = fields::time(world.now());
    for pod in world
        .of(Kind::Pod)
        .filter(|p| fields::text(p, "/spec/nodeName") == name)
    {
        let Some(sample) = sample(world, pod) else { continue };
        fields::text(&sample, "/timestamp").clone_into(&mut at);
        for container in fields::list(&sample, "/containers") {
            let used = |what: &str| Quantity::of(&container["usage"][what]).unwrap_or_default();
            cpu = cpu.plus(used("cpu"));
            memory = memory.plus(used("memory"));
        }
    }
    json!({
        "kind": "NodeMetrics",
        "apiVersion": "metrics.k8s.io/v1beta1",
        "metadata": {"name": name, "creationTimestamp": fields::time(world.now()), "labels": node["metadata"]["labels"]},
        "timestamp": at,
        "window": "15.012s",
        "usage": {"cpu": cpu.to_string(), "memory": memory.to_string()},
    })
}
