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
