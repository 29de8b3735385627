//! Each row of the table in the crate's documentation, and the answers that tempt and are wrong.
#![allow(clippy::expect_used)]

use dreamops_sdk::mock::expect::cause;
use dreamops_sdk::mock::{MockHost, MockPod, Rollout, Step};
use dreamops_sdk::prelude::*;
use image_pull::ImagePull;
use serde_json::{Value, json};

const NOT_FOUND: &str = "rpc error: code = NotFound desc = failed to pull and unpack image \"registry.test/shop/web:2\": \
                         failed to resolve reference \"registry.test/shop/web:2\": registry.test/shop/web:2: not found";
const DENIED: &str = "failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized";
const NO_HOST: &str =
    "failed to do request: Head \"https://registry.test/v2/\": dial tcp: lookup registry.test: no such host";

fn web(image: &str) -> Value {
    json!({"name": "web", "image": image})
}

/// A rollout from one image to another that is not pulled; old pods are ready.
fn rollout(old: &str, new: &str, pod: &MockPod) -> Rollout {
    Rollout::deployment("web", 2)
        .container(web(old))
        .pods(2, &MockPod::ready())
        .container(web(new))
        .pods(1, pod)
}

fn failing(message: &str) -> MockPod {
    MockPod::waiting("ErrImagePull", message)
}

fn on(rollout: Rollout) -> MockHost {
    MockHost::new().rollout(rollout).target("Deployment", "web")
}

/// Finding and steps; every read and step is one that the manifest asks for.
fn respond(host: &MockHost) -> (Finding, Vec<Step>) {
    host.respond_within::<ImagePull>(include_str!("../Cargo.toml"))
}

#[track_caller]
fn assert_undo(steps: &[Step], revision: &str) {
    let [Step::UndoRollout { revision: uid, .. }] = steps else {
        panic!("no undo: {steps:?}")
    };
    assert!(uid.ends_with(revision), "{uid} is not {revision}");
}

#[track_caller]
fn assert_escalated(steps: &[Step], words: &str) {
    let [step @ Step::Escalate { why, .. }] = steps else {
        panic!("no escalation: {steps:?}")
    };
    let said = format!("{} {}", step.proposal(), why.reason);
    assert!(said.contains(words), "{words:?} in {said:?}");
}

#[test]
fn a_healthy_workload_is_left_alone() {
    let host = on(Rollout::deployment("web", 2)
        .container(web("shop/web:1"))
        .pods(2, &MockPod::ready()));
    assert!(host.confidence::<ImagePull>() < 0.5);
    let (finding, steps) = respond(&host);
    assert!(matches!(finding, Finding::Healthy(_)));
    assert_eq!(steps, []);
}

#[test]
fn an_image_that_does_not_exist_is_undone() {
    let host = on(rollout(
        "registry.test/shop/web:1",
        "registry.test/shop/web:2",
        &failing(NOT_FOUND),
    ));
    assert!(host.confidence::<ImagePull>() > 0.9);
    let (finding, steps) = respond(&host);
    let diagnosis = cause(&finding);
    assert!(
        diagnosis
            .root_cause
            .contains("image registry.test/shop/web:2 does not exist"),
        "{}",
        diagnosis.root_cause
    );
    assert!(diagnosis.confidence >= 0.8);
    assert_undo(&steps, "web-r1");
}

/// While the kubelet backs off, the state says nothing: the event does.
#[test]
fn an_older_clusters_back_off_is_told_by_its_event() {
    let pods = MockPod::waiting(
        "ImagePullBackOff",
        "Back-off pulling image \"registry.test/shop/web:2\"",
    );
    let web = rollout("registry.test/shop/web:1", "registry.test/shop/web:2", &pods);
    let pod = web.pod_name(2, 0);
    let host = on(web).event(
        "Pod",
        &pod,
        "Failed",
        &format!("Failed to pull image \"registry.test/shop/web:2\": {NOT_FOUND}"),
        4,
    );
    assert_undo(&respond(&host).1, "web-r1");
}

#[test]
fn an_invalid_name_and_a_missing_local_image_are_undone() {
    for reason in ["InvalidImageName", "ErrImageNeverPull"] {
        let host = on(rollout(
            "shop/web:1",
            "shop/WEB::2",
            &MockPod::waiting(reason, "couldn't parse image"),
        ));
        assert_undo(&respond(&host).1, "web-r1");
    }
}

