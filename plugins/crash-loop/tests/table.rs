//! Each row of the table in the crate's documentation.

mod shop;

use crash_loop::CrashLoop;
use dreamops_sdk::mock::{MockHost, MockPod, Rollout, Step};
use dreamops_sdk::prelude::*;
use serde_json::json;
use shop::*;

#[test]
fn a_healthy_workload_is_left_alone() {
    let web = Rollout::deployment("web", 2)
        .container(web(json!({})))
        .pods(2, &MockPod::ready());
    let host = MockHost::new()
        .alert("KubePodCrashLooping", "web")
        .rollout(web)
        .target("Deployment", "web");
    assert!(host.confidence::<CrashLoop>() < 0.5);
    let (finding, steps) = respond(&host);
    assert!(matches!(finding, Finding::Healthy(evidence) if !evidence.is_empty()));
    assert_eq!(steps, []);
}

#[test]
fn a_missing_image_is_handed_over() {
    let web = Rollout::deployment("web", 1).container(web(json!({}))).pods(
        1,
        &MockPod::waiting("ImagePullBackOff", "Back-off pulling image \"shop/web:2\""),
    );
    let host = MockHost::new().rollout(web).target("Deployment", "web");
    assert!(host.confidence::<CrashLoop>() < 0.5);
    assert_eq!(
        handed_to(&respond(&host).0),
        Some(("image-pull", "Deployment/web".into()))
    );
}

#[test]
fn a_kill_for_memory_is_handed_over() {
    let web = Rollout::deployment("web", 1)
        .container(web(json!({})))
        .pods(1, &MockPod::crashing("OOMKilled", 137));
    let pod = web.pod_name(1, 0);
    let host = MockHost::new().rollout(web).target("Pod", &pod);
    let confidence = host.confidence::<CrashLoop>();
    assert!(confidence > 0.5 && confidence < 0.6, "{confidence}");
    assert_eq!(
        handed_to(&respond(&host).0),
        Some(("out-of-memory", "Deployment/web".into()))
    );
}

#[test]
fn a_probe_that_the_rollout_changed_is_undone() {
    let old = json!({"livenessProbe": {"httpGet": {"path": "/healthz", "port": 80}}});
    let new = json!({"livenessProbe": {"httpGet": {"path": "/healthz", "port": 81}}});
    // a program may end with any code when it is told to stop
    for code in [0, 2, 137, 143] {
        let web = Rollout::deployment("web", 3)
            .container(web(old.clone()))
            .pods(2, &MockPod::ready())
            .container(web(new.clone()))
            .pods(
                2,
                &MockPod::crashing(if code == 0 { "Completed" } else { "Error" }, code),
            );
        let pod = web.pod_name(2, 0);
        let host = MockHost::new()
            .rollout(web)
            .target("Pod", &pod)
            .event("Pod", &pod, "Unhealthy", "Liveness probe failed: Get \"http://10.0.0.9:81/healthz\": dial tcp 10.0.0.9:81: connect: connection refused", 9)
            .event("Pod", &pod, "Killing", "Container web failed liveness probe, will be restarted", 3);
        let (finding, steps) = respond(&host);
        let diagnosis = cause(&finding);
        assert!(
            diagnosis.root_cause.contains("livenessProbe kills container web"),
            "{}",
            diagnosis.root_cause
        );
        assert!(diagnosis.confidence >= 0.8);
        assert_undo(&steps, "Deployment", "web", 1);
    }
}

