//! A test's own corner: a namespace of the cluster with a workload and an account of least rights, and a server.

use crate::programs::programs;
use dreamops_test_cluster::{Cluster, Validity};
use dreamops_tests::serving::{ADMIN, Answer, Serving, ask, until};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The name by which servers know the cluster.
pub(crate) const NAME: &str = "watched";
/// How long cluster and server may take for anything.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);
/// What is short keeps the suite within its time; the defaults are the product's.
pub(crate) const CONFIGURATION: &str =
    "mode = \"yolo\"\n[respond]\nstability = \"4s\"\nheal_deadline = \"90s\"\nwatch = \"10s\"\n";
/// The least rights, as the project ships them.
const ROLE: &str = include_str!("../../host/cluster/rbac.yaml");

/// The cluster that all tests share, with the other end-to-end tests.
pub(crate) fn shared_cluster() -> Cluster {
    static STARTED: OnceLock<Cluster> = OnceLock::new();
    let start = || {
        let _fetched = programs();
        let name = std::env::var("DREAMOPS_TEST_CLUSTER");
        Cluster::start(name.as_deref().unwrap_or("e2e")).unwrap()
    };
    STARTED.get_or_init(start).clone()
}

/// The namespace and what is in it.
pub(crate) struct Corner {
    pub(crate) cluster: Cluster,
    pub(crate) namespace: String,
}

impl Corner {
    /// A fresh namespace with a healthy Deployment `web` and an account with the least rights. The calling thread moves into
    /// the cluster's network.
    pub(crate) fn new(prefix: &str) -> Self {
        let cluster = shared_cluster();
        cluster.enter().unwrap();
        let namespace = cluster.namespace(prefix).unwrap();
        let corner = Self { cluster, namespace };
        corner.apply(ROLE);
        corner.apply(&web().to_string());
        corner.kubectl(&["rollout", "status", "deployment/web", "--timeout=120s"]);
        corner
    }

    /// kubectl in the namespace.
    pub(crate) fn kubectl(&self, args: &[&str]) -> String {
        let mut all = vec!["-n", &self.namespace];
        all.extend(args);
        self.cluster.kubectl(&all).unwrap()
    }

    /// Creates or changes objects in the namespace.
    pub(crate) fn apply(&self, manifest: &str) {
        self.cluster.apply_in(&self.namespace, manifest).unwrap();
    }

    /// Rolls out a `web` that crashes, and waits until it has.
    pub(crate) fn break_web(&self) {
        self.kubectl(&["set", "env", "deployment/web", "KEY-"]);
        let crashed = || {
            let pods = self.kubectl(&[
                "get",
                "pods",
                "-o",
                "jsonpath={.items[*].status.containerStatuses[*].restartCount}",
            ]);
            Ok(pods
                .split(' ')
                .any(|count| count.parse::<u32>().is_ok_and(|count| count >= 2)))
        };
        self.cluster.wait_for("restarts", PATIENCE, crashed).unwrap();
    }

    /// Whether `web` is rolled out, as it was when it was healthy.
    pub(crate) fn web_is_healthy(&self) -> bool {
        let web = self
            .cluster
            .kubectl_json(&["-n", &self.namespace, "get", "deployment", "web"])
            .unwrap();
        let container = &web["spec"]["template"]["spec"]["containers"][0];
        let whole = container["env"] == web_env() && web["status"]["updatedReplicas"] == 1;
        whole && web["status"]["availableReplicas"] == 1 && web["status"]["replicas"] == 1
    }

    /// What `connect-cluster` takes, with a token of a service account.
    pub(crate) fn by_token(&self, account: &str) -> Value {
        let config = read(&self.cluster.token_kubeconfig(&self.namespace, account).unwrap());
        let token = &config["users"][0]["user"]["token"];
        json!({
            "auth_method": "service_account", "cluster_name": NAME, "cluster_endpoint": self.cluster.api_address(),
            "namespace": self.namespace, "service_account_token": token, "ca_certificate": authority(&config),
        })
    }

    /// What `connect-cluster` takes, with a kubeconfig of the account.
    pub(crate) fn by_kubeconfig(&self) -> Value {
        let config = read(&self.cluster.token_kubeconfig(&self.namespace, "dreamops").unwrap());
        json!({ "auth_method": "kubeconfig", "cluster_name": NAME, "kubeconfig_data": config.to_string() })
    }

