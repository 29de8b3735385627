//! Who uses the data directory: a server alone, or any number of commands that open it beside each other.
//!
//! The lock is the kernel's (`flock`) on a file beside the database, so that it ends with the process that holds it, however that
//! ends: what a dead server left in the file means nothing. The file says which server holds it and where it is reached.

use anyhow::{Context, anyhow};
use dreamops_domain::ports::Clock;
use serde::{Deserialize, Serialize};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a server waits for commands that are at work, and for one before it that is ending.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it looks.
const AGAIN: Duration = Duration::from_millis(100);

/// The server that holds the data directory.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Holder {
    /// Its process.
    pub(crate) pid: u32,
    /// Where it is reached: `http://127.0.0.1:8000`.
    pub(crate) address: String,
}

/// A share in the data directory, or the whole of it. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    path: PathBuf,
}

/// A server holds the data directory.
#[derive(Debug, thiserror::Error)]
#[error(
    "{place} is held by {}; talk to it with `--server {}` (or DREAMOPS_SERVER), or stop it first",
    whom(.holder.as_ref()),
    .holder.as_ref().map_or("URL", |h| h.address.as_str()),
    place = .place.display()
)]
pub(crate) struct Held {
    /// The database.
    place: PathBuf,
    /// Who; `None` where it has not said so yet.
    pub(crate) holder: Option<Holder>,
}

fn whom(holder: Option<&Holder>) -> String {
    holder.map_or_else(
        || "a server that is starting".to_owned(),
        |h| format!("the server of process {} at {}", h.pid, h.address),
    )
}

impl Lock {
    /// For a command: beside other commands, refused while a server has it.
    pub(crate) fn shared(database: &Path) -> anyhow::Result<Self> {
        let lock = Self::open(database)?;
        match lock.file.try_lock_shared() {
            Ok(()) => Ok(lock),
            Err(TryLockError::WouldBlock) => Err(Held {
                place: database.to_owned(),
                holder: lock.holder(),
            }
            .into()),
            Err(TryLockError::Error(error)) => Err(lock.failed(error)),
        }
    }

    /// For a server: alone. Waits a little for whoever has it.
    pub(crate) async fn whole(database: &Path, clock: &dyn Clock) -> anyhow::Result<Self> {
        let mut lock = Self::open(database)?;
        let until = clock.monotonic() + PATIENCE;
        loop {
            match lock.file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if clock.monotonic() < until => {}
                Err(TryLockError::WouldBlock) => return Err(lock.taken(database)),
                Err(TryLockError::Error(error)) => return Err(lock.failed(error)),
            }
            clock.sleep_until(clock.monotonic() + AGAIN).await;
        }
        // what a server before this one has left
        lock.write("")?;
        Ok(lock)
    }

    /// Says where this server is reached.
    pub(crate) fn tell(&mut self, address: &str) -> anyhow::Result<()> {
        let holder = Holder {
            pid: std::process::id(),
            address: address.to_owned(),
        };
        self.write(&serde_json::to_string(&holder).context("cannot write the lock")?)
    }

    /// Who holds the database at this moment, if a server does. Takes nothing.
    pub(crate) fn holder_of(database: &Path) -> Option<Held> {
        if !file_of(database).exists() {
            return None;
        }
        let error = Self::shared(database).err()?;
        error.downcast::<Held>().ok()
    }

    fn open(database: &Path) -> anyhow::Result<Self> {
        let path = file_of(database);
        if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
            made.with_context(|| format!("cannot make {}", folder.display()))?;
        }
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = file.open(&path);
        let file = file.with_context(|| format!("cannot open the lock {}", path.display()))?;
        Ok(Self { file, path })
    }

    fn holder(&self) -> Option<Holder> {
        let mut text = String::new();
        let mut file = &self.file;
        file.read_to_string(&mut text).ok()?;
        serde_json::from_str(&text).ok()
    }

    fn write(&mut self, text: &str) -> anyhow::Result<()> {
        self.file
            .set_len(0)
            .and_then(|()| self.file.rewind())
            .and_then(|()| self.file.write_all(text.as_bytes()))
            .with_context(|| format!("cannot write the lock {}", self.path.display()))
    }

    fn taken(&self, database: &Path) -> anyhow::Error {
        // who can share it found commands, and no server
        match Self::shared(database) {
            Ok(_) => anyhow!(
                "a command is at work on {}; wait until it has ended, then start the server again",
                database.display()
            ),
            Err(_) => anyhow!(
                "{} is held by {}; stop that one first, or give this one another DREAMOPS_DATA_DIR",
                database.display(),
                whom(self.holder().as_ref())
            ),
        }
    }

    fn failed(&self, error: std::io::Error) -> anyhow::Error {
        anyhow::Error::new(error).context(format!(
            "cannot lock {}; the data directory has to be on a file system with locks",
            self.path.display()
        ))
    }
}

fn file_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[tokio::test]
    async fn a_server_shuts_commands_out_and_says_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("data/dreamops.db");
        let mut server = Lock::whole(&database, &SystemClock::new()).await.unwrap();
        server.tell("http://127.0.0.1:8123").unwrap();
        let error = Lock::shared(&database).unwrap_err().to_string();
        let hint = "`--server http://127.0.0.1:8123`";
        assert!(
            error.contains(hint) && error.contains(&std::process::id().to_string()),
            "{error}"
        );
        assert!(Lock::holder_of(&database).is_some());
        drop(server);
        // its file is still there, and holds nothing up
        Lock::shared(&database).unwrap();
        assert!(Lock::holder_of(&database).is_none());
    }

    #[tokio::test]
    async fn commands_work_beside_each_other_and_a_server_waits_for_them() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("dreamops.db");
        let first = Lock::shared(&database).unwrap();
        let second = Lock::shared(&database).unwrap();
        let waiting = {
            let database = database.clone();
            tokio::spawn(async move { Lock::whole(&database, &SystemClock::new()).await })
        };
        drop((first, second));
        waiting.await.unwrap().unwrap();
    }
}
