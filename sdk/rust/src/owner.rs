//! What an incident is about: the object to act upon, and its pods.

use crate::cluster::{self, Object, Query, ReadFailure};
use crate::incident::{Incident, ObjectRef};
use crate::json;
use crate::pod::Pod;
use serde_json::Value;

/// What kind of thing the incident is about, by what may be done to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A Deployment, StatefulSet or DaemonSet.
    Workload,
    /// A Job or CronJob, whose template cannot be changed under a running Job.
    Job,
    /// A pod that nothing recreates.
    BarePod,
    /// A pod that mirrors a file on its node.
    MirrorPod,
    /// A Service whose pods do not belong to exactly one workload.
    Service,
    /// Anything else, such as a resource of an operator.
    Other,
}

/// What an incident is about, as the cluster has it now.
#[derive(Clone, PartialEq, Debug)]
pub struct Subject {
    /// The top-level owner. Where a Service was named whose pods belong to one workload: that workload.
    pub object: ObjectRef,
    /// What kind of thing it is.
    pub kind: Kind,
    /// Who keeps its spec, if it is not a person.
    pub managed_by: Option<String>,
    /// Its pods that are not being deleted: the one the alert names first, then those not ready, then the others.
    pub pods: Vec<Pod>,
}

impl Subject {
    /// The pods that are not ready and not done.
    pub fn unready(&self) -> impl Iterator<Item = &Pod> {
        self.pods.iter().filter(|p| !p.ready() && p.phase() != "Succeeded")
    }

    /// How many pods are ready.
    pub fn ready(&self) -> usize {
        self.pods.iter().filter(|p| p.ready()).count()
    }
}

/// Looks up what the incident is about. Pods that are gone are left out, their owner is what counts.
pub fn subject(incident: &Incident) -> Result<Subject, ReadFailure> {
    let target = incident.target();
    let owner = incident.owner();
    let managed_by = incident.managed_by();
    if owner.kind == "Service" {
        return behind_service(&owner, managed_by);
    }
    let mut pods = pods_of(&owner, &target)?;
    pods.sort_by_key(|p| (p.reference().uid != target.uid, p.ready()));
    let kind = kind_of(&owner, &pods);
    Ok(Subject {
        object: owner,
        kind,
        managed_by,
        pods,
    })
}

fn kind_of(owner: &ObjectRef, pods: &[Pod]) -> Kind {
    match owner.kind.as_str() {
        _ if owner.is_workload() => Kind::Workload,
        "Job" | "CronJob" => Kind::Job,
        "Pod" | "Node" if pods.iter().any(Pod::mirror) => Kind::MirrorPod,
        "Pod" => Kind::BarePod,
        "Node" => Kind::MirrorPod,
        _ => Kind::Other,
    }
}

fn behind_service(service: &ObjectRef, managed_by: Option<String>) -> Result<Subject, ReadFailure> {
    let mut subject = Subject {
        object: service.clone(),
        kind: Kind::Service,
        managed_by,
        pods: Vec::new(),
    };
    let body = cluster::fetch(service)?.body;
    let selector = equal(&json::pairs(&body, "/spec/selector"));
    if selector.is_empty() {
        return Ok(subject);
    }
    let mut pods = cluster::pods(&service.namespace, &selector)?;
    pods.retain(|p| !p.deleting());
    pods.sort_by_key(Pod::ready);
    let mut owners: Vec<(cluster::Owner, bool)> = Vec::new();
    let mut bare = false;
    let mut seen: Vec<String> = Vec::new();
    for pod in &pods {
        // one look-up per controller, not per pod; pods that are not ready come first
        let controller = pod.controller().map_or("", |(_, _, uid)| uid).to_owned();
        if seen.contains(&controller) {
            continue;
        }
        seen.push(controller);
        match cluster::owners(pod.reference())?.pop() {
            Some(top) if owners.iter().any(|(o, _)| o.object.uid == top.object.uid) => {}
            Some(top) => owners.push((top, pod.ready())),
            None => bare = true,
        }
    }
    // of several workloads behind it, the one that is not ready is meant
    if owners.iter().any(|(_, ready)| !ready) {
        owners.retain(|(_, ready)| !ready);
    } else if bare {
        owners.clear();
    }
    if let [(only, _)] = owners.as_slice()
        && only.object.is_workload()
    {
        subject.kind = Kind::Workload;
        subject.object = only.object.clone();
        subject.managed_by.clone_from(&only.managed_by);
        subject.pods = pods_of(&only.object, service)?;
        subject.pods.sort_by_key(Pod::ready);
        return Ok(subject);
    }
    subject.pods = pods;
    Ok(subject)
}

