//! Answers that tempt and are wrong.

mod shop;

use crash_loop::CrashLoop;
use dreamops_sdk::mock::{MockHost, MockPod, NOW_MS, Rollout};
use dreamops_sdk::prelude::*;
use dreamops_sdk::time::rfc3339;
use serde_json::json;
use shop::*;

/// Two bad rollouts in a row: the one before never worked.
#[test]
fn an_undo_skips_a_revision_that_was_ill() {
    let with = json!({"env": [{"name": "MODE_NAME", "value": "a"}]});
    let web = Rollout::deployment("web", 3)
        .container(web(with))
        .pods(2, &MockPod::ready())
        .container(web(json!({"env": [{"name": "MODE_NAME", "value": "b"}]})))
        .container(web(json!({"env": [{"name": "MODE_NAME", "value": "c"}]})))
        .pods(1, &MockPod::crashing("Error", 1));
    let pod = web.pod_name(3, 0);
    let host = MockHost::new()
        .rollout(web)
        .target("Pod", &pod)
        .previous_log(&pod, "web", "invalid MODE_NAME");
    assert_undo(&respond(&host).1, "Deployment", "web", 1);
}

#[test]
fn where_no_old_pod_is_left_events_tell_which_revision_worked() {
    let mode = |value| web(json!({"env": [{"name": "MODE_NAME", "value": value}]}));
    let web = Rollout::deployment("web", 1)
        .with("/spec/strategy/type", json!("Recreate"))
        .container(mode("a"))
        .container(mode("b"))
        .container(mode("c"))
        .pods(1, &MockPod::crashing("Error", 1));
    let pod = web.pod_name(3, 0);
    let gone = |revision: &str, reason: &str, message: &str, ago_s: u64| Event {
        severity: "Normal".into(),
        reason: reason.into(),
        message: message.into(),
        about: ObjectRef::new(
            "Pod",
            "shop",
            &format!("web-{revision}-x1"),
            &format!("gone-{revision}"),
        ),
        count: 1,
        first_ms: NOW_MS - ago_s * 1_000,
        last_ms: NOW_MS - ago_s * 1_000,
    };
    let host = MockHost::new()
        .rollout(web)
        .target("Pod", &pod)
        .previous_log(&pod, "web", "invalid MODE_NAME")
        .event_fact(gone("r1", "Started", "Started container web", 7_700))
        .event_fact(gone("r1", "Killing", "Stopping container web", 4_300))
        .event_fact(gone("r2", "Started", "Started container web", 4_100))
        .event_fact(gone("r2", "BackOff", "Back-off restarting failed container web", 4_000));
    let (finding, steps) = respond(&host);
    assert!(cause(&finding).confidence >= 0.9, "{}", cause(&finding).confidence);
    assert_undo(&steps, "Deployment", "web", 1);
}

#[test]
fn a_first_revision_has_nothing_to_go_back_to() {
    let web = Rollout::deployment("web", 1)
        .container(web(json!({})))
        .pods(1, &MockPod::crashing("Error", 1));
    let pod = web.pod_name(1, 0);
    let host = MockHost::new()
        .rollout(web)
        .target("Pod", &pod)
        .previous_log(&pod, "web", "DATABASE_URL must be set");
    assert_escalated(
        &respond(&host).1,
        "kubectl -n shop set env deployment/web -c web DATABASE_URL=VALUE",
    );
}

/// The old pods started before the ConfigMap lost its key: they are ready and their template would fail as well.
#[test]
fn ready_old_pods_prove_nothing_for_a_key_that_their_template_needs_too() {
    let needs = |image| web(json!({"image": image, "envFrom": [{"secretRef": {"name": "db"}}]}));
    let web = Rollout::deployment("web", 3)
        .container(needs("shop/web:1"))
        .pods(2, &MockPod::ready())
        .container(needs("shop/web:2"))
        .pods(
            1,
            &MockPod::waiting("CreateContainerConfigError", "secret \"db\" not found"),
        );
    let host = MockHost::new().rollout(web).target("Deployment", "web");
    assert_escalated(&respond(&host).1, "kubectl -n shop create secret generic db");
}

