//! A real Kubernetes node, with real containers, for tests.
//!
//! [`Cluster::start`] brings one up in a network namespace of its own, or
//! attaches to the one that runs. It needs root, Go, openssl and Debian's
//! packages; what is missing it installs or builds, and says so. See the
//! README beside this crate.

#![allow(
    clippy::disallowed_methods,
    reason = "the tests' cluster is configured by its environment and lives in real time"
)]

mod bring_up;
mod certificates;
mod components;
mod control_groups;
mod error;
mod kubeconfig;
mod layout;
mod network;
mod packages;
mod programs;
mod run;
mod servers;
mod take_down;
mod traces;
mod wait;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub use certificates::Validity;
pub use error::{Error, Result};
pub use packages::install;
pub use wait::wait_for;

use certificates::Authority;
use error::FileContext as _;
use kubeconfig::Credential;
use layout::Layout;
use programs::Programs;

/// The user who may pull `docker.io/private/…`.
pub const REGISTRY_USER: &str = "puller";
/// The password of [`REGISTRY_USER`]. It opens nothing but the tests' images.
pub const REGISTRY_PASSWORD: &str = "only-for-tests";

const ADMIN: &str = "admin";

/// How long a new namespace may take to get its service account.
const NAMESPACE_LIMIT: Duration = Duration::from_mins(1);

/// A cluster that runs. Dropping it leaves it running, for the next test to
/// attach to; [`Cluster::stop`] ends it.
#[derive(Clone, Debug)]
pub struct Cluster {
    layout: Layout,
    programs: Programs,
}

impl Cluster {
    /// Attaches to the cluster of this name if it is healthy, else removes what
    /// is left of it and brings it up. Of several callers at once one does it.
    pub fn start(name: &str) -> Result<Self> {
        let layout = Layout::new(name)?;
        require_root()?;
        packages::install_missing()?;
        let programs = Programs::build_missing()?;
        let _lock = lock(&layout)?;
        let cluster = Self { layout, programs };
        if cluster.check().is_ok() {
            return Ok(cluster);
        }
        take_down::take_down(&cluster.layout)?;
        bring_up::bring_up(&cluster.layout, &cluster.programs)?;
        Ok(cluster)
    }

