//! Pods that cannot be made, or that no node takes.
//!
//! | told by | cause | remedy |
//! | --- | --- | --- |
//! | `exceeded quota` | the quota is full, or the rollout asks for more than it leaves | undo if the rollout raised what a pod asks for, else a person: quotas are not touched |
//! | `failed calling webhook` | the webhook is down | a person: the rollout is not the cause |
//! | a service account is not there; Pod Security, LimitRange or a webhook says no | what the rollout changed | undo |
//! | `Unschedulable` | the rollout asks for a node, volume or amount that is not there | undo if it changed any of these; else a person gets the scheduler's reason |
//! | `TriggeredScaleUp` | a node is on its way | wait |

use crate::rollout::{Fault, to_person, undo_or_escalate};
use dreamops_sdk::change::{self, Change, Part};
use dreamops_sdk::host::now_ms;
use dreamops_sdk::json;
use dreamops_sdk::owner::{Kind, Subject};
use dreamops_sdk::prelude::*;
use dreamops_sdk::revision;

/// A refusal older than this may be past: controllers try again within 17 minutes.
const RECENT_MS: u64 = 20 * 60_000;

/// Why pods are missing or pending.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Unplaced {
    /// What the API server or the scheduler says.
    said: String,
    /// The pod that waits for a node; none where pods cannot even be made.
    pod: Option<String>,
}

/// What keeps the workload's pods from being made or placed; none where nothing does.
pub(crate) fn find(subject: &Subject) -> Result<Option<Unplaced>, ReadFailure> {
    if subject.kind != Kind::Workload {
        return Ok(None);
    }
    let waits = subject.pods.iter().find_map(|pod| {
        let scheduled = pod.condition("PodScheduled")?;
        let refused = json::text(scheduled, "/reason") == "Unschedulable" && pod.node().is_empty();
        refused.then(|| Unplaced {
            said: json::text(scheduled, "/message").to_owned(),
            pod: Some(pod.name().to_owned()),
        })
    });
    if waits.is_some() {
        return Ok(waits);
    }
    let Some(workload) = cluster::found(cluster::fetch(&subject.object))? else {
        return Ok(None);
    };
    // a Deployment says it itself; the controllers of other kinds only tell it in events
    let failure = json::condition(&workload.body, "ReplicaFailure").filter(|c| json::text(c, "/status") == "True");
    let mut said = failure.map(|c| json::text(c, "/message").to_owned());
    if said.is_none() && subject.object.kind != "Deployment" && !cluster::health(&subject.object)?.whole() {
        let now = now_ms();
        said = cluster::with_reason(&cluster::events(&subject.object)?, &["FailedCreate"])
            .filter(|e| now.saturating_sub(e.last_ms) < RECENT_MS)
            .last()
            .map(|e| e.message.clone());
    }
    Ok(said.map(|said| Unplaced { said, pod: None }))
}

impl Unplaced {
    /// As it stands in evidence.
    pub(crate) fn line(&self) -> String {
        match &self.pod {
            Some(pod) => format!("no node takes pod {pod}: {}", self.said),
            None => format!("its pods cannot be made: {}", self.said),
        }
    }

    /// Whether a change of the rollout explains it.
    fn explained_by(&self, change: &Change) -> bool {
        let asks = change.part == Part::Resources || change.part == Part::Container;
        if self.pod.is_some() {
            return asks || matches!(change.part, Part::Pod(_));
        }
        if self.said.contains("exceeded quota") {
            return asks;
        }
        if self.said.contains("service account") || self.said.contains("serviceaccount") {
            return matches!(&change.part, Part::Pod(field) if field.starts_with("serviceAccount"));
        }
        true
    }

    fn by_hand(&self, subject: &Subject) -> String {
        let namespace = &subject.object.namespace;
        let edit = format!("kubectl -n {namespace} edit {}", subject.object.kubectl());
        if self.said.contains("exceeded quota") {
            return format!(
                "see what fills the quota: kubectl -n {namespace} describe resourcequota; make room in it, let who owns \
                 it raise it, or ask for less: {edit}"
            );
        }
        if self.said.contains("failed calling webhook") {
            return format!(
                "restore the webhook that does not answer; nothing in {} has to change",
                subject.object
            );
        }
        match &self.pod {
            Some(pod) => format!(
                "see what the scheduler wants: kubectl -n {namespace} describe pod {pod}; give the cluster such a node or \
                 volume, or correct what the pod asks for: {edit}"
            ),
            None => format!("correct what is refused: {edit}"),
        }
    }
}

/// Undo where the rollout explains it, else a word to a person with the reason.
pub(crate) fn conclude(
    incident: &Incident,
    subject: &Subject,
    mut inquiry: Inquiry,
    unplaced: &Unplaced,
) -> Result<Finding, Failure> {
    let object = &subject.object;
    inquiry.saw(object, unplaced.line());
    let cause = format!("{object} does not get the pods that it wants: {}", unplaced.line());
    if let Some(pod) = subject.pods.iter().find(|p| Some(p.name()) == unplaced.pod.as_deref()) {
        let about = format!("events of {}", pod.reference());
        let events = inquiry
            .look(&about, cluster::events(pod.reference()))?
            .unwrap_or_default();
        if let Some(event) = cluster::with_reason(&events, &["TriggeredScaleUp"]).last() {
            inquiry.saw(&about, event.line());
            inquiry.decide_wait("the cluster's autoscaler is adding a node");
            return Ok(inquiry.cause("crash-loop", object, cause, 0.8));
        }
    }
    let record = revision::record(incident, subject, &mut inquiry)?;
    let changes = |r: &Revision| {
        let now = record.current().map(|c| change::between(&r.template, &c.template));
        now.unwrap_or_default()
    };
    let fits = |r: &Revision| changes(r).iter().any(|c| unplaced.explained_by(c));
    let fault = Fault {
        cause,
        certainty: 0.9,
        explained: true,
        by_hand: unplaced.by_hand(subject),
    };
    if unplaced.said.contains("failed calling webhook") {
        let why = "the webhook is asked for every pod, of whatever revision";
        return Ok(to_person(subject, inquiry, fault, why));
    }
    if !record.others().any(|(r, _)| fits(r)) {
        inquiry.rule_out(format!("the rollout: no earlier revision of {object} asked for less"));
        let why = "no change of the workload explains it, and neither quotas nor nodes are changed from here";
        return Ok(to_person(subject, inquiry, fault, why));
    }
    undo_or_escalate(subject, &record, inquiry, fault, fits)
}
