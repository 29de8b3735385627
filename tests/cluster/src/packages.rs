//! What a node needs from Debian.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::error::{FileContext as _, Result};
use crate::layout::cache;
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

/// A program of a Debian package that is not installed: installing it would start a service. What it holds is put
/// below the cache, once, and that is said.
///
/// # Errors
/// What the package manager said.
pub fn unpacked(package: &str, program: &str) -> Result<PathBuf> {
    let folder = cache()?.join("debian");
    fs::create_dir_all(&folder).file("make the folder", &folder)?;
    let lock = folder.join("lock");
    let lock_file = File::create(&lock).file("open", &lock)?;
    lock_file.lock().file("lock", &lock)?;

    let there = folder.join(package);
    if !there.join(program).is_file() {
        eprintln!("unpacking Debian package {package} below {}", folder.display());
        let fresh = folder.join(format!("{package}.part"));
        for old in [&there, &fresh].into_iter().filter(|old| old.exists()) {
            fs::remove_dir_all(old).file("remove", old)?;
        }
        fs::create_dir(&fresh).file("make the folder", &fresh)?;
        output(&mut command("apt-get", ["update", "-qq"]))?;
        output(command("apt-get", ["download", "-qq", package]).current_dir(&fresh))?;
        output(command("sh", ["-c", "dpkg -x ./*.deb . && rm ./*.deb"]).current_dir(&fresh))?;
        fs::rename(&fresh, &there).file("make the folder", &there)?;
    }
    Ok(there.join(program))
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
