//! Each row of the table in the crate's documentation.

mod shop;

use dreamops_sdk::mock::{MockHost, MockPod, Rollout, Step};
use dreamops_sdk::prelude::*;
use out_of_memory::OutOfMemory;
use serde_json::json;
use shop::*;

#[test]
fn a_healthy_workload_is_left_alone() {
    let web = Rollout::deployment("web", 2)
        .container(web("64Mi", "", json!({})))
        .pods(2, &MockPod::ready());
    let host = host(web).alert("OOMKilled", "web was out of memory");
    assert!(host.confidence::<OutOfMemory>() < 0.5);
    let (finding, steps) = respond(&host);
    assert!(matches!(finding, Finding::Healthy(evidence) if !evidence.is_empty()));
    assert_eq!(steps, []);
}

#[test]
fn a_limit_that_is_too_low_is_raised_by_half_with_its_request() {
    for (limit, request, expected) in [
        ("64Mi", "32Mi", ("web", Some(48), Some(96))),
        ("64Mi", "64Mi", ("web", Some(96), Some(96))),
        // without a request of its own it follows the limit
        ("100Mi", "", ("web", None, Some(150))),
    ] {
        let host = host(too_small(limit, request));
        assert!(host.confidence::<OutOfMemory>() > 0.9);
        let (finding, steps) = respond(&host);
        assert_eq!(set(&steps), expected);
        assert!(cause(&finding).confidence >= 0.9);
        assert_eq!(cause(&finding).target.to_string(), "Deployment/web");
    }
}

#[test]
fn a_container_that_was_just_killed_counts_before_the_back_off_shows() {
    let state = json!({"terminated": {"reason": "OOMKilled", "exitCode": 137,
        "startedAt": "2025-11-24T10:18:40Z", "finishedAt": "2025-11-24T10:18:55Z"}});
    let host = MockHost::new()
        .object(json!({"kind": "StatefulSet", "metadata": {"name": "db"},
            "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "db"}}, "template": {"spec": {"containers": [
                {"name": "db", "image": "db:1", "resources": {"limits": {"memory": "40Mi"}}}]}}}}))
        .object(json!({"kind": "Pod",
            "metadata": {"name": "db-0", "labels": {"app": "db"}, "ownerReferences": [
                {"kind": "StatefulSet", "name": "db", "uid": "uid-statefulset-db", "controller": true}]},
            "spec": {"nodeName": "n1", "containers": [{"name": "db", "image": "db:1", "resources": {"limits": {"memory": "40Mi"}}}]},
            "status": {"phase": "Running", "containerStatuses": [{"name": "db", "ready": false, "restartCount": 1, "state": state}]}}))
        .target("Pod", "db-0");
    let (finding, steps) = respond(&host);
    assert_eq!(set(&steps), ("db", None, Some(60)));
    assert_eq!(cause(&finding).target.to_string(), "StatefulSet/db");
}

#[test]
fn daemon_sets_and_sidecars_are_raised_too_and_only_the_killed_container_is() {
    let pods = json!({"containers": [
        web("64Mi", "", json!({})), {"name": "log", "image": "log:1", "resources": {"limits": {"memory": "20Mi"}}}]});
    let set_ = Rollout::daemon_set("web", 2)
        .revision(pods)
        .pods(2, &killed(3).of_container("log"));
    let host = MockHost::new().rollout(set_).target("DaemonSet", "web");
    let (finding, steps) = respond(&host);
    assert_eq!(set(&steps), ("log", None, Some(30)));
    assert_eq!(cause(&finding).target.kind, "DaemonSet");
}

#[test]
fn a_raise_goes_to_what_the_container_is_known_to_need() {
    let heap = web("64Mi", "", json!({"args": ["-Xmx160m"]}));
    let declared = Rollout::deployment("web", 1).container(heap).pods(1, &killed(2));
    assert_eq!(set(&respond(&host(declared)).1), ("web", None, Some(200)));

    let observed = too_small("64Mi", "");
    let elsewhere = usage("web-canary", "web", 150 * MIB, Some(300 * MIB));
    assert_eq!(
        set(&respond(&host(observed).usage(elsewhere)).1),
        ("web", None, Some(180))
    );
}

#[test]
fn a_raise_stops_at_the_cap_and_a_limit_at_the_cap_is_a_persons() {
    let web = || host(too_small("64Mi", ""));
    assert_eq!(
        set(&respond(&web().setting("max_memory", "80Mi")).1),
        ("web", None, Some(80))
    );
    let (_, steps) = respond(&web().setting("max_memory", "64Mi"));
    assert_escalated(
        &steps,
        "kubectl -n shop set resources deployment/web -c web --limits=memory=96Mi",
    );
}

#[test]
fn a_rollout_that_lowered_the_limit_is_undone() {
    let web = Rollout::deployment("web", 3)
        .container(web("128Mi", "", json!({})))
        .pods(2, &MockPod::ready())
        .container(web("32Mi", "", json!({})))
        .pods(2, &killed(1));
    let host = host(web);
    let (finding, steps) = respond(&host);
    assert!(
        matches!(&steps[..], [Step::UndoRollout { revision, .. }] if revision == "uid-replicaset-web-r1"),
        "{steps:?}"
    );
    assert!(
        cause(&finding).root_cause.contains("lowered its limit from 128Mi"),
        "{}",
        cause(&finding).root_cause
    );
    assert!(cause(&finding).confidence >= 0.9);
}

#[test]
fn where_the_older_revision_is_untold_only_the_limit_is_set_back() {
    let set_of = |limit: &str, image: &str| web(limit, "16Mi", json!({"image": image}));
    let db = Rollout::stateful_set("web", 1)
        .container(set_of("128Mi", "shop/web:0"))
        .container(set_of("128Mi", "shop/web:1"))
        .container(set_of("32Mi", "shop/web:2"))
        .pods(1, &killed(1))
        .with("/status/currentRevision", json!(""));
    let host = MockHost::new().rollout(db).target("StatefulSet", "web");
    let (finding, steps) = respond(&host);
    assert_eq!(set(&steps), ("web", Some(16), Some(128)));
    assert!(cause(&finding).confidence >= 0.8);
}

#[test]
fn an_image_that_needs_more_is_undone_where_the_older_one_is_known_to_work() {
    let web = Rollout::deployment("web", 3)
        .container(web("64Mi", "", json!({})))
        .pods(3, &MockPod::ready())
        .container(web("64Mi", "", json!({"image": "shop/web:2"})))
        .pods(1, &killed(4));
    let (_, steps) = respond(&host(web));
    assert!(matches!(&steps[..], [Step::UndoRollout { .. }]), "{steps:?}");
}

#[test]
fn memory_near_its_limit_is_given_more_before_the_kill() {
    let web = Rollout::deployment("web", 1)
        .container(web("100Mi", "", json!({})))
        .pods(1, &MockPod::ready());
    let pod = web.pod_name(1, 0);
    let host = MockHost::new()
        .rollout(web)
        .target("Deployment", "web")
        .handed_over("out-of-memory")
        .usage(usage(&pod, "web", 95 * MIB, Some(100 * MIB)));
    let (finding, steps) = respond(&host);
    assert_eq!(set(&steps), ("web", None, Some(150)));
    assert!(
        cause(&finding).root_cause.contains("uses 95Mi"),
        "{}",
        cause(&finding).root_cause
    );
}
