//! `key`.

use crate::place::{Place, mode_of};

#[test]
fn a_new_key_is_written_first_and_what_older_ones_sealed_still_opens() {
    let place = Place::new("");
    place
        .fed(
            &[
                "credential",
                "registry",
                "add",
                "registry.example.com",
                "--username",
                "puller",
            ],
            "a password",
        )
        .fine();
    let before = std::fs::read_to_string(place.file("encryption.keys")).unwrap();
    place.run(&["key", "generate", "--write"]).fine();
    let after = std::fs::read_to_string(place.file("encryption.keys")).unwrap();
    assert!(after.ends_with(&before) && after.lines().count() == 2);
    assert_eq!(mode_of(&place.file("encryption.keys")), 0o600);
    let listed = place
        .run(&["credential", "registry", "list", "--output", "json"])
        .fine();
    assert_eq!(listed.json()["items"][0]["username"], "puller");
}

#[test]
fn a_pull_credential_is_stored_beside_a_server() {
    let place = Place::new("");
    let _server = place.serve();
    let add = [
        "credential",
        "registry",
        "add",
        "registry.example.com",
        "--username",
        "puller",
    ];
    place.fed(&add, "a password").fine();
    let listed = place.run(&["credential", "registry", "list"]).fine();
    assert!(listed.out.contains("puller"), "{listed:?}");
}

#[test]
fn a_printed_key_is_one_that_the_program_takes() {
    let place = Place::new("");
    let key = place.run(&["key", "generate"]).fine().out.trim().to_owned();
    let place = place.with("DREAMOPS_ENCRYPTION_KEYS", &key);
    place.run(&["token", "list"]).fine();
    // a file would not be read
    let refused = place.run(&["key", "generate", "--write"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(!refused.err.contains(&key));
    assert!(!place.file("encryption.keys").exists() && place.data().exists());
}

fn rotate(place: &Place, server: Option<&crate::place::Server>) {
    let run = |arguments: &[&str]| match server {
        Some(server) => place.ask(server, arguments),
        None => place.run(arguments),
    };
    let first = run(&["key", "rotate", "--output", "json"]).fine().json();
    assert_eq!(first["complete"], true, "{first}");
    assert_ne!(first["resealed"], 0, "{first}");
    let again = run(&["key", "rotate", "--output", "json"]).fine().json();
    assert_eq!((&again["complete"], &again["resealed"]), (&true.into(), &0.into()));
}

/// A place with something sealed, and a new key first in its key file.
fn with_a_new_key() -> Place {
    let place = Place::new("");
    let add = [
        "credential",
        "registry",
        "add",
        "registry.example.com",
        "--username",
        "puller",
    ];
    place.fed(&add, "a password").fine();
    place.run(&["key", "generate", "--write"]).fine();
    place
}

/// Everything opens without the older key.
fn opens_with_the_newest_alone(place: Place) {
    let keys = std::fs::read_to_string(place.file("encryption.keys")).unwrap();
    let newest = keys.lines().next().unwrap();
    let place = place.with("DREAMOPS_ENCRYPTION_KEYS", newest);
    place.run(&["credential", "registry", "list"]).fine();
    place.run(&["audit", "verify"]).fine();
    place.run(&["key", "rotate"]).fine();
}

#[test]
fn after_a_rotation_the_older_key_is_not_needed_any_more() {
    let place = with_a_new_key();
    rotate(&place, None);
    opens_with_the_newest_alone(place);
}

#[test]
fn keys_are_rotated_while_a_server_serves() {
    let place = with_a_new_key();
    let server = place.serve();
    let held = place.run(&["key", "rotate"]);
    assert!(held.code == 1 && held.err.contains("--server"), "{held:?}");
    rotate(&place, Some(&server));
    server.kill();
    opens_with_the_newest_alone(place);
}
