//! Each of the five faults, from each form of alert, until the real workload is healthy.

use crate::alerts::{FORMS, Form, alert};
use crate::oracle::Snapshot;
use crate::room::{Room, Run};
use dreamops_test_cluster::{REGISTRY_PASSWORD, REGISTRY_USER};
use dreamops_tests::workloads::{
    AIM, autoscaler, daemon_set, deployment, service, stateful_set, with_cpu, with_memory,
};
use serde_json::json;
use std::io::Write;
use std::process::Stdio;

/// Fails unless the incident was resolved, with everything but `allowed` as it was when healthy.
fn resolved(room: &Room, run: &Run, before: &Snapshot, allowed: &[&str]) {
    assert_eq!(
        (run.code, run.phase()),
        (0, "resolved"),
        "{}\n{}",
        run.escalation(),
        run.stderr
    );
    assert!(
        run.report["verification"]["healed_at"].is_string(),
        "{}",
        run.report["verification"]
    );
    let differences = before.differences(&room.snapshot(), allowed);
    assert!(differences.is_empty(), "{differences:?}\n{}", run.stderr);
    let ends = run.report["timeline"]
        .as_array()
        .map(|t| t.iter().filter(|e| e["event"]["what"] == "closed").count());
    assert_eq!(ends, Some(1), "the record is complete");
}

fn ready(room: &Room, kind: &str, name: &str) {
    room.kubectl(&["rollout", "status", &format!("{kind}/{name}"), "--timeout=5s"]);
}

fn crash_loop(form: Form) {
    let room = Room::new("crash");
    room.apply(&deployment(
        "web",
        2,
        &[("NEEDS_ENV", "DATABASE_URL"), ("DATABASE_URL", "db:5432")],
    ));
    let before = room.healthy(&["deployment/web"]);
    room.kubectl(&["set", "env", "deployment/web", "DATABASE_URL-"]);
    room.wait_for_restarts("web", 2);
    let run = room.respond(
        &alert(form, &room.namespace, "deployment", "web", "KubePodCrashLooping"),
        "yolo",
        &[],
    );
    resolved(&room, &run, &before, &[]);
    assert_eq!(run.applied(), ["undo-rollout"]);
    ready(&room, "deployment", "web");
}

fn image_pull(form: Form) {
    let room = Room::new("pull");
    room.apply(&deployment("web", 2, &[]));
    let before = room.healthy(&["deployment/web"]);
    room.kubectl(&["set", "image", "deployment/web", "app=docker.io/library/stage:missing"]);
    room.wait_for_reason("web", &["ErrImagePull", "ImagePullBackOff"]);
    let run = room.respond(
        &alert(form, &room.namespace, "deployment", "web", "ImagePullBackOff"),
        "yolo",
        &[],
    );
    resolved(&room, &run, &before, &[]);
    assert_eq!(run.applied(), ["undo-rollout"]);
    ready(&room, "deployment", "web");
}

fn out_of_memory(form: Form) {
    let room = Room::new("oom");
    room.apply(&with_memory(deployment("web", 2, &[("EAT_MIB", "40")]), "96Mi"));
    let before = room.healthy(&["deployment/web"]);
    room.kubectl(&[
        "set",
        "resources",
        "deployment/web",
        "--limits=memory=32Mi",
        "--requests=memory=32Mi",
    ]);
    room.wait_for_restarts("web", 2);
    let run = room.respond(
        &alert(form, &room.namespace, "deployment", "web", "KubePodOOMKilled"),
        "yolo",
        &[],
    );
    resolved(
        &room,
        &run,
        &before,
        &["Deployment/web /spec/template/spec/containers/0/resources"],
    );
    ready(&room, "deployment", "web");
}

fn service_down(form: Form) {
    let room = Room::new("service");
    room.apply(&deployment("web", 2, &[]));
    room.apply(&service("web", "web"));
    let before = room.healthy(&["deployment/web"]);
    room.kubectl(&[
        "patch",
        "service",
        "web",
        "--type=merge",
        "-p",
        r#"{"spec":{"selector":{"app":"wbe"}}}"#,
    ]);
    let run = room.respond(
        &alert(form, &room.namespace, "service", "web", "ServiceDown"),
        "yolo",
        &[],
    );
    resolved(&room, &run, &before, &[]);
    assert_eq!(run.applied(), ["patch"]);
}

