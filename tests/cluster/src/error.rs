use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

/// What keeps a test cluster from working.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program could not be started at all.
    #[error("cannot start `{command}`; is it installed?")]
    Start {
        /// The command line.
        command: String,
        /// Why not.
        source: io::Error,
    },
    /// A program ended with an error.
    #[error("`{command}` failed with {status}: {output}")]
    Failed {
        /// The command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// What it wrote to its error output, or else to its output.
        output: String,
    },
    /// A file or folder could not be used.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was to be done.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The sources of the cluster's programs are not here.
    #[error("found no tests/cluster above {}; run this from the checkout, through cargo", begin.display())]
    NoSources {
        /// Where the search began.
        begin: PathBuf,
    },
    /// Something that was waited for did not happen in time.
    #[error("{what} did not happen within {} s; last seen: {seen}", limit.as_secs())]
    Deadline {
        /// What was waited for.
        what: String,
        /// How long.
        limit: Duration,
        /// The last thing that spoke against it.
        seen: String,
    },
    /// A server of the cluster ended while the cluster came up.
    #[error("{server} ended; its log is {}, and ends with:\n{tail}", log.display())]
    ServerEnded {
        /// Which one.
        server: String,
        /// Where its whole log is.
        log: PathBuf,
        /// The last lines.
        tail: String,
    },
    /// There is no cluster of that name, or it is broken.
    #[error("the cluster {name} does not run: {reason}; bring it up with `cargo xtask cluster up`")]
    NotRunning {
        /// Its name.
        name: String,
        /// What is missing.
        reason: String,
    },
    /// The machine cannot hold a cluster.
    #[error("this machine cannot run a test cluster: {reason}")]
    Unsupported {
        /// What is missing, and what helps.
        reason: String,
    },
    /// A name is not one that can be used.
    #[error("{name:?} cannot be used as {purpose}: {rule}")]
    Name {
        /// What was given.
        name: String,
        /// For what.
        purpose: &'static str,
        /// What is allowed.
        rule: &'static str,
    },
    /// The API server answered something else than it should.
    #[error("cannot understand the answer to `{command}`")]
    Answer {
        /// The command line.
        command: String,
        /// Why not.
        source: serde_json::Error,
    },
}

/// The result of everything here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Gives an I/O error its context.
pub(crate) trait FileContext<T> {
    fn file(self, action: &'static str, path: impl AsRef<Path>) -> Result<T>;
}

impl<T> FileContext<T> for io::Result<T> {
    fn file(self, action: &'static str, path: impl AsRef<Path>) -> Result<T> {
        self.map_err(|source| Error::File {
            action,
            path: path.as_ref().to_owned(),
            source,
        })
    }
}
