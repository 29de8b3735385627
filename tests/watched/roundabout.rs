//! Real proxies that ask for a password, before the real API server. The server under test is on a machine from which the API
//! server can be reached through the proxy alone.

use crate::connections::{by_certificate, by_token, connect, connected, through};
use crate::far::Far;
use crate::ground::{CONFIGURATION, Ground, alerted, reaches};
use crate::part::free;
use crate::proxies::Proxy;
use dreamops_test_cluster::Validity;
use dreamops_tests::serving::{Answer, Serving};
use serde_json::Value;

/// The API server as proxies tell it.
const API: &str = "10.89.0.1";

/// A refusal that keeps nothing and shows no password.
#[track_caller]
fn refused(server: &Serving, answer: &Answer) {
    assert_eq!(answer.code, 400, "{}", answer.text);
    let shown = answer.text.contains("only-for-tests") || answer.text.contains("hunter2");
    assert!(!shown, "{}", answer.text);
    let kept = server.get("/api/v1/clusters").body["items"].as_array().map(Vec::len);
    assert_eq!(kept, Some(0), "what was not proved is not stored");
}

fn fixed_from_afar(ground: &Ground, far: &Far, proxy: &Proxy, given: &Value) {
    far.enter();
    let mut server = Serving::new(CONFIGURATION);
    server.start();
    refused(&server, &connect(&server, "far", ground, given));
    let wrong = through(given.clone(), &proxy.url_with("hunter2"));
    refused(&server, &connect(&server, "far", ground, &wrong));
    assert_eq!(proxy.connections_to(API), 0);

    let right = through(given.clone(), &proxy.url());
    connected(&connect(&server, "far", ground, &right));
    let before = proxy.connections_to(API);
    assert!(before > 0, "the proxy connected nobody");
    ground.crashing("web");
    ground.wait_for_restarts("web", 1);
    let id = alerted(&server, ground, "far", "web");
    let incident = reaches(&server, &id, |incident| !incident["closed_at"].is_null());
    assert_eq!(incident["phase"], "resolved", "{incident}");
    assert!(ground.is_healthy("web"));
    assert!(proxy.connections_to(API) > before);
    assert!(!server.said().contains("only-for-tests"), "the password is in the log");
}

#[test]
fn a_cluster_is_mended_through_an_http_proxy_where_there_is_no_other_way() {
    let ground = Ground::new("far-http");
    let far = Far::beside(&ground.cluster);
    let proxy = Proxy::http(&far.near);
    fixed_from_afar(&ground, &far, &proxy, &by_token(&ground));
}

#[test]
fn a_cluster_is_mended_through_a_socks_proxy_where_there_is_no_other_way() {
    let ground = Ground::new("far-socks");
    let far = Far::beside(&ground.cluster);
    let proxy = Proxy::socks(&far.near);
    fixed_from_afar(&ground, &far, &proxy, &by_certificate(&ground, Validity::Valid));
}

#[test]
fn the_surroundings_proxy_is_used_and_no_proxy_excepts_from_it() {
    let ground = Ground::new("no-proxy");
    let far = Far::beside(&ground.cluster);
    let proxy = Proxy::http(&far.near);
    let given = by_token(&ground);
    far.enter();
    let server = |no_proxy: &str| {
        let server = Serving::new(CONFIGURATION).with("HTTPS_PROXY", &proxy.url());
        let mut server = server.with("NO_PROXY", no_proxy);
        server.start();
        server
    };
    let other_networks = server("10.91.0.0/16,.example.com");
    connected(&connect(&other_networks, "far", &ground, &given));
    let count = proxy.connections_to(API);
    assert!(count > 0, "the proxy connected nobody");
    // from here there is no other way: that the exception is heeded shows in the failure
    let excepted = server("10.89.0.0/16");
    refused(&excepted, &connect(&excepted, "far", &ground, &given));
    assert_eq!(proxy.connections_to(API), count);
}

#[test]
fn a_dead_proxy_of_the_surroundings_is_a_refusal_where_the_direct_way_is_open() {
    let ground = Ground::new("dead-proxy");
    let given = by_token(&ground);
    let dead = format!("http://user:hunter2@{}", free("127.0.0.1"));
    let mut server = Serving::new(CONFIGURATION).with("HTTPS_PROXY", &dead);
    server.start();
    refused(&server, &connect(&server, "near", &ground, &given));
    let mut excepted = Serving::new(CONFIGURATION)
        .with("HTTPS_PROXY", &dead)
        .with("NO_PROXY", API);
    excepted.start();
    connected(&connect(&excepted, "near", &ground, &given));
}
