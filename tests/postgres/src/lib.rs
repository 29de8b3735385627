//! A `PostgreSQL` server for tests: in a folder of its own, behind a socket there and without a network. It ends with the
//! value that stands for it, and nothing of it is left.
//!
//! It needs Debian's `postgresql` or any other build in the path, and `psql` beside it. It may be run by root: the server is
//! then run by the user `postgres`, since it refuses to be root's.

#![allow(
    clippy::disallowed_methods,
    reason = "tests find a server by their path and wait for it in real time"
)]

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The role that a program under test uses: it may log in, and nothing else.
pub const ROLE: &str = "dreamops";
/// The role that may do everything, for what surrounds a test.
pub const SUPERUSER: &str = "postgres";
/// How long the server may take to start.
const PATIENCE: Duration = Duration::from_mins(2);

/// A server that runs. Dropping it ends it.
#[derive(Debug)]
pub struct Postgres {
    child: Child,
    folder: TempDir,
    programs: PathBuf,
    user: Option<(u32, u32)>,
}

impl Postgres {
    /// Makes one and waits until it takes connections.
    ///
    /// # Errors
    /// The reason why that cannot be done here, or the server's log where it does not start.
    pub fn start() -> Result<Self, String> {
        let programs = programs().ok_or("there is no initdb in the path or under /usr/lib/postgresql")?;
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let user = user_for(folder.path())?;
        let made = program(&programs, "initdb", folder.path(), user)
            .args(["--auth=trust", "--encoding=UTF8", "--no-sync", "--pgdata=data"])
            .arg(format!("--username={SUPERUSER}"))
            .output()
            .map_err(|error| format!("initdb cannot be run ({error})"))?;
        said(&made, "initdb")?;
        let child = serve(&programs, folder.path(), user).map_err(|e| e.to_string())?;
        let mut server = Self {
            child,
            folder,
            programs,
            user,
        };
        server.wait()?;
        server.query(SUPERUSER, "postgres", &format!("CREATE ROLE {ROLE} LOGIN"))?;
        Ok(server)
    }

    /// Whether this machine has the programs.
    pub fn is_installed() -> bool {
        programs().is_some()
    }

    /// The folder of its socket.
    pub fn socket(&self) -> &Path {
        self.folder.path()
    }

    /// The address of a database for a role, as `DATABASE_URL` takes it.
    pub fn url(&self, role: &str, database: &str) -> String {
        let socket = self.socket().display().to_string().replace('/', "%2F");
        format!("postgres://{role}@{socket}/{database}")
    }

    /// A new database that [`ROLE`] owns; its address for that role.
    ///
    /// # Errors
    /// What the server said.
    pub fn database(&self, name: &str) -> Result<String, String> {
        self.query(SUPERUSER, "postgres", &format!("CREATE DATABASE {name} OWNER {ROLE}"))?;
        Ok(self.url(ROLE, name))
    }

    /// What a statement answers: a line per row, columns between `|`.
    ///
    /// # Errors
    /// What the server said.
    pub fn query(&self, role: &str, database: &str, sql: &str) -> Result<String, String> {
        let done = program(&self.programs, "psql", self.socket(), None)
            .args([
                "--no-psqlrc",
                "--tuples-only",
                "--no-align",
                "--quiet",
                "-v",
                "ON_ERROR_STOP=1",
            ])
            .arg("--host")
            .arg(self.socket())
            .args(["--username", role, "--dbname", database, "--command", sql])
            .output()
            .map_err(|error| format!("psql cannot be run ({error})"))?;
        said(&done, "psql").map(|text| text.trim_end().to_owned())
    }

    /// Lets the server keep something in a folder that it does not own yet.
    ///
    /// # Errors
    /// Why the folder cannot be given to it.
    pub fn give(&self, folder: &Path) -> Result<(), String> {
        let Some((user, group)) = self.user else { return Ok(()) };
        chown(folder, Some(user), Some(group)).map_err(|error| error.to_string())
    }

    /// Runs another of the server's programs (`pg_dump`, `pg_restore`), as [`SUPERUSER`]; what it says.
    ///
    /// # Errors
    /// What the program said.
    pub fn run(&self, name: &str, arguments: &[&str]) -> Result<String, String> {
        let done = program(&self.programs, name, self.socket(), None)
            .arg("--host")
            .arg(self.socket())
            .args(["--username", SUPERUSER])
            .args(arguments)
            .output()
            .map_err(|error| format!("{name} cannot be run ({error})"))?;
        said(&done, name)
    }

    /// Ends it; what it keeps stays.
    pub fn stop(&mut self) {
        // an interrupt is its fast shutdown; a kill would leave its processes behind for a while
        let asked = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status();
        if !asked.is_ok_and(|status| status.success()) {
            let _gone = self.child.kill();
        }
        let _ended = self.child.wait();
    }

    /// Starts it again, on what it kept.
    ///
    /// # Errors
    /// The server's log where it does not start.
    pub fn start_again(&mut self) -> Result<(), String> {
        self.child = serve(&self.programs, self.folder.path(), self.user).map_err(|e| e.to_string())?;
        self.wait()
    }

    fn wait(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        while self.query(SUPERUSER, "postgres", "SELECT 1").is_err() {
            let ended = self.child.try_wait().map_err(|e| e.to_string())?.is_some();
            if ended || Instant::now() >= deadline {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                return Err(format!("the server does not start: {log}"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The standard output of a program that went well.
fn said(done: &Output, name: &str) -> Result<String, String> {
    if done.status.success() {
        return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
    }
    let words = String::from_utf8_lossy(&done.stderr);
    Err(format!("{name} failed: {}", words.trim_end()))
}

/// A program of the server's, to be run in its folder by its user.
fn program(programs: &Path, name: &str, folder: &Path, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(programs.join(name));
    command.current_dir(folder).stdin(Stdio::null());
    if let Some((user, group)) = user {
        command.uid(user).gid(group);
    }
    command
}

fn serve(programs: &Path, folder: &Path, user: Option<(u32, u32)>) -> io::Result<Child> {
    let settings = ["listen_addresses=", "fsync=off", "max_connections=300"];
    program(programs, "postgres", folder, user)
        .args(["-D", "data", "-k"])
        .arg(folder)
        .args(settings.iter().flat_map(|setting| ["-c", setting]))
        .stdout(Stdio::null())
        .stderr(fs::File::create(folder.join("log"))?)
        .spawn()
}

/// The folder of the newest server's programs.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.splice(0..0, std::env::split_paths(&path));
    let complete = |folder: &PathBuf| ["initdb", "postgres", "psql"].iter().all(|p| folder.join(p).is_file());
    folders.into_iter().rev().find(complete)
}

/// The user to run the server as: it refuses to run as root.
fn user_for(folder: &Path) -> Result<Option<(u32, u32)>, String> {
    if fs::metadata(folder).map_err(|e| e.to_string())?.uid() != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let found = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let named = fields.next() == Some(SUPERUSER);
        let (user, group) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
        named.then_some((user, group))
    });
    let (user, group) = found.ok_or("this is root, and there is no user postgres")?;
    chown(folder, Some(user), Some(group)).map_err(|error| error.to_string())?;
    Ok(Some((user, group)))
}