#[test]
fn probe_values_are_proposed_where_nothing_changed() {
    let slow = json!({"livenessProbe": {"httpGet": {"path": "/", "port": 80}, "timeoutSeconds": 1}});
    let web = Rollout::deployment("web", 1)
        .container(web(slow))
        .pods(1, &MockPod::crashing("Error", 137));
    let pod = web.pod_name(1, 0);
    let host = MockHost::new()
        .rollout(web)
        .target("Pod", &pod)
        .event("Pod", &pod, "Unhealthy", "Liveness probe failed: Get \"http://10.0.0.9:80/\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)", 9)
        .event("Pod", &pod, "Killing", "Container web failed liveness probe, will be restarted", 3);
    let (finding, steps) = respond(&host);
    assert!(
        cause(&finding).confidence < 0.8,
        "a hung program is rightly killed: a person decides"
    );
    let [Step::Patch { path, value, .. }] = steps.as_slice() else {
        panic!("{steps:?}")
    };
    assert_eq!(path, "/spec/template/spec/containers/0/livenessProbe/timeoutSeconds");
    assert_eq!(value, "5");
}

#[test]
fn a_slow_start_gets_more_time_before_the_probe_begins() {
    let probe = json!({"livenessProbe": {"tcpSocket": {"port": 80}, "periodSeconds": 2, "failureThreshold": 3}});
    let web = Rollout::deployment("web", 1)
        .container(web(probe))
        .pods(1, &MockPod::crashing("Error", 143).ended("Error", 143, 7));
    let pod = web.pod_name(1, 0);
    let host = MockHost::new()
        .rollout(web)
        .target("Pod", &pod)
        .event(
            "Pod",
            &pod,
            "Unhealthy",
            "Liveness probe failed: dial tcp 10.0.0.9:80: connect: connection refused",
            9,
        )
        .event(
            "Pod",
            &pod,
            "Killing",
            "Container web failed liveness probe, will be restarted",
            3,
        )
        .previous_log(&pod, "web", "warming up caches");
    let steps = respond(&host).1;
    let [Step::Patch { path, value, .. }] = steps.as_slice() else {
        panic!("{steps:?}")
    };
    assert!(path.ends_with("/livenessProbe/initialDelaySeconds"), "{path}");
    assert_eq!(value, "30");
}

#[test]
fn a_probe_that_says_the_program_is_ill_is_a_persons() {
    let web = Rollout::deployment("web", 1)
        .container(web(json!({"livenessProbe": {"httpGet": {"path": "/", "port": 80}}})))
        .pods(1, &MockPod::crashing("Error", 137));
    let pod = web.pod_name(1, 0);
    let host = MockHost::new()
        .rollout(web)
        .target("Pod", &pod)
        .event(
            "Pod",
            &pod,
            "Unhealthy",
            "Liveness probe failed: HTTP probe failed with statuscode: 500",
            9,
        )
        .event(
            "Pod",
            &pod,
            "Killing",
            "Container web failed liveness probe, will be restarted",
            3,
        );
    assert_escalated(&respond(&host).1, "livenessProbe");
}

#[test]
fn a_command_that_cannot_start_is_undone() {
    for (reason, code) in [
        ("StartError", 128),
        ("Error", 127),
        ("Error", 126),
        ("ContainerCannotRun", 127),
    ] {
        let web = Rollout::deployment("web", 2)
            .container(web(json!({})))
            .pods(2, &MockPod::ready())
            .container(web(json!({"command": ["/bin/wbe"]})))
            .pods(
                1,
                &MockPod::crashing(reason, code).end_message("exec: \"/bin/wbe\": no such file or directory"),
            );
        let pod = web.pod_name(2, 0);
        let host = MockHost::new().rollout(web).target("Pod", &pod);
        assert!(host.confidence::<CrashLoop>() > 0.8);
        let (finding, steps) = respond(&host);
        assert!(cause(&finding).root_cause.contains("/bin/wbe"));
        assert_undo(&steps, "Deployment", "web", 1);
    }
}

#[test]
fn a_command_that_never_started_goes_to_a_person() {
    let web = Rollout::deployment("web", 1)
        .container(web(json!({"command": ["/bin/wbe"]})))
        .pods(
            1,
            &MockPod::waiting(
                "RunContainerError",
                "failed to create containerd task: exec: \"/bin/wbe\": no such file or directory",
            ),
        );
    let host = MockHost::new().rollout(web).target("Deployment", "web");
    assert!(host.confidence::<CrashLoop>() > 0.8);
    assert_escalated(&respond(&host).1, "kubectl -n shop edit deployment/web");
}

