//! From a Service that does not answer to what is wrong: the order in which the table of this crate is gone through.

use crate::scene::{Scene, matched, workloads};
use crate::{find, made, port, several, slip, unready, zero};
use dreamops_sdk::elsewhere;
use dreamops_sdk::json;
use dreamops_sdk::prelude::*;

/// Services that are looked at for one without endpoints.
const LOOKED_AT: usize = 20;

pub(crate) fn diagnose(incident: &Incident) -> Result<Finding, Failure> {
    let mut inquiry = Inquiry::new();
    let Some(service) = find::service(incident)? else {
        inquiry.saw("the alert", "it is about no Service that exists here");
        return Ok(inquiry.unknown());
    };
    let scene = Scene::of(&service)?;
    inquiry.saw(&service, look(&scene));
    if service.uid != incident.target().uid {
        inquiry.saw(
            "the alert",
            format!("it names {}; {service} is in front of it", incident.target()),
        );
    }
    if scene.service.kind == "ExternalName" {
        return Ok(external(&scene, inquiry));
    }
    if scene.service.selector.is_empty() {
        return Ok(without_selector(&scene, inquiry));
    }
    if scene.pods.is_empty() {
        return nobody(&scene, inquiry);
    }
    let inquiry = match several::conclude(&scene, inquiry)? {
        Ok(finding) => return Ok(finding),
        Err(inquiry) => inquiry,
    };
    if let Some(wrong) = port::wrong(&scene) {
        let all = workloads(&service.namespace)?;
        return Ok(match slip::by_history_alone(&scene, inquiry, &all) {
            Ok(finding) => finding,
            Err(inquiry) => port::conclude(&scene, inquiry, &wrong),
        });
    }
    if scene.pods.iter().any(|p| !p.ready()) {
        return unready::conclude(&scene, inquiry);
    }
    well(incident, &scene, inquiry)
}

/// `selector app=web matches 2 pods, 1 ready endpoint; ports 80→8080`.
fn look(scene: &Scene) -> String {
    let ports: Vec<String> = scene
        .service
        .ports
        .iter()
        .map(|p| format!("{}→{}", p.port, p.target_port))
        .collect();
    format!(
        "{} with selector {}: it matches {} pods, {} endpoints are ready; ports {}",
        scene.service.kind,
        if scene.selector().is_empty() {
            "none".into()
        } else {
            scene.selector_text()
        },
        scene.pods.len(),
        scene.service.ready.len(),
        ports.join(", ")
    )
}

/// No pod matches the selector.
fn nobody(scene: &Scene, mut inquiry: Inquiry) -> Result<Finding, Failure> {
    let all = workloads(&scene.object().namespace)?;
    let fitting = matched(&all, &scene.selector());
    let awake: Vec<_> = fitting.iter().filter(|w| !zero::is_at_zero(w)).collect();
    match (awake.as_slice(), fitting.as_slice()) {
        ([], []) => slip::conclude(scene, inquiry, &all),
        ([workload, ..], _) => made::conclude(scene, inquiry, workload),
        ([], [only]) => zero::conclude(scene, inquiry, only),
        ([], several) => {
            let names: Vec<String> = several.iter().map(|w| w.reference.to_string()).collect();
            let object = scene.object();
            inquiry.decide_escalate(
                "more than one workload could be meant to run",
                format!("scale up the one that {object} is for: {}", names.join(" or ")),
            );
            let cause = format!(
                "{}, which {object} selects, are all at zero replicas",
                names.join(" and ")
            );
            Ok(inquiry.cause("service-down", object, cause, 0.9))
        }
    }
}

/// Everything that the Service needs is there.
fn well(incident: &Incident, scene: &Scene, mut inquiry: Inquiry) -> Result<Finding, Failure> {
    let object = scene.object();
    if scene.service.ready.is_empty() {
        // pods are ready, and their endpoints are not there: the controller is behind, or a readiness gate holds
        return Ok(inquiry.unknown());
    }
    if !elsewhere::alert_says(incident, &find::WORDS) {
        return Ok(inquiry.healthy());
    }
    let Some(other) = inquiry
        .look("Services of the namespace", empty_service(object))?
        .flatten()
    else {
        return Ok(inquiry.healthy());
    };
    inquiry.rule_out(format!("{object}: {}", look(scene)));
    let cause = format!("the alert names {object}, which has endpoints; {other} has none");
    inquiry.decide_escalate(
        "a Service that answers is not touched, and nothing links the other one to this alert",
        format!(
            "correct the alert, which points at {object}; respond to {other} instead: \
             `dreamops respond ALERT.json --namespace {} --target {}`",
            other.namespace,
            other.kubectl()
        ),
    );
    Ok(inquiry.cause("service-down", &other, cause, 0.9))
}

/// Whether some of the workloads behind the Service do not serve its ports.
pub(crate) fn strangers_among(scene: &Scene) -> Result<bool, Failure> {
    several::conclude(scene, Inquiry::new()).map(|found| found.is_ok())
}

/// Another Service of the namespace that should have endpoints and has none.
pub(crate) fn empty_service(than: &ObjectRef) -> Result<Option<ObjectRef>, ReadFailure> {
    let all = cluster::list(&Query::of("Service", &than.namespace))?;
    let others = all
        .items
        .iter()
        .filter(|s| s.reference.uid != than.uid && !json::pairs(&s.body, "/spec/selector").is_empty());
    for other in others.take(LOOKED_AT) {
        if cluster::service(&than.namespace, &other.reference.name)?
            .ready
            .is_empty()
        {
            return Ok(Some(other.reference.clone()));
        }
    }
    Ok(None)
}

fn external(scene: &Scene, mut inquiry: Inquiry) -> Finding {
    let object = scene.object();
    let name = json::text(&scene.body, "/spec/externalName");
    inquiry.decide_escalate(
        "what is behind an external name lies outside the cluster",
        format!(
            "check that {name} resolves and answers from inside the cluster; if it has moved: kubectl -n {} patch service {} \
             -p '{{\"spec\":{{\"externalName\":\"NAME\"}}}}'",
            object.namespace, object.name
        ),
    );
    let cause = format!("{object} only points at the external name {name}; nothing of it is in this cluster");
    inquiry.cause("service-down", object, cause, 0.8)
}

fn without_selector(scene: &Scene, mut inquiry: Inquiry) -> Finding {
    let object = scene.object();
    if !scene.service.ready.is_empty() {
        return inquiry.healthy();
    }
    inquiry.decide_escalate(
        "a Service without selector gets its endpoints from a person or a controller",
        format!(
            "find who keeps the EndpointSlices of {object} (kubectl -n {} get endpointslices \
             -l kubernetes.io/service-name={} -o yaml) and let them have ready addresses",
            object.namespace, object.name
        ),
    );
    let cause = format!("{object} has no selector, and nobody has given it a ready endpoint");
    inquiry.cause("service-down", object, cause, 0.9)
}
