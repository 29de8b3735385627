//! What `dreamops respond` asks of a real cluster while it heals a fault, asked of the simulated one in the same state.

use crate::exchange::Request;
use crate::pair::Pair;
use crate::recorder::Recorder;
use crate::replay::{hold, hold_live};
use dreamops_tests::workloads::{deployment, service, stateful_set, with_memory};
use serde_json::{Value, json};
use std::process::{Command, Stdio};

const WEB: &str = "/apis/apps/v1/namespaces/NS/deployments/web";
const CONTAINER: &str = "/spec/template/spec/containers/0";

#[allow(
    clippy::disallowed_methods,
    reason = "the program under test is named by whoever runs the tests"
)]
/// Has the program heal the real cluster, then holds the simulated one against all that was asked.
fn heal_and_hold(pair: &Pair, kind: &str, name: &str, rule: &str) {
    let (recorder, address) = pair.runtime.block_on(Recorder::start(pair.real.server.clone()));
    let file = |name: &str, content: &str| {
        let path = pair.data.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "real",
        "clusters": [{ "name": "real", "cluster": { "server": format!("http://{address}") } }],
        "users": [{ "name": "real", "user": {} }],
        "contexts": [{ "name": "real", "context": { "cluster": "real", "user": "real", "namespace": pair.namespace } }],
    });
    // what is watched afterwards is the same read again and again
    let settings = file(
        "dreamops.toml",
        "[respond]\nstability = \"2s\"\nheal_deadline = \"45s\"\nwatch = \"5s\"\n",
    );
    let output = Command::new(dreamops_tests::program())
        .arg("respond")
        .arg(file(
            "alert.json",
            &alert(&pair.namespace, kind, name, rule).to_string(),
        ))
        .arg("--kubeconfig")
        .arg(file("kubeconfig.json", &kubeconfig.to_string()))
        .args(["--mode", "yolo", "--output", "json"])
        .env("DREAMOPS_DATA_DIR", pair.data.path())
        .env("DREAMOPS_CONFIG", settings)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    assert_eq!(
        report["phase"],
        "resolved",
        "{}\n{}",
        report["escalation"],
        String::from_utf8_lossy(&output.stderr)
    );
    pair.learn(&pair.real);
    let recorded = recorder.recorded();
    assert!(recorded.iter().any(|e| e.request.changes()), "it wrote");
    hold(pair, &recorded);
}

fn alert(namespace: &str, kind: &str, name: &str, rule: &str) -> Value {
    json!({
        "version": "4", "groupKey": "{}", "truncatedAlerts": 0, "status": "firing", "receiver": "dreamops",
        "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://alertmanager.example.com",
        "alerts": [{
            "status": "firing",
            "labels": { "alertname": rule, "namespace": namespace, (kind): name, "severity": "critical" },
            "annotations": { "summary": format!("{rule} on {kind} {name}") },
            "startsAt": "2026-01-31T03:00:00.000Z", "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example.com/graph", "fingerprint": format!("{namespace}-{rule}"),
        }],
    })
}

/// So many pods are ready, and no more than the workload wants are there.
pub(crate) fn ready(objects: &[Value], wanted: usize) -> bool {
    let pods: Vec<&Value> = objects.iter().filter(|o| o["kind"] == "Pod").collect();
    pods.len() == wanted && pods.iter().all(|p| is_ready(p)) && objects.iter().all(told)
}

/// Whether those that look at pods have seen what became of them.
fn told(object: &Value) -> bool {
    let endpoints = object["endpoints"].as_array();
    let status = &object["status"];
    let is_behind =
        |count: &str| status[count].as_u64().unwrap_or(0) != object["spec"]["replicas"].as_u64().unwrap_or(0);
    match object["kind"].as_str() {
        Some("EndpointSlice") => endpoints.is_none_or(|e| e.iter().all(|e| e["conditions"]["ready"] == true)),
        Some("Deployment" | "StatefulSet") => !is_behind("readyReplicas") && !is_behind("availableReplicas"),
        _ => true,
    }
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions.is_some_and(|c| c.iter().any(|c| c["type"] == "Ready" && c["status"] == "True"))
}

fn restarted(objects: &[Value], times: u64) -> bool {
    objects
        .iter()
        .any(|o| o["status"]["containerStatuses"][0]["restartCount"].as_u64() >= Some(times))
}

