//! Ctrl-C and `kill -9` in the middle: what is begun is continued or taken back, and nothing happens twice.

use crate::room::{PATIENCE, Room, Run};
use std::process::{Child, Command};

/// The id of the one incident there is.
fn only_incident(room: &Room) -> (String, String) {
    let list = room.run(&["incident", "list", "--output", "json"]);
    let items = list.report["items"].as_array().cloned().unwrap_or_default();
    assert_eq!(items.len(), 1, "{}", list.stdout);
    let text = |field: &str| items[0][field].as_str().unwrap_or_default().to_owned();
    (text("id"), text("phase"))
}

fn resume(room: &Room, id: &str) -> Run {
    let kubeconfig = room.cluster.admin_kubeconfig();
    room.run(&[
        "incident",
        "resume",
        id,
        "--kubeconfig",
        kubeconfig.to_str().unwrap(),
        "--output",
        "json",
    ])
}

/// Ends a process with a signal once the Deployment has been written to.
fn end_after_the_write(room: &Room, child: &mut Child, signal: &str) {
    let before = room.get("deployment", "web")["metadata"]["generation"].as_i64();
    room.cluster
        .wait_for("the write", PATIENCE, || {
            Ok(room.get("deployment", "web")["metadata"]["generation"].as_i64() > before)
        })
        .unwrap();
    let sent = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
    child.wait().unwrap();
}

fn continues_after(name: &str, signal: &str) {
    let (room, healthy) = Room::crashing(name);
    let about = room.crash_alert();
    let mut child = room.respond_in_background(&about);
    end_after_the_write(&room, &mut child, signal);
    let generation = room.get("deployment", "web")["metadata"]["generation"].clone();
    let (id, phase) = only_incident(&room);
    assert!(["executing", "verifying"].contains(&phase.as_str()), "it was {phase}");
    let run = resume(&room, &id);
    assert_eq!((run.code, run.phase()), (0, "resolved"), "{}", run.stderr);
    assert_eq!(healthy.differences(&room.snapshot(), &[]), Vec::<String>::new());
    assert_eq!(
        room.get("deployment", "web")["metadata"]["generation"],
        generation,
        "the write was made twice"
    );
}

#[test]
fn after_kill_9_the_incident_goes_on_and_nothing_is_written_twice() {
    continues_after("kill", "-KILL");
}

#[test]
fn after_ctrl_c_the_incident_goes_on_and_nothing_is_written_twice() {
    continues_after("interrupt", "-INT");
}

#[test]
fn another_cluster_cannot_continue_an_incident() {
    let (room, _) = Room::crashing("other");
    let about = room.crash_alert();
    let run = room.respond(&about, "approval", &[]);
    let id = run.report["incident_id"].as_str().unwrap().to_owned();
    let other = dreamops_test_cluster::Cluster::start("e2e-other").unwrap();
    let kubeconfig = other.admin_kubeconfig();
    let mut command = other.command(dreamops_tests::program());
    command
        .args(["incident", "resume", &id, "--kubeconfig"])
        .arg(&kubeconfig);
    command
        .env("DREAMOPS_DATA_DIR", room.data_dir())
        .env("DREAMOPS_CONFIG", room.data_dir().join("dreamops.toml"));
    let refused = crate::room::finished(&mut command);
    dreamops_test_cluster::Cluster::stop("e2e-other").unwrap();
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("another identity"), "{}", refused.stderr);
}
