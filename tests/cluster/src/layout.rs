//! Where everything is: the addresses inside the network namespace and the
//! files outside the checkout.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::error::{Error, FileContext as _, Result};

/// The node's address, on a bridge inside the namespace. Every cluster has the
/// same one: no other namespace can see it.
pub(crate) const NODE_ADDRESS: &str = "10.89.0.1";
pub(crate) const NODE_NAME: &str = "node-1";
pub(crate) const POD_NETWORK: &str = "10.88.0.0/16";
pub(crate) const SERVICE_NETWORK: &str = "10.96.0.0/16";
/// The first address of [`SERVICE_NETWORK`], that of the Service `kubernetes`.
pub(crate) const API_SERVICE_ADDRESS: &str = "10.96.0.1";
pub(crate) const API_PORT: u16 = 6443;
pub(crate) const METRICS_PORT: u16 = 4443;
/// containerd speaks plain HTTP to a loopback address without being told to.
pub(crate) const REGISTRY: &str = "127.0.0.1:5000";

/// Sockets live here and their paths may have 108 bytes, so names are short.
const STATE_ROOT: &str = "/run/dreamops-test";
const LONGEST_NAME: usize = 20;

/// The places of one cluster.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    name: String,
}

impl Layout {
    pub(crate) fn new(name: &str) -> Result<Self> {
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(letters) {
            return Err(Error::Name {
                name: name.to_owned(),
                purpose: "the name of a cluster",
                rule: "1 to 20 small letters, digits and dashes",
            });
        }
        Ok(Self { name: name.to_owned() })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The folder that holds all files of this cluster, and goes with it.
    pub(crate) fn state(&self) -> PathBuf {
        Path::new(STATE_ROOT).join(&self.name)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.state().join(name)
    }

    /// Held while the cluster comes up or goes down; outlives the folder.
    pub(crate) fn lock_file(&self) -> PathBuf {
        Path::new(STATE_ROOT).join(format!("{}.lock", self.name))
    }

    pub(crate) fn certificates(&self) -> PathBuf {
        self.file("certificates")
    }

    pub(crate) fn kubeconfig(&self, user: &str) -> PathBuf {
        self.file("kubeconfigs").join(format!("{user}.yaml"))
    }

    pub(crate) fn log(&self, server: &str) -> PathBuf {
        self.file("logs").join(format!("{server}.log"))
    }

    pub(crate) fn network_namespace(&self) -> String {
        format!("dreamops-{}", self.name)
    }

    /// The folder below each control group hierarchy.
    pub(crate) fn control_group(&self) -> String {
        format!("/dreamops-test-{}", self.name)
    }

    /// Puts the places and addresses into a file of `config/`.
    pub(crate) fn fill(&self, template: &str) -> String {
        template
            .replace("@STATE@", &self.state().to_string_lossy())
            .replace("@NAME@", &self.network_namespace())
            .replace("@CGROUP@", &self.control_group())
            .replace("@NODE_ADDRESS@", NODE_ADDRESS)
            .replace("@POD_NETWORK@", POD_NETWORK)
            .replace("@REGISTRY@", REGISTRY)
            .replace("@METRICS_PORT@", &METRICS_PORT.to_string())
    }
}

/// Where built programs are kept: `$DREAMOPS_CACHE`, else `~/.cache/dreamops`.
///
/// # Errors
/// There is neither that variable nor a home folder.
pub fn cache() -> Result<PathBuf> {
    if let Some(folder) = env::var_os("DREAMOPS_CACHE") {
        return Ok(folder.into());
    }
    let home = env::home_dir().ok_or_else(|| Error::Unsupported {
        reason: "there is no home folder to keep built programs in; set DREAMOPS_CACHE".to_owned(),
    })?;
    Ok(home.join(".cache/dreamops"))
}

/// Writes a file, and the folders above it.
pub(crate) fn write(path: &Path, content: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).file("make the folder", folder)?;
    }
    fs::write(path, content).file("write", path)
}

/// As [`write`], readable by the owner alone from the start.
pub(crate) fn write_private(path: &Path, content: &str) -> Result<()> {
    write(path, "")?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).file("protect", path)?;
    fs::write(path, content).file("write", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_would_leave_the_state_folder_is_refused() {
        for name in ["", "..", "a/b", "A", "longer-than-twenty-letters"] {
            assert!(Layout::new(name).is_err(), "{name}");
        }
    }

    #[test]
    fn two_names_share_no_place() {
        let (one, two) = (Layout::new("a").unwrap(), Layout::new("a-b").unwrap());
        assert!(!two.state().starts_with(one.state()));
        assert_ne!(one.network_namespace(), two.network_namespace());
        assert_ne!(one.control_group(), two.control_group());
    }

    #[test]
    fn every_placeholder_of_the_settings_is_filled() {
        let layout = Layout::new("a").unwrap();
        for template in [
            include_str!("../config/containerd.toml"),
            include_str!("../config/docker.io-hosts.toml"),
            include_str!("../config/kubelet.yaml"),
            include_str!("../config/metrics.yaml"),
            include_str!("../config/network.conflist"),
        ] {
            let filled = layout.fill(template);
            assert!(!filled.contains('@'), "{filled}");
        }
    }

    #[test]
    fn a_private_file_is_readable_by_its_owner_alone() {
        let path = env::temp_dir().join(format!("dreamops-private-{}", std::process::id()));
        write_private(&path, "secret").unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        fs::remove_file(&path).unwrap();
        assert_eq!(mode & 0o777, 0o600);
    }
}
