//! What programs leave outside the cluster's folder, in places they insist on.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::{FileContext as _, Result};
use crate::layout::Layout;

/// The length of a container's id.
const ID_LENGTH: usize = 64;

/// Removes them. The cluster's folder must still be there: it tells which are
/// of this cluster.
pub(crate) fn remove(layout: &Layout) -> Result<()> {
    remove_shim_sockets(layout)?;
    remove_log_links(layout)?;
    remove_network_results(layout)
}

/// containerd's shims listen in `/run/containerd/s`, under a hash.
fn remove_shim_sockets(layout: &Layout) -> Result<()> {
    let shims = layout.file("containerd/run/io.containerd.runtime.v2.task/k8s.io");
    for shim in entries(&shims) {
        let Ok(address) = fs::read_to_string(shim.join("address")) else {
            continue;
        };
        if let Some(socket) = address.trim().strip_prefix("unix://") {
            remove_if_there(Path::new(socket))?;
        }
    }
    Ok(())
}

/// The kubelet links each container's log.
fn remove_log_links(layout: &Layout) -> Result<()> {
    for link in entries(Path::new("/var/log/containers")) {
        if fs::read_link(&link).is_ok_and(|target| target.starts_with(layout.state())) {
            remove_if_there(&link)?;
        }
    }
    Ok(())
}

/// The network plugins note each attachment as `NETWORK-ID-INTERFACE`, and the
/// loopback one of the same sandbox under a name that every cluster shares.
fn remove_network_results(layout: &Layout) -> Result<()> {
    let results = Path::new("/var/lib/cni/results");
    let prefix = format!("{}-", layout.network_namespace());
    for result in entries(results) {
        let name = result.file_name().unwrap_or_default().to_string_lossy();
        let id = name.strip_prefix(&prefix).and_then(|rest| rest.get(..ID_LENGTH));
        // the name of another network may begin like ours
        if let Some(id) = id.filter(|id| id.chars().all(|c| c.is_ascii_hexdigit())) {
            remove_if_there(&results.join(format!("cni-loopback-{id}-lo")))?;
            remove_if_there(&result)?;
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

fn remove_if_there(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).file("remove", path),
        _ => Ok(()),
    }
}