/// The pods of an owner that are not being deleted.
fn pods_of(owner: &ObjectRef, target: &ObjectRef) -> Result<Vec<Pod>, ReadFailure> {
    let mut pods = match owner.kind.as_str() {
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" => {
            let Some(object) = cluster::found(cluster::fetch(owner))? else {
                return Ok(Vec::new());
            };
            pods_of_workload(&object)?
        }
        "CronJob" => pods_of_cron_job(owner)?,
        _ if target.kind == "Pod" => cluster::found(cluster::pod(&target.namespace, &target.name))?
            .into_iter()
            .collect(),
        _ => Vec::new(),
    };
    pods.retain(|p| !p.deleting());
    Ok(pods)
}

/// The pods that a Deployment, ReplicaSet, StatefulSet, DaemonSet or Job has made: selected by its labels, and its
/// own by their controller (labels of neighbours may overlap).
pub fn pods_of_workload(workload: &Object) -> Result<Vec<Pod>, ReadFailure> {
    let selector = label_selector(workload.body.pointer("/spec/selector"));
    if selector.is_empty() {
        return Ok(Vec::new());
    }
    let me = &workload.reference;
    let mut pods = cluster::pods(&me.namespace, &selector)?;
    pods.retain(|pod| {
        pod.controller().is_some_and(|(kind, name, uid)| {
            let through_replica_set = me.kind == "Deployment"
                && kind == "ReplicaSet"
                && name
                    .strip_prefix(me.name.as_str())
                    .and_then(|rest| rest.strip_prefix('-'))
                    .is_some_and(|hash| hash == pod.label("pod-template-hash"));
            uid == me.uid || through_replica_set
        })
    });
    Ok(pods)
}

fn pods_of_cron_job(owner: &ObjectRef) -> Result<Vec<Pod>, ReadFailure> {
    let jobs = cluster::list(&Query::of("Job", &owner.namespace))?;
    let newest = jobs
        .items
        .into_iter()
        .filter(|job| {
            json::items(&job.body, "/metadata/ownerReferences")
                .iter()
                .any(|o| json::text(o, "/uid") == owner.uid)
        })
        .max_by_key(|job| json::text(&job.body, "/metadata/creationTimestamp").to_owned());
    newest.map_or(Ok(Vec::new()), |job| pods_of_workload(&job))
}

/// A label selector object (`matchLabels`, `matchExpressions`) as kubectl writes it; empty for none.
pub fn label_selector(selector: Option<&Value>) -> String {
    let Some(selector) = selector else {
        return String::new();
    };
    let mut parts = vec![equal(&json::pairs(selector, "/matchLabels"))];
    for rule in json::items(selector, "/matchExpressions") {
        let key = json::text(rule, "/key");
        let values: Vec<&str> = json::items(rule, "/values").iter().filter_map(Value::as_str).collect();
        parts.push(match json::text(rule, "/operator") {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "Exists" => key.to_owned(),
            "DoesNotExist" => format!("!{key}"),
            _ => continue,
        });
    }
    parts.retain(|p| !p.is_empty());
    parts.join(",")
}

/// `a=b,c=d`.
pub fn equal(labels: &[(&str, &str)]) -> String {
    let parts: Vec<String> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
    parts.join(",")
}
