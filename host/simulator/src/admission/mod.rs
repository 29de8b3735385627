//! What the API server does with an object before it keeps it: fills in defaults, checks it, asks admission.

mod defaults;
mod known;
mod limits;
mod pod;
mod quota;
mod validate;

use crate::fields;
use crate::world::World;
use crate::world::kind::Kind;
use crate::world::refusal::Refusal;
use serde_json::{Value, json};

pub(crate) use defaults::TEMPLATE_GENERATION;
pub(crate) use known::strip;
pub(crate) use quota::used;
pub(crate) use validate::{shape, validate};

/// Fills in what is not said, in the name of whoever writes.
pub(crate) fn complete(kind: Kind, object: &mut Value) -> Result<(), Refusal> {
    shape(kind, object).map_err(Refusal::bad_request)?;
    match kind {
        Kind::Pod => defaults::pod(object),
        Kind::Deployment => defaults::deployment(object),
        Kind::ReplicaSet => defaults::replica_set(object),
        Kind::StatefulSet => defaults::stateful_set(object),
        Kind::DaemonSet => defaults::daemon_set(object),
        Kind::Service => defaults::service(object),
        Kind::Secret => defaults::secret(object),
        Kind::HorizontalPodAutoscaler => {
            fields::default_to(&mut object["spec"], "minReplicas", 1);
        }
        _ => {}
    }
    Ok(())
}

/// Adds to a new object what is the server's to decide, in nobody's name.
pub(crate) fn add_own(world: &mut World, kind: Kind, object: &mut Value) {
    match kind {
        Kind::Pod => {
            pod::add_own(world, object);
            limits::fill_in(world, object);
            let class = quality(object);
            object["status"] = json!({"phase": "Pending", "qosClass": class});
        }
        Kind::Service => give_address(world, object),
        _ => {}
    }
}

/// Asks whether a new object may be made.
pub(crate) fn admit(world: &World, kind: Kind, object: &Value) -> Result<(), Refusal> {
    if kind == Kind::Pod {
        limits::admit(world, object)?;
        quota::admit(world, object)?;
    }
    Ok(())
}

/// The class by which the kubelet chooses whom to evict.
fn quality(pod: &Value) -> &'static str {
    let containers = fields::list(pod, "/spec/containers");
    let amount = |c: &Value, which: &str, what: &str| c["resources"][which][what].clone();
    let any = containers.iter().any(|c| {
        ["cpu", "memory"]
            .iter()
            .any(|w| !amount(c, "requests", w).is_null() || !amount(c, "limits", w).is_null())
    });
    let all = containers.iter().all(|c| {
        ["cpu", "memory"].iter().all(|w| {
            let limit = amount(c, "limits", w);
            !limit.is_null() && limit == amount(c, "requests", w)
        })
    });
    match (any, all) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

fn give_address(world: &mut World, service: &mut Value) {
    let headless = fields::text(service, "/spec/clusterIP") == "None";
    let external = fields::text(service, "/spec/type") == "ExternalName";
    if !external {
        fields::default_to(&mut service["spec"], "ipFamilies", json!(["IPv4"]));
        fields::default_to(&mut service["spec"], "ipFamilyPolicy", "SingleStack");
    }
    if headless || external || fields::present(service, "/spec/clusterIP") {
        return;
    }
    world.addresses.1 += 1;
    let [high, low] = world.addresses.1.to_be_bytes();
    let address = format!("10.96.{high}.{low}");
    service["spec"]["clusterIP"] = json!(address);
    service["spec"]["clusterIPs"] = json!([address]);
}