#[test]
fn a_first_revision_has_nothing_to_go_back_to() {
    let host = on(Rollout::deployment("web", 1)
        .container(web("registry.test/shop/web:2"))
        .pods(1, &failing(NOT_FOUND)));
    assert_escalated(
        &respond(&host).1,
        "kubectl -n shop set image deployment/web web=IMAGE_THAT_EXISTS",
    );
}

#[test]
fn two_wrong_images_in_a_row_are_both_skipped() {
    let web = Rollout::deployment("web", 2)
        .container(web("registry.test/shop/web:1"))
        .pods(2, &MockPod::ready())
        .container(web("registry.test/shop/web:1.1"))
        .container(web("registry.test/shop/web:2"))
        .pods(1, &failing(NOT_FOUND));
    assert_undo(&respond(&on(web)).1, "web-r1");
}

#[test]
fn a_container_that_the_rollout_added_is_taken_away_again() {
    let template = |extra: Option<Value>| {
        let containers: Vec<Value> = [Some(web("registry.test/shop/web:1")), extra]
            .into_iter()
            .flatten()
            .collect();
        json!({"spec": {"containers": containers}})
    };
    let side = json!({"name": "side", "image": "registry.test/shop/side:1"});
    let host = on(Rollout::deployment("web", 2)
        .revision(template(None))
        .pods(2, &MockPod::ready())
        .revision(template(Some(side)))
        .pods(1, &failing(NOT_FOUND).of_container("side")));
    let (finding, steps) = respond(&host);
    assert!(cause(&finding).confidence >= 0.8);
    assert_undo(&steps, "web-r1");
}

#[test]
fn an_image_that_a_node_holds_counts_where_no_old_pod_is_left() {
    let web = Rollout::stateful_set("web", 1)
        .with("/status/currentRevision", json!("web-r1"))
        .container(web("registry.test/shop/web:1"))
        .container(web("registry.test/shop/web:1.1"))
        .container(web("registry.test/shop/web:2"))
        .pods(1, &failing(NOT_FOUND));
    let host = MockHost::new()
        .rollout(web)
        .target("StatefulSet", "web")
        .node_image("registry.test/shop/web:1", "node-1");
    let (finding, steps) = respond(&host);
    assert!(cause(&finding).confidence >= 0.8);
    assert_undo(&steps, "web-r1");
}

#[test]
fn an_image_that_no_node_lists_is_named_and_not_chosen() {
    let web = Rollout::daemon_set("web", 1)
        .container(web("registry.test/shop/web:1"))
        .container(web("registry.test/shop/web:2"))
        .pods(1, &failing(NOT_FOUND));
    let host = MockHost::new().rollout(web).target("DaemonSet", "web");
    assert_escalated(&respond(&host).1, "rollout undo daemonset/web --to-revision=1");
}

#[test]
fn the_same_image_in_an_older_revision_is_no_way_out() {
    let mut newer = web("registry.test/shop/web:2");
    newer["env"] = json!([{"name": "X", "value": "1"}]);
    let web = Rollout::deployment("web", 2)
        .container(web("registry.test/shop/web:2"))
        .pods(2, &MockPod::ready())
        .container(newer)
        .pods(1, &failing(NOT_FOUND));
    assert_escalated(&respond(&on(web)).1, "IMAGE_THAT_EXISTS");
}

#[test]
fn a_tag_that_was_deleted_is_not_the_rollouts_fault() {
    let web = Rollout::deployment("web", 2)
        .container(web("registry.test/shop/web:1"))
        .container(web("registry.test/shop/web:2"))
        .pods(1, &MockPod::ready())
        .pods(1, &failing(NOT_FOUND));
    assert_escalated(&respond(&on(web)).1, "push image registry.test/shop/web:2 again");
}

#[test]
fn a_closed_registry_gets_the_hosts_credential() {
    let host = on(Rollout::deployment("web", 1)
        .container(web("registry.test/shop/web:1"))
        .pods(1, &failing(DENIED)));
    let (finding, steps) = respond(&host);
    assert!(cause(&finding).confidence >= 0.8);
    let [Step::SetPullSecret { registry, workload, .. }] = steps.as_slice() else {
        panic!("{steps:?}")
    };
    assert_eq!((registry.as_str(), workload.name.as_str()), ("registry.test", "web"));
}