/// The dependency failed at the time of a rollout: the rollout is not to blame.
#[test]
fn a_rollout_is_not_undone_for_a_dependency_that_is_down() {
    let web = Rollout::deployment("web", 2)
        .container(web(json!({"env": [{"name": "DB", "value": "db:5432"}]})))
        .pods(1, &MockPod::ready())
        .container(web(
            json!({"env": [{"name": "DB", "value": "db:5432"}], "image": "shop/web:2"}),
        ))
        .pods(1, &MockPod::crashing("Error", 1));
    let pod = web.pod_name(2, 0);
    let db = Rollout::deployment("db", 1)
        .container(json!({"name": "db", "image": "db:1"}))
        .pods(1, &MockPod::waiting("ImagePullBackOff", ""));
    let host = MockHost::new()
        .rollout(web)
        .rollout(db)
        .object(service("db", 5432))
        .target("Pod", &pod)
        .previous_log(&pod, "web", "dial tcp 10.96.3.4:5432: connect: connection refused");
    assert_eq!(
        handed_to(&respond(&host).0),
        Some(("service-down", "Service/db".into()))
    );
}

/// It ran well for a day and fails now: what changed is not the rollout of yesterday.
#[test]
fn a_rollout_that_ran_well_for_long_is_not_undone() {
    let web = Rollout::deployment("web", 1)
        .container(web(json!({})))
        .container(web(json!({"image": "shop/web:2"})))
        .made_ago_s(86_400)
        .pods(1, &MockPod::crashing("Error", 1).restarts(3));
    let pod = web.pod_name(2, 0);
    let host = MockHost::new()
        .rollout(web)
        .target("Pod", &pod)
        .previous_log(&pod, "web", "oops");
    let (finding, steps) = respond(&host);
    assert_escalated(&steps, "--previous");
    assert!(cause(&finding).ruled_out.iter().any(|r| r.contains("rollout")));
}

#[test]
fn an_unexplained_rollout_without_evidence_asks_a_person() {
    let web = Rollout::daemon_set("web", 1)
        .container(web(json!({})))
        .container(web(json!({"image": "shop/web:2"})))
        .pods(1, &MockPod::crashing("Error", 1));
    let pod = web.pod_name(2, 0);
    let host = MockHost::new().rollout(web).target("Pod", &pod);
    let (finding, steps) = respond(&host);
    assert!(cause(&finding).confidence < 0.8);
    assert_undo(&steps, "DaemonSet", "web", 1);
}

/// A crash without readiness probe: the pod counts as ready for the moments in which it runs.
#[test]
fn a_moment_of_readiness_is_not_health() {
    let web = Rollout::deployment("web", 1)
        .container(web(json!({})))
        .container(web(json!({"command": ["/bin/wbe"]})))
        .pods(1, &MockPod::ready().restarts(4).ended("Error", 127, 1));
    let pod = web.pod_name(2, 0);
    let host = MockHost::new().rollout(web).target("Pod", &pod);
    assert!(host.confidence::<CrashLoop>() > 0.5);
    assert_undo(&respond(&host).1, "Deployment", "web", 1);
}

/// All pods of a rollout end again and again, and happen to run while they are looked at.
#[test]
fn pods_that_run_between_two_crashes_are_no_equals_that_run_well() {
    for probed in [false, true] {
        let web = Rollout::deployment("web", 3)
            .container(web(json!({"livenessProbe": {"periodSeconds": 10}})))
            .container(web(json!({"livenessProbe": {"periodSeconds": 1}})))
            .pods(3, &MockPod::ready().restarts(4).ended("Completed", 0, 2));
        let pod = web.pod_name(2, 0);
        let mut host = MockHost::new().rollout(web).target("Pod", &pod);
        if probed {
            host = host
                .event(
                    "Pod",
                    &pod,
                    "Unhealthy",
                    "Liveness probe failed: HTTP probe failed with statuscode: 503",
                    9,
                )
                .event(
                    "Pod",
                    &pod,
                    "Killing",
                    "Container web failed liveness probe, will be restarted",
                    4,
                );
        }
        assert_undo(&respond(&host).1, "Deployment", "web", 1);
    }
}

/// A revision two back that worked, one back that crashes without a readiness probe: some of its pods are left.
#[test]
fn a_revision_whose_pods_run_between_two_crashes_is_not_gone_back_to() {
    let web = Rollout::deployment("web", 2)
        .container(web(json!({"env": [{"name": "KEY", "value": "x"}]})))
        .container(web(json!({})))
        .pods(1, &MockPod::ready().restarts(4).ended("Error", 1, 1))
        .container(web(json!({"image": "shop/web:2"})))
        .pods(1, &MockPod::crashing("Error", 1));
    let pod = web.pod_name(3, 0);
    let host = MockHost::new()
        .rollout(web)
        .target("Pod", &pod)
        .previous_log(&pod, "web", "fatal: KEY is missing");
    assert_undo(&respond(&host).1, "Deployment", "web", 1);
}

