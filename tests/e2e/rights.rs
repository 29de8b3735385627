//! With which rights it works, and what it says where one is missing.

use crate::room::Room;
use std::path::PathBuf;

/// The Role that the project ships.
const ROLE: &str = include_str!("../../host/cluster/rbac.yaml");

/// A kubeconfig of a service account with the shipped Role, after `change` was made to the Role's text.
fn kubeconfig(room: &Room, change: impl Fn(String) -> String) -> PathBuf {
    room.cluster
        .apply_in(&room.namespace, &change(ROLE.to_owned()))
        .unwrap();
    room.cluster.token_kubeconfig(&room.namespace, "dreamops").unwrap()
}

#[test]
fn the_shipped_role_is_enough() {
    let (room, _) = Room::crashing("role");
    let kubeconfig = kubeconfig(&room, |role| role);
    let about = room.crash_alert();
    let run = room.respond_as(&kubeconfig, &about, "yolo", &[]);
    assert_eq!(run.phase(), "resolved", "{}\n{}", run.escalation(), run.stderr);
}

#[test]
fn a_missing_right_to_patch_ends_in_an_escalation_that_names_it() {
    let (room, _) = Room::crashing("nopatch");
    let kubeconfig = kubeconfig(&room, |role| role.replace(", patch", "").replace("patch, ", ""));
    let before = room.snapshot();
    let about = room.crash_alert();
    let run = room.respond_as(&kubeconfig, &about, "yolo", &[]);
    assert_eq!((run.code, run.phase()), (4, "escalated"), "{}", run.stderr);
    assert!(
        run.escalation().contains("patch") && run.escalation().contains("deployments"),
        "{}",
        run.escalation()
    );
    assert!(before.differences(&room.snapshot(), &[]).is_empty());
}

#[test]
fn no_rights_at_all_end_in_an_escalation_that_names_the_first_missing_one() {
    let (room, _) = Room::crashing("norights");
    room.kubectl(&["create", "serviceaccount", "nobody"]);
    let kubeconfig = room.cluster.token_kubeconfig(&room.namespace, "nobody").unwrap();
    let about = room.crash_alert();
    let run = room.respond_as(&kubeconfig, &about, "yolo", &[]);
    assert_eq!((run.code, run.phase()), (4, "escalated"), "{}", run.stderr);
    assert!(
        run.escalation().contains("may not get deployments"),
        "{}",
        run.escalation()
    );
}
