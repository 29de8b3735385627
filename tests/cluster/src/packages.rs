//! What a node needs from Debian.

use std::env;
use std::path::Path;

use crate::error::Result;
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

/// Installs Debian packages, and says so.
///
/// # Errors
/// What the package manager said.
pub fn install(missing: &[&str]) -> Result<()> {
    eprintln!("installing Debian packages: {}", missing.join(" "));
    output(&mut command("apt-get", ["update", "-qq"]))?;
    let install = ["install", "-y", "-qq", "--no-install-recommends"];
    let mut install = command("apt-get", install.iter().chain(missing));
    install.env("DEBIAN_FRONTEND", "noninteractive");
    output(&mut install)?;
    Ok(())
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