/// An undo would hide that the new image is private; its credential is what it needs.
#[test]
fn a_rollout_to_a_private_image_gets_a_credential_and_is_not_undone() {
    let host = on(rollout(
        "registry.test/shop/web:1",
        "registry.test/private/web:2",
        &failing(DENIED),
    ));
    assert!(matches!(respond(&host).1.as_slice(), [Step::SetPullSecret { .. }]));
}

#[test]
fn a_rollout_that_lost_its_pull_secret_is_undone() {
    let web = Rollout::deployment("web", 2)
        .revision(json!({"imagePullSecrets": [{"name": "regcred"}], "containers": [web("registry.test/shop/web:1")]}))
        .pods(2, &MockPod::ready())
        .container(web("registry.test/shop/web:2"))
        .pods(1, &failing(DENIED));
    assert_undo(&respond(&on(web)).1, "web-r1");
}

#[test]
fn a_misspelt_repository_that_the_registry_calls_denied_is_undone() {
    let message = "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope";
    let host = on(rollout("shop/web:1", "shop/wbe:1", &failing(message)));
    assert_undo(&respond(&host).1, "web-r1");
}

#[test]
fn a_registry_that_cannot_be_reached_changes_nothing() {
    for message in [
        NO_HOST,
        "dial tcp 1.2.3.4:443: i/o timeout",
        "tls: failed to verify certificate: x509: unknown authority",
    ] {
        let host = on(rollout(
            "registry.test/shop/web:1",
            "registry.test/shop/web:2",
            &failing(message),
        ));
        let (finding, steps) = respond(&host);
        assert!(cause(&finding).root_cause.contains("registry.test cannot be reached"));
        assert_eq!(steps, [], "{message}");
    }
}

#[test]
fn a_new_registry_that_cannot_be_reached_is_pointed_out_to_a_person() {
    let host = on(rollout(
        "docker.io/shop/web:1",
        "registry.test/shop/web:2",
        &failing(NO_HOST),
    ));
    let (finding, steps) = respond(&host);
    assert!(
        cause(&finding)
            .root_cause
            .contains("revision 1 (web-r1) pulled from docker.io")
    );
    assert_eq!(steps, []);
}

#[test]
fn a_limit_on_pulls_is_waited_for() {
    let message = "unexpected status code 429 Too Many Requests: toomanyrequests";
    let host = on(rollout("shop/web:1", "shop/web:2", &failing(message)));
    let (finding, steps) = respond(&host);
    assert!(cause(&finding).root_cause.contains("limits pulls"));
    assert_eq!(steps, []);
}

#[test]
fn a_full_node_goes_to_a_person() {
    let host = on(rollout(
        "shop/web:1",
        "shop/web:2",
        &failing("write /var/lib: no space left on device"),
    ));
    assert_escalated(&respond(&host).1, "kubectl describe node node-1");
}

#[test]
fn a_pod_that_crashes_is_handed_over() {
    let host = on(Rollout::deployment("web", 1)
        .container(web("shop/web:1"))
        .pods(1, &MockPod::crashing("Error", 1)))
    .alert("ImagePullBackOff", "web cannot pull its image");
    assert!(host.confidence::<ImagePull>() < 0.5, "the cluster's facts decide");
    assert!(matches!(respond(&host).0, Finding::HandOver(to) if to.fault == "crash-loop"));
}

#[test]
fn bare_pods_and_jobs_are_explained_and_not_touched() {
    let pod = json!({
        "kind": "Pod", "metadata": {"name": "lone"},
        "spec": {"nodeName": "node-1", "containers": [web("registry.test/shop/web:2")]},
        "status": {"phase": "Pending", "containerStatuses": [
            {"name": "web", "ready": false, "restartCount": 0, "state": {"waiting": {"reason": "ErrImagePull", "message": NOT_FOUND}}}]},
    });
    let host = MockHost::new().object(pod).target("Pod", "lone");
    assert!(host.confidence::<ImagePull>() > 0.9);
    assert_escalated(&respond(&host).1, "create it anew from its manifest");
}

#[test]
fn a_service_leads_to_the_workload_behind_it() {
    let host = MockHost::new()
        .rollout(rollout(
            "registry.test/shop/web:1",
            "registry.test/shop/web:2",
            &failing(NOT_FOUND),
        ))
        .object(json!({"kind": "Service", "metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}}}))
        .target("Service", "web");
    assert_undo(&respond(&host).1, "web-r1");
}
