//! Cases in which the obvious answer is wrong.

use crate::oracle::Snapshot;
use crate::room::{Room, Run};
use dreamops_tests::workloads::{deployment, memory_quota, service, with_memory};
use serde_json::json;

/// Fails unless the incident ended as escalated, naming `words`, with nothing changed.
fn refused(room: &Room, run: &Run, before: &Snapshot, words: &[&str]) {
    assert_eq!(
        (run.code, run.phase()),
        (4, "escalated"),
        "{}\n{}",
        run.report["root_cause"],
        run.stderr
    );
    let differences = before.differences(&room.snapshot(), &[]);
    assert!(differences.is_empty(), "{differences:?}\n{}", run.stderr);
    for word in words {
        assert!(
            run.escalation().contains(word),
            "{word} is not named: {}",
            run.escalation()
        );
    }
}

#[test]
fn a_healthy_workload_is_left_alone() {
    let room = Room::new("healthy");
    room.apply(&deployment("web", 2, &[]));
    let before = room.healthy(&["deployment/web"]);
    let run = room.respond_to("deployment", "web", "KubePodCrashLooping");
    assert_eq!((run.code, run.phase()), (0, "no-action"), "{}", run.stderr);
    assert!(before.differences(&room.snapshot(), &[]).is_empty());
}

#[test]
fn a_first_revision_that_crashes_is_not_restarted_over_and_over() {
    let room = Room::new("first");
    room.apply(&deployment("web", 1, &[("NEEDS_ENV", "DATABASE_URL")]));
    room.wait_for_restarts("web", 2);
    let before = room.snapshot();
    let run = room.respond_to("deployment", "web", "KubePodCrashLooping");
    refused(&room, &run, &before, &["DATABASE_URL"]);
    assert!(run.applied().is_empty());
}

#[test]
fn an_undo_goes_to_the_revision_that_worked_not_to_the_one_before() {
    let room = Room::new("newest");
    room.apply(&deployment("web", 2, &[("NEEDS_ENV", "KEY"), ("KEY", "value")]));
    let before = room.healthy(&["deployment/web"]);
    room.kubectl(&["set", "env", "deployment/web", "KEY-", "LOG_LINE=one"]);
    room.wait_for_restarts("web", 1);
    room.kubectl(&["set", "env", "deployment/web", "LOG_LINE=two"]);
    room.wait_for_restarts("web", 2);
    let run = room.respond_to("deployment", "web", "KubePodCrashLooping");
    assert_eq!(run.phase(), "resolved", "{}\n{}", run.escalation(), run.stderr);
    assert_eq!(before.differences(&room.snapshot(), &[]), Vec::<String>::new());
}

#[test]
fn the_victim_of_a_dependency_is_not_touched_and_the_dependency_is() {
    let room = Room::new("victim");
    room.apply(&deployment("db", 1, &[]));
    room.apply(&service("db", "db"));
    room.healthy(&["deployment/db"]);
    room.apply(&deployment("web", 1, &[("NEEDS_PEER", "db:8080")]));
    let before = room.healthy(&["deployment/web"]);
    room.kubectl(&["scale", "deployment/db", "--replicas=0"]);
    room.wait_for_pods("db", "no database", <[_]>::is_empty);
    room.kubectl(&["delete", "pod", "-l", "app=web", "--wait=false"]);
    room.wait_for_restarts("web", 2);
    let run = room.respond_to("deployment", "web", "KubePodCrashLooping");
    assert_eq!(run.phase(), "resolved", "{}\n{}", run.escalation(), run.stderr);
    assert_eq!(before.differences(&room.snapshot(), &[]), Vec::<String>::new());
    let web = room.get("deployment", "web");
    assert_eq!(web["metadata"]["generation"], 1, "the victim was touched");
}

#[test]
fn a_missing_config_map_is_named_not_worked_around() {
    let room = Room::new("config");
    let mut web = deployment("web", 1, &[]);
    web["spec"]["template"]["spec"]["containers"][0]["envFrom"] =
        json!([{ "configMapRef": { "name": "web-settings" } }]);
    room.apply(&web);
    room.wait_for_reason("web", &["CreateContainerConfigError"]);
    let before = room.snapshot();
    let run = room.respond_to("deployment", "web", "KubePodNotReady");
    refused(&room, &run, &before, &["web-settings"]);
}

#[test]
fn a_raise_that_the_quota_forbids_is_not_begun() {
    let room = Room::new("quota");
    room.apply(&memory_quota("40Mi"));
    room.apply(&with_memory(deployment("web", 1, &[("EAT_MIB", "32")]), "32Mi"));
    room.wait_for_restarts("web", 2);
    let before = room.snapshot();
    let run = room.respond_to("deployment", "web", "OOMKilled");
    refused(&room, &run, &before, &["quota"]);
}

