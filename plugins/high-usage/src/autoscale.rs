//! A workload at its processor limit that has an autoscaler: more replicas within its range, or a wider range.

use crate::measure::Measured;
use crate::{processor, room};
use dreamops_sdk::cluster::Usage;
use dreamops_sdk::json;
use dreamops_sdk::owner::Subject;
use dreamops_sdk::prelude::*;
use dreamops_sdk::replicas::{self, Autoscaler};
use serde_json::Value;

/// A new maximum is a person's: below what acts without one.
const ASKS: f64 = 0.75;

/// A container at its limit, in a workload with an autoscaler.
pub(crate) struct Case<'a> {
    pub(crate) subject: &'a Subject,
    pub(crate) autoscaler: &'a Autoscaler,
    pub(crate) measured: &'a Measured,
    pub(crate) hottest: &'a Usage,
    pub(crate) cause: String,
    pub(crate) confidence: f64,
}

/// How the autoscaler measures processor use, in percent of what is requested.
struct Target {
    wanted: u64,
    /// What it saw last; none where it sees nothing.
    seen: Option<u64>,
}

fn target(autoscaler: &Autoscaler) -> Option<Target> {
    let of_cpu = |metric: &&Value| json::text(metric, "/resource/name") == "cpu";
    let percent = |metric: &Value, pointer: &str| json::number(metric, pointer).and_then(|n| u64::try_from(n).ok());
    let metric = json::items(&autoscaler.body, "/spec/metrics").iter().find(of_cpu)?;
    let seen = json::items(&autoscaler.body, "/status/currentMetrics")
        .iter()
        .find(of_cpu);
    Some(Target {
        wanted: percent(metric, "/resource/target/averageUtilization").filter(|n| *n > 0)?,
        seen: seen.and_then(|m| percent(m, "/resource/current/averageUtilization")),
    })
}

/// What the autoscaler's own figures say: it measures for itself, again and again.
pub(crate) fn confirms(autoscaler: &Autoscaler) -> Option<String> {
    let target = target(autoscaler)?;
    let seen = target.seen.filter(|seen| *seen >= target.wanted)?;
    Some(format!(
        "{} sees {seen} % of what is requested, and aims at {} %",
        autoscaler.object, target.wanted
    ))
}

/// The replicas that would bring the use down to what the autoscaler aims at; half more where it does not say.
fn needed(case: &Case, now: u32) -> u32 {
    let by_target = target(case.autoscaler).and_then(|target| {
        let seen = target.seen.or_else(|| requested_percent(&case.measured.now))?;
        let wanted = (u64::from(now) * seen).div_ceil(target.wanted);
        u32::try_from(wanted).ok()
    });
    by_target.unwrap_or_else(|| now + now.div_ceil(2)).max(now + 1)
}

/// The share of what is requested that all containers use together, in percent.
fn requested_percent(usage: &[Usage]) -> Option<u64> {
    let requested: u64 = usage.iter().filter_map(|u| u.cpu_request).sum();
    let used: u64 = usage
        .iter()
        .filter(|u| u.cpu_request.is_some())
        .map(|u| u.cpu_millis)
        .sum();
    (requested > 0).then(|| used * 100 / requested)
}

/// Concludes about the case.
pub(crate) fn conclude(case: &Case, mut inquiry: Inquiry) -> Result<Finding, Failure> {
    let object = &case.subject.object;
    let workload = inquiry.look(object, cluster::fetch(object))?;
    let now = workload
        .map_or(case.autoscaler.current, |w| replicas::wanted(&w.body))
        .max(1);
    let needed = needed(case, now);
    if now >= case.autoscaler.max {
        return at_maximum(case, inquiry, now, needed);
    }
    if let Some(why) = sets_back(case.autoscaler) {
        return Ok(processor::other_limit(
            case.subject,
            inquiry,
            case.hottest,
            case.cause.clone(),
            &why,
        ));
    }
    let wanted = needed.min(case.autoscaler.max);
    if let Some(lack) = room::lack(case.subject, wanted - now, &mut inquiry)? {
        return Ok(no_room(case, inquiry, &lack, wanted));
    }
    inquiry.decide_scale(
        wanted,
        &format!(
            "scale from {now} to {wanted} replicas, within the range {} to {} of {}",
            case.autoscaler.min, case.autoscaler.max, case.autoscaler.object
        ),
        &format!("{wanted} pods are ready and share the work"),
    );
    Ok(inquiry.cause("high-usage", object, case.cause.as_str(), case.confidence))
}

/// An autoscaler that works and sees no need would take the replicas away again.
fn sets_back(autoscaler: &Autoscaler) -> Option<String> {
    let works = autoscaler
        .condition("ScalingActive")
        .is_some_and(|(status, _)| status == "True");
    match target(autoscaler) {
        Some(target) => {
            let seen = target.seen.filter(|seen| works && *seen < target.wanted)?;
            Some(format!(
                "{} sees {seen} % of what is requested and aims at {} %, so it would set replicas back",
                autoscaler.object, target.wanted
            ))
        }
        None if works && autoscaler.desired <= autoscaler.current && autoscaler.current > 0 => Some(format!(
            "{} does not scale by processor use, so it would set replicas back",
            autoscaler.object
        )),
        None => None,
    }
}

fn at_maximum(case: &Case, mut inquiry: Inquiry, now: u32, needed: u32) -> Result<Finding, Failure> {
    let (object, max) = (&case.subject.object, case.autoscaler.max);
    // one step at a time: never more than double
    let wanted = needed.clamp(max + 1, max.saturating_mul(2).max(max + 1));
    let cause = format!("{}; {} is at its maximum of {max}", case.cause, case.autoscaler.object);
    if let Some(lack) = room::lack(case.subject, wanted.saturating_sub(now), &mut inquiry)? {
        return Ok(no_room(case, inquiry, &lack, wanted));
    }
    inquiry.decide_patch(
        &case.autoscaler.object,
        "/spec/maxReplicas",
        &wanted.to_string(),
        &format!("raise the maximum from {max} to {wanted} replicas"),
        &format!("{object} gets the replicas that its use calls for"),
    );
    Ok(inquiry.cause("high-usage", object, cause, ASKS))
}

fn no_room(case: &Case, mut inquiry: Inquiry, lack: &str, wanted: u32) -> Finding {
    let object = &case.subject.object;
    inquiry.decide_escalate(
        lack,
        format!("make room first ({lack}), then let {object} have {wanted} replicas"),
    );
    inquiry.cause("high-usage", object, case.cause.as_str(), 0.85)
}