#[test]
fn a_missing_config_map_is_undone_to_a_revision_that_needs_none() {
    let needs = json!({"envFrom": [{"configMapRef": {"name": "web-config"}}]});
    let web = Rollout::deployment("web", 1)
        .container(web(json!({})))
        .container(web(needs.clone()))
        .container(web({
            let mut newer = needs.clone();
            newer["env"] = json!([{"name": "X", "value": "1"}]);
            newer
        }))
        .pods(
            1,
            &MockPod::waiting("CreateContainerConfigError", "configmap \"web-config\" not found"),
        );
    let host = MockHost::new().rollout(web).target("Deployment", "web");
    assert!(host.confidence::<CrashLoop>() > 0.8);
    let (finding, steps) = respond(&host);
    let diagnosis = cause(&finding);
    assert!(
        diagnosis.root_cause.contains("ConfigMap web-config does not exist"),
        "{}",
        diagnosis.root_cause
    );
    assert!(
        (diagnosis.confidence - 0.8).abs() < 1e-9,
        "only the template tells: {}",
        diagnosis.confidence
    );
    assert_undo(&steps, "Deployment", "web", 1);
}

#[test]
fn a_missing_key_that_all_revisions_need_goes_to_a_person_with_its_users() {
    let needs =
        json!({"env": [{"name": "DB", "valueFrom": {"configMapKeyRef": {"name": "web-config", "key": "url"}}}]});
    let web = Rollout::deployment("web", 2)
        .container(web(needs.clone()))
        .pods(1, &MockPod::ready())
        .container(web({
            let mut newer = needs.clone();
            newer["image"] = json!("shop/web:2");
            newer
        }))
        .pods(
            1,
            &MockPod::waiting(
                "CreateContainerConfigError",
                "couldn't find key url in ConfigMap shop/web-config",
            ),
        );
    let host = MockHost::new()
        .rollout(web)
        .target("Deployment", "web")
        .object(json!({"kind": "ConfigMap", "metadata": {"name": "web-config"}, "data": {"uri": "x"}}));
    let (finding, steps) = respond(&host);
    assert!(cause(&finding).root_cause.contains("key url of ConfigMap web-config"));
    assert!(
        cause(&finding)
            .evidence
            .iter()
            .any(|e| e.text.contains("its keys: uri"))
    );
    let proposal = assert_escalated(&steps, "kubectl -n shop patch configmap web-config");
    assert!(proposal.contains("env DB of container web"), "{proposal}");
}

#[test]
fn a_variable_that_the_rollout_lost_is_undone() {
    let web = Rollout::deployment("web", 3)
        .container(web(
            json!({"env": [{"name": "DATABASE_URL", "value": "‹secret:1a2b3c4d›"}]}),
        ))
        .pods(2, &MockPod::ready())
        .container(web(json!({})))
        .pods(1, &MockPod::crashing("Error", 1));
    let pod = web.pod_name(2, 0);
    let host = MockHost::new().rollout(web).target("Pod", &pod).previous_log(
        &pod,
        "web",
        "starting\nfatal: DATABASE_URL is required",
    );
    assert!(host.confidence::<CrashLoop>() > 0.8);
    let (finding, steps) = respond(&host);
    let diagnosis = cause(&finding);
    for word in ["container web", "DATABASE_URL", "exit code 1", "revision 2"] {
        assert!(
            diagnosis.root_cause.contains(word),
            "{word} in {}",
            diagnosis.root_cause
        );
    }
    assert!(diagnosis.confidence >= 0.9);
    assert_undo(&steps, "Deployment", "web", 1);
}

