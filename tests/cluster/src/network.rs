//! The network namespace that everything of a cluster runs in. Nothing leaks
//! out of it and nothing comes in: it has no link to any other.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{FileContext as _, Result};
use crate::layout::{Layout, NODE_ADDRESS};
use crate::run::{command, output};

pub(crate) fn namespace_path(layout: &Layout) -> PathBuf {
    Path::new("/run/netns").join(layout.network_namespace())
}

/// The command runs inside the namespace. `ip netns exec` would do the same but
/// hide `/sys/fs/cgroup`, which the kubelet needs.
pub(crate) fn enter(layout: &Layout, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut net = std::ffi::OsString::from("--net=");
    net.push(namespace_path(layout));
    let mut command = Command::new("nsenter");
    command.arg(net).arg("--").arg(program);
    command
}

pub(crate) fn create(layout: &Layout) -> Result<()> {
    let namespace = layout.network_namespace();
    output(&mut command("ip", ["netns", "add", &namespace]))?;
    let ip = |line: &str| {
        let args = ["-n", &namespace].into_iter().chain(line.split(' '));
        output(&mut command("ip", args)).map(drop)
    };
    ip("link set lo up")?;
    // a bridge, because not every kernel has the dummy device
    ip("link add node0 type bridge")?;
    ip(&format!("address add {NODE_ADDRESS}/24 dev node0"))?;
    ip("link set node0 up")?;
    // the kubelet and the API server look for one
    ip("route add default dev node0")?;
    for server in name_servers()? {
        // so that ours is asked in its place, and answers at once
        ip(&format!("address add {server}/32 dev lo"))?;
    }
    let forward = "echo 1 > /proc/sys/net/ipv4/ip_forward";
    output(enter(layout, "sh").args(["-c", forward]))?;
    Ok(())
}

pub(crate) fn delete(layout: &Layout) -> Result<()> {
    if namespace_path(layout).exists() {
        output(&mut command("ip", ["netns", "delete", &layout.network_namespace()]))?;
    }
    Ok(())
}

/// The name servers that this machine asks, except on a loopback address: that
/// one exists in every namespace.
pub(crate) fn name_servers() -> Result<Vec<Ipv4Addr>> {
    let path = "/etc/resolv.conf";
    let text = if Path::new(path).exists() {
        fs::read_to_string(path).file("read", path)?
    } else {
        String::new()
    };
    let servers = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("nameserver"))
        .filter_map(|address| address.trim().parse().ok())
        .filter(|address: &Ipv4Addr| !address.is_loopback());
    Ok(servers.collect())
}
