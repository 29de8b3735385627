//! Rows about the pods behind a Service: none wanted, none made, none placed, none ready.

mod shop;

use dreamops_sdk::mock::expect::handed_to;
use dreamops_sdk::mock::{MockHost, MockPod, Rollout, Step};
use dreamops_sdk::prelude::*;
use serde_json::{Value, json};
use service_down::ServiceDown;
use shop::*;

fn in_front_of(web: Rollout) -> MockHost {
    host()
        .object(service("web", json!({"app": "web"}), json!(8080)))
        .rollout(web)
}

fn hpa(min: &Value, max: u32) -> Value {
    json!({"kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "minReplicas": min, "maxReplicas": max}})
}

#[track_caller]
fn scaled_to(steps: &[Step]) -> u32 {
    match steps {
        [Step::Scale { workload, replicas, .. }] => {
            assert_eq!(workload.name, "web");
            *replicas
        }
        other => panic!("not scaled: {other:?}"),
    }
}

#[test]
fn a_workload_at_zero_gets_the_count_that_events_tell() {
    let event = |host: MockHost| {
        host.event(
            "Deployment",
            "web",
            "ScalingReplicaSet",
            "Scaled down replica set web-r1 from 3 to 0",
            1,
        )
    };
    let host = event(in_front_of(asleep("web")));
    assert!(host.confidence::<ServiceDown>() > 0.95);
    let (finding, steps) = respond(&host);
    assert_eq!(scaled_to(&steps), 3);
    assert!(cause(&finding).confidence >= 0.8);
    // within the autoscaler's range
    assert_eq!(
        scaled_to(&respond(&event(in_front_of(asleep("web"))).object(hpa(&json!(1), 2))).1),
        2
    );
    assert_eq!(
        scaled_to(&respond(&event(in_front_of(asleep("web"))).object(hpa(&json!(4), 9))).1),
        4
    );
}

#[test]
fn a_workload_at_zero_gets_the_count_that_was_applied_or_that_its_autoscaler_sets() {
    let text = json!({"spec": {"replicas": 2}}).to_string();
    let web = asleep("web").with(
        "/metadata/annotations",
        json!({"kubectl.kubernetes.io/last-applied-configuration": text}),
    );
    assert_eq!(scaled_to(&respond(&in_front_of(web)).1), 2);
    assert_eq!(
        scaled_to(&respond(&in_front_of(asleep("web")).object(hpa(&json!(2), 5))).1),
        2
    );

    let db = Rollout::stateful_set("web", 0).revision(template(&json!({"app": "web"})));
    let host = ["web-2", "web-1", "web-0"].iter().fold(in_front_of(db), |host, pod| {
        let message = format!("delete Pod {pod} in StatefulSet web successful");
        host.event("StatefulSet", "web", "SuccessfulDelete", &message, 1)
    });
    assert_eq!(scaled_to(&respond(&host).1), 3);
}

#[test]
fn a_workload_whose_count_nobody_knows_is_a_persons() {
    let (_, steps) = respond(&in_front_of(asleep("web")));
    assert_escalated(&steps, "kubectl -n shop scale deployment/web --replicas=COUNT");
}

#[test]
fn an_alert_about_the_workload_itself_leads_to_its_service() {
    let host = in_front_of(asleep("web"))
        .alert("WebDown", "web is unreachable")
        .target("Deployment", "web")
        .event(
            "Deployment",
            "web",
            "ScalingReplicaSet",
            "Scaled down replica set web-r1 from 1 to 0",
            1,
        );
    assert!(host.confidence::<ServiceDown>() > 0.9);
    assert_eq!(scaled_to(&respond(&host).1), 1);
}

/// Something scales it to zero on purpose: it would do so again.
#[test]
fn a_workload_that_is_held_at_zero_is_not_woken() {
    let event = "Scaled down replica set web-r1 from 3 to 0";
    let labels = |key: &str| asleep("web").with("/metadata/annotations", json!({key: "x"}));
    let writer = asleep("web").with(
        "/metadata/managedFields",
        json!([{"manager": "nightly-cron-scaler", "subresource": "scale", "time": "2025-11-24T10:00:00Z",
            "fieldsV1": {"f:spec": {"f:replicas": {}}}}]),
    );
    let cron = json!({"kind": "CronJob", "metadata": {"name": "night"}, "spec": {"schedule": "0 20 * * *", "jobTemplate": {"spec": {"template": {"spec":
        {"containers": [{"name": "k", "command": ["kubectl", "scale", "deployment/web", "--replicas=0"]}]}}}}}});
    for (web, more, says) in [
        (
            labels("scaledobject.keda.sh/name"),
            None,
            "scaledobject.keda.sh/name=x on Deployment/web",
        ),
        (
            labels("downscaler/original-replicas"),
            None,
            "downscaler/original-replicas",
        ),
        (writer, None, "nightly-cron-scaler"),
        (asleep("web"), Some(cron), "CronJob/night scales it by the schedule"),
        (asleep("web"), Some(hpa(&json!(0), 5)), "may set it to zero"),
    ] {
        let mut host = in_front_of(web).event("Deployment", "web", "ScalingReplicaSet", event, 1);
        if let Some(object) = more {
            host = host.object(object);
        }
        let (_, steps) = respond(&host);
        assert_escalated(&steps, says);
        assert_escalated(&steps, "--replicas=3");
    }
}

#[test]
fn pods_that_are_refused_before_they_exist_are_told_with_the_refusal() {
    let said = "pods \"web-x\" is forbidden: exceeded quota: team, requested: pods=1, used: pods=4, limited: pods=4";
    let web = Rollout::deployment("web", 2)
        .revision(template(&json!({"app": "web"})))
        .with(
            "/status/conditions",
            json!([{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": said}]),
        );
    let (_, steps) = respond(&in_front_of(web));
    assert_escalated(&steps, "free what the quota counts");
    assert_escalated(&steps, "requested: pods=1");
}

#[test]
fn unready_pods_are_handed_to_whom_they_concern() {
    for (pod, fault) in [
        (MockPod::waiting("ImagePullBackOff", "not found"), "image-pull"),
        (MockPod::crashing("OOMKilled", 137), "out-of-memory"),
        (MockPod::crashing("Error", 1), "crash-loop"),
        (
            MockPod::waiting("CreateContainerConfigError", "secret \"x\" not found"),
            "crash-loop",
        ),
        (MockPod::unready(), "crash-loop"),
    ] {
        let host = in_front_of(deployment("web", &json!({"app": "web"}), 2, &pod));
        assert!(host.confidence::<ServiceDown>() > 0.95);
        let (finding, steps) = respond(&host);
        assert_eq!(handed_to(&finding), (fault, "Deployment/web".into()));
        assert_eq!(steps, []);
    }
}

#[test]
fn a_case_that_others_are_surer_of_is_left_to_them() {
    let host = in_front_of(deployment(
        "web",
        &json!({"app": "web"}),
        2,
        &MockPod::crashing("Error", 1),
    ))
    .alert("KubePodCrashLooping", "a pod of the service restarts")
    .target("Deployment", "web");
    assert!(host.confidence::<ServiceDown>() <= 0.6);
}

#[test]
fn pods_without_a_node_are_told_in_the_schedulers_words() {
    for (said, advice) in [
        (
            "0/3 nodes are available: 3 Insufficient memory.",
            "add a node, or lower what Deployment/web requests",
        ),
        (
            "0/3 nodes are available: 3 node(s) had untolerated taint {dedicated: db}.",
            "add a node without that taint",
        ),
        (
            "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.",
            "label a node",
        ),
        (
            "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
            "provide the volume",
        ),
    ] {
        let web = deployment("web", &json!({"app": "web"}), 1, &MockPod::pending(said));
        let (finding, steps) = respond(&in_front_of(web));
        assert_escalated(&steps, advice);
        assert_escalated(&steps, said);
        assert!(cause(&finding).root_cause.contains("find no node"));
    }
}

#[test]
fn a_service_that_answers_is_left_alone() {
    let host = in_front_of(deployment("web", &json!({"app": "web"}), 2, &MockPod::ready()));
    assert!(host.confidence::<ServiceDown>() < 0.5);
    let (finding, steps) = respond(&host);
    assert!(matches!(finding, Finding::Healthy(evidence) if !evidence.is_empty()));
    assert_eq!(steps, []);
}

/// The alert names a Service that answers; another one does not.
#[test]
fn a_healthy_service_is_not_touched_for_anothers_fault() {
    let host = in_front_of(deployment("web", &json!({"app": "web"}), 2, &MockPod::ready()))
        .object(service("api", json!({"app": "apy"}), json!(8080)))
        .rollout(deployment("api", &json!({"app": "api"}), 1, &MockPod::ready()));
    assert!(host.confidence::<ServiceDown>() > 0.5);
    let (finding, steps) = respond(&host);
    assert_escalated(&steps, "respond to Service/api instead");
    assert_eq!(cause(&finding).target.to_string(), "Service/api");
}

#[test]
fn an_alert_about_something_else_is_not_its_case() {
    let host = MockHost::new()
        .alert("HighMemory", "pod web-1")
        .object(service("web", json!({"app": "web"}), json!(8080)))
        .rollout(deployment("web", &json!({"app": "web"}), 1, &MockPod::ready()))
        .target("Deployment", "web");
    assert!(host.confidence::<ServiceDown>() < 0.5);
}
