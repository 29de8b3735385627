//! Each row of the table in the crate's documentation.

mod shop;

use dreamops_sdk::cluster::{Quota, QuotaLine};
use dreamops_sdk::mock::{MockHost, MockPod, NOW_MS, Rollout, Step};
use dreamops_sdk::prelude::*;
use high_usage::HighUsage;
use serde_json::json;
use shop::*;

#[test]
fn without_metrics_a_person_is_told_and_nothing_is_guessed() {
    let host = busy(web(2), &[]);
    assert!(host.confidence::<HighUsage>() > 0.5);
    let (finding, steps) = respond(&host);
    assert_escalated(&steps, "metrics-server");
    assert!(cause(&finding).root_cause.contains("no metrics are to be had"));
}

#[test]
fn use_below_the_threshold_is_over() {
    let (finding, steps) = respond(&busy(web(2), &[100, 120]));
    assert!(matches!(finding, Finding::Healthy(evidence) if evidence.iter().any(|e| e.text.contains("(24 %)"))));
    assert_eq!(steps, []);
    // the operator may draw the line elsewhere
    let (finding, _) = respond(&busy(web(2), &[100, 120]).setting("cpu_percent", "20"));
    assert!(matches!(finding, Finding::Cause(_)));
}

#[test]
fn replicas_are_added_within_the_autoscalers_range() {
    let host = busy(web(2), &[495, 500]).object(hpa(1, 10, 2, 199));
    let (finding, steps) = respond(&host);
    // 2 × 199 % ÷ 80 %
    assert_eq!(scaled_to(&steps), 5);
    assert!(cause(&finding).confidence >= 0.8);
    assert!(
        cause(&finding)
            .root_cause
            .contains("container web of Pod/web-r1-1 uses 500m of 500m processor (100 %)")
    );
    let (_, steps) = respond(&busy(web(2), &[495, 500]).object(hpa(1, 3, 2, 199)));
    assert_eq!(scaled_to(&steps), 3);
}

#[test]
fn a_higher_maximum_is_proposed_and_asks_a_person() {
    let (finding, steps) = respond(&busy(web(3), &[495, 500, 490]).object(hpa(1, 3, 3, 110)));
    match &steps[..] {
        [
            Step::Patch {
                target, path, value, ..
            },
        ] => {
            assert_eq!(
                (target.to_string().as_str(), path.as_str(), value.as_str()),
                ("HorizontalPodAutoscaler/web", "/spec/maxReplicas", "5")
            );
        }
        other => panic!("no patch: {other:?}"),
    }
    assert!(cause(&finding).confidence < 0.8);
    // never more than double at once
    let (_, steps) = respond(&busy(web(2), &[500, 500]).object(hpa(1, 2, 2, 800)));
    assert!(
        matches!(&steps[..], [Step::Patch { value, .. }] if value == "4"),
        "{steps:?}"
    );
}

#[test]
fn an_autoscaler_that_would_set_it_back_is_not_fought() {
    let (_, steps) = respond(&busy(web(2), &[495, 500]).object(hpa(1, 10, 2, 40)));
    assert_escalated(&steps, "--limits=cpu=750m --requests=cpu=375m");
    let mut by_queue = hpa(1, 10, 2, 40);
    by_queue["spec"]["metrics"] = json!([{"type": "External"}]);
    let (_, steps) = respond(&busy(web(2), &[495, 500]).object(by_queue));
    assert_escalated(&steps, "raise its processor limit");
}

#[test]
fn without_an_autoscaler_a_person_gets_the_numbers() {
    let (finding, steps) = respond(&busy(web(1), &[499]));
    assert_escalated(
        &steps,
        "kubectl -n shop set resources deployment/web -c web --limits=cpu=750m --requests=cpu=375m",
    );
    assert_escalated(&steps, "kubectl -n shop scale deployment/web --replicas=2");
    assert!(cause(&finding).root_cause.contains("throttled"));
}

