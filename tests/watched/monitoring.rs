//! Debian's Prometheus and Alertmanager watch the real cluster: nobody posts an alert by hand.

use crate::ground::{CONFIGURATION, Ground, PATIENCE, reaches};
use crate::part::Part;
use dreamops_test_cluster::Validity;
use dreamops_tests::serving::{Serving, until};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

const PROMETHEUS: &str = "127.0.0.1:9090";
const ALERTMANAGER: &str = "127.0.0.1:9093";

#[test]
fn a_crash_that_prometheus_sees_is_fixed_and_its_alert_resolves_by_itself() {
    let ground = Ground::new("monitored");
    let mut server = Serving::new(CONFIGURATION);
    server.start();
    let connection = json!({
        "auth_method": "kubeconfig", "cluster_name": "production", "namespace": ground.namespace,
        "kubeconfig_data": ground.certificate("monitored", Validity::Valid).text(),
    });
    let connected = server.ask("POST", "/api/v1/kubernetes/agno/connect-cluster", &connection);
    assert_eq!(connected.code, 200, "{}", connected.text);
    let token = server.ask(
        "POST",
        "/api/v1/tokens",
        &json!({ "user": "alertmanager", "role": "intake" }),
    );
    assert_eq!(token.code, 201, "{}", token.text);
    let secret = token.body["secret"].as_str().unwrap();
    let alertmanager = Watch::alertmanager(server.folder(), &server.address(), secret);
    let prometheus = Watch::prometheus(server.folder(), &ground);

    let began = Instant::now();
    // it runs for a while each time: a kubelet that is asked every two seconds sees it
    ground.broken("web", &["NOT_READY=1", "EXIT_AFTER_SECONDS=5", "EXIT_CODE=1"]);
    let told = |what: &str| eprintln!("{what} after {} s", began.elapsed().as_secs());
    let id = until(PATIENCE, || {
        let alerts = server.get("/api/v1/alerts").body;
        alerts["items"][0]["incident_id"].as_str().map(str::to_owned)
    });
    let words = || format!("{}\n{}", prometheus.said(), alertmanager.said());
    let id = id.unwrap_or_else(|| panic!("no alert comes: {}", words()));
    told("the alert came");
    let incident = reaches(&server, &id, |incident| !incident["closed_at"].is_null());
    assert_eq!(incident["phase"], "resolved", "{incident}");
    told("the incident was resolved");
    assert!(ground.is_healthy("web"));
    // and the source says by itself that it is over
    let resolved = until(PATIENCE, || {
        let alerts = server.get("/api/v1/alerts?limit=500").body["items"].clone();
        let status = |alert: &Value| alert["status"] == "resolved" && alert["incident_id"] == id.as_str();
        alerts.as_array()?.iter().any(status).then_some(())
    });
    assert!(resolved.is_some(), "{}\n{}", server.get("/api/v1/alerts").text, words());
    told("the alert was resolved");
    let others = server.get("/api/v1/incidents").body["items"].as_array().map(Vec::len);
    assert_eq!(
        others,
        Some(1),
        "one fault, one incident: {}",
        server.get("/api/v1/incidents").text
    );
}

/// One of the two.
struct Watch;

impl Watch {
    /// Alertmanager, which posts to the server.
    fn alertmanager(folder: &Path, server: &str, token: &str) -> Part {
        let settings = json!({
            "route": {
                "receiver": "dreamops", "group_by": ["namespace", "alertname"],
                "group_wait": "1s", "group_interval": "5s", "repeat_interval": "1h",
            },
            "receivers": [{ "name": "dreamops", "webhook_configs": [{
                "url": format!("{server}/api/v1/webhooks/alertmanager"), "send_resolved": true,
                "http_config": { "authorization": { "credentials": token } },
            }] }],
        });
        // JSON is YAML
        std::fs::write(folder.join("alertmanager.yml"), settings.to_string()).unwrap();
        let listens: SocketAddr = ALERTMANAGER.parse().unwrap();
        let address = format!("--web.listen-address={ALERTMANAGER}");
        let arguments = [
            "--config.file=alertmanager.yml",
            "--storage.path=alertmanager",
            "--cluster.listen-address=",
            address.as_str(),
        ];
        Part::start("/usr/bin/prometheus-alertmanager", &arguments, folder, listens)
    }

    /// Prometheus, which asks the kubelet and tells Alertmanager.
    fn prometheus(folder: &Path, ground: &Ground) -> Part {
        let admin = ground.admin();
        for (file, field) in [
            ("client.crt", "client-certificate-data"),
            ("client.key", "client-key-data"),
        ] {
            std::fs::write(folder.join(file), admin.decoded(field)).unwrap();
        }
        let rules = json!({ "groups": [{ "name": "pods", "rules": [{
            "alert": "KubePodCrashLooping",
            // the kubelet tells when each container began: one that begins again and again crashes
            "expr": format!("changes(container_start_time_seconds{{namespace=\"{}\",container!=\"\"}}[45s]) >= 1", ground.namespace),
            "labels": { "severity": "critical", "cluster": "production" },
            "annotations": { "summary": "container {{ $labels.container }} of {{ $labels.pod }} restarts" },
        }] }] });
        std::fs::write(folder.join("rules.yml"), rules.to_string()).unwrap();
        let settings = json!({
            "global": { "scrape_interval": "2s", "evaluation_interval": "2s" },
            "rule_files": ["rules.yml"],
            "alerting": { "alertmanagers": [{ "static_configs": [{ "targets": [ALERTMANAGER] }] }] },
            "scrape_configs": [{
                "job_name": "kubelet", "scheme": "https", "metrics_path": "/metrics/resource",
                "tls_config": { "cert_file": "client.crt", "key_file": "client.key", "insecure_skip_verify": true },
                "static_configs": [{ "targets": ["10.89.0.1:10250"] }],
            }],
        });
        std::fs::write(folder.join("prometheus.yml"), settings.to_string()).unwrap();
        let address = format!("--web.listen-address={PROMETHEUS}");
        let arguments = [
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=prometheus",
            address.as_str(),
        ];
        Part::start("/usr/bin/prometheus", &arguments, folder, PROMETHEUS.parse().unwrap())
    }
}
