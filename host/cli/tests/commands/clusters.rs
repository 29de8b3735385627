//! `cluster`, against a simulated one.

use crate::place::{Place, Server};
use dreamops_simulator::{FastClock, Simulator, scenarios};
use std::sync::Arc;
use tokio::runtime::Runtime;

struct Stage {
    simulator: Simulator,
    _runtime: Runtime,
}

impl Stage {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let scenario = &scenarios()[0];
        let simulator = Simulator::start(scenario, Arc::new(FastClock::new(1)));
        let simulator = runtime.block_on(simulator).unwrap();
        Self {
            simulator,
            _runtime: runtime,
        }
    }
}

fn life(place: &Place, server: Option<&Server>) {
    let stage = Stage::new();
    let kubeconfig = place.write("kubeconfig", &stage.simulator.kubeconfig());
    let run = |arguments: &[&str]| match server {
        Some(server) => place.ask(server, arguments),
        None => place.run(arguments),
    };
    let missing = run(&["cluster", "add", "prod", "--auth-method", "service-account"]);
    assert_eq!(missing.code, 2, "{missing:?}");
    assert!(missing.err.contains("--token-file"), "{missing:?}");

    let early = run(&["cluster", "rotate", "prod", "--kubeconfig", &kubeconfig]);
    assert_eq!(early.code, 2, "{early:?}");
    let added = run(&["cluster", "add", "prod", "--kubeconfig", &kubeconfig]).fine();
    assert!(added.err.contains("prod: connected, Kubernetes v1."), "{added:?}");
    let twice = run(&["cluster", "add", "prod", "--kubeconfig", &kubeconfig]);
    assert!(
        twice.code == 2 && twice.err.contains("cluster rotate prod"),
        "{twice:?}"
    );
    run(&["cluster", "rotate", "prod", "--kubeconfig", &kubeconfig]).fine();

    let listed = run(&["cluster", "list", "--output", "json"]).fine().json();
    assert_eq!(listed["items"][0]["name"], "prod");
    assert_eq!(listed["items"][0]["status"], "connected");
    let tested = run(&["cluster", "test", "prod", "--output", "json"]);
    assert_ne!(tested.json()["name"], serde_json::Value::Null, "{tested:?}");

    run(&["cluster", "remove", "prod"]).fine();
    let gone = run(&["cluster", "remove", "prod"]);
    assert_eq!(gone.code, 2, "{gone:?}");
    run(&["cluster", "test", "prod"]);
}

#[test]
fn a_cluster_is_connected_tried_rotated_and_forgotten_on_the_data_directory() {
    life(&Place::new(""), None);
}

#[test]
fn a_cluster_is_connected_rotated_and_forgotten_through_a_server() {
    let place = Place::new("");
    let server = place.serve();
    life(&place, Some(&server));
}

#[test]
fn a_cluster_that_does_not_answer_is_not_stored() {
    let place = Place::new("");
    let token = place.write("token", "a-token-of-nobody\n");
    let refused = place.run(&[
        "cluster",
        "add",
        "prod",
        "--auth-method",
        "service-account",
        "--token-file",
        &token,
        "--endpoint",
        "https://127.0.0.1:1",
    ]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(!refused.err.contains("a-token-of-nobody"), "{refused:?}");
    let listed = place.run(&["cluster", "list", "--output", "json"]).fine();
    assert_eq!(listed.json()["items"], serde_json::json!([]));
}

#[test]
fn the_least_rights_are_printed_for_a_namespace_and_an_account() {
    let place = Place::new("");
    let printed = place
        .run(&["cluster", "rbac", "--namespace", "shop", "--account", "agent"])
        .fine();
    assert!(printed.out.contains("kind: Role\n") && printed.out.contains("namespace: shop"));
    let bad = place.run(&["cluster", "rbac", "--namespace", "a}\n---"]);
    assert_eq!(bad.code, 2, "{bad:?}");
}