    /// What `connect-cluster` takes, with a client certificate of a user who has the least rights.
    pub(crate) fn by_certificate(&self, validity: Validity) -> Value {
        let user = format!("person-of-{}", self.namespace);
        let bind = format!("--user={user}");
        let _there = self.cluster.kubectl(&[
            "-n",
            &self.namespace,
            "create",
            "rolebinding",
            "person",
            "--role=dreamops",
            &bind,
        ]);
        let config = read(&self.cluster.client_cert_kubeconfig(&user, &[], validity).unwrap());
        let account = &config["users"][0]["user"];
        json!({
            "auth_method": "client_cert", "cluster_name": NAME, "cluster_endpoint": self.cluster.api_address(),
            "namespace": self.namespace, "ca_certificate": authority(&config),
            "client_certificate": account["client-certificate-data"], "client_key": account["client-key-data"],
        })
    }

    /// The cluster's authority, as PEM.
    pub(crate) fn authority(&self) -> String {
        pem(authority(&read(&self.cluster.admin_kubeconfig())))
    }

    /// An account with the least rights, beside `dreamops`.
    pub(crate) fn account(&self, name: &str) {
        self.kubectl(&["create", "serviceaccount", name]);
        let of = format!("--serviceaccount={}:{name}", self.namespace);
        self.kubectl(&["create", "rolebinding", name, "--role=dreamops", &of]);
    }

    /// Hands a new alert about `web` over; the incident's id.
    pub(crate) fn alert(&self, server: &Serving, token: &str) -> String {
        static HANDED: AtomicU32 = AtomicU32::new(0);
        let number = HANDED.fetch_add(1, Ordering::Relaxed);
        let alert = json!({
            "alert_id": format!("crash-{number}-of-{}", self.namespace), "title": "KubePodCrashLooping", "severity": "critical",
            "metadata": { "cluster": NAME, "namespace": self.namespace, "deployment": "web" },
        });
        let path = "/api/v1/kubernetes/agno/process-incident";
        let taken = ask(&server.address(), "POST", path, Some(token), &alert).unwrap();
        assert_eq!(taken.code, 200, "{}", taken.text);
        taken.body["incident_id"].as_str().unwrap().to_owned()
    }

    /// Hands an alert about `web` over as the administrator, and waits for the incident's end.
    pub(crate) fn respond(&self, server: &Serving) -> Value {
        ended(server, ADMIN, &self.alert(server, ADMIN))
    }
}

impl Drop for Corner {
    fn drop(&mut self) {
        dreamops_tests::leave(&self.cluster, &self.namespace);
    }
}

/// An incident, when it has ended.
pub(crate) fn ended(server: &Serving, token: &str, id: &str) -> Value {
    let path = format!("/api/v1/incidents/{id}");
    let look = || ask(&server.address(), "GET", &path, Some(token), &Value::Null);
    let ended = until(2 * PATIENCE, || {
        look().filter(|found| found.body["closed_at"].is_string())
    });
    match ended {
        Some(answer) => answer.body,
        None => panic!("the incident does not end: {:?}\n{}", look(), server.said()),
    }
}

/// Connects a cluster as the administrator.
pub(crate) fn connect(server: &Serving, request: &Value) -> Answer {
    server.ask("POST", "/api/v1/kubernetes/agno/connect-cluster", request)
}

/// What the server says of its one cluster; null where it has none.
pub(crate) fn shown(server: &Serving) -> Value {
    server.get("/api/v1/clusters").body["items"][0].clone()
}

fn read(kubeconfig: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(kubeconfig).unwrap()).unwrap()
}

/// The cluster's authority, as base64 of PEM.
fn authority(kubeconfig: &Value) -> &Value {
    &kubeconfig["clusters"][0]["cluster"]["certificate-authority-data"]
}

/// What the base64 stands for.
pub(crate) fn pem(text: &Value) -> String {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(text.as_str().unwrap());
    String::from_utf8(bytes.unwrap()).unwrap()
}

fn web_env() -> Value {
    json!([{ "name": "NEEDS_ENV", "value": "KEY" }, { "name": "KEY", "value": "value" }])
}

fn web() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web" },
        "spec": {
            "replicas": 1,
            "selector": { "matchLabels": { "app": "web" } },
            "template": {
                "metadata": { "labels": { "app": "web" } },
                "spec": {
                    "terminationGracePeriodSeconds": 1,
                    "containers": [{
                        "name": "app", "image": "docker.io/library/stage:1", "env": web_env(),
                        "readinessProbe": { "httpGet": { "path": "/readyz", "port": 8080 }, "periodSeconds": 1 },
                    }],
                }
            }
        }
    })
}