/// The variable was never there; another one, or another command, has made the program ask for it.
#[test]
fn a_rollout_that_makes_the_program_need_what_was_never_set_is_undone() {
    let brought = [
        json!({"env": [{"name": "FEATURE", "value": "payments"}]}),
        json!({"args": ["--with-payments"]}),
        json!({"envFrom": [{"configMapRef": {"name": "features"}}]}),
    ];
    for with in brought {
        let web = Rollout::stateful_set("web", 3)
            .container(web(json!({})))
            .pods(2, &MockPod::ready())
            .container(web(with))
            .pods(1, &MockPod::crashing("Error", 1));
        let pod = web.pod_name(2, 0);
        let host = MockHost::new().rollout(web).target("Pod", &pod).previous_log(
            &pod,
            "web",
            "fatal: required setting PAYMENTS_KEY is missing",
        );
        let (finding, steps) = respond(&host);
        assert!(cause(&finding).confidence >= 0.8);
        assert_undo(&steps, "StatefulSet", "web", 1);
    }
}

/// Nothing that the program starts with was changed: going back would change nothing for it.
#[test]
fn a_setting_that_no_revision_has_to_do_with_goes_to_a_person() {
    let web = Rollout::stateful_set("web", 3)
        .container(web(json!({})))
        .pods(2, &MockPod::ready())
        .container(web(json!({"imagePullPolicy": "Always"})))
        .pods(1, &MockPod::crashing("Error", 1));
    let pod = web.pod_name(2, 0);
    let host = MockHost::new().rollout(web).target("Pod", &pod).previous_log(
        &pod,
        "web",
        "fatal: required setting PAYMENTS_KEY is missing",
    );
    assert_escalated(&respond(&host).1, "PAYMENTS_KEY");
}

#[test]
fn an_unknown_flag_that_the_rollout_brought_is_undone() {
    let web = Rollout::daemon_set("web", 1)
        .container(web(json!({"args": ["--port=80"]})))
        .container(web(json!({"args": ["--prot=80"]})))
        .pods(1, &MockPod::crashing("Error", 2));
    let pod = web.pod_name(2, 0);
    let host = MockHost::new()
        .rollout(web)
        .target("Pod", &pod)
        .previous_log(&pod, "web", "unknown flag: --prot");
    let (finding, steps) = respond(&host);
    assert!((cause(&finding).confidence - 0.8).abs() < 1e-9);
    assert_undo(&steps, "DaemonSet", "web", 1);
}

#[test]
fn a_dependency_without_endpoints_is_handed_over_and_the_victim_left_alone() {
    for line in [
        "dial tcp: lookup db on 10.96.0.10:53: no such host",
        "connect to db:5432: connection refused",
        "db:5432: i/o timeout",
    ] {
        let (host, _) = waiting_for_db(line, &MockPod::crashing("Error", 1));
        assert_eq!(
            handed_to(&respond(&host).0),
            Some(("service-down", "Service/db".into())),
            "{line}"
        );
    }
}

#[test]
fn a_dependency_that_is_back_is_waited_for() {
    let (host, _) = waiting_for_db("connect to db:5432: connection refused", &MockPod::ready());
    let (finding, steps) = respond(&host);
    assert!(cause(&finding).root_cause.contains("Service/db is ready now"));
    assert_eq!(steps, []);
}

#[test]
fn a_dependency_out_of_scope_goes_to_a_person() {
    let web = Rollout::deployment("web", 1)
        .container(web(json!({})))
        .pods(1, &MockPod::crashing("Error", 1));
    let pod = web.pod_name(1, 0);
    let host = MockHost::new().rollout(web).target("Pod", &pod).previous_log(
        &pod,
        "web",
        "dial tcp: lookup db.payments.svc.cluster.local: no such host",
    );
    assert_escalated(&respond(&host).1, "db.payments.svc.cluster.local");
}

