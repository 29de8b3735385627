//! Rows about what forbids a raise, and about what is not the workload's fault.

mod shop;

use dreamops_sdk::cluster::{QuotaLine, RangeLine};
use dreamops_sdk::mock::{MockHost, MockPod, Rollout};
use dreamops_sdk::prelude::*;
use out_of_memory::OutOfMemory;
use serde_json::json;
use shop::*;

#[test]
fn a_quota_that_forbids_the_raise_is_told_with_its_numbers() {
    let mut quota = room(8 << 30, 16 << 30);
    quota.quotas.push(QuotaLine {
        name: "team".into(),
        resource: "limits.memory".into(),
        hard: 128 * MIB,
        used: 64 * MIB,
    });
    let (_, steps) = respond(&host(too_small("64Mi", "")).quota(quota));
    assert_escalated(
        &steps,
        "quota team allows 128Mi of limits.memory and 64Mi are used; the rollout takes 96Mi more",
    );
}

#[test]
fn a_quota_for_other_pods_forbids_nothing() {
    let mut quota = room(8 << 30, 16 << 30);
    quota.quotas.push(QuotaLine {
        name: "batch".into(),
        resource: "requests.memory".into(),
        hard: 1,
        used: 1,
    });
    let scoped = json!({"kind": "ResourceQuota", "metadata": {"name": "batch"}, "spec": {"scopes": ["Terminating"]}});
    let (_, steps) = respond(&host(too_small("64Mi", "")).quota(quota).object(scoped));
    assert_eq!(set(&steps), ("web", None, Some(96)));
}

#[test]
fn a_limit_range_and_nodes_that_are_too_small_are_told_with_their_numbers() {
    let mut range = room(8 << 30, 16 << 30);
    range.ranges.push(RangeLine {
        name: "sizes".into(),
        applies_to: "Container".into(),
        resource: "memory".into(),
        max: Some(80 * MIB),
        min: None,
        max_ratio_millis: None,
    });
    let (_, steps) = respond(&host(too_small("64Mi", "")).quota(range));
    assert_escalated(
        &steps,
        "limit range sizes allows a container at most 80Mi and this takes 96Mi",
    );

    let (_, steps) = respond(&host(too_small("64Mi", "")).quota(room(90 * MIB, 90 * MIB)));
    assert_escalated(
        &steps,
        "no node is large enough: a pod would request 96Mi and the largest node has 90Mi",
    );

    // the new pod is made beside the old one
    let (_, steps) = respond(&host(too_small("64Mi", "")).quota(room(90 * MIB, 1 << 30)));
    assert_escalated(
        &steps,
        "no node has room: a new pod would request 96Mi and the most that is free on one node is 90Mi",
    );

    // a StatefulSet's pod leaves its room to its successor
    let db = Rollout::stateful_set("web", 1)
        .container(web("64Mi", "", json!({})))
        .pods(1, &killed(9));
    let host = MockHost::new()
        .rollout(db)
        .target("StatefulSet", "web")
        .quota(room(40 * MIB, 1 << 30));
    assert_eq!(set(&respond(&host).1), ("web", None, Some(96)));
}

#[test]
fn a_full_node_is_no_fault_of_the_workload() {
    let node = |host: MockHost| host.object(json!({"kind": "Node", "metadata": {"name": "node-1"}}));
    let no_limit = host(
        Rollout::deployment("web", 1)
            .container(web("", "", json!({})))
            .pods(1, &killed(9)),
    );
    let (finding, steps) = respond(&node(no_limit));
    assert_escalated(&steps, "find what fills node node-1");
    assert!(
        cause(&finding)
            .root_cause
            .contains("only node node-1 can have been full")
    );
}

#[test]
fn an_evicted_pod_is_the_nodes_affair() {
    let low = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 20Mi.";
    let waits = Rollout::deployment("web", 1)
        .container(web("64Mi", "", json!({})))
        .pods(1, &MockPod::pending("0/1 nodes are available"));
    let host = MockHost::new()
        .rollout(waits)
        .owner("Deployment", "web")
        .target("Pod", "web-r1-gone")
        .event("Pod", "web-r1-gone", "Evicted", low, 1);
    assert!(host.confidence::<OutOfMemory>() > 0.5);
    let (finding, steps) = respond(&host);
    assert_escalated(&steps, "give its node room");
    assert!(cause(&finding).root_cause.contains("Threshold quantity"));

    // the successor is ready: over
    let well = Rollout::deployment("web", 1)
        .container(web("64Mi", "", json!({})))
        .pods(1, &MockPod::ready());
    let host = MockHost::new()
        .rollout(well)
        .owner("Deployment", "web")
        .target("Pod", "web-r1-gone")
        .event("Pod", "web-r1-gone", "Evicted", low, 1);
    assert!(matches!(respond(&host).0, Finding::Healthy(_)));
}

#[test]
fn an_init_container_is_raised_like_any_other() {
    let init = json!({"initContainers": [{"name": "seed", "image": "seed:1", "resources": {"limits": {"memory": "10Mi"}}}],
        "containers": [{"name": "web", "image": "shop/web:1"}]});
    let web = Rollout::deployment("web", 1)
        .revision(init)
        .pods(1, &killed(1).of_container("seed"));
    let (finding, steps) = respond(&host(web));
    assert_eq!(set(&steps), ("seed", None, Some(15)));
    assert!(
        cause(&finding)
            .root_cause
            .starts_with("init container seed of Deployment/web")
    );
}

#[test]
fn a_bare_pod_gets_the_numbers() {
    let status = json!({"phase": "Running", "containerStatuses": [{"name": "one", "ready": false, "restartCount": 3,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": "2025-11-24T10:18:00Z"}}}]});
    let spec = json!({"nodeName": "n1", "containers": [{"name": "one", "image": "one:1", "resources": {"limits": {"memory": "10Mi"}}}]});
    let bare = MockHost::new()
        .object(json!({"kind": "Pod", "metadata": {"name": "alone"}, "spec": spec, "status": status}))
        .target("Pod", "alone");
    assert_escalated(&respond(&bare).1, "delete Pod/alone and create it anew");
}
