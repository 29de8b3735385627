//! Beside a server: who may open the data directory, and how a server is reached.

use crate::place::Place;

#[test]
fn while_a_server_serves_commands_ask_it_and_nobody_opens_its_data() {
    let place = Place::new("");
    let server = place.serve();
    let refused = place.run(&["incident", "list"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    let hint = format!("--server {}", server.address);
    let pid = format!("process {}", server.pid());
    assert!(refused.err.contains(&hint) && refused.err.contains(&pid), "{refused:?}");
    assert_eq!(refused.err.lines().count(), 1, "{refused:?}");

    let asked = place.ask(&server, &["incident", "list", "--output", "json"]).fine();
    assert_eq!(asked.json()["items"], serde_json::json!([]));

    // a killed server holds nothing
    server.kill();
    place.run(&["incident", "list"]).fine();
}

#[test]
fn the_emergency_stop_is_pulled_and_released_through_a_server_and_without_one() {
    let place = Place::new("");
    let server = place.serve();
    let pulled = place.ask(&server, &["stop", "--reason", "a test"]).fine();
    assert!(pulled.err.contains("by admin (a test)"), "{pulled:?}");
    server.kill();

    let released = place.run(&["resume"]).fine();
    assert!(released.err.contains("by admin (a test)"), "{released:?}");
    let again = place.run(&["resume"]).fine();
    assert!(again.err.contains("was not on"), "{again:?}");
    let here = place.run(&["stop"]).fine();
    assert!(here.err.contains("by ann"), "{here:?}");
}

#[test]
fn a_server_that_is_not_there_and_a_token_that_is_wrong_are_told_in_one_line() {
    let place = Place::new("").with("DREAMOPS_TOKEN", "none-of-this-server");
    let away = place.run(&["--server", "http://127.0.0.1:1", "incident", "list"]);
    assert_eq!(away.code, 1);
    assert!(
        away.err.contains("cannot reach the server http://127.0.0.1:1"),
        "{away:?}"
    );
    let server = place.serve();
    let wrong = place.run(&["--server", &server.address, "incident", "list"]);
    assert_eq!((wrong.code, wrong.err.lines().count()), (1, 1), "{wrong:?}");
    assert!(wrong.err.contains("set DREAMOPS_TOKEN"), "{wrong:?}");
    let clear = place.run(&["--server", "http://dreamops.example.com", "incident", "list"]);
    assert_eq!(clear.code, 2, "{clear:?}");
}

#[test]
fn on_the_same_machine_the_administrators_token_is_found() {
    let place = Place::new("");
    place.write("admin.token", &format!("{}\n", crate::place::ADMIN));
    let server = place.serve();
    place.run(&["--server", &server.address, "incident", "list"]).fine();
}

#[test]
fn a_server_with_a_certificate_is_reached_by_its_authority_alone() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let place = Place::new("[server]\ntls_certificate = \"tls.crt\"\ntls_key = \"tls.key\"\n");
    let authority = place.write("tls.crt", &made.cert.pem());
    place.write("tls.key", &made.signing_key.serialize_pem());
    let mut server = place.serve();
    assert!(server.address.starts_with("https://127.0.0.1:"), "{}", server.address);
    server.address = server.address.replace("127.0.0.1", "localhost");
    place
        .ask(&server, &["--server-ca", &authority, "incident", "list"])
        .fine();
    let unknown = place.ask(&server, &["incident", "list"]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.err.contains("--server-ca FILE"), "{unknown:?}");
}
