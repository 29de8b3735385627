//! Programs of others that a test needs: a proxy, a monitoring system. They end with the test.

use dreamops_tests::serving::until;
use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long one may take to listen.
const PATIENCE: Duration = Duration::from_mins(1);

/// A program that runs.
pub(crate) struct Part {
    child: Child,
    log: PathBuf,
}

impl Part {
    /// Starts it, with its words in `folder`, and waits until it listens.
    pub(crate) fn start(program: &str, arguments: &[&str], folder: &Path, listens: SocketAddr) -> Self {
        let name = Path::new(program).file_name().unwrap().to_string_lossy().into_owned();
        let log = folder.join(format!("{name}.log"));
        let words = File::create(&log).unwrap();
        let child = Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(words.try_clone().unwrap())
            .stderr(words)
            .spawn()
            .unwrap_or_else(|error| panic!("{program} cannot be run: {error}"));
        let mut part = Self { child, log };
        let up = until(PATIENCE, || {
            let ended = part.child.try_wait().unwrap();
            assert!(ended.is_none(), "{program} ended: {}", part.said());
            TcpStream::connect(listens).ok()
        });
        assert!(up.is_some(), "{program} does not listen on {listens}: {}", part.said());
        part
    }

    /// What it has said.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// An address of this thread's network that nobody listens at.
pub(crate) fn free(host: &str) -> SocketAddr {
    TcpListener::bind((host, 0)).unwrap().local_addr().unwrap()
}

/// Installs Debian's packages of programs that are missing. Their services are not started: tests run them by themselves.
pub(crate) fn installed(needed: &[(&str, &str)]) {
    let missing: Vec<&str> = needed
        .iter()
        .filter(|(program, _)| !Path::new(program).exists())
        .map(|(_, package)| *package)
        .collect();
    if !missing.is_empty() {
        dreamops_test_cluster::install(&missing).unwrap();
    }
}