#[test]
fn a_bare_pod_is_not_restarted() {
    let room = Room::new("bare");
    let template = deployment("web", 1, &[("NEEDS_ENV", "KEY")])["spec"]["template"].clone();
    room.apply(&json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "alone", "labels": { "app": "alone" } }, "spec": template["spec"],
    }));
    room.wait_for_restarts("alone", 2);
    let uid = room.get("pod", "alone")["metadata"]["uid"].clone();
    let before = room.snapshot();
    let run = room.respond_to("pod", "alone", "KubePodCrashLooping");
    refused(&room, &run, &before, &[]);
    assert_eq!(room.get("pod", "alone")["metadata"]["uid"], uid);
}

#[test]
fn a_denied_image_without_a_credential_is_escalated_with_the_registry() {
    let room = Room::new("denied");
    let mut web = deployment("web", 1, &[]);
    web["spec"]["template"]["spec"]["containers"][0]["image"] = json!("docker.io/private/stage:2");
    // a node that has pulled it once would start it without asking
    web["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = json!("Always");
    room.apply(&web);
    room.wait_for_reason("web", &["ErrImagePull", "ImagePullBackOff"]);
    let before = room.snapshot();
    let run = room.respond_to("deployment", "web", "ImagePullBackOff");
    refused(&room, &run, &before, &["docker.io"]);
}

#[test]
fn a_registry_that_is_away_changes_nothing_in_the_workload() {
    let room = Room::new("away");
    room.apply(&deployment("web", 1, &[]));
    room.healthy(&["deployment/web"]);
    room.kubectl(&["set", "image", "deployment/web", "app=registry.invalid/stage:1"]);
    room.wait_for_reason("web", &["ErrImagePull", "ImagePullBackOff"]);
    let before = room.snapshot();
    let run = room.respond_to("deployment", "web", "ImagePullBackOff");
    refused(&room, &run, &before, &["registry.invalid"]);
}

#[test]
fn two_candidates_for_a_selector_are_a_persons_choice() {
    let room = Room::new("two");
    room.apply(&deployment("web-a", 1, &[]));
    room.apply(&deployment("web-b", 1, &[]));
    room.apply(&service("web", "web-x"));
    let before = room.healthy(&["deployment/web-a", "deployment/web-b"]);
    let run = room.respond_to("service", "web", "ServiceDown");
    refused(&room, &run, &before, &["web-a", "web-b"]);
}

#[test]
fn a_leak_is_not_fed_more_memory_for_ever() {
    let room = Room::new("leak");
    // each life of the leak lasts some nine seconds after a raise: the window has to be longer, as it is by default
    room.file(
        "dreamops.toml",
        "[respond]\nstability = \"25s\"\nheal_deadline = \"90s\"\n",
    );
    room.apply(&with_memory(
        deployment("web", 1, &[("LEAK_MIB_PER_SECOND", "8")]),
        "48Mi",
    ));
    room.wait_for_restarts("web", 2);
    let before = room.snapshot();
    let run = room.respond_to("deployment", "web", "OOMKilled");
    assert_ne!(run.phase(), "resolved", "{}", run.stderr);
    let after = before.differences(&room.snapshot(), &[]);
    assert!(after.is_empty(), "what did not help was not taken back: {after:?}");
}

#[test]
fn a_workload_that_helm_keeps_is_proposed_not_changed() {
    let room = Room::new("helm");
    let mut web = deployment("web", 2, &[("NEEDS_ENV", "KEY"), ("KEY", "value")]);
    web["metadata"]["labels"] = json!({ "app.kubernetes.io/managed-by": "Helm" });
    web["metadata"]["annotations"] =
        json!({ "meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": "shop" });
    room.apply(&web);
    room.healthy(&["deployment/web"]);
    room.kubectl(&["set", "env", "deployment/web", "KEY-"]);
    room.wait_for_restarts("web", 2);
    let before = room.snapshot();
    let run = room.respond_to("deployment", "web", "KubePodCrashLooping");
    assert_eq!(run.code, 3, "{}\n{}", run.phase(), run.stderr);
    assert!(before.differences(&room.snapshot(), &[]).is_empty());
}

#[test]
fn a_paused_deployment_is_reported_not_undone() {
    let room = Room::new("paused");
    room.apply(&deployment("web", 2, &[("NEEDS_ENV", "KEY"), ("KEY", "value")]));
    room.healthy(&["deployment/web"]);
    room.kubectl(&["set", "env", "deployment/web", "KEY-"]);
    room.wait_for_restarts("web", 2);
    room.kubectl(&["rollout", "pause", "deployment/web"]);
    let before = room.snapshot();
    let run = room.respond_to("deployment", "web", "KubePodCrashLooping");
    refused(&room, &run, &before, &["paused"]);
}
