//! A configuration and a data directory, and the program in them.

use serde_json::Value;
use std::fs::{self, DirBuilder};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use tempfile::TempDir;

/// A start on a machine at full load takes this long at most.
const PATIENCE: Duration = Duration::from_mins(2);
/// The administrator's token of servers that are started here.
pub(crate) const ADMIN: &str = "an-administrator-of-these-tests";

/// What a command did.
#[derive(Debug)]
pub(crate) struct Run {
    /// The exit code.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl Run {
    /// It ended with 0.
    #[track_caller]
    pub(crate) fn fine(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The folders of one test.
pub(crate) struct Place {
    folder: TempDir,
    environment: Vec<(String, String)>,
}

/// A server that ends with the test.
pub(crate) struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub(crate) address: String,
}

impl Place {
    pub(crate) fn new(configuration: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("dreamops.toml"), configuration).unwrap();
        share_artefacts(&folder.path().join("data"));
        Self {
            folder,
            environment: Vec::new(),
        }
    }

    #[must_use]
    pub(crate) fn with(mut self, variable: &str, value: &str) -> Self {
        self.environment.push((variable.to_owned(), value.to_owned()));
        self
    }

    /// A file of the place.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of the place.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.file(name), text).unwrap();
        self.file(name).display().to_string()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dreamops"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.folder.path())
            .env("USER", "ann")
            .env("DREAMOPS_CONFIG", self.file("dreamops.toml"))
            .env("DREAMOPS_DATA_DIR", self.file("data"))
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.fed(arguments, "")
    }

    /// Runs a command that reads standard input.
    pub(crate) fn fed(&self, arguments: &[&str], input: &str) -> Run {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // a command that does not read has ended by then, perhaps
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Run {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs a command that asks a server, as its administrator.
    pub(crate) fn ask(&self, server: &Server, arguments: &[&str]) -> Run {
        let mut all = vec!["--server", server.address.as_str()];
        all.extend(arguments);
        let mut command = self.command(&all);
        command.env("DREAMOPS_TOKEN", ADMIN).stdin(Stdio::null());
        let output = command.output().unwrap();
        Run {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Starts a server and waits until it listens.
    pub(crate) fn serve(&self) -> Server {
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("DREAMOPS_ADMIN_TOKEN", ADMIN);
        Self::started(command)
    }

    /// Starts a server that makes its administrator's token itself.
    pub(crate) fn serve_without_token(&self) -> Server {
        Self::started(self.command(&["serve", "--listen", "127.0.0.1:0"]))
    }

    fn started(mut command: Command) -> Server {
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (tell, told) = mpsc::channel();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                // the test may have ended
                let _ = tell.send(line);
            }
        });
        let mut said = Vec::new();
        loop {
            match told.recv_timeout(PATIENCE) {
                Ok(line) => {
                    if let Some(address) = line.strip_prefix("dreamops: listening on ") {
                        let address = address.to_owned();
                        return Server { child, address };
                    }
                    said.push(line);
                }
                Err(error) => {
                    let _ = child.kill();
                    let _ = child.wait();
                    panic!("the server does not start ({error}): {said:?}");
                }
            }
        }
    }

    /// The data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.file("data")
    }
}

impl Server {
    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it without a word.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // it may have ended already
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lets all data directories share compiled components: each would compile them anew.
fn share_artefacts(data: &Path) {
    let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).join("artefacts");
    for folder in [&shared, data] {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).unwrap();
    }
    std::os::unix::fs::symlink(shared, data.join("artefacts")).unwrap();
}

/// The permission bits of a file.
pub(crate) fn mode_of(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
