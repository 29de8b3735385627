//! What the database says, in our words, with what to do next.

use dreamops_domain::ports::StoreError;
use sqlx::postgres::PgDatabaseError;
use std::io;
use std::path::PathBuf;

/// Why the database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its file or folder cannot be made or reached.
    #[error("the database {} cannot be reached: {source}; check DREAMOPS_DATA_DIR and who may write there", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is something else, or damaged.
    #[error("{} is not a usable database: {why}; move it away, or restore it from a copy", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
        /// What the database says.
        why: String,
    },
    /// A newer program has changed the schema.
    #[error(
        "the database {} was written by a newer dreamops (schema {found}, this one knows {known}); use that one",
        path.display()
    )]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema that this program knows.
        known: i64,
    },
    /// Its schema was made by a build that is neither older nor newer.
    #[error(
        "schema {version} of the database {} differs from the one this dreamops has; use the program that made it, or another DREAMOPS_DATA_DIR",
        path.display()
    )]
    OtherSchema {
        /// The file.
        path: PathBuf,
        /// The schema that differs.
        version: i64,
    },
    /// The keyring is not the one that the stored values were sealed under.
    #[error(
        "the keys given do not open the database {}; bring back the key file it was made with, or set DREAMOPS_ENCRYPTION_KEYS to its keys",
        path.display()
    )]
    WrongKey {
        /// The file.
        path: PathBuf,
    },
    /// The address of the database is none that we know.
    #[error("the address of the database is not understood; write it as postgres://USER:PASSWORD@HOST/DATABASE")]
    BadAddress,
    /// Its role could see past row-level security.
    #[error(
        "the role {role:?} of the database {} is a superuser or bypasses row-level security, so teams would not be apart; use a plain role that owns the database",
        path.display()
    )]
    TooMuchRight {
        /// The database.
        path: PathBuf,
        /// The role.
        role: String,
    },
    /// There is no room.
    #[error("the disk of the database {} is full; free some space and start again", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// Something else went wrong.
    #[error("the database {} cannot be opened: {why}", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// What it says.
        why: String,
    },
}

/// An error on the way through the store: one of ours, or one that the database reported.
#[derive(Debug)]
pub(crate) enum Fault {
    Store(StoreError),
    Sql(sqlx::Error),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Store(error) => error,
            Fault::Sql(error) => Self::Database(Condition::of(&error).to_string()),
        }
    }
}

impl Fault {
    /// Whether a row broke a unique index.
    pub(crate) fn is_taken(&self) -> bool {
        matches!(self, Self::Sql(sqlx::Error::Database(e)) if e.is_unique_violation())
    }

    /// Whether two transactions stood in each other's way, so that this one was taken back and may be tried again.
    pub(crate) fn is_collision(&self) -> bool {
        let code = match self {
            Self::Sql(sqlx::Error::Database(e)) => e.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::code),
            _ => None,
        };
        matches!(code, Some(state::DEADLOCK | state::SERIALIZATION))
    }
}

/// What is wrong with a database, as far as it matters for what to do next.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Condition {
    #[error("the disk is full; free some space, then `dreamops incident resume` goes on")]
    Full,
    #[error("the file is no database, or is damaged ({0}); restore it from a copy")]
    Damaged(String),
    #[error("the file cannot be written; check who may write to the data directory")]
    ReadOnly,
    #[error("another process keeps it locked; try again when that has ended")]
    Busy,
    #[error("it cannot be reached ({0}); try again when it is back")]
    Away(String),
    #[error("{0}")]
    Other(String),
}

/// Primary and extended result codes, <https://www.sqlite.org/rescode.html>.
mod code {
    pub(super) const PERM: i64 = 3;
    pub(super) const BUSY: i64 = 5;
    pub(super) const LOCKED: i64 = 6;
    pub(super) const READONLY: i64 = 8;
    pub(super) const CORRUPT: i64 = 11;
    pub(super) const FULL: i64 = 13;
    pub(super) const CANTOPEN: i64 = 14;
    pub(super) const NOTADB: i64 = 26;
    /// The file of shared memory beside the database could not grow.
    pub(super) const IOERR_SHMSIZE: i64 = 4874;
}

/// SQLSTATE codes, <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
mod state {
    pub(super) const READ_ONLY: &str = "25006";
    pub(super) const SERIALIZATION: &str = "40001";
    pub(super) const DEADLOCK: &str = "40P01";
    pub(super) const DISK_FULL: &str = "53100";
    pub(super) const NO_LOCK: &str = "55P03";
    /// Shutdown, crash, not ready yet.
    pub(super) const INTERVENTION: &str = "57P";
    /// The connection was lost or refused.
    pub(super) const CONNECTION: &str = "08";
}

impl Condition {
    pub(crate) fn of(error: &sqlx::Error) -> Self {
        let sqlx::Error::Database(reported) = error else {
            return match error {
                sqlx::Error::PoolTimedOut => Self::Away("no connection was there in time".to_owned()),
                sqlx::Error::Io(why) => Self::Away(why.to_string()),
                // the texts of the other kinds name columns and types, never values
                other => Self::Other(other.to_string()),
            };
        };
        if let Some(reported) = reported.try_downcast_ref::<PgDatabaseError>() {
            return Self::of_postgres(reported);
        }
        let extended = reported.code().and_then(|c| c.parse::<i64>().ok());
        let extended = extended.unwrap_or_default();
        match extended & 0xff {
            code::FULL => Self::Full,
            _ if extended == code::IOERR_SHMSIZE => Self::Full,
            code::NOTADB | code::CORRUPT => Self::Damaged(reported.message().to_owned()),
            code::READONLY | code::PERM | code::CANTOPEN => Self::ReadOnly,
            code::BUSY | code::LOCKED => Self::Busy,
            _ => Self::Other(reported.message().to_owned()),
        }
    }

    fn of_postgres(reported: &PgDatabaseError) -> Self {
        match reported.code() {
            state::DISK_FULL => Self::Full,
            state::READ_ONLY => Self::ReadOnly,
            state::DEADLOCK | state::SERIALIZATION | state::NO_LOCK => Self::Busy,
            code if code.starts_with(state::INTERVENTION) || code.starts_with(state::CONNECTION) => {
                Self::Away(reported.message().to_owned())
            }
            // the message names tables and columns; the values are in the detail
            _ => Self::Other(reported.message().to_owned()),
        }
    }
}

/// A stored value that cannot be understood. `what` names it and holds none of it.
pub(crate) fn unreadable(what: &str) -> StoreError {
    StoreError::Database(format!(
        "{what} cannot be understood; it was written by another version, or changed by hand"
    ))
}
