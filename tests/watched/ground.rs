//! A namespace of the real cluster, in whose network the test is.

use crate::part::installed;
use base64::Engine as _;
use dreamops_test_cluster::{Cluster, Validity};
use dreamops_tests::serving::{Serving, until};
use dreamops_tests::workloads::deployment;
use serde_json::{Value, json};
use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

/// The cluster that all end-to-end tests share.
const CLUSTER: &str = "e2e";
/// How long the cluster, or an incident, may take for anything.
pub(crate) const PATIENCE: Duration = Duration::from_mins(3);
/// The least rights, as the project ships them.
const ROLE: &str = include_str!("../../host/cluster/rbac.yaml");
/// What servers are told: act, and do not watch for longer than a test should take.
pub(crate) const CONFIGURATION: &str =
    "mode = \"yolo\"\n[respond]\nstability = \"8s\"\nheal_deadline = \"90s\"\nwatch = \"10s\"\n";

/// What these tests need from Debian beside what the cluster needs.
const NEEDED: [(&str, &str); 4] = [
    ("/usr/bin/tinyproxy", "tinyproxy-bin"),
    ("/usr/bin/microsocks", "microsocks"),
    ("/usr/bin/prometheus", "prometheus"),
    ("/usr/bin/prometheus-alertmanager", "prometheus-alertmanager"),
];

pub(crate) struct Ground {
    pub(crate) cluster: Cluster,
    pub(crate) namespace: String,
}

impl Ground {
    /// A fresh namespace with the shipped rights for `dreamops`; this thread is in the cluster's network from now on.
    pub(crate) fn new(name: &str) -> Self {
        static STARTED: OnceLock<Cluster> = OnceLock::new();
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let cluster = {
            let _turn = ONE_AT_A_TIME.lock().unwrap();
            installed(&NEEDED);
            STARTED.get_or_init(|| Cluster::start(CLUSTER).unwrap()).clone()
        };
        enter(&cluster.network_namespace());
        let namespace = cluster.namespace(name).unwrap();
        cluster.apply_in(&namespace, ROLE).unwrap();
        Self { cluster, namespace }
    }

    /// kubectl in the namespace.
    pub(crate) fn kubectl(&self, args: &[&str]) -> String {
        let mut all = vec!["-n", &self.namespace];
        all.extend(args);
        self.cluster.kubectl(&all).unwrap()
    }

    /// A healthy Deployment, which a rollout breaks: it needs what the rollout takes away.
    pub(crate) fn crashing(&self, name: &str) {
        self.broken(name, &["KEY-"]);
    }

    /// A healthy Deployment, which a rollout with these changes of its environment breaks.
    pub(crate) fn broken(&self, name: &str, changes: &[&str]) {
        self.healthy(name);
        let workload = format!("deployment/{name}");
        self.kubectl(&[&["set", "env", workload.as_str()], changes].concat());
    }

    /// A healthy Deployment.
    pub(crate) fn healthy(&self, name: &str) {
        let object = deployment(name, 2, &[("NEEDS_ENV", "KEY"), ("KEY", "value")]);
        self.cluster.apply_in(&self.namespace, &object.to_string()).unwrap();
        self.kubectl(&["rollout", "status", &format!("deployment/{name}"), "--timeout=120s"]);
    }

    /// Waits until a container of it has ended so often.
    pub(crate) fn wait_for_restarts(&self, name: &str, times: i64) {
        let selector = format!("app={name}");
        let restarted = until(PATIENCE, || {
            let all = ["-n", &self.namespace, "get", "pods", "-l", &selector];
            let pods = self.cluster.kubectl_json(&all).unwrap();
            let restarts = |pod: &Value| pod["status"]["containerStatuses"][0]["restartCount"].as_i64();
            pods["items"]
                .as_array()?
                .iter()
                .any(|p| restarts(p) >= Some(times))
                .then_some(())
        });
        assert!(restarted.is_some(), "{name} does not crash");
    }