    /// Attaches to the cluster of this name; fails if it does not run well.
    pub fn attach(name: &str) -> Result<Self> {
        let layout = Layout::new(name)?;
        let programs = Programs::build_missing()?;
        let cluster = Self { layout, programs };
        cluster.check().map_err(|error| Error::NotRunning {
            name: name.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(cluster)
    }

    /// Ends the cluster and removes every trace of it, in whatever state it is.
    pub fn stop(name: &str) -> Result<()> {
        let layout = Layout::new(name)?;
        require_root()?;
        let _lock = lock(&layout)?;
        take_down::take_down(&layout)
    }

    /// A kubeconfig of a cluster administrator, by client certificate.
    pub fn admin_kubeconfig(&self) -> PathBuf {
        self.layout.kubeconfig(ADMIN)
    }

    /// The URL of the API server, as seen from inside the namespace.
    pub fn api_address(&self) -> String {
        kubeconfig::api_address()
    }

    /// The file name of the network namespace, for `nsenter --net=`.
    pub fn network_namespace(&self) -> PathBuf {
        network::namespace_path(&self.layout)
    }

    /// The folder with the logs of the cluster's servers.
    pub fn logs(&self) -> PathBuf {
        self.layout.file("logs")
    }

    /// What people and programs asked of the API server, with the bodies they
    /// sent: one audit event in JSON a line.
    pub fn audit_log(&self) -> PathBuf {
        self.layout.file("audit.log")
    }

    /// A command that will run inside the network namespace.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        network::enter(&self.layout, program)
    }

    /// Runs kubectl as administrator and returns its output.
    pub fn kubectl(&self, args: &[&str]) -> Result<String> {
        run::output(self.kubectl_command().args(args))
    }

    /// As [`Cluster::kubectl`] with `-o json`, parsed.
    pub fn kubectl_json(&self, args: &[&str]) -> Result<serde_json::Value> {
        let mut command = self.kubectl_command();
        command.args(args).args(["-o", "json"]);
        let text = run::output(&mut command)?;
        serde_json::from_str(&text).map_err(|source| Error::Answer {
            command: run::line(&command),
            source,
        })
    }

    /// kubectl with another kubeconfig than the administrator's, not started yet.
    pub fn kubectl_as(&self, kubeconfig: &Path) -> Command {
        let mut command = self.command(self.programs.node("kubectl"));
        command.arg("--kubeconfig").arg(kubeconfig);
        command.arg("--cache-dir").arg(self.layout.file("kubectl-cache"));
        command
    }

    /// `kubectl apply` of one or more manifests.
    pub fn apply(&self, yaml: &str) -> Result<String> {
        self.kubectl_with_input(&["apply", "-f", "-"], yaml)
    }

    /// As [`Cluster::apply`], into a namespace the manifests do not name.
    pub fn apply_in(&self, namespace: &str, yaml: &str) -> Result<String> {
        self.kubectl_with_input(&["apply", "-n", namespace, "-f", "-"], yaml)
    }

    /// Runs kubectl as administrator, with something to read.
    pub fn kubectl_with_input(&self, args: &[&str], input: &str) -> Result<String> {
        run::output_with_input(self.kubectl_command().args(args), input)
    }

    /// A fresh namespace, in which pods can be made at once.
    pub fn namespace(&self, prefix: &str) -> Result<String> {
        let manifest = serde_json::json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": { "generateName": format!("{prefix}-") },
        });
        let create = ["create", "-f", "-", "-o", "jsonpath={.metadata.name}"];
        let name = self.kubectl_with_input(&create, &manifest.to_string())?;
        let accounts = ["get", "-n", &name, "serviceaccount", "default"];
        wait_for("the default service account", NAMESPACE_LIMIT, || {
            self.kubectl(&accounts).map(|_| true)
        })?;
        Ok(name)
    }

    /// A kubeconfig with a token of a service account that exists.
    pub fn token_kubeconfig(&self, namespace: &str, service_account: &str) -> Result<PathBuf> {
        let create = ["create", "token", "-n", namespace, service_account, "--duration=24h"];
        let token = self.kubectl(&create)?;
        let file = self.layout.kubeconfig(&unique("token"));
        kubeconfig::write(&self.layout, &file, namespace, &Credential::Token(token.trim()))?;
        Ok(file)
    }

    /// A kubeconfig with a client certificate for a user in groups, that grants
    /// what the cluster's role bindings grant to those names.
    pub fn client_cert_kubeconfig(&self, user: &str, groups: &[&str], validity: Validity) -> Result<PathBuf> {
        let name = unique("certificate");
        let authority = Authority::of_cluster(&self.layout);
        let identity = authority.client(&name, user, groups, validity)?;
        let file = self.layout.kubeconfig(&name);
        kubeconfig::write(&self.layout, &file, "default", &Credential::Certificate(&identity))?;
        Ok(file)
    }

    /// Asks until the answer is yes, or the deadline is over.
    pub fn wait_for(&self, what: &str, deadline: Duration, condition: impl FnMut() -> Result<bool>) -> Result<()> {
        wait_for(what, deadline, condition)
    }

    /// Fails if a server does not run or the node is not ready.
    pub fn check(&self) -> Result<()> {
        servers::check(&self.layout)?;
        let parts = [
            ("API server", bring_up::api_server_is_ready(self)?),
            ("node", bring_up::node_is_ready(self)?),
        ];
        match parts.into_iter().find(|(_, ready)| !ready) {
            None => Ok(()),
            Some((part, _)) => Err(Error::NotRunning {
                name: self.layout.name().to_owned(),
                reason: format!("the {part} is not ready"),
            }),
        }
    }

    fn unchecked(layout: Layout, programs: Programs) -> Self {
        Self { layout, programs }
    }

    fn kubectl_command(&self) -> Command {
        self.kubectl_as(&self.admin_kubeconfig())
    }
}

/// A name that no other call gets, in this process or another.
fn unique(kind: &str) -> String {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    format!("{kind}-{}-{call}", std::process::id())
}

fn lock(layout: &Layout) -> Result<File> {
    let path = layout.lock_file();
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).file("make the folder", folder)?;
    }
    let file = File::create(&path).file("open", &path)?;
    file.lock().file("lock", &path)?;
    Ok(file)
}

fn require_root() -> Result<()> {
    let path = "/proc/self/status";
    let status = fs::read_to_string(path).file("read", path)?;
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("Uid:"))
        .and_then(|ids| ids.split_whitespace().nth(1));
    if effective == Some("0") {
        return Ok(());
    }
    Err(Error::Unsupported {
        reason: "namespaces and containers need root; run as root".to_owned(),
    })
}
