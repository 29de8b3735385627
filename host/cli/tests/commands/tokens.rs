//! `token`.

use crate::place::{Place, Server};

fn life(place: &Place, server: Option<&Server>) {
    let run = |arguments: &[&str]| match server {
        Some(server) => place.ask(server, arguments),
        None => place.run(arguments),
    };
    let made = run(&["token", "create", "ci", "--role", "intake", "--expires-in", "30d"]).fine();
    let secret = made.out.trim();
    assert!(secret.starts_with("dreamops_") && secret.len() > 40, "{made:?}");
    let listed = run(&["token", "list", "--output", "json"]).fine();
    assert!(!listed.out.contains(secret));
    let document = listed.json();
    let items = document["items"].as_array().unwrap();
    let ci = items.iter().find(|token| token["user"] == "ci").unwrap();
    assert_eq!(ci["role"], "intake");
    assert!(ci["expires_at"].is_string());
    let table = run(&["token", "list"]).fine();
    assert!(
        table.out.starts_with("ID ") && table.out.contains("intake"),
        "{table:?}"
    );

    let id = ci["id"].as_str().unwrap();
    run(&["token", "revoke", id]).fine();
    let again = run(&["token", "revoke", id]);
    assert_eq!(again.code, 2, "{again:?}");
}

#[test]
fn a_token_is_shown_once_listed_and_ended_on_the_data_directory() {
    life(&Place::new(""), None);
}

#[test]
fn a_token_is_shown_once_listed_and_ended_through_a_server() {
    let place = Place::new("");
    let server = place.serve();
    life(&place, Some(&server));
}

#[test]
fn a_server_makes_the_first_administrators_token_also_where_others_have_theirs() {
    let place = Place::new("");
    place.run(&["token", "create", "ci", "--role", "viewer"]).fine();
    let server = place.serve_without_token();
    // which is found in its file
    place.run(&["--server", &server.address, "token", "list"]).fine();
}

#[test]
fn a_token_without_the_right_is_told_which_role_has_it() {
    let place = Place::new("");
    let server = place.serve();
    let made = place
        .ask(&server, &["token", "create", "eve", "--role", "viewer"])
        .fine();
    let eve = Place::new("").with("DREAMOPS_TOKEN", made.out.trim());
    eve.run(&["--server", &server.address, "incident", "list"]).fine();
    let refused = eve.run(&["--server", &server.address, "token", "list"]);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("use a token of role admin"), "{refused:?}");
}
