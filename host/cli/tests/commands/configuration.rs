//! `config show`, `doctor`, `completions`.

use crate::place::Place;
use serde_json::Value;

fn origin(document: &Value, name: &str) -> (String, String) {
    let items = document["items"].as_array().unwrap();
    let item = items.iter().find(|item| item["name"] == name);
    let item = item.unwrap_or_else(|| panic!("{name} is not shown: {document}"));
    let value = item["value"]
        .as_str()
        .map_or_else(|| item["value"].to_string(), str::to_owned);
    (value, item["origin"].as_str().unwrap().to_owned())
}

#[test]
fn each_value_says_where_it_came_from_and_no_secret_is_shown() {
    let place = Place::new("mode = \"observe\"\n\n[respond]\nstability = \"45s\"\n")
        .with("DREAMOPS_LISTEN", "127.0.0.1:8123")
        .with("DREAMOPS_TOKEN", "hunter2-hunter2-hunter2")
        .with("PAGERDUTY_WEBHOOK_SECRETS", "hunter3")
        .with("HTTPS_PROXY", "http://ann:hunter4@proxy:3128");
    let shown = place.run(&["--server", "http://127.0.0.1:9", "config", "show", "--output", "json"]);
    let shown = shown.fine();
    for secret in ["hunter2", "hunter3", "hunter4"] {
        assert!(!shown.out.contains(secret), "{}", shown.out);
    }
    let document = shown.json();
    let file = place.file("dreamops.toml").display().to_string();
    let said = |name: &str| origin(&document, name);
    assert_eq!(said("mode"), ("observe".into(), format!("file {file} line 1")));
    assert_eq!(said("respond.stability"), ("45s".into(), format!("file {file} line 4")));
    assert_eq!(said("respond.watch").1, "default");
    let listen = ("127.0.0.1:8123".into(), "environment DREAMOPS_LISTEN".into());
    assert_eq!(said("server.listen"), listen);
    assert_eq!(said("server"), ("http://127.0.0.1:9".into(), "flag --server".into()));
    assert_eq!(said("policy.min_confidence").1, "default");
    // a person sees the same
    let table = place.run(&["config", "show"]).fine();
    assert!(table.out.contains("respond.stability"), "{table:?}");
    let yaml = place.run(&["config", "show", "--output", "yaml"]).fine();
    assert!(yaml.out.contains("name: respond.stability"), "{yaml:?}");
}

#[test]
fn a_key_that_does_not_exist_stops_the_program_with_the_nearest_one() {
    let place = Place::new("[server]\nlisten = \"127.0.0.1:0\"\nworker = 3\n");
    let refused = place.run(&["config", "show"]);
    assert_ne!(refused.code, 0);
    assert!(
        refused.err.contains("line 3") && refused.err.contains("did you mean `workers`?"),
        "{refused:?}"
    );
}

fn verdicts(document: &Value, check: &str) -> Vec<String> {
    let checks = document["checks"].as_array().unwrap();
    let of = checks.iter().filter(|c| c["check"] == check);
    of.filter_map(|c| c["verdict"].as_str().map(str::to_owned)).collect()
}

#[test]
fn the_doctor_finds_what_is_wrong_and_says_what_to_do() {
    let place = Place::new("[server]\nlisten = \"127.0.0.1:0\"\n").with("DREAMOPS_DATADIR", "/nowhere");
    place.run(&["token", "list"]).fine();
    let seen = place.run(&["doctor", "--output", "json"]);
    let document = seen.json();
    assert_eq!(verdicts(&document, "database"), ["ok"], "{document}");
    assert_eq!(verdicts(&document, "keys"), ["ok"]);
    assert_eq!(verdicts(&document, "clock"), ["ok"]);
    assert_eq!(verdicts(&document, "environment"), ["warn"]);
    assert_eq!(verdicts(&document, "clusters"), ["warn"]);
    assert_eq!(seen.code == 0, document["ok"] == true, "{seen:?}");

    // other keys than the database was made with
    let other = place.run(&["key", "generate"]).fine();
    let place = place.with("DREAMOPS_ENCRYPTION_KEYS", other.out.trim());
    let seen = place.run(&["doctor", "--output", "json"]);
    assert_eq!(seen.code, 1);
    assert_eq!(verdicts(&seen.json(), "database"), ["fail"], "{seen:?}");
}

#[test]
fn the_doctor_works_beside_a_server() {
    let place = Place::new("");
    let server = place.serve();
    let seen = place.run(&["doctor", "--output", "json"]).json();
    assert_eq!(verdicts(&seen, "database"), ["ok"], "{seen}");
    assert_eq!(verdicts(&seen, "port"), ["ok"], "{seen}");
    assert!(seen.to_string().contains(&server.address), "{seen}");
}

#[test]
fn a_shell_gets_completions_for_every_command() {
    let place = Place::new("");
    let printed = place.run(&["completions", "bash"]).fine();
    for command in ["doctor", "acknowledge", "rbac", "export"] {
        assert!(printed.out.contains(command), "{command}");
    }
}