fn waits_for(objects: &[Value], reason: &str) -> bool {
    objects
        .iter()
        .any(|o| o["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == reason)
}

#[test]
fn a_crash_loop_is_answered_alike() {
    let pair = Pair::new("same-crash");
    let needs = [("NEEDS_ENV", "DATABASE_URL"), ("DATABASE_URL", "db:5432")];
    pair.create(&[deployment("web", 2, &needs)]);
    pair.wait("two ready pods", |objects| ready(objects, 2));
    let gone = json!([{ "op": "remove", "path": format!("{CONTAINER}/env/1") }]);
    pair.patch(WEB, &gone);
    pair.wait("restarts", |objects| restarted(objects, 2));
    let objects = pair.learn(&pair.real);
    let crashing = objects.iter().find(|o| restarted(std::slice::from_ref(*o), 1)).unwrap();
    let log = pair.path(&format!(
        "/api/v1/namespaces/NS/pods/{}/log?container=app&tailLines=100&limitBytes=1048576",
        crashing["metadata"]["name"].as_str().unwrap()
    ));
    let previous = format!("{log}&previous=true");
    hold_live(&pair, &[Request::get(log), Request::get(previous)]);
    heal_and_hold(&pair, "deployment", "web", "KubePodCrashLooping");
}

#[test]
fn a_stuck_stateful_set_is_answered_alike() {
    let pair = Pair::new("same-stateful");
    let needs = [("NEEDS_ENV", "DATA"), ("DATA", "here")];
    pair.create(&[stateful_set("db", 2, &needs)]);
    pair.wait("two ready pods", |objects| ready(objects, 2));
    let gone = json!([{ "op": "remove", "path": format!("{CONTAINER}/env/1") }]);
    pair.patch("/apis/apps/v1/namespaces/NS/statefulsets/db", &gone);
    pair.wait("restarts", |objects| restarted(objects, 2));
    heal_and_hold(&pair, "statefulset", "db", "KubePodCrashLooping");
}

#[test]
fn a_failing_image_pull_is_answered_alike() {
    let pair = Pair::new("same-pull");
    pair.create(&[with_memory(deployment("web", 2, &[]), "64Mi")]);
    pair.wait("two ready pods", |objects| ready(objects, 2));
    let missing =
        json!([{ "op": "replace", "path": format!("{CONTAINER}/image"), "value": "docker.io/library/stage:missing" }]);
    pair.patch(WEB, &missing);
    pair.wait("a back-off", |objects| waits_for(objects, "ImagePullBackOff"));
    heal_and_hold(&pair, "deployment", "web", "ImagePullBackOff");
}

#[test]
fn a_lowered_memory_limit_is_answered_alike() {
    let pair = Pair::new("same-oom");
    // whether a probe comes before the end of a pod that does not get its memory must not be a matter of luck
    let needs = [("EAT_MIB", "40"), ("SLOW_START_SECONDS", "3")];
    pair.create(&[with_memory(deployment("web", 2, &needs), "96Mi")]);
    pair.wait("two ready pods", |objects| ready(objects, 2));
    let amounts = json!({ "requests": { "memory": "32Mi" }, "limits": { "memory": "32Mi" } });
    let lower = json!([{ "op": "replace", "path": format!("{CONTAINER}/resources"), "value": amounts }]);
    pair.patch(WEB, &lower);
    pair.wait("restarts", |objects| restarted(objects, 2));
    heal_and_hold(&pair, "deployment", "web", "KubePodOOMKilled");
}

#[test]
fn a_slip_in_a_selector_is_answered_alike() {
    let pair = Pair::new("same-selector");
    pair.create(&[deployment("web", 2, &[]), service("web", "web")]);
    pair.wait("two ready pods", |objects| ready(objects, 2));
    let slip = json!([{ "op": "replace", "path": "/spec/selector/app", "value": "wbe" }]);
    pair.patch("/api/v1/namespaces/NS/services/web", &slip);
    heal_and_hold(&pair, "service", "web", "ServiceDown");
}

#[test]
fn a_deployment_scaled_to_zero_is_answered_alike() {
    let pair = Pair::new("same-zero");
    pair.create(&[deployment("web", 2, &[]), service("web", "web")]);
    pair.wait("two ready pods", |objects| ready(objects, 2));
    let zero = json!([{ "op": "replace", "path": "/spec/replicas", "value": 0 }]);
    pair.patch(WEB, &zero);
    pair.wait("no pods", |objects| ready(objects, 0));
    heal_and_hold(&pair, "service", "web", "ServiceDown");
}
