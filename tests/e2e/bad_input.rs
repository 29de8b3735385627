//! Bad input: one clear error with what to do next, the documented exit code, within seconds, and nothing changed.

use crate::alerts::{Form, alert};
use crate::room::{Room, Run, finished};
use dreamops_test_cluster::Validity;
use dreamops_tests::workloads::deployment;
use std::path::Path;
use std::time::{Duration, Instant};

fn one_clear_error(run: &Run, code: i32, words: &[&str]) {
    assert_eq!(run.code, code, "{}", run.stderr);
    let complaints: Vec<&str> = run.stderr.lines().filter(|l| l.starts_with("dreamops: ")).collect();
    let complaint = complaints.last().unwrap_or_else(|| panic!("no error: {}", run.stderr));
    for word in words {
        assert!(complaint.contains(word), "{word} is not named: {complaint}");
    }
}

fn respond(room: &Room, content: &str, kubeconfig: &Path) -> Run {
    let file = room.file("alert.json", content);
    let start = Instant::now();
    let run = finished(
        room.dreamops(&["respond"])
            .arg(file)
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .args(["--mode", "yolo"]),
    );
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "it took {:?}: {}",
        start.elapsed(),
        run.stderr
    );
    run
}

#[test]
fn an_alert_that_cannot_be_read_or_placed_is_wrong_usage() {
    let room = Room::new("badalert");
    let admin = room.cluster.admin_kubeconfig();
    one_clear_error(&respond(&room, "no json", &admin), 2, &["JSON"]);
    one_clear_error(
        &respond(&room, r#"{"hello":"world"}"#, &admin),
        2,
        &["Alertmanager", "PagerDuty"],
    );
    one_clear_error(&respond(&room, r#"{"version":"3","alerts":[]}"#, &admin), 2, &[]);
    let nowhere = r#"{"alert_id":"1","title":"Broken","description":"","severity":"high","metadata":{}}"#;
    one_clear_error(&respond(&room, nowhere, &admin), 2, &["--namespace"]);
    let run = finished(
        room.dreamops(&["respond", "/nonexistent/alert.json"])
            .arg("--kubeconfig")
            .arg(&admin),
    );
    one_clear_error(&run, 2, &["/nonexistent/alert.json"]);
}

#[test]
fn an_alert_about_an_object_that_never_was_is_not_fixed() {
    let room = Room::new("nothing");
    let about = alert(
        Form::Alertmanager,
        &room.namespace,
        "deployment",
        "nobody",
        "KubePodCrashLooping",
    );
    let run = room.respond(&about, "yolo", &[]);
    assert_eq!((run.code, run.phase()), (4, "escalated"), "{}", run.stderr);
    assert!(run.escalation().contains("nobody"), "{}", run.escalation());
}

#[test]
fn a_kubeconfig_that_does_not_work_is_told_apart_and_never_replaced_by_another() {
    let room = Room::new("badconfig");
    room.apply(&deployment("web", 1, &[]));
    let about = room.crash_alert().to_string();
    let good = std::fs::read_to_string(room.cluster.admin_kubeconfig()).unwrap();
    one_clear_error(
        &respond(&room, &about, Path::new("/nonexistent/config")),
        1,
        &["/nonexistent/config"],
    );
    let malformed = room.file("malformed.yaml", "{{{ not yaml");
    one_clear_error(&respond(&room, &about, &malformed), 1, &["malformed.yaml"]);
    let away = room.file("away.yaml", &good.replace("10.89.0.1:6443", "10.89.0.1:1"));
    one_clear_error(&respond(&room, &about, &away), 1, &["10.89.0.1:1"]);
    let expired = room
        .cluster
        .client_cert_kubeconfig("late", &[], Validity::Expired)
        .unwrap();
    one_clear_error(&respond(&room, &about, &expired), 1, &["expired"]);
    let file = room.file("alert.json", &about);
    let run = finished(
        room.dreamops(&["respond"])
            .arg(file)
            .env("KUBECONFIG", room.cluster.admin_kubeconfig()),
    );
    one_clear_error(&run, 2, &["--kubeconfig"]);
}

#[test]
fn a_bad_component_file_is_named_and_stops_nothing() {
    let room = Room::new("badplugin");
    room.apply(&deployment("web", 1, &[]));
    room.healthy(&["deployment/web"]);
    let plugins = room.data_dir().join("plugins");
    std::fs::create_dir_all(&plugins).unwrap();
    let whole = std::fs::read(
        std::env::var_os("DREAMOPS_COMPONENTS")
            .map(|d| Path::new(&d).join("crash-loop.wasm"))
            .unwrap(),
    )
    .unwrap();
    std::fs::write(plugins.join("truncated.wasm"), &whole[..whole.len() / 2]).unwrap();
    std::fs::write(plugins.join("core.wasm"), b"\0asm\x01\0\0\0").unwrap();
    for file in ["truncated.wasm", "core.wasm"] {
        let run = finished(room.dreamops(&["plugin", "check"]).arg(plugins.join(file)));
        one_clear_error(&run, 1, &[file]);
    }
    let about = room.crash_alert();
    let run = room.respond(&about, "yolo", &[]);
    assert_eq!(run.phase(), "no-action", "{}", run.stderr);
    assert!(
        run.stderr.contains("truncated.wasm") && run.stderr.contains("core.wasm"),
        "{}",
        run.stderr
    );
}
