//! Processor use at its limit: an outlier among equals, or a workload that needs more.

use crate::autoscale;
use crate::measure::{Measured, Resource};
use dreamops_sdk::cluster::Usage;
use dreamops_sdk::host::now_ms;
use dreamops_sdk::owner::{Kind, Subject};
use dreamops_sdk::prelude::*;
use dreamops_sdk::{replicas, template};

/// How long a restart of ours forbids another.
const ONCE_MS: u64 = 24 * 3_600_000;
/// An outlier uses at least so many times what its equals use, …
const TIMES: u64 = 4;
/// … and these are below this share of the threshold, in percent: load that is merely uneven is not this far apart.
const CALM_SHARE: u64 = 50;

/// The confidence where use is known to last, and where one window is all there is.
const SURE: f64 = 0.85;
const ONE_WINDOW: f64 = 0.7;

/// Concludes about containers at their processor limit, the hottest first.
pub(crate) fn conclude(
    incident: &Incident,
    subject: &Subject,
    mut inquiry: Inquiry,
    measured: &Measured,
    hot: &[&Usage],
) -> Result<Finding, Failure> {
    let Some(hottest) = hot.first() else {
        return Ok(inquiry.unknown());
    };
    inquiry.fact("resource", Resource::Cpu.name());
    let object = &subject.object;
    let cause = format!("{}, so it is throttled", Resource::Cpu.line(hottest));
    if subject.kind != Kind::Workload {
        return Ok(other_limit(
            subject,
            inquiry,
            hottest,
            cause,
            "it is no workload that could be scaled",
        ));
    }
    if let Some(calm) = outlier(subject, measured, hot) {
        return Ok(restart(incident, subject, inquiry, hottest, calm, measured));
    }
    let autoscaler = inquiry
        .look(format!("autoscaler of {object}"), replicas::autoscaler_of(object))?
        .flatten();
    let Some(autoscaler) = autoscaler else {
        let why = "no autoscaler says how many replicas it may have";
        return Ok(other_limit(subject, inquiry, hottest, cause, why));
    };
    inquiry.saw(&autoscaler.object, autoscaler.line());
    let lasts = measured.lasts().or_else(|| autoscale::confirms(&autoscaler));
    let confidence = if lasts.is_some() { SURE } else { ONE_WINDOW };
    match &lasts {
        Some(told) => inquiry.saw("how long", told),
        None => inquiry.saw("how long", "one sample's window is all there is"),
    }
    let case = autoscale::Case {
        subject,
        autoscaler: &autoscaler,
        measured,
        hottest,
        cause,
        confidence,
    };
    autoscale::conclude(&case, inquiry)
}

/// Where exactly one pod is hot and its equals are calm: how many those are, and the most that one of them uses.
fn outlier(subject: &Subject, measured: &Measured, hot: &[&Usage]) -> Option<(usize, u64)> {
    let hottest = hot.first()?;
    let one_pod = hot.iter().all(|u| u.pod.uid == hottest.pod.uid);
    let revision = |uid: &str| {
        let pod = subject.pods.iter().find(|p| p.reference().uid == uid)?;
        pod.ready().then(|| pod.revision_hash().to_owned())
    };
    let own = revision(&hottest.pod.uid)?;
    let equals: Vec<&Usage> = measured
        .now
        .iter()
        .filter(|u| u.container == hottest.container && u.pod.uid != hottest.pod.uid)
        .filter(|u| revision(&u.pod.uid).is_some_and(|r| r == own))
        .collect();
    let most = equals.iter().map(|u| u.cpu_millis).max()?;
    let calm = equals.iter().all(|u| {
        Resource::Cpu
            .percent(u)
            .is_some_and(|p| p * 100 < Resource::Cpu.threshold() * CALM_SHARE)
    });
    let apart = hottest.cpu_millis >= most.saturating_mul(TIMES);
    (one_pod && calm && apart).then_some((equals.len(), most))
}

fn restart(
    incident: &Incident,
    subject: &Subject,
    mut inquiry: Inquiry,
    hottest: &Usage,
    (equals, most): (usize, u64),
    measured: &Measured,
) -> Finding {
    let object = &subject.object;
    let cause = format!(
        "{}, while {equals} equal replicas use at most {}",
        Resource::Cpu.line(hottest),
        Resource::Cpu.show(most)
    );
    inquiry.rule_out(format!("load: {equals} equal replicas of {object} are calm"));
    let hand = format!(
        "see what it does (kubectl -n {0} logs {1} -c {2} --tail=50), then: kubectl -n {0} delete pod {1}",
        object.namespace, hottest.pod.name, hottest.container
    );
    // members of a StatefulSet have parts of their own, and nodes differ under a DaemonSet
    if object.kind != "Deployment" {
        inquiry.decide_escalate("replicas of this kind are not equal: one may lead the others", hand);
        return inquiry.cause("high-usage", object, cause, 0.8);
    }
    if incident.did("restart-pod", now_ms(), ONCE_MS) {
        inquiry.decide_escalate("a pod of it was restarted already, and that did not last", hand);
        return inquiry.cause("high-usage", object, cause, 0.8);
    }
    inquiry.decide_restart(
        &hottest.pod,
        "its equals do the same work with a fraction of it, so this one is stuck",
        "the new pod uses as little as its equals",
    );
    let sure = measured.lasts().is_some() && equals >= 2;
    inquiry.cause("high-usage", object, cause, if sure { SURE } else { ONE_WINDOW })
}

/// A person decides between more processor and more replicas.
pub(crate) fn other_limit(subject: &Subject, mut inquiry: Inquiry, hot: &Usage, cause: String, why: &str) -> Finding {
    let object = &subject.object;
    let limit = hot.cpu_limit.unwrap_or(hot.cpu_millis);
    let half_more = Resource::Cpu.show(limit + limit / 2);
    let request = hot.cpu_request.map_or_else(String::new, |r| {
        format!(" --requests=cpu={}", Resource::Cpu.show(r + r / 2))
    });
    let mut change = format!(
        "raise its processor limit: kubectl -n {} set resources {} -c {} --limits=cpu={half_more}{request}",
        object.namespace,
        object.kubectl(),
        hot.container
    );
    if ["Deployment", "StatefulSet"].contains(&object.kind.as_str()) {
        let more = subject.pods.len() + 1;
        let scale = format!(
            "kubectl -n {} scale {} --replicas={more}",
            object.namespace,
            object.kubectl()
        );
        change = format!("{change}; or, if replicas share its work: {scale}");
    }
    inquiry.decide_escalate(why, template::by_hand(subject, &change));
    inquiry.cause("high-usage", object, cause, 0.85)
}
