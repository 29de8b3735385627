//! How far the host goes: observe, approval, the emergency stop, rollback.

use crate::alerts::{Form, alert, alertmanager};
use crate::room::{Room, Run};
use dreamops_tests::workloads::deployment;

fn text<'a>(run: &'a Run, field: &str) -> &'a str {
    run.report[field]
        .as_str()
        .unwrap_or_else(|| panic!("{field} is missing: {}\n{}", run.stdout, run.stderr))
}

fn go_on(room: &Room, what: &[&str]) -> Run {
    let kubeconfig = room.cluster.admin_kubeconfig();
    let mut args = vec!["incident"];
    args.extend(what);
    let kubeconfig = kubeconfig.to_str().unwrap();
    args.extend(["--kubeconfig", kubeconfig, "--output", "json"]);
    room.run(&args)
}

#[test]
fn observe_writes_nothing_and_records_the_plan() {
    let (room, _) = Room::crashing("observe");
    let broken = room.snapshot();
    let run = room.respond(&room.crash_alert(), "observe", &[]);
    assert_eq!((run.code, run.phase()), (3, "proposed"), "{}", run.stderr);
    assert!(broken.differences(&room.snapshot(), &[]).is_empty());
    let action = &run.report["actions"][0];
    assert_eq!(
        (action["action"].as_str(), action["outcome"].as_str()),
        (Some("undo-rollout"), Some("not-run"))
    );
    assert!(action["diff"].as_str().is_some_and(|d| d.contains("KEY")), "{action}");
}

#[test]
fn approval_stops_with_3_and_goes_on_when_approved() {
    let (room, healthy) = Room::crashing("approval");
    let broken = room.snapshot();
    let run = room.respond(&room.crash_alert(), "approval", &[]);
    assert_eq!((run.code, run.phase()), (3, "awaiting-approval"), "{}", run.stderr);
    assert!(broken.differences(&room.snapshot(), &[]).is_empty());
    let (id, digest) = (
        text(&run, "incident_id").to_owned(),
        text(&run, "plan_digest").to_owned(),
    );
    assert!(
        run.stderr.contains(&format!("incident approve {id} --digest {digest}")),
        "{}",
        run.stderr
    );

    let wrong = go_on(&room, &["approve", &id, "--digest", "0000"]);
    assert_eq!(wrong.code, 2, "{}", wrong.stderr);
    assert!(broken.differences(&room.snapshot(), &[]).is_empty());

    let done = go_on(&room, &["approve", &id, "--digest", &digest]);
    assert_eq!((done.code, done.phase()), (0, "resolved"), "{}", done.stderr);
    assert_eq!(healthy.differences(&room.snapshot(), &[]), Vec::<String>::new());
}

#[test]
fn an_approval_is_void_when_the_object_has_changed() {
    let (room, _) = Room::crashing("drift");
    let run = room.respond(&room.crash_alert(), "approval", &[]);
    let (id, digest) = (
        text(&run, "incident_id").to_owned(),
        text(&run, "plan_digest").to_owned(),
    );
    room.kubectl(&["set", "env", "deployment/web", "OTHER=1"]);
    let changed = room.snapshot();
    let again = go_on(&room, &["approve", &id, "--digest", &digest]);
    assert_eq!(
        (again.code, again.phase()),
        (3, "awaiting-approval"),
        "{}",
        again.stderr
    );
    assert_ne!(text(&again, "plan_digest"), digest);
    assert!(changed.differences(&room.snapshot(), &[]).is_empty());
}

#[test]
fn a_rejected_plan_writes_nothing() {
    let (room, _) = Room::crashing("reject");
    let broken = room.snapshot();
    let run = room.respond(&room.crash_alert(), "approval", &[]);
    let id = text(&run, "incident_id").to_owned();
    let rejected = go_on(&room, &["reject", &id, "--reason", "not now"]);
    assert_eq!(
        (rejected.code, rejected.phase()),
        (4, "rejected"),
        "{}",
        rejected.stderr
    );
    assert!(broken.differences(&room.snapshot(), &[]).is_empty());
}

#[test]
fn the_emergency_stop_holds_and_a_rollback_by_a_person_passes_it() {
    let (room, healthy) = Room::crashing("stop");
    let broken = room.snapshot();
    assert_eq!(room.run(&["stop", "--reason", "test"]).code, 0);
    let stopped = room.respond(&room.crash_alert(), "yolo", &[]);
    assert_eq!((stopped.code, stopped.phase()), (4, "stopped"), "{}", stopped.stderr);
    assert!(broken.differences(&room.snapshot(), &[]).is_empty());

    assert_eq!(room.run(&["resume"]).code, 0);
    let fixed = room.respond(&room.crash_alert(), "yolo", &[]);
    assert_eq!(fixed.phase(), "resolved", "{}", fixed.stderr);
    assert_eq!(healthy.differences(&room.snapshot(), &[]), Vec::<String>::new());

    assert_eq!(room.run(&["stop", "--reason", "test"]).code, 0);
    let id = text(&fixed, "incident_id").to_owned();
    let back = go_on(&room, &["rollback", &id]);
    assert_eq!((back.code, back.phase()), (4, "reverted"), "{}", back.stderr);
    assert_eq!(broken.differences(&room.snapshot(), &[]), Vec::<String>::new());
}

#[test]
fn alerts_of_several_owners_are_listed_and_refused() {
    let room = Room::new("several");
    room.apply(&deployment("web", 1, &[]));
    room.apply(&deployment("api", 1, &[]));
    room.healthy(&["deployment/web", "deployment/api"]);
    let both = alertmanager(&[
        (&room.namespace, "deployment", "web", "KubePodCrashLooping"),
        (&room.namespace, "deployment", "api", "KubePodCrashLooping"),
    ]);
    let run = room.respond(&both, "yolo", &[]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(
        run.stderr.contains("Deployment/web") && run.stderr.contains("Deployment/api"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_pod_that_is_gone_leads_to_its_owner() {
    let (room, healthy) = Room::crashing("gone");
    let gone = alert(
        Form::Alertmanager,
        &room.namespace,
        "pod",
        "web-5d4b9c8f7-x7x2p",
        "KubePodCrashLooping",
    );
    let run = room.respond(&gone, "yolo", &[]);
    assert_eq!(run.phase(), "resolved", "{}", run.stderr);
    assert_eq!(healthy.differences(&room.snapshot(), &[]), Vec::<String>::new());
}
