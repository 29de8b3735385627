//! Answers that tempt and are wrong.

mod shop;

use dreamops_sdk::mock::{MockHost, MockPod, NOW_MS, Rollout, Step};
use dreamops_sdk::prelude::*;
use high_usage::HighUsage;
use serde_json::json;
use shop::*;

/// A kill for memory is no matter of scaling.
#[test]
fn containers_that_fail_are_left_to_whom_they_concern() {
    for (pod, fault) in [
        (MockPod::crashing("OOMKilled", 137), "out-of-memory"),
        (MockPod::crashing("Error", 1), "crash-loop"),
        (MockPod::waiting("ImagePullBackOff", ""), "image-pull"),
    ] {
        let rollout = Rollout::deployment("web", 1).container(container()).pods(1, &pod);
        let host = busy(rollout, &[500]).object(hpa(1, 10, 1, 300));
        assert!(host.confidence::<HighUsage>() < 0.5);
        assert_eq!(handed_to(&respond(&host).0), (fault, "Deployment/web".into()));
    }
}

/// Metrics alone are no incident: a program may use what it was given.
#[test]
fn an_alert_about_something_else_is_not_its_case() {
    let host = busy(web(2), &[500, 500]).alert("KubePodNotReady", "web");
    assert!(host.confidence::<HighUsage>() < 0.5);
}

/// One window of fifteen seconds is no trend.
#[test]
fn a_single_sample_does_not_act_without_a_person() {
    let now = busy(web(3), &[20, 500, 30]).started_ms(NOW_MS - 10_000);
    let (finding, steps) = respond(&now);
    assert!(matches!(&steps[..], [Step::RestartPod { .. }]));
    assert!(cause(&finding).confidence < 0.8);

    let mut silent = hpa(1, 10, 2, 0);
    silent["status"] = json!({"currentReplicas": 2});
    let now = busy(web(2), &[480, 500]).object(silent).started_ms(NOW_MS - 10_000);
    let (finding, steps) = respond(&now);
    assert!(scaled_to(&steps) > 2);
    assert!(cause(&finding).confidence < 0.8);
}

/// Load that is uneven is not a stuck pod.
#[test]
fn uneven_load_does_not_restart_the_busiest_pod() {
    let (_, steps) = respond(&busy(web(3), &[250, 500, 300]).object(hpa(1, 10, 3, 140)));
    assert!(scaled_to(&steps) > 3);
}

/// The member that leads a StatefulSet works more than the others.
#[test]
fn a_leader_is_not_restarted() {
    let db = Rollout::stateful_set("db", 3)
        .container(container())
        .pods(3, &MockPod::ready());
    let host = [500, 20, 20].iter().enumerate().fold(
        MockHost::new()
            .alert("HighCPU", "db")
            .started_ms(NOW_MS - 600_000)
            .rollout(db)
            .target("StatefulSet", "db"),
        |host, (i, cpu)| host.usage(sample(&format!("db-{i}"), *cpu, 20)),
    );
    let (_, steps) = respond(&host);
    assert_escalated(&steps, "kubectl -n shop delete pod db-0");
}

/// Replicas never go down, whatever the load.
#[test]
fn nothing_is_scaled_down() {
    let (finding, steps) = respond(&busy(web(4), &[1, 1, 1, 1]).object(hpa(1, 10, 4, 1)));
    assert!(matches!(finding, Finding::Healthy(_)));
    assert_eq!(steps, []);
}

#[test]
fn a_silent_cluster_is_a_failure_and_no_diagnosis() {
    let host = busy(web(1), &[500]).fails(
        "kubernetes/read/usage",
        ReadFailure::Unavailable("the API server does not answer".into()),
    );
    assert!(matches!(host.diagnose::<HighUsage>(), Err(Failure::Unavailable(_))));
}