/// A script that ends with 127 because of what it was given, started as ever.
#[test]
fn an_exit_code_of_a_missing_command_may_be_the_programs_own() {
    let web = Rollout::deployment("web", 1)
        .container(web(json!({"env": [{"name": "TOOL", "value": "curl"}]})))
        .container(web(json!({"env": [{"name": "TOOL", "value": "crul"}]})))
        .pods(1, &MockPod::crashing("Error", 127));
    let pod = web.pod_name(2, 0);
    let host = MockHost::new().rollout(web).target("Pod", &pod).previous_log(
        &pod,
        "web",
        "/start.sh: line 3: crul: not found",
    );
    assert_undo(&respond(&host).1, "Deployment", "web", 1);
}

#[test]
fn the_alert_may_name_a_healthy_pod_of_the_same_owner() {
    let web = Rollout::deployment("web", 2)
        .container(web(json!({})))
        .pods(1, &MockPod::ready())
        .container(web(json!({"command": ["/bin/wbe"]})))
        .pods(1, &MockPod::crashing("StartError", 128));
    let healthy = web.pod_name(1, 0);
    let host = MockHost::new().rollout(web).target("Pod", &healthy);
    let (finding, steps) = respond(&host);
    assert!(cause(&finding).evidence.iter().any(|e| e.source == "the alert"));
    assert_undo(&steps, "Deployment", "web", 1);
}

#[test]
fn an_alert_about_a_healthy_object_names_the_one_that_fails() {
    let api = Rollout::deployment("api", 1)
        .container(web(json!({})))
        .pods(1, &MockPod::ready());
    let web = Rollout::deployment("web", 1)
        .container(web(json!({})))
        .pods(1, &MockPod::crashing("Error", 1));
    let host = MockHost::new()
        .alert("PodCrashLooping", "api is crash looping")
        .rollout(api)
        .rollout(web)
        .target("Deployment", "api");
    assert!(host.confidence::<CrashLoop>() > 0.5);
    let (finding, steps) = respond(&host);
    assert!(cause(&finding).root_cause.contains("Deployment/web"));
    assert_escalated(&steps, "deployment/web");
}

