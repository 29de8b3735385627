//! A namespace and a data directory of a test's own, and the program run in them.

use crate::alerts::{Form, alert};
use crate::oracle::Snapshot;
use dreamops_test_cluster::Cluster;
use dreamops_tests::workloads::deployment;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;
use tempfile::TempDir;

/// The cluster that all tests share.
pub(crate) const CLUSTER: &str = "e2e";
/// How long the cluster may take for anything.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// What a run of `dreamops` came to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) report: Value,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// The closed phase, or `awaiting-approval`.
    pub(crate) fn phase(&self) -> &str {
        self.report["phase"].as_str().unwrap_or_default()
    }

    /// Names of the actions that were applied.
    pub(crate) fn applied(&self) -> Vec<&str> {
        let actions = self.report["actions"].as_array();
        actions
            .into_iter()
            .flatten()
            .filter(|a| a["outcome"] == "applied")
            .filter_map(|a| a["action"].as_str())
            .collect()
    }

    /// Why a person has to take it.
    pub(crate) fn escalation(&self) -> String {
        format!(
            "{} / {}",
            self.report["escalation"]["reason"], self.report["escalation"]["proposal"]
        )
    }
}

/// A test's own corner of the cluster.
pub(crate) struct Room {
    pub(crate) cluster: Cluster,
    pub(crate) namespace: String,
    data: TempDir,
}

impl Room {
    /// A fresh namespace and data directory.
    pub(crate) fn new(name: &str) -> Self {
        let cluster = shared_cluster();
        let namespace = cluster.namespace(name).unwrap();
        let data = tempfile::tempdir().unwrap();
        // a short window keeps the suite within its time; the default is the product's
        std::fs::write(
            data.path().join("dreamops.toml"),
            "[respond]\nstability = \"8s\"\nheal_deadline = \"90s\"\nwatch = \"10s\"\n",
        )
        .unwrap();
        dreamops_tests::serving::share_artefacts(data.path());
        Self {
            cluster,
            namespace,
            data,
        }
    }

    /// A room in which a rollout of Deployment `web` crashes for a missing variable, and what it was when healthy.
    pub(crate) fn crashing(name: &str) -> (Self, Snapshot) {
        let room = Self::new(name);
        room.apply(&deployment("web", 2, &[("NEEDS_ENV", "KEY"), ("KEY", "value")]));
        let healthy = room.healthy(&["deployment/web"]);
        room.kubectl(&["set", "env", "deployment/web", "KEY-"]);
        room.wait_for_restarts("web", 2);
        (room, healthy)
    }

    pub(crate) fn data_dir(&self) -> &Path {
        self.data.path()
    }

    /// Creates or changes an object in the namespace.
    pub(crate) fn apply(&self, object: &Value) {
        self.cluster.apply_in(&self.namespace, &object.to_string()).unwrap();
    }

    /// kubectl in the namespace.
    pub(crate) fn kubectl(&self, args: &[&str]) -> String {
        let mut all = vec!["-n", &self.namespace];
        all.extend(args);
        self.cluster.kubectl(&all).unwrap()
    }

    /// One object.
    pub(crate) fn get(&self, kind: &str, name: &str) -> Value {
        self.cluster
            .kubectl_json(&["-n", &self.namespace, "get", kind, name])
            .unwrap()
    }

    /// Waits until a workload is rolled out, and returns what the namespace is then.
    pub(crate) fn healthy(&self, workloads: &[&str]) -> Snapshot {
        for workload in workloads {
            self.kubectl(&["rollout", "status", workload, "--timeout=120s"]);
        }
        self.snapshot()
    }

