//! Rows about memory that grows, and about others who set the limit.

mod shop;

use dreamops_sdk::mock::{MockHost, MockPod, Rollout, Step};
use dreamops_sdk::prelude::*;
use out_of_memory::OutOfMemory;
use serde_json::json;
use shop::*;

#[test]
fn a_raise_that_did_not_help_is_a_leak_with_its_growth_rate() {
    for outcome in ["resolved", "escalated", "reverted", "open"] {
        let rollout = Rollout::deployment("web", 1)
            .container(web("64Mi", "", json!({})))
            .container(web("96Mi", "", json!({})))
            .pods(1, &killed(24));
        let (finding, steps) = respond(&host(rollout).past(raised(1_800, outcome)));
        assert_escalated(&steps, "find what container web (image shop/web:1) keeps in memory");
        assert!(
            cause(&finding).root_cause.contains("about 4Mi per second"),
            "{}",
            cause(&finding).root_cause
        );
    }
}

#[test]
fn runs_that_last_longer_with_more_memory_are_a_leak() {
    let web = Rollout::deployment("web", 2)
        .container(web("64Mi", "", json!({})))
        .pods(1, &killed(16))
        .container(web("128Mi", "", json!({})))
        .pods(1, &killed(32));
    let (finding, steps) = respond(&host(web));
    assert_escalated(&steps, "find what container web");
    assert!(
        cause(&finding)
            .root_cause
            .contains("memory leaks, by about 4Mi per second"),
        "{}",
        cause(&finding).root_cause
    );
}

#[test]
fn a_leak_that_has_not_struck_yet_gets_one_restart_and_a_person() {
    let leaking = || {
        let web = Rollout::deployment("web", 1)
            .container(web("64Mi", "", json!({})))
            .container(web("96Mi", "", json!({})))
            .pods(1, &MockPod::ready());
        let pod = web.pod_name(2, 0);
        MockHost::new()
            .rollout(web)
            .target("Deployment", "web")
            .handed_over("out-of-memory")
            .usage(usage(&pod, "web", 90 * MIB, Some(96 * MIB)))
            .past(raised(40_000, "resolved"))
    };
    let (finding, steps) = respond(&leaking());
    assert_eq!(
        steps.iter().map(Step::name).collect::<Vec<_>>(),
        ["restart-workload", "escalate"]
    );
    assert!(
        cause(&finding).root_cause.contains("per minute"),
        "{}",
        cause(&finding).root_cause
    );

    let mut restart = raised(3_600, "escalated");
    restart.action = "restart-workload".into();
    let (_, steps) = respond(&leaking().past(restart));
    assert_escalated(&steps, "find what container web");
}

#[test]
fn a_writer_that_sets_the_limit_back_is_named_and_not_fought() {
    let fields = json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {
        "f:resources": {"f:limits": {"f:memory": {}}}}}}}}});
    let web = Rollout::deployment("web", 1)
        .container(web("96Mi", "", json!({})))
        .container(web("64Mi", "", json!({})))
        .pods(1, &killed(12))
        .with(
            "/metadata/managedFields",
            json!([{"manager": "nightly-sizer", "time": "2025-11-24T10:10:00Z", "fieldsV1": fields}]),
        );
    let (finding, steps) = respond(&host(web).past(raised(1_800, "resolved")));
    assert_escalated(&steps, "nightly-sizer");
    assert!(
        cause(&finding).root_cause.contains("has set the limit back to 64Mi"),
        "{}",
        cause(&finding).root_cause
    );
}

#[test]
fn a_webhook_that_changes_the_pods_limit_is_told() {
    let mut pod = web("32Mi", "", json!({}));
    pod["resources"]["limits"]["memory"] = json!("32Mi");
    let rollout = Rollout::deployment("web", 1).container(web("96Mi", "", json!({})));
    let host = host(rollout).object(json!({"kind": "Pod",
        "metadata": {"name": "web-r1-x", "labels": {"app": "web", "pod-template-hash": "r1"},
            "annotations": {"vpaUpdates": "Pod resources updated by web"}, "ownerReferences": [
            {"kind": "ReplicaSet", "name": "web-r1", "uid": "uid-replicaset-web-r1", "controller": true}]},
        "spec": {"nodeName": "n1", "containers": [pod]},
        "status": {"phase": "Running", "containerStatuses": [{"name": "web", "ready": false, "restartCount": 4,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": "2025-11-24T10:18:00Z"}}}]}}));
    let (_, steps) = respond(&host);
    assert_escalated(
        &steps,
        "a VerticalPodAutoscaler gives the pod a limit of 32Mi where its template has 96Mi",
    );
}

#[test]
fn a_kill_at_the_new_limit_shows_that_the_raise_does_not_help() {
    let before = host(too_small("64Mi", ""));
    let (finding, steps) = respond(&before);
    let diagnosis = cause(&finding).clone();
    let raised = |lasted: u64| {
        host(
            Rollout::deployment("web", 1)
                .container(web("64Mi", "", json!({})))
                .container(web("96Mi", "", json!({})))
                .pods(1, &killed(lasted)),
        )
    };
    let present =
        raised(24).within(|_| cluster::health(&ObjectRef::new("Deployment", "shop", "web", "uid-deployment-web")));
    let present = present.expect("there is one");
    let verdict = raised(24).verify::<OutOfMemory>(&diagnosis, &steps, 60_000, present.clone());
    assert!(
        matches!(&verdict, Ok(Verdict::Worse(why)) if why.contains("memory leaks by about")),
        "{verdict:?}"
    );
    let verdict = raised(12).verify::<OutOfMemory>(&diagnosis, &steps, 60_000, present);
    assert!(
        matches!(&verdict, Ok(Verdict::Worse(why)) if why.contains("needs far more")),
        "{verdict:?}"
    );

    let well = host(
        Rollout::deployment("web", 1)
            .container(web("64Mi", "", json!({})))
            .container(web("96Mi", "", json!({})))
            .pods(1, &MockPod::ready()),
    );
    let present = well.within(|_| cluster::health(&ObjectRef::new("Deployment", "shop", "web", "uid-deployment-web")));
    let verdict = well.verify::<OutOfMemory>(&diagnosis, &steps, 60_000, present.expect("there is one"));
    assert_eq!(verdict, Ok(Verdict::Healed));
}
