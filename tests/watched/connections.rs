//! Clusters connected by each method, with the shipped rights and no more; directly, and through proxies of others.

use crate::ground::{CONFIGURATION, Ground, PATIENCE, alerted, reaches};
use crate::part::Part;
use dreamops_test_cluster::Validity;
use dreamops_tests::serving::{Answer, Serving, until};
use serde_json::{Value, json};
use std::net::SocketAddr;

const CONNECT: &str = "/api/v1/kubernetes/agno/connect-cluster";

fn server() -> Serving {
    let mut server = Serving::new(CONFIGURATION);
    server.start();
    server
}

/// Connects, or connects again, a cluster under a name.
pub(crate) fn connect(server: &Serving, name: &str, ground: &Ground, given: &Value) -> Answer {
    let mut request = json!({ "cluster_name": name, "namespace": ground.namespace });
    for (field, value) in given.as_object().unwrap() {
        request[field] = value.clone();
    }
    server.ask("POST", CONNECT, &request)
}

/// By a service account's token; the authority as base64 of PEM, as kubeconfigs have it.
pub(crate) fn by_token(ground: &Ground) -> Value {
    let admin = ground.admin();
    json!({
        "auth_method": "service_account", "cluster_endpoint": admin.of_cluster("server"),
        "ca_certificate": admin.of_cluster("certificate-authority-data"), "service_account_token": ground.token(),
    })
}

/// By an uploaded kubeconfig, which holds a certificate.
fn by_kubeconfig(ground: &Ground) -> Value {
    let kubeconfig = ground.certificate("by-kubeconfig", Validity::Valid);
    json!({ "auth_method": "kubeconfig", "kubeconfig_data": kubeconfig.text() })
}

/// By a client certificate and its key.
pub(crate) fn by_certificate(ground: &Ground, validity: Validity) -> Value {
    let kubeconfig = ground.certificate("by-certificate", validity);
    json!({
        "auth_method": "client_cert", "cluster_endpoint": kubeconfig.of_cluster("server"),
        "ca_certificate": kubeconfig.of_cluster("certificate-authority-data"),
        "client_certificate": kubeconfig.of_user("client-certificate-data"),
        "client_key": kubeconfig.of_user("client-key-data"),
    })
}

pub(crate) fn through(mut given: Value, proxy: &str) -> Value {
    given["proxy_url"] = json!(proxy);
    given
}

#[track_caller]
pub(crate) fn connected(answer: &Answer) {
    assert_eq!(answer.code, 200, "{}", answer.text);
    assert_eq!(answer.body["connection_result"]["connected"], true, "{}", answer.text);
}

#[track_caller]
fn fixed(server: &Serving, ground: &Ground, cluster: &str, name: &str) {
    ground.crashing(name);
    ground.wait_for_restarts(name, 1);
    let id = alerted(server, ground, cluster, name);
    let incident = reaches(server, &id, |incident| !incident["closed_at"].is_null());
    assert_eq!(incident["phase"], "resolved", "{incident}");
    assert!(ground.is_healthy(name), "{incident}");
}

#[test]
fn a_fault_is_fixed_by_each_method_and_changing_it_leaves_no_gap() {
    let (ground, server) = (Ground::new("methods"), server());
    connected(&connect(&server, "production", &ground, &by_token(&ground)));
    fixed(&server, &ground, "production", "one");
    // the same cluster by another credential, and the old one ends
    connected(&connect(&server, "production", &ground, &by_kubeconfig(&ground)));
    ground.kubectl(&["delete", "serviceaccount", "dreamops"]);
    fixed(&server, &ground, "production", "two");
    connected(&connect(
        &server,
        "production",
        &ground,
        &by_certificate(&ground, Validity::Valid),
    ));
    ground.kubectl(&["delete", "rolebinding", "by-kubeconfig"]);
    fixed(&server, &ground, "production", "three");
}

