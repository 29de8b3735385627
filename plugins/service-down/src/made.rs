//! A workload that should have pods behind the Service and has none: something refuses to make them.

use crate::scene::Scene;
use dreamops_sdk::cluster::Object;
use dreamops_sdk::json;
use dreamops_sdk::prelude::*;

/// Concludes with the words of the refusal.
pub(crate) fn conclude(scene: &Scene, mut inquiry: Inquiry, workload: &Object) -> Result<Finding, Failure> {
    let (service, object) = (scene.object(), &workload.reference);
    let mut said = json::condition(&workload.body, "ReplicaFailure")
        .filter(|c| json::text(c, "/status") == "True")
        .map(|c| json::text(c, "/message").to_owned());
    if said.is_none() {
        let source = format!("events of {object}");
        let events = inquiry.look(&source, cluster::events(object))?.unwrap_or_default();
        said = cluster::with_reason(&events, &["FailedCreate", "FailedDaemonPod"])
            .last()
            .map(|e| e.message.trim().to_owned());
    }
    if let Some(said) = &said {
        inquiry.saw(object, said);
    }
    let no_node =
        object.kind == "DaemonSet" && json::number(&workload.body, "/status/desiredNumberScheduled") == Some(0);
    let why = match (&said, no_node) {
        (Some(said), _) => said.clone(),
        (None, true) => "its node selector fits no node".into(),
        (None, false) => "it does not say why".into(),
    };
    inquiry.rule_out(format!("the selector: {} fits {object}", scene.selector_text()));
    let proposal = if why.contains("exceeded quota") {
        format!(
            "free what the quota counts in namespace {}, or ask its owner for more: {why}",
            object.namespace
        )
    } else {
        format!(
            "remove what keeps {object} from making pods ({why}): kubectl -n {} describe {}",
            object.namespace,
            object.kubectl()
        )
    };
    inquiry.decide_escalate(
        "pods are refused before they exist; that is not mended from here",
        proposal,
    );
    let cause = format!("{object}, which {service} is for, has no pods: {why}");
    Ok(inquiry.cause("service-down", object, cause, 0.9))
}
