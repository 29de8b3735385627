//! What the tests of this crate share: a shop with a web server and a database.
#![allow(dead_code, unreachable_pub, clippy::expect_used)]

use crash_loop::CrashLoop;
use dreamops_sdk::incident::PastAction;
pub use dreamops_sdk::mock::expect::cause;
use dreamops_sdk::mock::{MockHost, MockPod, NOW_MS, Rollout, Step};
use dreamops_sdk::prelude::*;
use serde_json::{Value, json};

/// A container `web` with fields of its own.
pub fn web(fields: Value) -> Value {
    let mut container = json!({"name": "web", "image": "shop/web:1"});
    if let Value::Object(fields) = fields {
        for (name, value) in fields {
            container[name] = value;
        }
    }
    container
}

pub fn service(name: &str, port: u16) -> Value {
    json!({
        "kind": "Service", "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "clusterIP": "10.96.3.4", "ports": [{"port": port}]},
    })
}

/// A web server that ended with a line about its database, and the database with one pod.
pub fn waiting_for_db(line: &str, db: &MockPod) -> (MockHost, String) {
    let web = Rollout::deployment("web", 2)
        .container(web(json!({"env": [{"name": "DB", "value": "db:5432"}]})))
        .pods(2, &MockPod::crashing("Error", 1));
    let pod = web.pod_name(1, 0);
    let db = Rollout::deployment("db", 1)
        .container(json!({"name": "db", "image": "db:1"}))
        .pods(1, db);
    let host = MockHost::new()
        .rollout(web)
        .rollout(db)
        .object(service("db", 5432))
        .target("Pod", &pod)
        .previous_log(&pod, "web", line);
    (host, pod)
}

pub fn past(action: &str, outcome: &str) -> PastAction {
    PastAction {
        at_ms: NOW_MS - 3_600_000,
        action: action.into(),
        strategy: "crash-loop".into(),
        outcome: outcome.into(),
        fault: "crash-loop".into(),
    }
}

/// Finding and steps; every read and step is one that the manifest asks for.
pub fn respond(host: &MockHost) -> (Finding, Vec<Step>) {
    host.respond_within::<CrashLoop>(include_str!("../../Cargo.toml"))
}

pub fn handed_to(finding: &Finding) -> Option<(&str, String)> {
    match finding {
        Finding::HandOver(to) => Some((&to.fault, to.target.to_string())),
        _ => None,
    }
}

/// The only step goes back to the revision that was made as number `revision`.
#[track_caller]
pub fn assert_undo(steps: &[Step], kind: &str, name: &str, revision: usize) {
    let [
        Step::UndoRollout {
            workload,
            revision: uid,
            ..
        },
    ] = steps
    else {
        panic!("no undo: {steps:?}")
    };
    assert_eq!((workload.kind.as_str(), workload.name.as_str()), (kind, name));
    assert!(
        uid.ends_with(&format!("-{name}-r{revision}")),
        "{uid} is not revision {revision}"
    );
}

/// The only step is a word to a person, which holds `words`.
#[track_caller]
pub fn assert_escalated(steps: &[Step], words: &str) -> String {
    let [step @ Step::Escalate { why, .. }] = steps else {
        panic!("no escalation: {steps:?}")
    };
    let said = format!("{} {}", step.proposal(), why.reason);
    assert!(said.contains(words), "{words:?} in {said:?}");
    step.proposal().to_owned()
}