fn high_usage(form: Form) {
    let room = Room::new("usage");
    // a use near the limit but not at it, within the tenth of its aim that the autoscaler itself tolerates
    let mut web = with_cpu(deployment("web", 1, &[]), "115m");
    web["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] = json!("100m");
    room.apply(&web);
    room.apply(&service("web", "web"));
    room.apply(&autoscaler("web", 1, 4));
    room.healthy(&["deployment/web"]);
    room.apply(&deployment(
        "load",
        1,
        &[("LOAD_PEER", "web:8080"), ("LOAD_MILLICORES", "101")],
    ));
    let before = room.healthy(&["deployment/load"]);
    room.cluster
        .wait_for("the autoscaler to see the load", crate::room::PATIENCE, || {
            let scaler = room.get("horizontalpodautoscaler", "web");
            let seen = scaler.pointer("/status/currentMetrics/0/resource/current/averageUtilization");
            Ok(seen
                .and_then(serde_json::Value::as_u64)
                .is_some_and(|percent| percent >= AIM.into()))
        })
        .unwrap();
    let run = room.respond(
        &alert(form, &room.namespace, "deployment", "web", "HighCPUUsage"),
        "yolo",
        &[],
    );
    resolved(&room, &run, &before, &["Deployment/web /spec/replicas"]);
    assert_eq!(run.applied(), ["scale"]);
}

#[test]
fn a_crash_loop_heals_whatever_form_the_alert_has() {
    FORMS.into_iter().for_each(crash_loop);
}

#[test]
fn a_failing_image_pull_heals_whatever_form_the_alert_has() {
    FORMS.into_iter().for_each(image_pull);
}

#[test]
fn an_out_of_memory_kill_heals_whatever_form_the_alert_has() {
    FORMS.into_iter().for_each(out_of_memory);
}

#[test]
fn a_service_that_is_down_heals_whatever_form_the_alert_has() {
    FORMS.into_iter().for_each(service_down);
}

#[test]
fn high_usage_heals_whatever_form_the_alert_has() {
    FORMS.into_iter().for_each(high_usage);
}

#[test]
fn a_stuck_stateful_set_is_undone_and_its_stuck_pod_moved() {
    let room = Room::new("stateful");
    room.apply(&stateful_set("db", 2, &[("NEEDS_ENV", "DATA"), ("DATA", "here")]));
    let before = room.healthy(&["statefulset/db"]);
    room.kubectl(&["set", "env", "statefulset/db", "DATA-"]);
    room.wait_for_restarts("db", 2);
    let run = room.respond(
        &alert(
            Form::Alertmanager,
            &room.namespace,
            "pod",
            "db-1",
            "KubePodCrashLooping",
        ),
        "yolo",
        &[],
    );
    resolved(&room, &run, &before, &[]);
    ready(&room, "statefulset", "db");
}

#[test]
fn a_daemon_set_with_a_bad_image_is_undone() {
    let room = Room::new("daemon");
    room.apply(&daemon_set("agent", &[]));
    let before = room.healthy(&["daemonset/agent"]);
    room.kubectl(&["set", "image", "daemonset/agent", "app=docker.io/library/stage:missing"]);
    room.wait_for_reason("agent", &["ErrImagePull", "ImagePullBackOff"]);
    let run = room.respond(
        &alert(
            Form::ProcessIncident,
            &room.namespace,
            "daemonset",
            "agent",
            "DaemonSet stuck",
        ),
        "yolo",
        &[],
    );
    resolved(&room, &run, &before, &[]);
    ready(&room, "daemonset", "agent");
}

#[test]
fn memory_that_was_never_enough_is_raised_by_half() {
    let room = Room::new("growth");
    let mut web = with_memory(deployment("web", 1, &[("EAT_MIB", "32")]), "32Mi");
    web["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["memory"] = json!("16Mi");
    room.apply(&web);
    room.wait_for_restarts("web", 2);
    let before = room.snapshot();
    let run = room.respond(
        &alert(Form::Alertmanager, &room.namespace, "deployment", "web", "OOMKilled"),
        "yolo",
        &[],
    );
    resolved(
        &room,
        &run,
        &before,
        &["Deployment/web /spec/template/spec/containers/0/resources"],
    );
    let resources = room.get("deployment", "web")["spec"]["template"]["spec"]["containers"][0]["resources"].clone();
    assert_eq!(
        resources,
        json!({ "limits": { "memory": "48Mi" }, "requests": { "memory": "24Mi" } }),
        "the ratio is kept"
    );
}

#[test]
fn a_private_image_gets_the_credential_that_the_host_holds() {
    let room = Room::new("private");
    let mut web = deployment("web", 1, &[]);
    web["spec"]["template"]["spec"]["containers"][0]["image"] = json!("docker.io/private/stage:1");
    // a node that has pulled it once would start it without asking
    web["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = json!("Always");
    room.apply(&web);
    room.wait_for_reason("web", &["ErrImagePull", "ImagePullBackOff"]);
    let before = room.snapshot();
    let mut add = room.dreamops(&[
        "credential",
        "registry",
        "add",
        "docker.io",
        "--username",
        REGISTRY_USER,
    ]);
    let mut child = add.stdin(Stdio::piped()).spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(REGISTRY_PASSWORD.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success());
    let run = room.respond(
        &alert(
            Form::Alertmanager,
            &room.namespace,
            "deployment",
            "web",
            "ImagePullBackOff",
        ),
        "yolo",
        &[],
    );
    resolved(
        &room,
        &run,
        &before,
        &["Deployment/web /spec/template/spec/imagePullSecrets", "Secret/*"],
    );
    assert_eq!(run.applied(), ["set-pull-secret"]);
    let everything = format!("{}{}", run.stdout, run.stderr);
    assert!(!everything.contains(REGISTRY_PASSWORD), "the password is shown");
}

#[test]
fn a_service_whose_workload_was_scaled_to_zero_comes_back() {
    let room = Room::new("zero");
    room.apply(&deployment("web", 2, &[]));
    room.apply(&service("web", "web"));
    let before = room.healthy(&["deployment/web"]);
    room.kubectl(&["scale", "deployment/web", "--replicas=0"]);
    room.wait_for_pods("web", "no pods", <[_]>::is_empty);
    let run = room.respond(
        &alert(Form::ProcessIncident, &room.namespace, "service", "web", "no endpoints"),
        "yolo",
        &[],
    );
    resolved(&room, &run, &before, &[]);
    assert_eq!(run.applied(), ["scale"]);
}

#[test]
fn a_target_port_that_no_pod_has_is_corrected() {
    let room = Room::new("port");
    room.apply(&deployment("web", 1, &[]));
    let mut web = service("web", "web");
    web["spec"]["ports"][0]["targetPort"] = json!("http");
    room.apply(&web);
    let before = room.healthy(&["deployment/web"]);
    room.kubectl(&[
        "patch",
        "service",
        "web",
        "--type=json",
        "-p",
        r#"[{"op":"replace","path":"/spec/ports/0/targetPort","value":"htpp"}]"#,
    ]);
    let run = room.respond(
        &alert(Form::Alertmanager, &room.namespace, "service", "web", "ServiceDown"),
        "yolo",
        &[],
    );
    resolved(&room, &run, &before, &["Service/web /spec/ports/0/targetPort"]);
}

#[test]
fn a_service_alert_leads_to_the_workload_behind_it() {
    let room = Room::new("inward");
    let mut web = deployment("web", 1, &[("NEEDS_ENV", "KEY"), ("KEY", "value")]);
    web["spec"]["strategy"] = json!({ "type": "Recreate" });
    room.apply(&web);
    room.apply(&service("web", "web"));
    let before = room.healthy(&["deployment/web"]);
    room.kubectl(&["set", "env", "deployment/web", "KEY-"]);
    room.wait_for_restarts("web", 2);
    let run = room.respond(
        &alert(Form::Alertmanager, &room.namespace, "service", "web", "ServiceDown"),
        "yolo",
        &[],
    );
    resolved(&room, &run, &before, &[]);
    assert_eq!(run.applied(), ["undo-rollout"]);
}
