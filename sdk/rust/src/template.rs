//! Whether the pod template of an incident's object can be changed from here, and how a person changes it where not.

use crate::cluster;
use crate::inquiry::Inquiry;
use crate::json;
use crate::owner::{Kind, Subject};
use crate::strategy::Failure;

/// Why the template cannot be changed from here; none where it can.
pub fn obstacle(subject: &Subject, inquiry: &mut Inquiry) -> Result<Option<String>, Failure> {
    let object = &subject.object;
    Ok(match subject.kind {
        Kind::Workload => inquiry
            .look(object, cluster::fetch(object))?
            .filter(|o| json::is_true(&o.body, "/spec/paused"))
            .map(|_| format!("{object} is paused: a change of its template would not reach any pod")),
        Kind::Job if object.kind == "CronJob" => Some(format!(
            "what ran is over, and a change of {object} reaches its next Job at the earliest"
        )),
        Kind::Job => Some(format!("the template of {object} cannot be changed while it exists")),
        Kind::BarePod => Some(format!("nothing recreates {object} when it is deleted")),
        Kind::MirrorPod => Some(format!("{object} mirrors a file on its node")),
        Kind::Service => Some(format!(
            "the pods behind {object} belong to more than one workload, or to none"
        )),
        Kind::Other if object.kind == "ReplicaSet" => Some(format!(
            "{object} has no Deployment: there is no earlier revision, and its pods do not follow a change of its template"
        )),
        Kind::Other => Some(format!("{object} is kept by its operator")),
    })
}

/// How a person makes `change` to the template, where it cannot be made from here.
pub fn by_hand(subject: &Subject, change: &str) -> String {
    let object = &subject.object;
    match subject.kind {
        Kind::Job if object.kind == "CronJob" => {
            format!("in the job template of {object}, for its next run: {change}")
        }
        Kind::Job => format!("delete {object} and create it anew, with this: {change}"),
        Kind::BarePod => format!("delete {object} and create it anew from its manifest, with this: {change}"),
        Kind::MirrorPod => format!("in the static pod's file on its node: {change}"),
        Kind::Other if object.kind == "ReplicaSet" => {
            format!("in the template of {object}, then delete its failing pods: {change}")
        }
        Kind::Other => format!("in the resource {object}, from which its operator makes the pods: {change}"),
        Kind::Workload | Kind::Service => change.to_owned(),
    }
}