#[test]
fn an_address_that_the_rollout_misspelt_is_undone() {
    let web = Rollout::deployment("web", 2)
        .container(web(json!({"env": [{"name": "DB_HOST", "value": "db"}]})))
        .pods(1, &MockPod::ready())
        .container(web(json!({"env": [{"name": "DB_HOST", "value": "bd"}]})))
        .pods(1, &MockPod::crashing("Error", 1));
    let pod = web.pod_name(2, 0);
    let host = MockHost::new().rollout(web).target("Pod", &pod).previous_log(
        &pod,
        "web",
        "dial tcp: lookup bd on 10.96.0.10:53: no such host",
    );
    assert_undo(&respond(&host).1, "Deployment", "web", 1);
}

#[test]
fn an_init_container_that_waits_is_followed_to_what_it_waits_for() {
    let template = json!({
        "initContainers": [{"name": "wait", "image": "busybox", "command": ["sh", "-c", "until nc -z db 5432; do sleep 1; done"]}],
        "containers": [web(json!({}))],
    });
    let web = Rollout::deployment("web", 1)
        .revision(template)
        .pods(1, &MockPod::unready().of_container("wait"));
    let pod = web.pod_name(1, 0);
    let db = Rollout::deployment("db", 1)
        .container(json!({"name": "db", "image": "db:1"}))
        .pods(1, &MockPod::crashing("Error", 1));
    let host = MockHost::new()
        .rollout(web)
        .rollout(db)
        .object(service("db", 5432))
        .target("Pod", &pod);
    assert!(host.confidence::<CrashLoop>() > 0.5);
    assert_eq!(
        handed_to(&respond(&host).0),
        Some(("service-down", "Service/db".into()))
    );
}

#[test]
fn one_replica_of_many_is_restarted_once() {
    let lone = || {
        let web = Rollout::deployment("web", 3)
            .container(web(json!({})))
            .pods(1, &MockPod::crashing("Error", 139).on("node-7"))
            .pods(2, &MockPod::ready());
        let pod = web.pod_name(1, 0);
        (MockHost::new().rollout(web).target("Deployment", "web"), pod)
    };
    let (host, pod) = lone();
    let (finding, steps) = respond(&host);
    assert!(cause(&finding).root_cause.contains("node-7"));
    let [Step::RestartPod { pod: named, .. }] = steps.as_slice() else {
        panic!("{steps:?}")
    };
    assert_eq!(named.name, pod);

    let (host, _) = lone();
    let host = host.past(past("restart-pod", "escalated"));
    assert_escalated(&respond(&host).1, "kubectl cordon node-7");
}

#[test]
fn a_rollout_that_breaks_every_pod_is_undone_even_if_nothing_explains_it() {
    let web = Rollout::stateful_set("web", 3)
        .container(web(json!({})))
        .pods(2, &MockPod::ready())
        .container(web(json!({"image": "shop/web:2"})))
        .pods(1, &MockPod::crashing("Error", 3));
    let pod = web.pod_name(2, 0);
    let host = MockHost::new()
        .rollout(web)
        .target("StatefulSet", "web")
        .previous_log(&pod, "web", "bye");
    let (finding, steps) = respond(&host);
    assert!(cause(&finding).confidence >= 0.8);
    assert_undo(&steps, "StatefulSet", "web", 1);
}

#[test]
fn a_program_that_says_it_is_not_ready_since_the_rollout_is_undone() {
    let probe = json!({"readinessProbe": {"httpGet": {"path": "/readyz", "port": 80}}});
    let with = |env| {
        let mut container = web(probe.clone());
        container["env"] = json!([{"name": "UPSTREAM", "value": env}]);
        container
    };
    let rollout = || {
        Rollout::deployment("web", 2)
            .container(with("a"))
            .pods(2, &MockPod::ready())
            .container(with("b"))
    };
    let web = rollout().pods(1, &MockPod::unready());
    let pod = web.pod_name(2, 0);
    let host = MockHost::new().rollout(web).target("Deployment", "web").event(
        "Pod",
        &pod,
        "Unhealthy",
        "Readiness probe failed: HTTP probe failed with statuscode: 503",
        20,
    );
    assert!(host.confidence::<CrashLoop>() > 0.5);
    let (finding, steps) = respond(&host);
    assert!(
        cause(&finding)
            .root_cause
            .contains("readinessProbe never accepts container web")
    );
    assert_undo(&steps, "Deployment", "web", 1);
}

