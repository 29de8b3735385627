//! Pods: which belong to a workload, and how each of them does.
//!
//! A pod *counts* while it is neither ended (`Succeeded`, `Failed`) nor on its way out (it has a
//! `deletionTimestamp`): these are the pods that a controller counts as replicas.

use super::selector;
use super::{Stop, elements, invalid, text};
use crate::api::Api;
use dreamops_domain::time::Timestamp;
use serde_json::Value;
use std::time::Duration;

/// Whether the pod counts as one of its controller's replicas.
pub(crate) fn counts(pod: &Value) -> bool {
    !leaving(pod) && !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// Whether the pod is on its way out.
pub(crate) fn leaving(object: &Value) -> bool {
    object
        .pointer("/metadata/deletionTimestamp")
        .is_some_and(|t| !t.is_null())
}

/// Whether the pod counts and is ready.
pub(crate) fn ready(pod: &Value) -> bool {
    counts(pod) && condition(pod, "Ready").is_some_and(|c| c["status"] == "True")
}

/// A condition of an object's status.
pub(crate) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    elements(object, "/status/conditions")
        .iter()
        .find(|c| c["type"] == kind)
}

/// Restarts of all containers, init containers included.
pub(crate) fn restarts(pod: &Value) -> u32 {
    let counts = statuses(pod).filter_map(|(s, _)| s["restartCount"].as_u64());
    u32::try_from(counts.sum::<u64>()).unwrap_or(u32::MAX)
}

/// When a container ended last. An init container that ended well does not count: it is meant to end.
pub(crate) fn last_end(pod: &Value) -> Option<Timestamp> {
    statuses(pod)
        .flat_map(|(status, init)| {
            let present = &status["state"]["terminated"];
            let meant = init && present["exitCode"] == 0;
            let before = &status["lastState"]["terminated"];
            [(!meant).then_some(present), Some(before)]
        })
        .flatten()
        .filter_map(|t| Timestamp::parse(t["finishedAt"].as_str()?).ok())
        // the kubelet writes 1970 where the runtime has forgotten the time
        .filter(|t| t.millis() > 0)
        .max()
}

/// When the kubelet starts the last of the containers again that wait because they ended too often.
///
/// It says how long it leaves a container ("back-off 2m40s restarting failed container=…"), which counts from its last end.
/// Where it does not, its rule is followed: 10 s after the first end, doubled with each, at most 5 min.
pub(crate) fn next_start(pod: &Value) -> Option<Timestamp> {
    let waiting = |status: &Value| {
        let state = &status["state"]["waiting"];
        if state["reason"] != "CrashLoopBackOff" {
            return None;
        }
        let ended = Timestamp::parse(status["lastState"]["terminated"]["finishedAt"].as_str()?).ok()?;
        let said = state["message"].as_str().and_then(back_off_in);
        let restarts = status["restartCount"].as_u64().unwrap_or(0);
        Some(ended + said.unwrap_or_else(|| back_off_after(restarts)))
    };
    statuses(pod).filter_map(|(status, _)| waiting(status)).max()
}

/// The time in the kubelet's words, as Go writes durations.
fn back_off_in(message: &str) -> Option<Duration> {
    let text = message.strip_prefix("back-off ")?.split(' ').next()?;
    let mut whole = Duration::ZERO;
    let mut digits = String::new();
    for c in text.chars() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        let amount: u64 = std::mem::take(&mut digits).parse().ok()?;
        let seconds = match c {
            'h' => amount.checked_mul(3600)?,
            'm' => amount.checked_mul(60)?,
            's' => amount,
            _ => return None,
        };
        whole = whole.checked_add(Duration::from_secs(seconds))?;
    }
    digits.is_empty().then_some(whole)
}

/// How long a container is left after so many restarts.
fn back_off_after(restarts: u64) -> Duration {
    let doubled = u32::try_from(restarts.saturating_sub(1)).unwrap_or(u32::MAX).min(5);
    Duration::from_secs(10 * 2_u64.pow(doubled)).min(Duration::from_mins(5))
}

fn statuses(pod: &Value) -> impl Iterator<Item = (&Value, bool)> {
    let main = elements(pod, "/status/containerStatuses").iter().map(|s| (s, false));
    main.chain(elements(pod, "/status/initContainerStatuses").iter().map(|s| (s, true)))
}

/// The uid of the controller above an object; empty where it has none.
pub(crate) fn controller_uid(object: &Value) -> &str {
    controller(object).and_then(|o| o["uid"].as_str()).unwrap_or_default()
}

/// The owner reference of the controller above an object.
pub(crate) fn controller(object: &Value) -> Option<&Value> {
    elements(object, "/metadata/ownerReferences")
        .iter()
        .find(|o| o["controller"] == true)
}

