//! Debian's Prometheus and Alertmanager watch the real cluster: nobody posts an alert by hand.

use crate::ground::{CONFIGURATION, Ground, PATIENCE, reaches};
use crate::part::{Part, free};
use dreamops_test_cluster::Validity;
use dreamops_tests::serving::{Serving, ask, until};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

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
    let watch = Watch::new();
    let alertmanager = watch.alertmanager(server.folder(), &server.address(), secret, "1h");
    let prometheus = watch.prometheus(server.folder(), &ground);

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

/// Where the two listen.
pub(crate) struct Watch {
    prometheus: SocketAddr,
    alertmanager: SocketAddr,
}

impl Watch {
    /// Addresses of their own, in this thread's network.
    pub(crate) fn new() -> Self {
        Self {
            prometheus: free("127.0.0.1"),
            alertmanager: free("127.0.0.1"),
        }
    }

    /// What Alertmanager counts of its webhooks.
    pub(crate) fn counted(&self, name: &str) -> f64 {
        let address = format!("http://{}", self.alertmanager);
        let text = ask(&address, "GET", "/metrics", None, &Value::Null).unwrap().text;
        let begin = format!("{name}{{integration=\"webhook\"}} ");
        let count = text.lines().find_map(|line| line.strip_prefix(&begin));
        count.map_or(0.0, |count| count.parse().unwrap())
    }

    /// Alertmanager, which posts to the server, and says again after `repeat` what it has delivered.
    pub(crate) fn alertmanager(&self, folder: &Path, server: &str, token: &str, repeat: &str) -> Part {
        let settings = json!({
            "route": {
                "receiver": "dreamops", "group_by": ["namespace", "alertname"],
                "group_wait": "1s", "group_interval": "5s", "repeat_interval": repeat,
            },
            "receivers": [{ "name": "dreamops", "webhook_configs": [{
                "url": format!("{server}/api/v1/webhooks/alertmanager"), "send_resolved": true,
                "http_config": { "authorization": { "credentials": token } },
            }] }],
        });
        // JSON is YAML
        std::fs::write(folder.join("alertmanager.yml"), settings.to_string()).unwrap();
        let address = format!("--web.listen-address={}", self.alertmanager);
        let arguments = [
            "--config.file=alertmanager.yml",
            "--storage.path=alertmanager",
            "--cluster.listen-address=",
            address.as_str(),
        ];
        Part::start(
            "/usr/bin/prometheus-alertmanager",
            &arguments,
            folder,
            self.alertmanager,
        )
    }

    /// Prometheus, which asks the kubelet and tells Alertmanager.
    pub(crate) fn prometheus(&self, folder: &Path, ground: &Ground) -> Part {
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
            "alerting": { "alertmanagers": [{ "static_configs": [{ "targets": [self.alertmanager] }] }] },
            "scrape_configs": [{
                "job_name": "kubelet", "scheme": "https", "metrics_path": "/metrics/resource",
                "tls_config": { "cert_file": "client.crt", "key_file": "client.key", "insecure_skip_verify": true },
                "static_configs": [{ "targets": ["10.89.0.1:10250"] }],
            }],
        });
        std::fs::write(folder.join("prometheus.yml"), settings.to_string()).unwrap();
        let address = format!("--web.listen-address={}", self.prometheus);
        let arguments = [
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=prometheus",
            address.as_str(),
        ];
        Part::start("/usr/bin/prometheus", &arguments, folder, self.prometheus)
    }
}