    /// Whether every pod of it is ready, and of the template that worked.
    pub(crate) fn is_healthy(&self, name: &str) -> bool {
        let all = ["-n", &self.namespace, "get", "deployment", name];
        let object = self.cluster.kubectl_json(&all).unwrap();
        let (status, env) = (
            &object["status"],
            &object["spec"]["template"]["spec"]["containers"][0]["env"],
        );
        let whole = ["readyReplicas", "updatedReplicas", "replicas"]
            .iter()
            .all(|field| status[*field] == 2);
        let names = |all: &Vec<Value>| all.iter().map(|e| e["name"].clone()).collect::<Vec<_>>();
        whole && env.as_array().map(names) == Some(vec![json!("NEEDS_ENV"), json!("KEY")])
    }

    /// A token of the service account that has the shipped rights.
    pub(crate) fn token(&self) -> String {
        self.kubectl(&["create", "token", "dreamops", "--duration=1h"])
            .trim()
            .to_owned()
    }

    /// A user with the shipped rights who proves himself by a certificate; the fields of his kubeconfig.
    pub(crate) fn certificate(&self, user: &str, validity: Validity) -> Kubeconfig {
        let file = self.cluster.client_cert_kubeconfig(user, &[], validity).unwrap();
        let subject = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": { "name": user },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "dreamops" },
            "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user }],
        });
        self.cluster.apply_in(&self.namespace, &subject.to_string()).unwrap();
        Kubeconfig::read(&file)
    }

    /// The address and authority of the cluster, as its administrator's kubeconfig has them.
    pub(crate) fn admin(&self) -> Kubeconfig {
        Kubeconfig::read(&self.cluster.admin_kubeconfig())
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        dreamops_tests::leave(&self.cluster, &self.namespace);
    }
}

/// Moves this thread into a network; what it starts from now on is there too.
pub(crate) fn enter(network: &Path) {
    let network = File::open(network).unwrap();
    rustix::thread::move_into_link_name_space(network.as_fd(), Some(rustix::thread::LinkNameSpaceType::Network))
        .unwrap();
}

/// A kubeconfig of the test cluster, which writes them as JSON.
pub(crate) struct Kubeconfig(Value);

impl Kubeconfig {
    fn read(file: &Path) -> Self {
        Self(serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap())
    }

    pub(crate) fn text(&self) -> String {
        self.0.to_string()
    }

    /// A field of its user that is base64.
    pub(crate) fn decoded(&self, field: &str) -> Vec<u8> {
        base64::engine::general_purpose::STANDARD
            .decode(self.of_user(field))
            .unwrap()
    }

    /// A field of its cluster.
    pub(crate) fn of_cluster(&self, field: &str) -> &str {
        self.0["clusters"][0]["cluster"][field].as_str().unwrap()
    }

    /// A field of its user.
    pub(crate) fn of_user(&self, field: &str) -> &str {
        self.0["users"][0]["user"][field].as_str().unwrap()
    }
}

/// Posts an alert about a Deployment; the id of its incident.
pub(crate) fn alerted(server: &Serving, ground: &Ground, cluster: &str, name: &str) -> String {
    let alert = json!({
        "alert_id": format!("{}-{name}", ground.namespace), "title": "KubePodCrashLooping", "description": "it crashes",
        "severity": "high", "metadata": { "cluster": cluster, "namespace": ground.namespace, "deployment": name },
    });
    let taken = server.ask("POST", "/api/v1/kubernetes/agno/process-incident", &alert);
    assert!((200..300).contains(&taken.code), "{}", taken.text);
    taken.body["incident_id"].as_str().unwrap().to_owned()
}

/// The incident, once something holds of it.
pub(crate) fn reaches(server: &Serving, id: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let look = || server.get(&format!("/api/v1/incidents/{id}")).body;
    let reached = until(PATIENCE, || Some(look()).filter(&holds));
    reached.unwrap_or_else(|| panic!("the incident does not come to it: {}", look()))
}
