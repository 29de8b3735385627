//! What the API server does with an object before it keeps it: fills in defaults, checks it, asks admission.

mod defaults;
mod limits;
mod quota;
mod validate;

use crate::fields;
use crate::world::World;
use crate::world::kind::Kind;
use crate::world::refusal::Refusal;
use serde_json::{Value, json};

pub(crate) use quota::used;
pub(crate) use validate::validate;

/// Fills in what the server fills in.
pub(crate) fn complete(world: &mut World, kind: Kind, object: &mut Value) -> Result<(), Refusal> {
    validate::shape(kind, object)?;
    match kind {
        Kind::Pod => complete_pod(world, object),
        Kind::Deployment => defaults::deployment(object),
        Kind::ReplicaSet => defaults::replica_set(object),
        Kind::StatefulSet => defaults::stateful_set(object),
        Kind::DaemonSet => defaults::daemon_set(object),
        Kind::Service => {
            defaults::service(object);
            give_address(world, object);
        }
        Kind::Secret => defaults::secret(object),
        Kind::HorizontalPodAutoscaler => {
            fields::default_to(&mut object["spec"], "minReplicas", 1);
        }
        _ => {}
    }
    Ok(())
}

/// Asks whether a new object may be made.
pub(crate) fn admit(world: &World, kind: Kind, object: &Value) -> Result<(), Refusal> {
    if kind == Kind::Pod {
        limits::admit(world, object)?;
        quota::admit(world, object)?;
    }
    Ok(())
}

fn complete_pod(world: &World, pod: &mut Value) {
    let is_new = fields::uid(pod).is_empty();
    if is_new {
        fields::default_to(&mut pod["spec"], "serviceAccountName", "default");
        let account = fields::text(pod, "/spec/serviceAccountName").to_owned();
        if fields::list(pod, "/spec/imagePullSecrets").is_empty() {
            let account = world.get(Kind::ServiceAccount, fields::namespace(pod), &account);
            let inherited = account.map_or(&[][..], |a| fields::list(a, "/imagePullSecrets"));
            if !inherited.is_empty() {
                pod["spec"]["imagePullSecrets"] = json!(inherited);
            }
        }
        limits::fill_in(world, pod);
    }
    defaults::pod_spec(&mut pod["spec"]);
    if is_new {
        let class = quality(pod);
        pod["status"] = json!({"phase": "Pending", "qosClass": class});
    }
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
    if headless || external || fields::present(service, "/spec/clusterIP") {
        return;
    }
    world.addresses.1 += 1;
    let [high, low] = world.addresses.1.to_be_bytes();
    let address = format!("10.96.{high}.{low}");
    service["spec"]["clusterIP"] = json!(address);
    service["spec"]["clusterIPs"] = json!([address]);
}
