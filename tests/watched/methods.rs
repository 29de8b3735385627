//! The three ways to prove oneself to the real API server, each with the least rights, until a workload is healthy.

use crate::corner::{CONFIGURATION, Corner, connect, pem, shown};
use dreamops_test_cluster::Validity;
use dreamops_test_postgres::Postgres;
use dreamops_tests::serving::Serving;
use serde_json::{Value, json};
use std::process::Command;

/// Connects, breaks the workload, and fails unless the server mends it.
fn mends(corner: &Corner, mut server: Serving, request: &Value, method: &str) {
    server.start();
    let connected = connect(&server, request);
    assert_eq!(connected.code, 200, "{}", connected.text);
    let result = &connected.body["connection_result"];
    assert_eq!(
        (&result["connected"], &result["can_list_namespaces"]),
        (&json!(true), &json!(false))
    );
    assert!(result["cluster_version"].as_str().unwrap().contains("1.34"), "{result}");
    let cluster = shown(&server);
    assert_eq!(
        (&cluster["auth_method"], &cluster["status"]),
        (&json!(method), &json!("connected"))
    );
    assert_eq!(cluster["namespace"], corner.namespace);

    corner.break_web();
    let incident = corner.respond(&server);
    assert_eq!(incident["phase"], "resolved", "{incident:#}\n{}", server.said());
    assert!(corner.web_is_healthy());
}

#[test]
fn a_token_of_a_service_account_is_enough_to_mend() {
    let corner = Corner::new("token");
    let request = corner.by_token("dreamops");
    mends(&corner, Serving::new(CONFIGURATION), &request, "service_account");
}

#[test]
fn an_uploaded_kubeconfig_is_enough_to_mend_and_says_server_and_namespace() {
    let corner = Corner::new("kubeconfig");
    let request = corner.by_kubeconfig();
    mends(&corner, Serving::new(CONFIGURATION), &request, "kubeconfig");
}

#[test]
fn a_client_certificate_is_enough_to_mend_on_postgresql() {
    let corner = Corner::new("certificate");
    let database = Postgres::start().unwrap();
    let server = Serving::new(CONFIGURATION)
        .with("DATABASE_URL", &database.database("watched").unwrap())
        .with(
            "DREAMOPS_ENCRYPTION_KEYS",
            "b25seS1mb3ItdGVzdHMtb2YtY2xpZW50LWNlcnRzISE=",
        );
    let request = corner.by_certificate(Validity::Valid);
    mends(&corner, server, &request, "client_cert");
}

#[test]
fn the_server_is_checked_against_the_given_authority_unless_that_is_switched_off() {
    let corner = Corner::new("authority");
    let mut server = Serving::new(CONFIGURATION);
    server.start();
    let good = corner.by_token("dreamops");
    let with = |change: &[(&str, Value)]| {
        let mut request = good.clone();
        for (field, value) in change {
            request[*field] = value.clone();
        }
        connect(&server, &request)
    };
    let other = other_authority();
    let refused = with(&[("ca_certificate", json!(other))]);
    assert_eq!(refused.code, 400, "{}", refused.text);
    assert!(
        refused.text.contains("authority that is not trusted"),
        "{}",
        refused.text
    );
    // the system's authorities have not signed it either
    let refused = with(&[("ca_certificate", Value::Null)]);
    assert_eq!(refused.code, 400, "{}", refused.text);
    let refused = with(&[("ca_certificate", json!("no certificate"))]);
    assert_eq!(refused.code, 400, "{}", refused.text);
    assert!(refused.text.contains("ca_certificate"), "{}", refused.text);
    assert_eq!(shown(&server), Value::Null, "what was not proved is not stored");

    let as_pem = json!(pem(&good["ca_certificate"]));
    for form in [good["ca_certificate"].clone(), as_pem] {
        let checked = with(&[("ca_certificate", form)]);
        assert_eq!(checked.code, 200, "{}", checked.text);
    }
    // with so few rights the authority is a part of what tells the cluster
    let mut elsewhere = Serving::new(CONFIGURATION);
    elsewhere.start();
    let mut unchecked = good.clone();
    unchecked["ca_certificate"] = Value::Null;
    unchecked["verify_ssl"] = json!(false);
    let unchecked = connect(&elsewhere, &unchecked);
    assert_eq!(unchecked.code, 200, "{}", unchecked.text);
    assert_eq!(shown(&elsewhere)["status"], "connected");
}

/// Another authority with the name of the cluster's.
fn other_authority() -> String {
    let folder = tempfile::tempdir().unwrap();
    let certificate = folder.path().join("cert.pem");
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-days",
            "2",
            "-subj",
            "/CN=dreamops-test",
            "-nodes",
            "-newkey",
            "ec",
        ])
        .args(["-pkeyopt", "ec_paramgen_curve:prime256v1", "-keyout"])
        .arg(folder.path().join("key.pem"))
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    std::fs::read_to_string(certificate).unwrap()
}
