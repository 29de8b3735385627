//! Starting a server and knowing whether it still runs.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use crate::control_groups;
use crate::error::{Error, FileContext as _, Result};
use crate::layout::{Layout, write};
use crate::network::enter;
use crate::run::{command, output};

/// How much of a log an error shows.
const TAIL_LINES: usize = 12;

/// One program that runs as long as the cluster.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(&'static str, String)>,
}

/// The shell joins the control group, so that the server is born in it, and ends
/// at once, so that init adopts the server and no test has to wait for it.
const START: &str = r#"
    log=$1; pid=$2; group=$3; shift 3
    echo $$ >"$group" || exit
    "$@" </dev/null >>"$log" 2>&1 &
    echo $! >"$pid"
"#;

impl Server {
    pub(crate) fn start(&self, layout: &Layout) -> Result<()> {
        let log = layout.log(self.name);
        write(&log, "")?;
        write(&pid_file(layout, self.name), "")?;

        let mut inside = enter(layout, "setsid");
        inside.arg(&self.program).args(&self.args);
        let words = std::iter::once(inside.get_program()).chain(inside.get_args());
        let mut shell = command("sh", ["-c", START, "sh"]);
        shell.arg(log).arg(pid_file(layout, self.name));
        shell.arg(control_groups::servers_file(layout)?);
        shell.args(words.map(OsString::from));
        shell.envs(self.env.iter().map(|(name, value)| (name, value)));
        output(&mut shell)?;
        Ok(())
    }
}

/// Fails if a server that was started does not run any more.
pub(crate) fn check(layout: &Layout) -> Result<()> {
    let running = control_groups::processes(layout)?;
    let folder = layout.file("pids");
    for entry in fs::read_dir(&folder).file("read", &folder)? {
        let path = entry.file("read", &folder)?.path();
        let text = fs::read_to_string(&path).file("read", &path)?;
        let server = path.file_name().unwrap_or_default().to_string_lossy();
        // membership of the group as well: the id may be somebody else's by now
        let runs = text.trim().parse().is_ok_and(|pid| running.contains(&pid));
        if !runs {
            return Err(ended(layout, &server));
        }
    }
    Ok(())
}

fn ended(layout: &Layout, server: &str) -> Error {
    let log = layout.log(server);
    let text = fs::read_to_string(&log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let tail = lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n");
    Error::ServerEnded {
        server: server.to_owned(),
        log,
        tail,
    }
}

fn pid_file(layout: &Layout, server: &str) -> PathBuf {
    layout.file("pids").join(server)
}
