//! Real proxies before the real API server. The server of the tests is on a machine from which only the proxy can be reached.

use crate::corner::{CONFIGURATION, Corner, connect, shown};
use crate::daemon::free;
use crate::far::Far;
use crate::proxies::Proxy;
use dreamops_tests::serving::{Answer, Serving};
use serde_json::{Value, json};

/// The API server as proxies tell it.
const API: &str = "10.89.0.1";

fn with_proxy(mut request: Value, url: &str) -> Value {
    request["proxy_url"] = json!(url);
    request
}

/// A refusal that says what failed, and never the password.
fn refused(server: &Serving, answer: &Answer) {
    assert_eq!(answer.code, 400, "{}", answer.text);
    assert!(
        !answer.text.contains("only-for-tests") && !answer.text.contains("hunter2"),
        "{}",
        answer.text
    );
    assert_eq!(shown(server), Value::Null, "what was not proved is not stored");
}

fn mends_through(corner: &Corner, far: &Far, proxy: &Proxy, request: &Value) {
    far.enter();
    let mut server = Serving::new(CONFIGURATION);
    server.start();
    let direct = connect(&server, request);
    refused(&server, &direct);
    let wrong = connect(&server, &with_proxy(request.clone(), &proxy.url_with("hunter2")));
    refused(&server, &wrong);
    assert_eq!(proxy.connections_to(API), 0);

    let connected = connect(&server, &with_proxy(request.clone(), &proxy.url()));
    assert_eq!(connected.code, 200, "{}", connected.text);
    let before = proxy.connections_to(API);
    assert!(before > 0, "the proxy connected nobody");
    corner.break_web();
    let incident = corner.respond(&server);
    assert_eq!(incident["phase"], "resolved", "{incident:#}\n{}", server.said());
    assert!(corner.web_is_healthy());
    assert!(proxy.connections_to(API) > before);
    assert!(!server.said().contains("only-for-tests"), "the password is in the log");
}

#[test]
fn a_cluster_behind_an_http_proxy_is_mended_through_it_alone() {
    let corner = Corner::new("http-proxy");
    let far = Far::beside(&corner.cluster);
    let proxy = Proxy::http(&far.near);
    let request = corner.by_token("dreamops");
    mends_through(&corner, &far, &proxy, &request);
}

#[test]
fn a_cluster_behind_a_socks_proxy_is_mended_through_it_alone() {
    let corner = Corner::new("socks-proxy");
    let far = Far::beside(&corner.cluster);
    let proxy = Proxy::socks(&far.near);
    let request = corner.by_certificate(dreamops_test_cluster::Validity::Valid);
    mends_through(&corner, &far, &proxy, &request);
}

#[test]
fn the_surroundings_proxy_is_used_and_no_proxy_excepts_from_it() {
    let corner = Corner::new("no-proxy");
    let far = Far::beside(&corner.cluster);
    let proxy = Proxy::http(&far.near);
    let request = corner.by_token("dreamops");
    far.enter();
    let server = |no_proxy: &str| {
        let mut server = Serving::new(CONFIGURATION)
            .with("HTTPS_PROXY", &proxy.url())
            .with("NO_PROXY", no_proxy);
        server.start();
        server
    };
    let through = connect(&server("10.91.0.0/16,.example.com"), &request);
    assert_eq!(through.code, 200, "{}", through.text);
    let count = proxy.connections_to(API);
    assert!(count > 0, "the proxy connected nobody");
    // from here there is no other way: that the exception is kept shows in the failure
    let excepted = server("10.89.0.0/16");
    refused(&excepted, &connect(&excepted, &request));
    assert_eq!(proxy.connections_to(API), count);
}

#[test]
fn a_dead_proxy_is_a_refusal_where_the_direct_way_is_open() {
    let corner = Corner::new("dead-proxy");
    let request = corner.by_token("dreamops");
    let dead = free("127.0.0.1");
    let mut server = Serving::new(CONFIGURATION);
    server.start();
    for scheme in ["http", "socks5"] {
        let answer = connect(
            &server,
            &with_proxy(request.clone(), &format!("{scheme}://user:hunter2@{dead}")),
        );
        refused(&server, &answer);
    }
    let url = format!("http://{dead}");
    let mut of_surroundings = Serving::new(CONFIGURATION).with("HTTPS_PROXY", &url);
    of_surroundings.start();
    refused(&of_surroundings, &connect(&of_surroundings, &request));
    let mut excepted = Serving::new(CONFIGURATION)
        .with("HTTPS_PROXY", &url)
        .with("NO_PROXY", API);
    excepted.start();
    let direct = connect(&excepted, &request);
    assert_eq!(direct.code, 200, "{}", direct.text);
}