    /// What the namespace is now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot::take(&self.cluster, &self.namespace)
    }

    /// Waits until something holds of the pods with label `app=NAME`.
    pub(crate) fn wait_for_pods(&self, app: &str, what: &str, holds: impl Fn(&[Value]) -> bool) {
        let selector = format!("app={app}");
        self.cluster
            .wait_for(what, PATIENCE, || {
                let pods = self
                    .cluster
                    .kubectl_json(&["-n", &self.namespace, "get", "pods", "-l", &selector])?;
                Ok(holds(pods["items"].as_array().map(Vec::as_slice).unwrap_or_default()))
            })
            .unwrap();
    }

    /// Waits until a container of some pod of `app` has ended so often.
    pub(crate) fn wait_for_restarts(&self, app: &str, times: u64) {
        self.wait_for_pods(app, "restarts", |pods| {
            pods.iter().any(|p| {
                let status = &p["status"];
                let all = ["containerStatuses", "initContainerStatuses"]
                    .map(|k| status[k].as_array().cloned().unwrap_or_default());
                all.concat().iter().any(|c| c["restartCount"].as_u64() >= Some(times))
            })
        });
    }

    /// Waits until a container waits for a reason that begins so.
    pub(crate) fn wait_for_reason(&self, app: &str, reasons: &[&str]) {
        self.wait_for_pods(app, &format!("{reasons:?}"), |pods| {
            pods.iter().any(|p| {
                let states = p["status"]["containerStatuses"].as_array().cloned().unwrap_or_default();
                states
                    .iter()
                    .any(|c| reasons.iter().any(|r| c["state"]["waiting"]["reason"] == **r))
            })
        });
    }

    /// Writes a file into the data directory.
    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.data.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// `dreamops` with arguments, inside the cluster's network.
    pub(crate) fn dreamops(&self, args: &[&str]) -> Command {
        let mut command = self.cluster.command(dreamops_tests::program());
        command
            .args(args)
            .env("DREAMOPS_DATA_DIR", self.data.path())
            .env("DREAMOPS_CONFIG", self.data.path().join("dreamops.toml"));
        command.stdin(Stdio::null());
        command
    }

    /// Runs `dreamops` and reads its document.
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        finished(&mut self.dreamops(args))
    }

    /// `respond` as administrator, in a mode, with more arguments.
    pub(crate) fn respond(&self, alert: &Value, mode: &str, more: &[&str]) -> Run {
        self.respond_as(&self.cluster.admin_kubeconfig(), alert, mode, more)
    }

    /// `respond` with a kubeconfig.
    pub(crate) fn respond_as(&self, kubeconfig: &Path, alert: &Value, mode: &str, more: &[&str]) -> Run {
        finished(&mut self.respond_command(kubeconfig, alert, mode, more))
    }

    /// `respond`, not started yet.
    pub(crate) fn respond_command(&self, kubeconfig: &Path, alert: &Value, mode: &str, more: &[&str]) -> Command {
        let file = self.file("alert.json", &alert.to_string());
        let mut command = self.dreamops(&["respond"]);
        command
            .arg(file)
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .args(["--mode", mode, "--output", "json"])
            .args(more);
        command
    }

    /// `respond` as administrator to an Alertmanager alert about an object.
    pub(crate) fn respond_to(&self, kind: &str, name: &str, title: &str) -> Run {
        self.respond(
            &alert(Form::Alertmanager, &self.namespace, kind, name, title),
            "yolo",
            &[],
        )
    }

    /// The alert that Deployment `web` crashes.
    pub(crate) fn crash_alert(&self) -> Value {
        alert(
            Form::Alertmanager,
            &self.namespace,
            "deployment",
            "web",
            "KubePodCrashLooping",
        )
    }

    /// Starts `respond` and leaves it running.
    pub(crate) fn respond_in_background(&self, alert: &Value) -> Child {
        let mut command = self.respond_command(&self.cluster.admin_kubeconfig(), alert, "yolo", &[]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        dreamops_tests::leave(&self.cluster, &self.namespace);
    }
}

/// The cluster, started once: asking again whether it is healthy could take a busy one for a broken one.
fn shared_cluster() -> Cluster {
    static STARTED: OnceLock<Cluster> = OnceLock::new();
    STARTED.get_or_init(|| Cluster::start(CLUSTER).unwrap()).clone()
}

/// Runs a command to its end.
pub(crate) fn finished(command: &mut Command) -> Run {
    let output = command.output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    Run {
        code: output.status.code().unwrap_or(-1),
        report: serde_json::from_str(&stdout).unwrap_or(Value::Null),
        stdout,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