#[test]
fn replicas_that_have_no_room_are_not_asked_for() {
    let quota = Quota {
        quotas: vec![QuotaLine {
            name: "team".into(),
            resource: "requests.cpu".into(),
            hard: 1_000,
            used: 500,
        }],
        ranges: Vec::new(),
        largest_free_memory: None,
        largest_node_memory: None,
        largest_free_cpu: None,
        not_checked: Vec::new(),
    };
    let (_, steps) = respond(&busy(web(2), &[495, 500]).object(hpa(1, 10, 2, 199)).quota(quota));
    assert_escalated(
        &steps,
        "quota team allows 1 of requests.cpu and 500m are used; 3 pods take 750m more",
    );
}

#[test]
fn one_stuck_replica_among_calm_ones_is_restarted_once() {
    let host = || busy(web(3), &[20, 500, 30]).object(hpa(1, 10, 3, 75));
    let (finding, steps) = respond(&host());
    assert!(
        matches!(&steps[..], [Step::RestartPod { pod, .. }] if pod.name == "web-r1-1"),
        "{steps:?}"
    );
    assert!(cause(&finding).confidence >= 0.8);

    let past = dreamops_sdk::incident::PastAction {
        at_ms: NOW_MS - 3_600_000,
        action: "restart-pod".into(),
        strategy: "high-usage".into(),
        outcome: "resolved".into(),
        fault: "high-usage".into(),
    };
    let (_, steps) = respond(&host().past(past));
    assert_escalated(&steps, "kubectl -n shop delete pod web-r1-1");
}

#[test]
fn memory_that_will_end_in_a_kill_is_handed_over_before_it_happens() {
    let host = |mib: u64| {
        MockHost::new()
            .alert("HighMemory", "web uses much memory")
            .started_ms(NOW_MS - 600_000)
            .rollout(web(1))
            .target("Deployment", "web")
            .usage(sample("web-r1-0", 10, mib))
    };
    for mib in [85, 97] {
        let (finding, steps) = respond(&host(mib));
        assert_eq!(handed_to(&finding), ("out-of-memory", "Deployment/web".into()));
        assert_eq!(steps, []);
    }
    // the pod has run for a day at this level
    let later = NOW_MS + 86_400_000;
    let (finding, steps) = respond(&host(85).now_ms(later));
    assert_escalated(&steps, "--limits=memory=150Mi");
    assert!(cause(&finding).root_cause.contains("without growing"));
}

#[test]
fn a_neighbour_without_limits_that_fills_the_node_is_named() {
    let mut usage = sample("batch-r1-0", 3_600, 10);
    usage.container = "batch".into();
    usage.cpu_limit = None;
    let node = json!({"kind": "Node", "metadata": {"name": "node-1"}, "status": {"allocatable": {"cpu": "4", "memory": "8Gi"}}});
    let host = || {
        busy(web(1), &[50])
            .rollout(
                Rollout::deployment("batch", 1)
                    .container(json!({"name": "batch", "image": "batch:1"}))
                    .pods(1, &MockPod::ready()),
            )
            .usage(usage.clone())
            .object(node.clone())
    };
    for host in [host(), host().target("Node", "node-1")] {
        let (finding, steps) = respond(&host);
        assert_escalated(
            &steps,
            "kubectl -n shop set resources deployment/batch -c batch --limits=cpu=",
        );
        assert!(
            cause(&finding).root_cause.contains("which is 90 % of Node/node-1"),
            "{}",
            cause(&finding).root_cause
        );
        assert_eq!(cause(&finding).target.to_string(), "Deployment/batch");
    }
}

#[test]
fn a_change_has_helped_when_newer_samples_are_below_the_threshold() {
    let before = busy(web(2), &[495, 500]).object(hpa(1, 10, 2, 199));
    let (finding, steps) = respond(&before);
    let diagnosis = cause(&finding).clone();
    let deployment = ObjectRef::new("Deployment", "shop", "web", "uid-deployment-web");
    let present = before.within(|_| cluster::health(&deployment)).expect("it is there");
    // the samples at hand are newer than the write
    let hot = before.verify::<HighUsage>(&diagnosis, &steps, 60_000, present.clone());
    assert_eq!(hot, Ok(Verdict::Waiting(5_000)));
    let calm = busy(web(2), &[200, 210]).verify::<HighUsage>(&diagnosis, &steps, 60_000, present);
    assert_eq!(calm, Ok(Verdict::Healed));
}