#[test]
fn a_fault_is_fixed_through_real_proxies_and_a_dead_one_is_not_gone_around() {
    let (ground, server) = (Ground::new("proxies"), server());
    let api = ground
        .admin()
        .of_cluster("server")
        .trim_start_matches("https://")
        .to_owned();
    let (http, socks): (SocketAddr, SocketAddr) =
        ("127.0.0.1:3128".parse().unwrap(), "127.0.0.1:1080".parse().unwrap());
    let settings = server.folder().join("tinyproxy.conf");
    std::fs::write(
        &settings,
        "Port 3128\nListen 127.0.0.1\nTimeout 600\nLogLevel Connect\nConnectPort 6443\n",
    )
    .unwrap();
    let settings = ["-d", "-c", settings.to_str().unwrap()];
    let tinyproxy = Part::start("/usr/bin/tinyproxy", &settings, server.folder(), http);
    connected(&connect(
        &server,
        "by-http",
        &ground,
        &through(by_token(&ground), "http://127.0.0.1:3128"),
    ));
    fixed(&server, &ground, "by-http", "one");
    let said = tinyproxy.said();
    assert!(
        said.contains(&format!("CONNECT {api}")),
        "it did not go through the proxy: {said}"
    );

    let microsocks = Part::start(
        "/usr/bin/microsocks",
        &["-i", "127.0.0.1", "-p", "1080"],
        server.folder(),
        socks,
    );
    let given = through(by_certificate(&ground, Validity::Valid), "socks5://127.0.0.1:1080");
    connected(&connect(&server, "by-socks", &ground, &given));
    let through_both = || {
        let lines = |said: String, text: &str| said.lines().filter(|line| line.contains(text)).count();
        let host = api.split(':').next().unwrap();
        (lines(tinyproxy.said(), "CONNECT "), lines(microsocks.said(), host))
    };
    let before = through_both();
    fixed(&server, &ground, "by-socks", "two");
    let after = through_both();
    assert!(
        after.1 > before.1,
        "it did not go through the proxy: {}",
        microsocks.said()
    );
    assert_eq!(
        after.0, before.0,
        "the same cluster under another name is another connection"
    );

    // the way around is open, and not taken
    drop((tinyproxy, microsocks));
    for proxy in ["http://127.0.0.1:3128", "socks5://127.0.0.1:1080"] {
        let refused = connect(&server, "by-none", &ground, &through(by_token(&ground), proxy));
        assert_eq!(refused.code, 400, "{}", refused.text);
    }
    // what is taken in meanwhile waits for the proxy, and goes through it
    ground.crashing("three");
    ground.wait_for_restarts("three", 1);
    let id = alerted(&server, &ground, "by-http", "three");
    let failed = until(PATIENCE, || {
        let clusters = server.get("/api/v1/clusters").body["items"].clone();
        let ours = |cluster: &Value| cluster["name"] == "by-http" && cluster["status"] == "failed";
        clusters.as_array()?.iter().any(ours).then_some(())
    });
    assert!(failed.is_some(), "{}", server.get("/api/v1/clusters").text);
    let tinyproxy = Part::start("/usr/bin/tinyproxy", &settings, server.folder(), http);
    let incident = reaches(&server, &id, |incident| !incident["closed_at"].is_null());
    assert_eq!(incident["phase"], "resolved", "{incident}");
    assert!(
        tinyproxy.said().contains(&format!("CONNECT {api}")),
        "it did not go through the proxy"
    );
}

#[test]
fn a_credential_that_does_not_hold_is_refused_and_no_other_takes_its_place() {
    let (ground, server) = (Ground::new("refused"), server());
    // this one works, and is not what the others fall back to
    connected(&connect(&server, "works", &ground, &by_token(&ground)));
    let mut spoiled = by_token(&ground);
    spoiled["service_account_token"] = json!(format!("{}x", spoiled["service_account_token"].as_str().unwrap()));
    let mut stranger = by_token(&ground);
    stranger["ca_certificate"] = by_certificate(&ground, Validity::Valid)["client_certificate"].clone();
    let expired = by_certificate(&ground, Validity::Expired);
    let mut elsewhere = by_kubeconfig(&ground);
    elsewhere["cluster_endpoint"] = json!("https://10.89.0.77:6443");
    for (what, given, word) in [
        ("a spoiled token", &spoiled, "credential"),
        ("the authority of another", &stranger, "certificate"),
        ("an expired certificate", &expired, "expired"),
        (
            "a kubeconfig of another server",
            &elsewhere,
            "the endpoint is https://10.89.0.77:6443",
        ),
    ] {
        let answer = connect(&server, "refused", &ground, given);
        assert_eq!(answer.code, 400, "{what}: {}", answer.text);
        assert!(answer.text.contains(word), "{what}: {}", answer.text);
    }
    // nothing of it was kept
    let names: Vec<Value> = server.get("/api/v1/clusters").body["items"].as_array().unwrap().clone();
    assert_eq!(names.len(), 1, "{names:?}");
    let mut careless = by_token(&ground);
    careless.as_object_mut().unwrap().remove("ca_certificate");
    assert_eq!(connect(&server, "careless", &ground, &careless).code, 400);
    careless["verify_ssl"] = json!(false);
    connected(&connect(&server, "careless", &ground, &careless));
}
