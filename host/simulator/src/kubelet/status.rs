//! A pod's status, written from what the kubelet knows.

use super::run::{ContainerRun, PodRun, State, container_id};
use crate::fields;
use crate::world::registry::Reference;
use serde_json::{Value, json};

/// The status of a pod now.
pub(super) fn of(pod: &Value, run: &PodRun, now: u64) -> Value {
    let uid = fields::uid(pod);
    let statuses = |list: &str, runs: &[ContainerRun]| -> Vec<Value> {
        runs.iter()
            .map(|c| container(uid, &pod["spec"][list][c.place], c))
            .collect()
    };
    // the network of the pod comes before its containers
    let begun = run.all().any(|c| match &c.state {
        State::Waiting { reason, .. } => {
            c.last.is_some() || !matches!(*reason, "ContainerCreating" | "PodInitializing")
        }
        _ => true,
    });
    let initialized = run.init.iter().all(ContainerRun::succeeded);
    let ready = initialized && run.main.iter().all(|c| c.running() && c.probes.ready);
    let phase = phase(pod, run);
    let not_ready = unready_names(run);
    let told = format!("containers with unready status: [{}]", not_ready.join(" "));
    let because = |holds: bool| {
        if holds {
            None
        } else {
            Some(("ContainersNotReady", told.as_str()))
        }
    };
    let incomplete: Vec<&str> = run
        .init
        .iter()
        .filter(|c| !c.succeeded())
        .map(|c| c.name.as_str())
        .collect();
    let incomplete = format!("containers with incomplete status: [{}]", incomplete.join(" "));
    let init_because = if initialized {
        None
    } else {
        Some(("ContainersNotInitialized", incomplete.as_str()))
    };
    let conditions = [
        condition(pod, "PodReadyToStartContainers", true, None, now),
        condition(pod, "Initialized", initialized, init_because, now),
        condition(pod, "Ready", ready, because(ready), now),
        condition(pod, "ContainersReady", ready, because(ready), now),
        condition(pod, "PodScheduled", true, None, now),
    ];
    let mut status = json!({
        "phase": phase,
        "conditions": conditions,
        "hostIP": "10.0.0.11",
        "hostIPs": [{"ip": "10.0.0.11"}],
        "startTime": fields::time(run.since),
        "containerStatuses": statuses("containers", &run.main),
        "qosClass": pod["status"]["qosClass"],
        "observedGeneration": pod["metadata"]["generation"],
    });
    if !run.init.is_empty() {
        status["initContainerStatuses"] = Value::Array(statuses("initContainers", &run.init));
    }
    if begun {
        status["podIP"] = json!(run.address);
        status["podIPs"] = json!([{"ip": run.address}]);
    }
    status
}

fn unready_names(run: &PodRun) -> Vec<&str> {
    run.main
        .iter()
        .filter(|c| !(c.running() && c.probes.ready))
        .map(|c| c.name.as_str())
        .collect()
}

fn phase(pod: &Value, run: &PodRun) -> &'static str {
    let for_good = |c: &ContainerRun| match &c.state {
        State::Ended { ended, at: None } => Some(ended.code),
        _ => None,
    };
    let never = fields::text(pod, "/spec/restartPolicy") == "Never";
    if never && run.init.iter().any(|c| for_good(c).is_some_and(|code| code != 0)) {
        return "Failed";
    }
    if run
        .main
        .iter()
        .all(|c| matches!(c.state, State::Waiting { .. }) && c.last.is_none())
    {
        return "Pending";
    }
    let ends: Vec<i32> = run.main.iter().filter_map(for_good).collect();
    if ends.len() < run.main.len() {
        "Running"
    } else if ends.iter().all(|code| *code == 0) {
        "Succeeded"
    } else {
        "Failed"
    }
}

fn condition(pod: &Value, kind: &str, holds: bool, because: Option<(&str, &str)>, now: u64) -> Value {
    let status = if holds { "True" } else { "False" };
    let before = fields::condition(pod, kind).filter(|c| c["status"] == status);
    let since = before.map_or_else(|| json!(fields::time(now)), |c| c["lastTransitionTime"].clone());
    let mut condition = json!({
        "type": kind,
        "status": status,
        "lastProbeTime": null,
        "lastTransitionTime": since,
        "observedGeneration": pod["metadata"]["generation"],
    });
    if let Some((reason, message)) = because {
        condition["reason"] = json!(reason);
        condition["message"] = json!(message);
    }
    condition
}

fn container(pod: &str, spec: &Value, run: &ContainerRun) -> Value {
    let image = fields::text(spec, "/image");
    let full = Reference::parse(image).map_or_else(|| image.to_owned(), |r| r.full());
    let state = match &run.state {
        State::Waiting { reason, message, .. } => {
            let mut waiting = json!({ "reason": reason });
            if !message.is_empty() {
                waiting["message"] = json!(message);
            }
            json!({ "waiting": waiting })
        }
        State::Running { since, .. } => json!({"running": {"startedAt": fields::time(*since)}}),
        State::Ended { ended, .. } => json!({"terminated": ended.status(pod, &run.name)}),
    };
    let last = match &run.last {
        Some(ended) => json!({"terminated": ended.status(pod, &run.name)}),
        None => json!({}),
    };
    let id: Option<String> = match &run.state {
        State::Waiting { .. } if run.last.is_none() => None,
        _ => Some(container_id(pod, &run.name, run.restarts)),
    };
    let mut status = json!({
        "name": run.name,
        "state": state,
        "lastState": last,
        "ready": run.running() && run.probes.ready || run.succeeded(),
        "restartCount": run.restarts,
        "image": full,
        "imageID": if id.is_some() { digest(&full) } else { String::new() },
        "started": run.running() && run.probes.started,
    });
    if let Some(id) = id {
        status["containerID"] = json!(id);
    }
    let mounts = mounts(spec);
    if !mounts.is_empty() {
        status["volumeMounts"] = Value::Array(mounts);
    }
    if run.running() || run.last.is_some() || matches!(run.state, State::Ended { .. }) {
        given(spec, &mut status);
    }
    status
}

/// The amounts that the runtime gave the container.
fn given(spec: &Value, status: &mut Value) {
    let amounts = &spec["resources"];
    if fields::members(amounts, "/requests").next().is_some() {
        status["allocatedResources"] = amounts["requests"].clone();
    }
    status["resources"] = amounts.clone();
}

fn mounts(spec: &Value) -> Vec<Value> {
    fields::list(spec, "/volumeMounts")
        .iter()
        .map(|mount| {
            let mut mounted = json!({"name": mount["name"], "mountPath": mount["mountPath"]});
            if mount["readOnly"] == true {
                mounted["readOnly"] = json!(true);
                mounted["recursiveReadOnly"] = json!("Disabled");
            }
            mounted
        })
        .collect()
}

/// An image by its contents, as a registry names it.
fn digest(image: &str) -> String {
    let (repository, _) = image.rsplit_once(':').unwrap_or((image, ""));
    format!("{repository}@sha256:{}", "5e".repeat(32))
}
