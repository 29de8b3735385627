//! A real Prometheus that asks the real kubelet, and a real Alertmanager that posts to a server.

use crate::corner::{Corner, PATIENCE};
use crate::daemon::{Daemon, free};
use crate::programs::programs;
use dreamops_tests::serving::{Answer, ask, until};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use tempfile::TempDir;

/// What the alert is called.
pub(crate) const ALERT: &str = "KubePodCrashLooping";
/// Where the kubelet tells what runs.
const KUBELET: &str = "10.89.0.1:10250";

/// Both programs, in the network where the cluster is.
pub(crate) struct Monitoring {
    prometheus: SocketAddr,
    alertmanager: SocketAddr,
    account: String,
    _running: [Daemon; 2],
    _folder: TempDir,
}

/// Where Alertmanager posts to.
pub(crate) struct Receiver<'a> {
    /// The server's address, `HOST:PORT`.
    pub(crate) server: &'a str,
    /// The source's path.
    pub(crate) path: &'a str,
    /// A token that may post alerts.
    pub(crate) token: &'a str,
    /// How long a notification that was delivered is left before it is said again.
    pub(crate) repeat: &'a str,
}

impl Monitoring {
    /// Starts both.
    pub(crate) fn start(corner: &Corner, receiver: &Receiver<'_>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (prometheus, alertmanager) = (free("127.0.0.1"), free("127.0.0.1"));
        let account = format!("prometheus-of-{}", corner.namespace);
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        write("token", &may_ask_the_kubelet(corner, &account));
        write("ca.pem", &corner.authority());
        // JSON is YAML
        write("rules.yml", &rules(&corner.namespace).to_string());
        let asks = write("prometheus.yml", &asks(folder.path(), alertmanager).to_string());
        let posts = write("alertmanager.yml", &posts(receiver).to_string());
        let of_alertmanager = Daemon::start(
            programs()
                .alertmanager()
                .arg(format!("--config.file={}", posts.display()))
                .arg(format!("--storage.path={}", folder.path().join("notified").display()))
                .arg(format!("--web.listen-address={alertmanager}"))
                .arg("--cluster.listen-address="),
            folder.path(),
            alertmanager,
        );
        let of_prometheus = Daemon::start(
            programs()
                .prometheus()
                .arg(format!("--config.file={}", asks.display()))
                .arg(format!(
                    "--storage.tsdb.path={}",
                    folder.path().join("series").display()
                ))
                .arg(format!("--web.listen-address={prometheus}")),
            folder.path(),
            prometheus,
        );
        let monitoring = Self {
            prometheus,
            alertmanager,
            account,
            _running: [of_prometheus, of_alertmanager],
            _folder: folder,
        };
        // what ran for less tells too little of its revision
        let runs = format!(
            "time() - container_start_time_seconds{{namespace=\"{}\"}} > 20",
            corner.namespace
        );
        let sees = until(PATIENCE, || monitoring.prometheus_finds(&runs).then_some(()));
        assert!(sees.is_some(), "Prometheus does not see the workload run");
        monitoring
    }

    /// Whether a query of Prometheus finds anything.
    pub(crate) fn prometheus_finds(&self, query: &str) -> bool {
        let path = format!("/api/v1/query?query={}", escaped(query));
        let found = get(self.prometheus, &path);
        found.body["data"]["result"]
            .as_array()
            .is_some_and(|found| !found.is_empty())
    }

    /// Whether Prometheus says that the alert fires.
    pub(crate) fn fires(&self) -> bool {
        self.prometheus_finds("ALERTS{alertstate=\"firing\"}")
    }

    /// What Alertmanager counts of its notifications: `alertmanager_notifications_total` or one like it.
    pub(crate) fn counted(&self, name: &str) -> f64 {
        let text = get(self.alertmanager, "/metrics").text;
        let begin = format!("{name}{{integration=\"webhook\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&begin));
        line.map_or(0.0, |count| count.parse().unwrap())
    }

    /// Takes the right to ask the kubelet back.
    pub(crate) fn forget(&self, corner: &Corner) {
        for kind in ["clusterrolebinding", "clusterrole"] {
            corner.kubectl(&["delete", kind, &self.account]);
        }
    }
}

fn get(address: SocketAddr, path: &str) -> Answer {
    ask(&format!("http://{address}"), "GET", path, None, &Value::Null).unwrap()
}

/// As a query has it.
fn escaped(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let escape = |b: u8| {
        if plain(b) {
            char::from(b).to_string()
        } else {
            format!("%{b:02X}")
        }
    };
    text.bytes().map(escape).collect()
}

/// A token of an account that may ask the kubelet for its metrics, and nothing else.
fn may_ask_the_kubelet(corner: &Corner, account: &str) -> String {
    corner.kubectl(&["create", "serviceaccount", "prometheus"]);
    corner.kubectl(&[
        "create",
        "clusterrole",
        account,
        "--verb=get",
        "--resource=nodes/metrics",
    ]);
    let of = format!("--serviceaccount={}:prometheus", corner.namespace);
    let role = format!("--clusterrole={account}");
    corner.kubectl(&["create", "clusterrolebinding", account, &role, &of]);
    corner
        .kubectl(&["create", "token", "prometheus", "--duration=1h"])
        .trim()
        .to_owned()
}

/// The kubelet does not count restarts. It says since when each container runs, which changes with each.
fn rules(namespace: &str) -> Value {
    let restarts =
        format!("changes(container_start_time_seconds{{namespace=\"{namespace}\", container!=\"\"}}[75s]) >= 2");
    json!({ "groups": [{ "name": "restarts", "rules": [{
        "alert": ALERT, "expr": restarts, "for": "2s",
        "labels": { "severity": "critical" },
        "annotations": { "summary": "{{ $labels.container }} of pod {{ $labels.pod }} starts again and again" },
    }] }] })
}

fn asks(folder: &Path, alertmanager: SocketAddr) -> Value {
    json!({
        "global": { "scrape_interval": "1s", "evaluation_interval": "1s" },
        "rule_files": [folder.join("rules.yml")],
        "alerting": { "alertmanagers": [{ "static_configs": [{ "targets": [alertmanager] }] }] },
        "scrape_configs": [{
            "job_name": "kubelet", "scheme": "https", "metrics_path": "/metrics/resource",
            "authorization": { "credentials_file": folder.join("token") },
            "tls_config": { "ca_file": folder.join("ca.pem") },
            "static_configs": [{ "targets": [KUBELET] }],
        }],
    })
}

fn posts(receiver: &Receiver<'_>) -> Value {
    json!({
        "route": {
            "receiver": "dreamops", "group_by": ["alertname", "namespace"],
            "group_wait": "1s", "group_interval": "2s", "repeat_interval": receiver.repeat,
        },
        "receivers": [{ "name": "dreamops", "webhook_configs": [{
            "url": format!("http://{}{}", receiver.server, receiver.path), "send_resolved": true,
            "http_config": { "authorization": { "credentials": receiver.token } },
        }] }],
    })
}
