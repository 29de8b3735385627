//! `audit`.

use crate::place::{Place, Server, mode_of};
use serde_json::Value;

fn life(place: &Place, server: Option<&Server>) {
    let run = |arguments: &[&str]| match server {
        Some(server) => place.ask(server, arguments),
        None => place.run(arguments),
    };
    for user in ["one", "two", "three"] {
        run(&["token", "create", user]).fine();
    }
    // a server gives events their place within a second or so
    let listed = poll(|| {
        let listed = run(&["audit", "list", "--event", "token-created", "--output", "json"]).fine();
        let document = listed.json();
        let users: Vec<String> = document["items"].as_array()?.iter().map(user).collect();
        (users.len() >= 3).then_some(users)
    });
    assert_eq!(listed[..3], ["three", "two", "one"]);

    let check = run(&["audit", "verify", "--output", "yaml"]).fine();
    assert!(check.out.contains("intact: true"), "{check:?}");
    let file = place.file("audit.jsonl");
    let path = file.to_str().unwrap();
    run(&["audit", "export", "--file", path]).fine();
    assert_eq!(mode_of(&file), 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let (head, events) = lines.split_last().unwrap();
    let positions: Vec<i64> = events.iter().filter_map(|e| e["position"].as_i64()).collect();
    assert_eq!(
        positions,
        (1..=i64::try_from(events.len()).unwrap()).collect::<Vec<_>>()
    );
    assert_eq!(head["head"]["position"], positions.len());

    run(&["audit", "verify", "--anchor", path]).fine();
    let other = run(&["audit", "verify", "--anchor", "2:00ff"]);
    assert_eq!(other.code, 1, "{other:?}");
    assert!(
        other.err.contains("is not the one that the anchor was taken at"),
        "{other:?}"
    );
    let cut = run(&["audit", "verify", "--anchor", "9999:00ff"]);
    assert!(cut.code == 1 && cut.err.contains("its end was cut off"), "{cut:?}");
}

fn user(event: &Value) -> String {
    event["body"]["user"].as_str().unwrap_or_default().to_owned()
}

fn poll<T>(look: impl Fn() -> Option<T>) -> T {
    for _ in 0..100 {
        if let Some(found) = look() {
            return found;
        }
    }
    panic!("it did not come to be");
}

#[test]
fn the_audit_is_read_checked_and_exported_on_the_data_directory() {
    life(&Place::new(""), None);
}

#[test]
fn the_audit_is_read_checked_and_exported_through_a_server() {
    let place = Place::new("");
    let server = place.serve();
    life(&place, Some(&server));
}

#[test]
fn an_export_that_was_broken_off_is_no_anchor() {
    let place = Place::new("");
    let path = place.write("half.jsonl", "{\"position\":1}\n");
    let refused = place.run(&["audit", "verify", "--anchor", &path]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.err.contains("does not end with the head"), "{refused:?}");
}