/// A workload's pods, by selector and then by controller: labels alone may catch pods of others.
///
/// Pods that do not count are among them. For a Deployment this asks for its `ReplicaSets` as well.
pub(crate) async fn of_workload(api: &Api, workload: &Value) -> Result<Vec<Value>, Stop> {
    if text(workload, "/kind") == "Deployment" {
        return Ok(of_deployment(api, workload).await?.1);
    }
    let uid = text(workload, "/metadata/uid");
    let mut pods = api
        .list_all("Pod", text(workload, "/metadata/namespace"), &labels(workload)?, "")
        .await?;
    pods.retain(|pod| controller_uid(pod) == uid);
    Ok(pods)
}

/// A Deployment's `ReplicaSets` and their pods.
pub(crate) async fn of_deployment(api: &Api, deployment: &Value) -> Result<(Vec<Value>, Vec<Value>), Stop> {
    let namespace = text(deployment, "/metadata/namespace");
    let labels = labels(deployment)?;
    let (mut sets, mut pods) = futures::try_join!(
        api.list_all("ReplicaSet", namespace, &labels, ""),
        api.list_all("Pod", namespace, &labels, "")
    )?;
    let uid = text(deployment, "/metadata/uid");
    sets.retain(|set| controller_uid(set) == uid);
    pods.retain(|pod| sets.iter().any(|set| text(set, "/metadata/uid") == controller_uid(pod)));
    Ok((sets, pods))
}

/// The label selector of a workload.
pub(crate) fn labels(workload: &Value) -> Result<String, Stop> {
    selector::of_workload(&workload["spec"]["selector"]).ok_or_else(|| {
        let (kind, name) = (text(workload, "/kind"), text(workload, "/metadata/name"));
        invalid(&format!("{kind}/{name} selects no pods by labels")).into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pod_on_its_way_out_is_not_ready() {
        let mut pod = json!({"metadata": {}, "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
        assert!(ready(&pod));
        pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        assert!(!ready(&pod) && !counts(&pod));
    }

    #[test]
    fn an_evicted_pod_is_no_replica() {
        assert!(!counts(
            &json!({"metadata": {}, "status": {"phase": "Failed", "reason": "Evicted"}})
        ));
    }

    #[test]
    fn restarts_count_every_container_and_their_last_end_is_found() {
        let pod = json!({"status": {
            "initContainerStatuses": [{"restartCount": 1, "state": {"terminated": {"exitCode": 0, "finishedAt": "2026-01-01T00:09:00Z"}},
                "lastState": {"terminated": {"exitCode": 1, "finishedAt": "2026-01-01T00:00:01Z"}}}],
            "containerStatuses": [
                {"restartCount": 2, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                 "lastState": {"terminated": {"exitCode": 1, "finishedAt": "2026-01-01T00:00:05Z"}}},
                {"restartCount": 0, "state": {"running": {}}, "lastState": {}}]}});
        assert_eq!(restarts(&pod), 3);
        assert_eq!(last_end(&pod), Timestamp::parse("2026-01-01T00:00:05Z").ok());
        assert_eq!(last_end(&json!({"status": {}})), None);
    }

    #[test]
    fn a_container_that_ended_too_often_starts_again_when_the_kubelet_says() {
        let waiting = |restarts: u64, message: &str| {
            json!({"status": {"containerStatuses": [
                {"restartCount": restarts, "state": {"waiting": {"reason": "CrashLoopBackOff", "message": message}},
                 "lastState": {"terminated": {"exitCode": 1, "finishedAt": "2026-01-01T00:00:00Z"}}},
                {"restartCount": 0, "state": {"running": {}}, "lastState": {}}]}})
        };
        let ended = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
        for (restarts, message, seconds) in [
            (
                7,
                "back-off 5m0s restarting failed container=main pod=web_shop(uid)",
                300,
            ),
            (
                7,
                "back-off 2m40s restarting failed container=main pod=web_shop(uid)",
                160,
            ),
            (1, "back-off 10s restarting failed container=main pod=web_shop(uid)", 10),
            (3, "", 40),
            (90, "back-off 1.5s restarting", 300),
        ] {
            let expected = ended + Duration::from_secs(seconds);
            assert_eq!(next_start(&waiting(restarts, message)), Some(expected), "{message}");
        }
        let mut started = waiting(3, "");
        started["status"]["containerStatuses"][0]["state"] = json!({"running": {}});
        assert_eq!(next_start(&started), None);
    }

    #[test]
    fn only_the_owner_that_controls_counts() {
        let object = json!({"metadata": {"ownerReferences": [
            {"kind": "A", "uid": "1"}, {"kind": "B", "uid": "2", "controller": true}]}});
        assert_eq!(controller_uid(&object), "2");
    }
}