#[test]
fn where_the_log_is_gone_another_pod_that_fails_alike_is_read() {
    let web = Rollout::deployment("web", 2)
        .container(web(json!({})))
        .pods(2, &MockPod::crashing("Error", 1));
    let (first, second) = (web.pod_name(1, 0), web.pod_name(1, 1));
    let host = MockHost::new()
        .rollout(web)
        .target("Pod", &first)
        .previous_log(&first, "web", "unable to retrieve container logs for containerd://1a2b")
        .previous_log(&second, "web", "DATABASE_URL must be set");
    assert!(cause(&respond(&host).0).root_cause.contains("DATABASE_URL"));
}

#[test]
fn a_program_that_ends_by_itself_is_told_from_one_that_fails() {
    let web = Rollout::deployment("web", 1)
        .container(web(json!({})))
        .pods(1, &MockPod::crashing("Completed", 0));
    let host = MockHost::new().rollout(web).target("Deployment", "web");
    let (finding, steps) = respond(&host);
    assert!(cause(&finding).root_cause.contains("ends by itself"));
    assert_escalated(&steps, "run it as a Job");
}

#[test]
fn a_pod_that_holds_up_a_stateful_sets_rollout_is_replaced() {
    let rollout = |set: fn(&str, u32) -> Rollout| {
        set("web", 1)
            .container(web(json!({"command": ["/bin/wbe"]})))
            .pods(1, &MockPod::crashing("StartError", 128))
            .container(web(json!({})))
    };
    let host = MockHost::new()
        .rollout(rollout(Rollout::stateful_set))
        .target("StatefulSet", "web");
    assert!(matches!(respond(&host).1.as_slice(), [Step::RestartPod { pod, .. }] if pod.name == "web-0"));
    // other kinds replace it by themselves
    let host = MockHost::new()
        .rollout(rollout(Rollout::deployment))
        .target("Deployment", "web");
    assert_eq!(respond(&host).1, []);
}

#[test]
fn services_are_found_by_every_form_of_their_name() {
    for host in [
        "db",
        "db.shop",
        "db.shop.svc",
        "db.shop.svc.cluster.local",
        "db-0.db.shop.svc.cluster.local",
    ] {
        let line = format!("dial tcp: lookup {host}: no such host");
        let (mock, _) = waiting_for_db(&line, &MockPod::crashing("Error", 1));
        assert_eq!(
            handed_to(&respond(&mock).0),
            Some(("service-down", "Service/db".into())),
            "{host}"
        );
    }
    for host in ["db.payments.svc", "db.example.com", "example.com"] {
        let line = format!("dial tcp: lookup {host}: no such host");
        let (mock, _) = waiting_for_db(&line, &MockPod::crashing("Error", 1));
        assert_escalated(&respond(&mock).1, host);
    }
}

#[test]
fn a_failed_job_whose_pods_are_gone_is_explained_by_its_own_words() {
    let job = |kind: &str| {
        json!({
            "kind": "Job", "metadata": {"name": "migrate"}, "spec": {"selector": {"matchLabels": {"job": "migrate"}}},
            "status": {"conditions": [{"type": kind, "status": "True", "reason": "BackoffLimitExceeded",
                "message": "Job has reached the specified backoff limit"}]},
        })
    };
    let host = MockHost::new().object(job("Failed")).target("Job", "migrate");
    assert!(host.confidence::<CrashLoop>() > 0.5);
    let (finding, steps) = respond(&host);
    assert!(
        cause(&finding).root_cause.contains("BackoffLimitExceeded"),
        "{finding:?}"
    );
    assert!(matches!(steps.as_slice(), [Step::Escalate { .. }]), "{steps:?}");

    let host = MockHost::new().object(job("Complete")).target("Job", "migrate");
    assert!(host.confidence::<CrashLoop>() < 0.5, "a Job that is done has no fault");
}

