//! From whatever state a cluster is in to nothing. Every step works when the
//! ones before it did nothing, and when any part was killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::control_groups;
use crate::error::{Error, FileContext as _, Result};
use crate::layout::Layout;
use crate::network;
use crate::run::{command, output};
use crate::traces;
use crate::wait::wait_for;

const LIMIT: Duration = Duration::from_secs(30);

pub(crate) fn take_down(layout: &Layout) -> Result<()> {
    kill_all(layout)?;
    traces::remove(layout)?;
    unmount_all(layout)?;
    network::delete(layout)?;
    control_groups::remove(layout)?;
    let state = layout.state();
    if state.exists() {
        fs::remove_dir_all(&state).file("remove", &state)?;
    }
    Ok(())
}

/// Kills until none is left: a server may start another process meanwhile.
fn kill_all(layout: &Layout) -> Result<()> {
    wait_for("the end of all processes", LIMIT, || {
        let processes = control_groups::processes(layout)?;
        if processes.is_empty() {
            return Ok(true);
        }
        let ids = processes.iter().map(ToString::to_string);
        // one that ended by itself makes kill fail; the next look tells
        let _ = output(command("sh", ["-c", r#"kill -9 "$@""#, "sh"]).args(ids));
        Ok(false)
    })
}

/// A mount of a pod's volume below the folder may be of somebody's real files:
/// nothing is removed while one is there.
fn unmount_all(layout: &Layout) -> Result<()> {
    for mount in mounts_below(&layout.state())?.iter().rev() {
        output(command("umount", ["--lazy"]).arg(mount))?;
    }
    match mounts_below(&layout.state())?.first() {
        None => Ok(()),
        Some(mount) => Err(Error::Unsupported {
            reason: format!("{} cannot be unmounted; unmount it by hand", mount.display()),
        }),
    }
}

fn mounts_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let path = "/proc/self/mounts";
    let mounts = fs::read_to_string(path).file("read", path)?;
    Ok(mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        // spaces and such are written in octal
        .map(|place| PathBuf::from(place.replace("\\040", " ")))
        .filter(|place| place.starts_with(folder))
        .collect())
}
