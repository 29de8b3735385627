//! Programs that run beside a test, and end with it.

use dreamops_tests::serving::until;
use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long one may take to listen.
const PATIENCE: Duration = Duration::from_mins(1);

/// A program that runs, and what it has written.
pub(crate) struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts it where the calling thread is, and waits until something listens at `address`. Its output goes to a file of
    /// its name in `folder`.
    pub(crate) fn start(command: &mut Command, folder: &Path, address: SocketAddr) -> Self {
        let name = Path::new(command.get_program()).file_name().unwrap().to_owned();
        let log = folder.join(name).with_extension("log");
        let output = File::options().create(true).append(true).open(&log).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        let mut daemon = Self { child, log };
        let listens = until(PATIENCE, || {
            let ended = daemon.child.try_wait().unwrap();
            assert!(ended.is_none(), "it has ended: {}", daemon.said());
            TcpStream::connect(address).ok()
        });
        assert!(listens.is_some(), "it does not listen: {}", daemon.said());
        daemon
    }

    /// What it has written.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// An address of the calling thread's network that nobody listens at.
pub(crate) fn free(host: &str) -> SocketAddr {
    TcpListener::bind((host, 0)).unwrap().local_addr().unwrap()
}
