//! A selector that matches pods of more than one workload.
//!
//! A canary beside its stable version is meant so: both serve the Service's ports. One that does not is not meant.

use crate::port;
use crate::scene::Scene;
use dreamops_sdk::owner::equal;
use dreamops_sdk::prelude::*;

/// A workload with a pod of its own behind the Service, and whether that serves its ports.
struct Behind {
    workload: ObjectRef,
    pod: Pod,
    serves: bool,
}

/// Concludes where some of the workloads behind the Service do not serve its ports; gives the inquiry back where all do.
pub(crate) fn conclude(scene: &Scene, mut inquiry: Inquiry) -> Result<Result<Finding, Inquiry>, Failure> {
    let behind = workloads_behind(scene, &mut inquiry)?;
    let strangers: Vec<&Behind> = behind.iter().filter(|b| !b.serves).collect();
    if behind.len() < 2 || strangers.is_empty() || strangers.len() == behind.len() {
        return Ok(Err(inquiry));
    }
    let object = scene.object();
    let names = |of: &[&Behind]| {
        let names: Vec<String> = of.iter().map(|b| b.workload.to_string()).collect();
        names.join(", ")
    };
    let own: Vec<&Behind> = behind.iter().filter(|b| b.serves).collect();
    for one in &behind {
        let labels = dreamops_sdk::json::pairs(one.pod.body(), "/metadata/labels");
        inquiry.saw(
            &one.workload,
            format!(
                "its pods are behind {object} and {} its ports; labels {}",
                if one.serves { "serve" } else { "do not serve" },
                equal(&labels)
            ),
        );
    }
    let told = own.first().and_then(|b| distinguishing(&b.pod, &strangers));
    let how = told.map_or_else(
        || "give the two workloads different labels, and the Service's selector the one it is for".to_owned(),
        |(key, value)| {
            format!(
                "kubectl -n {} patch service {} -p '{}'",
                object.namespace,
                object.name,
                serde_json::json!({"spec": {"selector": {key: value}}})
            )
        },
    );
    inquiry.decide_escalate(
        "how narrow a selector should be is a person's decision",
        format!("narrow the selector to {}: {how}", names(&own)),
    );
    let cause = format!(
        "the selector {} of {object} matches pods of {} as well, which do not serve its ports",
        scene.selector_text(),
        names(&strangers)
    );
    Ok(Ok(inquiry.cause("service-down", object, cause, 0.9)))
}

/// A label that the pod has and none of the others has so.
fn distinguishing(pod: &Pod, others: &[&Behind]) -> Option<(String, String)> {
    dreamops_sdk::json::pairs(pod.body(), "/metadata/labels")
        .into_iter()
        .filter(|(key, _)| !key.ends_with("-hash"))
        .find(|(key, value)| others.iter().all(|o| o.pod.label(key) != *value))
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
}

fn workloads_behind(scene: &Scene, inquiry: &mut Inquiry) -> Result<Vec<Behind>, Failure> {
    let mut behind: Vec<Behind> = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    for pod in &scene.pods {
        // one look-up per controller, not per pod
        let controller = pod
            .controller()
            .map_or_else(|| pod.name(), |(_, _, uid)| uid)
            .to_owned();
        if seen.contains(&controller) {
            continue;
        }
        seen.push(controller);
        let read = cluster::owners(pod.reference());
        let workload = inquiry
            .look(format!("owners of {}", pod.reference()), read)?
            .and_then(|mut chain| chain.pop())
            .map_or_else(|| pod.reference().clone(), |o| o.object);
        if behind.iter().any(|b| b.workload.uid == workload.uid) {
            continue;
        }
        let has = port::ports(pod.body());
        behind.push(Behind {
            workload,
            serves: scene.service.ports.iter().all(|p| port::fits(p, &has)),
            pod: pod.clone(),
        });
    }
    Ok(behind)
}
