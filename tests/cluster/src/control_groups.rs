//! Control groups: every process of a cluster, servers and containers alike,
//! is below one folder of each hierarchy. So "all of it" can be asked of the
//! kernel, and stays true when a recorded process id is stale.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, FileContext as _, Result};
use crate::layout::Layout;

/// The hierarchy used to find processes; runc puts containers into all of them.
const FINDER: &str = "pids";

/// Makes the folders. The kubelet wants to find its own in every hierarchy.
pub(crate) fn create(layout: &Layout) -> Result<()> {
    for hierarchy in hierarchies()? {
        let folder = below(&hierarchy, layout);
        fs::create_dir_all(&folder).file("make the control group", &folder)?;
        if hierarchy.ends_with("cpuset") {
            // a new group has no cores and can hold nothing until it has
            for setting in ["cpuset.cpus", "cpuset.mems"] {
                let (from, to) = (hierarchy.join(setting), folder.join(setting));
                let value = fs::read(&from).file("read", &from)?;
                fs::write(&to, value).file("write", &to)?;
            }
        }
    }
    let servers = servers_folder(layout)?;
    fs::create_dir_all(&servers).file("make the control group", &servers)
}

/// A process that writes its id here, and all that it starts, are found again.
pub(crate) fn servers_file(layout: &Layout) -> Result<PathBuf> {
    Ok(servers_folder(layout)?.join("cgroup.procs"))
}

/// All processes of the cluster.
pub(crate) fn processes(layout: &Layout) -> Result<Vec<u32>> {
    let mut found = Vec::new();
    collect(&below(&finder()?, layout), &mut found)?;
    Ok(found)
}

/// Removes the folders; no process may be left.
pub(crate) fn remove(layout: &Layout) -> Result<()> {
    // runc makes groups in a version 2 hierarchy as well if it sees one
    for hierarchy in hierarchies()?.into_iter().chain(mounts("cgroup2")?) {
        remove_below(&below(&hierarchy, layout))?;
    }
    Ok(())
}

fn servers_folder(layout: &Layout) -> Result<PathBuf> {
    Ok(below(&finder()?, layout).join("servers"))
}

fn below(hierarchy: &Path, layout: &Layout) -> PathBuf {
    hierarchy.join(layout.control_group().trim_start_matches('/'))
}

fn finder() -> Result<PathBuf> {
    hierarchies()?
        .into_iter()
        .find(|path| path.ends_with(FINDER))
        .ok_or_else(|| Error::Unsupported {
            reason: format!("there is no {FINDER} control group hierarchy"),
        })
}

/// The mount points of control groups of version 1.
fn hierarchies() -> Result<Vec<PathBuf>> {
    let found = mounts("cgroup")?;
    if found.is_empty() {
        return Err(Error::Unsupported {
            reason: "control groups of version 1 are not mounted, and only those were tried; \
                     boot with systemd.unified_cgroup_hierarchy=0"
                .to_owned(),
        });
    }
    Ok(found)
}

fn mounts(wanted: &str) -> Result<Vec<PathBuf>> {
    let path = "/proc/self/mounts";
    let mounts = fs::read_to_string(path).file("read", path)?;
    let found = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (place, kind) = (fields.next()?, fields.next()?);
        (kind == wanted).then(|| place.into())
    });
    Ok(found.collect())
}

fn collect(folder: &Path, found: &mut Vec<u32>) -> Result<()> {
    // a container's group may go while we look
    let Ok(text) = fs::read_to_string(folder.join("cgroup.procs")) else {
        return Ok(());
    };
    found.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()));
    for child in children(folder) {
        collect(&child, found)?;
    }
    Ok(())
}

fn remove_below(folder: &Path) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    for child in children(folder) {
        remove_below(&child)?;
    }
    fs::remove_dir(folder).file("remove the control group", folder)
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir())
        .collect()
}
