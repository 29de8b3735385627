//! What a node needs from Debian.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::error::{FileContext as _, Result};
use crate::run::{command, output};

/// A program that shows that the package is there, and the package.
const NEEDED: [(&str, &str); 8] = [
    ("containerd", "containerd"),
    ("runc", "runc"),
    ("/usr/lib/cni/ptp", "containernetworking-plugins"),
    ("iptables", "iptables"),
    ("nft", "nftables"),
    ("conntrack", "conntrack"),
    ("ip", "iproute2"),
    ("openssl", "openssl"),
];

/// Installs what is missing, and says so.
pub(crate) fn install_missing() -> Result<()> {
    let missing: Vec<&str> = NEEDED
        .into_iter()
        .filter(|(program, _)| !is_installed(program))
        .map(|(_, package)| package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    install(&missing)
}

/// Installs Debian packages, and says so. Their services are not started: tests run the programs by themselves.
///
/// # Errors
/// What the package manager said.
pub fn install(missing: &[&str]) -> Result<()> {
    eprintln!("installing Debian packages: {}", missing.join(" "));
    output(&mut command("apt-get", ["update", "-qq"]))?;
    let install = ["install", "-y", "-qq", "--no-install-recommends"];
    let mut install = command("apt-get", install.iter().chain(missing));
    install.env("DEBIAN_FRONTEND", "noninteractive");
    let _quiet = Quiet::begin()?;
    output(&mut install)?;
    Ok(())
}

/// Keeps packages from starting their services, as Debian's `invoke-rc.d` documents it.
struct Quiet(Option<PathBuf>);

impl Quiet {
    fn begin() -> Result<Self> {
        let policy = Path::new("/usr/sbin/policy-rc.d");
        if policy.exists() {
            return Ok(Self(None));
        }
        fs::write(policy, "#!/bin/sh\nexit 101\n").file("write", policy)?;
        fs::set_permissions(policy, fs::Permissions::from_mode(0o755)).file("write", policy)?;
        Ok(Self(Some(policy.to_owned())))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if let Some(policy) = &self.0 {
            let _gone = fs::remove_file(policy);
        }
    }
}

fn is_installed(program: &str) -> bool {
    if program.starts_with('/') {
        return Path::new(program).exists();
    }
    // servers' programs are there even if the caller's PATH is a user's
    let system = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(Into::into);
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(system)
        .any(|folder| folder.join(program).exists())
}
