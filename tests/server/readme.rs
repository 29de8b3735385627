//! What the README tells people to type works as it stands there.

use crate::shell::Shell;
use dreamops_tests::serving::until;
use serde_json::{Value, json};
use std::time::Duration;

const README: &str = include_str!("../../README.md");
/// The most lines of events that are read until the one that is waited for.
const LINES: usize = 2000;
/// How long a plan may take.
const PATIENCE: Duration = Duration::from_mins(3);

/// The blocks of commands in a section.
fn blocks(section: &str) -> Vec<Vec<&'static str>> {
    let start = README.find(section).unwrap() + section.len();
    let end = README[start..].find("\n## ").map_or(README.len(), |end| start + end);
    let end = README[start..end].find("\n### ").map_or(end, |end| start + end);
    let fences = README[start..end].split("```");
    let code = fences.skip(1).step_by(2).filter_map(|block| block.strip_prefix("sh\n"));
    code.map(|block| block.lines().filter(|line| !line.trim().is_empty()).collect())
        .collect()
}

/// The commands of server mode: the demonstration's, and those for one's own cluster.
fn server_mode() -> (&'static str, Vec<&'static str>) {
    let [demo, own] = blocks("\n### Server mode\n").try_into().unwrap();
    let [demo] = demo.try_into().unwrap();
    (demo, own)
}

/// What was answered, which must not be a refusal.
fn answer(line: &str, printed: &str) -> Value {
    let answer: Value = serde_json::from_str(printed).unwrap_or_else(|_| panic!("{line}: {printed}"));
    let refused = answer["type"].as_str().is_some_and(|kind| kind.contains("problem"));
    assert!(!refused, "{line}: {answer}");
    answer
}

/// Follows the stream of events until one holds `words`.
fn follow(shell: &mut Shell, line: &str, words: &str) {
    shell.begin(line);
    let mut events = Vec::new();
    while !events.last().is_some_and(|event: &String| event.contains(words)) {
        assert!(events.len() < LINES, "{line}: {events:?}");
        events.push(shell.next_line(line));
    }
}

#[test]
fn the_demonstration_works_as_it_is_printed() {
    let (demo, own) = server_mode();
    assert!(demo.starts_with("dreamops serve --demo"), "{demo}");
    let mut shell = Shell::new();
    // another terminal, to a person
    shell.begin(&format!("{{ {demo}\n}} &"));
    let curl = shell.hear("curl ");
    let listed = answer(&curl, &shell.run(&curl));
    assert!(listed["items"].is_array(), "{listed}");

    // and so do the lines that read, with its token
    let token = curl.split("Bearer ").nth(1).and_then(|rest| rest.split('\'').next());
    shell.run(&format!("export DREAMOPS_ADMIN_TOKEN={}", token.unwrap()));
    for line in own.iter().filter(|line| line.starts_with("api")) {
        if line.contains("/events") {
            // the first fault is fixed
            follow(&mut shell, line, "resolved");
        } else if line.starts_with("api()") {
            shell.run(line);
        } else if !line.contains(" -d ") {
            answer(line, &shell.run(line));
        }
    }
}

#[test]
fn the_commands_for_ones_own_cluster_work_as_they_are_printed() {
    let (_, own) = server_mode();
    let mut shell = Shell::new();
    shell.begin("dreamops sim crash-loop --kubeconfig kubeconfig --alert raised.json &");
    shell.hear("Ctrl-C");
    files_for_the_commands(&shell);
    let mut done = 0;
    let mut incident = Value::Null;
    for line in own {
        let line = &line
            .replace("ID", text(&incident["id"]))
            .replace("DIGEST", text(&incident["plan"]["digest"]));
        if line.starts_with("api()") || line.starts_with("export ") {
            shell.run(line);
        } else if line.starts_with("dreamops serve &") {
            shell.run(line);
            shell.hear("listening on http://127.0.0.1:8000");
        } else if line.contains("/connect-cluster") {
            let connected = answer(line, &shell.run(line));
            assert_eq!(connected["connection_result"]["connected"], true, "{connected}");
        } else if line.contains("/process-incident") {
            let processed = answer(line, &shell.run(line));
            incident = json!({ "id": processed["incident_id"] });
        } else if line.contains("/approve") {
            let approved = answer(line, &shell.run(line));
            assert_eq!(approved["id"], incident["id"], "{approved}");
        } else if line.contains("/api/v1/incidents") {
            incident = waiting(&mut shell, line, &incident["id"]);
        } else if line.contains("/audit/verify") {
            let verified = answer(line, &shell.run(line));
            assert_eq!(verified["intact"], true, "{verified}");
        } else if line.contains("/events") {
            // what was approved is done, and the fault is gone
            follow(&mut shell, line, "resolved");
        } else {
            panic!("this line has no test: {line}");
        }
        done += 1;
    }
    assert_eq!(done, 9, "the section has other commands now");
}

/// The incident, as soon as its plan waits for a person.
fn waiting(shell: &mut Shell, line: &str, id: &Value) -> Value {
    let found = until(PATIENCE, || {
        let listed = answer(line, &shell.run(line));
        let items = listed["items"].as_array().unwrap();
        let waits = |incident: &&Value| incident["id"] == *id && incident["phase"] == "awaiting-approval";
        items.iter().find(waits).cloned()
    });
    found.unwrap_or_else(|| panic!("no plan waits: {}", shell.run(line)))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// `cluster.json` with the fields that the README names, and `alert.json` as it shows one, about the pod that crashes.
fn files_for_the_commands(shell: &Shell) {
    let read = |name: &str| std::fs::read_to_string(shell.home().join(name)).unwrap();
    let kubeconfig = read("kubeconfig");
    let field = |name: &str| {
        let line = kubeconfig.lines().find_map(|line| line.trim().strip_prefix(name));
        line.unwrap().trim().to_owned()
    };
    let cluster = json!({
        "auth_method": "service_account", "cluster_name": "staging", "cluster_endpoint": field("server:"),
        "namespace": field("namespace:"), "service_account_token": field("token:"),
        "ca_certificate": field("certificate-authority-data:"),
    });
    let (_, alert) = README.split_once("```json\n").unwrap();
    let (alert, _) = alert.split_once("```").unwrap();
    let mut alert: Value = serde_json::from_str(alert).unwrap();
    let raised: Value = serde_json::from_str(&read("raised.json")).unwrap();
    let labels = &raised["alerts"][0]["labels"];
    for name in ["namespace", "pod"] {
        assert!(alert["metadata"][name].is_string(), "{alert}");
        alert["metadata"][name] = labels[name].clone();
    }
    for (name, document) in [("cluster.json", cluster), ("alert.json", alert)] {
        std::fs::write(shell.home().join(name), document.to_string()).unwrap();
    }
}
