//! Answers that tempt and are wrong.

mod shop;

use dreamops_sdk::mock::{MockHost, MockPod, Rollout};
use dreamops_sdk::prelude::*;
use out_of_memory::OutOfMemory;
use serde_json::json;
use shop::*;

/// The alert names a healthy workload; the one that is killed has nothing to do with it.
#[test]
fn a_healthy_object_is_not_touched_for_anothers_kill() {
    let fine = Rollout::deployment("fine", 1)
        .container(json!({"name": "fine", "image": "fine:1"}))
        .pods(1, &MockPod::ready());
    let host = MockHost::new()
        .alert("ContainerOOMKilled", "")
        .rollout(fine)
        .rollout(too_small("64Mi", ""))
        .target("Deployment", "fine");
    assert!(host.confidence::<OutOfMemory>() > 0.5);
    let (finding, steps) = respond(&host);
    assert_escalated(&steps, "respond to Deployment/web instead");
    assert_eq!(cause(&finding).target.to_string(), "Deployment/web");
}

/// Another container of the pod crashes for another reason.
#[test]
fn a_crash_that_is_no_kill_for_memory_is_not_its_case() {
    let web = Rollout::deployment("web", 1)
        .container(web("64Mi", "", json!({})))
        .pods(1, &MockPod::crashing("Error", 137));
    assert!(host(web).confidence::<OutOfMemory>() < 0.5);
}

/// One kill after days is no reason to raise without asking.
#[test]
fn a_single_kill_after_a_long_run_asks_a_person() {
    let pod = MockPod::ready().ended("OOMKilled", 137, 400_000).restarts(1);
    let web = Rollout::deployment("web", 1)
        .container(web("64Mi", "", json!({})))
        .pods(1, &pod);
    let (finding, _) = respond(&host(web));
    assert!(cause(&finding).confidence < 0.8);
}

/// A kill that is long over does not count.
#[test]
fn a_container_that_has_run_since_is_healthy() {
    let pod = MockPod::ready().ended("OOMKilled", 137, 60).restarts(1);
    let web = Rollout::deployment("web", 1)
        .container(web("64Mi", "", json!({})))
        .pods(1, &pod);
    let later = dreamops_sdk::mock::NOW_MS + 3_600_000;
    let host = MockHost::new().now_ms(later).rollout(web).target("Deployment", "web");
    assert!(host.confidence::<OutOfMemory>() < 0.5);
    assert!(matches!(respond(&host).0, Finding::Healthy(_)));
}

/// The revision before had a higher limit and was killed as well: going back to it would not help.
#[test]
fn an_undo_does_not_go_to_a_revision_that_was_killed_too() {
    let web = Rollout::deployment("web", 2)
        .container(web("80Mi", "", json!({})))
        .pods(1, &killed(10))
        .container(web("64Mi", "", json!({})))
        .pods(1, &killed(10));
    let (_, steps) = respond(&host(web));
    assert_eq!(set(&steps), ("web", None, Some(120)));
}

/// A raise of another container's limit says nothing about this one.
#[test]
fn a_raise_of_a_neighbour_does_not_make_a_leak() {
    let pods = |log: &str| {
        json!({"containers": [web("64Mi", "", json!({})),
            {"name": "log", "image": "log:1", "resources": {"limits": {"memory": log}}}]})
    };
    let web = Rollout::deployment("web", 1)
        .revision(pods("20Mi"))
        .revision(pods("30Mi"))
        .pods(1, &killed(12));
    let (_, steps) = respond(&host(web).past(raised(1_800, "resolved")));
    assert_eq!(set(&steps), ("web", None, Some(96)));
}

/// A paused rollout would never reach the pods.
#[test]
fn a_paused_workload_is_a_persons() {
    let web = too_small("64Mi", "").with("/spec/paused", json!(true));
    assert_escalated(&respond(&host(web)).1, "--limits=memory=96Mi");
}

/// A cluster that does not answer is no finding.
#[test]
fn a_silent_cluster_is_a_failure_and_no_diagnosis() {
    let host = host(too_small("64Mi", "")).fails(
        "kubernetes/read/revisions",
        ReadFailure::Unavailable("the API server does not answer".into()),
    );
    assert!(matches!(host.diagnose::<OutOfMemory>(), Err(Failure::Unavailable(_))));
}

/// Pods of a revision that is killed as well may be ready for a moment between two kills.
#[test]
fn a_revision_that_is_ready_between_two_kills_is_not_gone_back_to() {
    let between = MockPod::ready().ended("OOMKilled", 137, 10).restarts(4);
    let web = Rollout::deployment("web", 2)
        .container(web("80Mi", "", json!({})))
        .pods(1, &between)
        .container(web("64Mi", "", json!({})))
        .pods(1, &killed(10));
    assert_eq!(set(&respond(&host(web)).1), ("web", None, Some(120)));
}