/// A rollout that can make no pod, or one that no node takes: what it changed tells whether it is to blame.
#[test]
fn pods_that_cannot_be_made_or_placed_are_traced_to_the_rollout_or_left_to_a_person() {
    let refused = |message: &str| json!([{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}]);
    let quota = "pods \"web-1\" is forbidden: exceeded quota: q, requested: requests.cpu=2, used: requests.cpu=3, limited: requests.cpu=4";
    let account = "pods \"web-1\" is forbidden: error looking up service account shop/nobody: serviceaccount \"nobody\" not found";
    let hook = "Internal error occurred: failed calling webhook \"x.example.com\": connection refused";
    let more = json!({"resources": {"requests": {"cpu": "2"}}});
    let other = json!({"env": [{"name": "LEVEL", "value": "debug"}]});
    for (message, fields, undone) in [
        (quota, more.clone(), true),
        (quota, other.clone(), false),
        (hook, more, false),
        (
            "pods \"web-1\" is forbidden: violates PodSecurity \"restricted:latest\"",
            other.clone(),
            true,
        ),
        (account, other, false),
    ] {
        let web = Rollout::deployment("web", 2)
            .container(web(json!({})))
            .pods(2, &MockPod::ready())
            .container(web(fields))
            .with("/status/conditions", refused(message));
        let host = MockHost::new().rollout(web).target("Deployment", "web");
        assert!(host.confidence::<CrashLoop>() > 0.5, "{message}");
        let (finding, steps) = respond(&host);
        assert!(cause(&finding).root_cause.contains(message), "{finding:?}");
        if undone {
            assert_undo(&steps, "Deployment", "web", 1);
        } else {
            assert!(
                matches!(steps.as_slice(), [Step::Escalate { .. }]),
                "{message}: {steps:?}"
            );
        }
    }
}

#[test]
fn a_pod_that_no_node_takes_since_the_rollout_is_undone() {
    let web = Rollout::deployment("web", 2)
        .container(web(json!({})))
        .pods(2, &MockPod::ready())
        .container(web(json!({"resources": {"requests": {"cpu": "64"}}})))
        .pods(1, &MockPod::pending("0/3 nodes are available: 3 Insufficient cpu."));
    let pod = web.pod_name(2, 0);
    let host = MockHost::new().rollout(web).target("Pod", &pod);
    assert!(host.confidence::<CrashLoop>() > 0.5);
    let (finding, steps) = respond(&host);
    assert!(cause(&finding).root_cause.contains("Insufficient cpu"));
    assert_undo(&steps, "Deployment", "web", 1);
}

#[test]
fn a_victim_whose_need_is_met_again_is_freed_from_a_long_back_off() {
    for (wait, restarted) in [("20s", false), ("5m0s", true)] {
        let state = MockPod::waiting(
            "CrashLoopBackOff",
            &format!("back-off {wait} restarting failed container=web"),
        )
        .restarts(7)
        .ended("Error", 1, 1);
        let web = Rollout::deployment("web", 1).container(web(json!({}))).pods(1, &state);
        let pod = web.pod_name(1, 0);
        let db = Rollout::deployment("db", 1)
            .container(json!({"name": "db", "image": "db:1"}))
            .pods(1, &MockPod::ready());
        let host = MockHost::new()
            .rollout(web)
            .rollout(db)
            .object(service("db", 5432))
            .target("Pod", &pod)
            .previous_log(&pod, "web", "dial tcp: connect db:5432: connection refused");
        let steps = respond(&host).1;
        assert_eq!(
            matches!(steps.as_slice(), [Step::RestartPod { .. }]),
            restarted,
            "{steps:?}"
        );
    }
}