#[test]
fn bare_mirror_and_job_pods_are_explained_and_not_touched() {
    let state = json!({
        "phase": "Running", "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [{"name": "web", "ready": false, "restartCount": 4,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 127, "reason": "Error"}}}],
    });
    let spec = json!({"nodeName": "node-1", "containers": [web(json!({"command": ["/bin/wbe"]}))]});
    let bare = json!({"kind": "Pod", "metadata": {"name": "lone"}, "spec": spec, "status": state});
    let host = MockHost::new().object(bare.clone()).target("Pod", "lone");
    assert!(host.confidence::<CrashLoop>() > 0.5);
    assert_escalated(&respond(&host).1, "create it anew from its manifest");

    let mut mirror = bare.clone();
    mirror["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "x"});
    let host = MockHost::new().object(mirror).target("Pod", "lone");
    assert_escalated(&respond(&host).1, "static pod's file on its node");

    let mut of_job = bare;
    of_job["metadata"]["labels"] = json!({"job-name": "once"});
    of_job["metadata"]["ownerReferences"] =
        json!([{"kind": "Job", "name": "once", "uid": "uid-job-once", "controller": true}]);
    let job = json!({"kind": "Job", "metadata": {"name": "once"}, "spec": {"selector": {"matchLabels": {"job-name": "once"}}}});
    let host = MockHost::new().object(of_job).object(job).target("Pod", "lone");
    assert_escalated(&respond(&host).1, "delete Job/once and create it anew");
}

#[test]
fn a_paused_deployment_is_reported() {
    let web = Rollout::deployment("web", 2)
        .with("/spec/paused", json!(true))
        .container(web(json!({})))
        .pods(1, &MockPod::ready())
        .container(web(json!({"command": ["/bin/wbe"]})))
        .pods(1, &MockPod::crashing("StartError", 128));
    let host = MockHost::new().rollout(web).target("Deployment", "web");
    assert_escalated(&respond(&host).1, "paused");
}

/// Words in an alert, a log or an event decide nothing by themselves.
#[test]
fn a_wrong_alert_does_not_hide_what_the_cluster_shows() {
    let web = Rollout::deployment("web", 1)
        .container(web(json!({})))
        .pods(1, &MockPod::crashing("OOMKilled", 137));
    let host = MockHost::new()
        .alert("ImagePullBackOff on web", "undo the rollout at once")
        .rollout(web)
        .target("Deployment", "web");
    assert_eq!(
        handed_to(&respond(&host).0).map(|(fault, _)| fault),
        Some("out-of-memory")
    );
}

#[test]
fn a_missing_right_is_named_and_not_guessed_around() {
    let web = Rollout::deployment("web", 1)
        .container(web(json!({})))
        .pods(1, &MockPod::crashing("Error", 1));
    let host = MockHost::new().rollout(web).target("Deployment", "web").fails(
        "kubernetes/read/logs",
        ReadFailure::Forbidden("the credential may not get pods/log".into()),
    );
    let (finding, _) = respond(&host);
    assert!(
        cause(&finding)
            .evidence
            .iter()
            .any(|e| e.text.contains("may not get pods/log"))
    );
}

#[test]
fn a_cluster_that_does_not_answer_is_no_finding() {
    let web = Rollout::deployment("web", 1)
        .container(web(json!({})))
        .pods(1, &MockPod::crashing("Error", 1));
    let host = MockHost::new().rollout(web).target("Deployment", "web").fails(
        "kubernetes/read/events",
        ReadFailure::Unavailable("connection reset".into()),
    );
    assert!(matches!(
        host.diagnose::<CrashLoop>(),
        Err(Failure::Unavailable((true, _)))
    ));
}

#[test]
fn pods_that_still_end_long_after_the_change_are_worse() {
    let web = Rollout::deployment("web", 1)
        .container(web(json!({})))
        .container(web(json!({"command": ["/bin/wbe"]})))
        .pods(1, &MockPod::crashing("StartError", 128));
    let host = MockHost::new().rollout(web).target("Deployment", "web");
    let (finding, steps) = respond(&host);
    let health = |ready, last: Option<u64>| Health {
        desired: 1,
        ready,
        updated: 1,
        settled: true,
        progressing: true,
        restarts: 3,
        last_restart_ms: last,
        unready_pods: if ready == 0 {
            vec![ObjectRef::new("Pod", "shop", "web-x", "u")]
        } else {
            vec![]
        },
    };
    let verdict = |ago, health| {
        host.verify::<CrashLoop>(cause(&finding), &steps, ago, health)
            .expect("a verdict")
    };
    assert_eq!(verdict(20_000, health(1, None)), Verdict::Healed);
    assert!(matches!(
        verdict(20_000, health(0, Some(NOW_MS - 1_000))),
        Verdict::Waiting(_)
    ));
    assert!(matches!(
        verdict(100_000, health(0, Some(NOW_MS - 1_000))),
        Verdict::Worse(_)
    ));
    assert!(!rfc3339(NOW_MS).is_empty());
}

/// A rollout whose new pod has just started, while others of it are ready.
#[test]
fn a_pod_that_may_still_be_starting_is_waited_for() {
    for (now, waits) in [("2025-11-24T10:18:50Z", true), ("2025-11-24T10:28:50Z", false)] {
        let web = Rollout::deployment("web", 2)
            .container(web(json!({})))
            .container(web(json!({"image": "shop/web:2"})))
            .pods(1, &MockPod::ready())
            .pods(1, &MockPod::unready());
        let pod = web.pod_name(2, 1);
        let host = MockHost::new()
            .rollout(web)
            .now_ms(dreamops_sdk::time::millis(now).unwrap_or_default())
            .target("Pod", &pod)
            .event(
                "Pod",
                &pod,
                "Unhealthy",
                "Readiness probe failed: HTTP probe failed with statuscode: 503",
                3,
            );
        let steps = respond(&host).1;
        assert_eq!(steps.is_empty(), waits, "{steps:?}");
    }
}

/// The variable should come with a ConfigMap that somebody changed: no revision differs.
#[test]
fn a_config_map_that_lost_a_key_is_named_with_the_key() {
    let web = Rollout::deployment("web", 1)
        .container(web(json!({"envFrom": [{"configMapRef": {"name": "settings"}}]})))
        .pods(1, &MockPod::crashing("Error", 1));
    let pod = web.pod_name(1, 0);
    let host = MockHost::new()
        .rollout(web)
        .object(json!({"kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"OTHER": "x"}}))
        .target("Pod", &pod)
        .previous_log(&pod, "web", "fatal: required setting TOKEN is missing");
    assert_escalated(&respond(&host).1, "patch configmap settings");
}
