//! Opening a `SQLite` file: the file, the schema, the keys. `PostgreSQL` is in `connect`.
//!
//! Promise: the file is private (0600) from its first byte; opening either succeeds as a whole or leaves
//! the database as it was; a database of a newer program or of another keyring is refused before anything is
//! written; a commit is on disk when it returns (write-ahead log with `synchronous = FULL`).

use crate::error::{Condition, OpenError};
use crate::scope::Dialect;
use dreamops_domain::audit::Signer;
use dreamops_domain::id::TenantId;
use dreamops_domain::ports::{Clock, SealError, SealPlace, Sealer, StoreError};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AnyConnection, AnyPool, ConnectOptions, Connection, Executor};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// The schema, from its first version.
pub(crate) static SCHEMA: Migrator = sqlx::migrate!("../../migrations/sqlite");

/// What each connection to a file begins with. A transaction waits 20 s for another process's before it fails.
const PRAGMAS: &str =
    "PRAGMA busy_timeout = 20000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON";
/// Readers beside the one writer.
const CONNECTIONS: u32 = 4;
/// How often opening is tried while another process makes the same database.
const TRIES: u32 = 100;
/// The pause between them.
const PAUSE: Duration = Duration::from_millis(50);

/// What the key check seals.
pub(crate) const KNOWN: &[u8] = b"dreamops";

/// The store on one database.
#[derive(Clone)]
pub struct SqlStore {
    pub(crate) dialect: Dialect,
    pub(crate) pool: AnyPool,
    /// For transactions that write. On a file it is one connection: whoever waits for it waits in a queue that is fair and wakes at
    /// once, where `SQLite` would have each try again after a while.
    pub(crate) writer: AnyPool,
    pub(crate) sealer: Arc<dyn Sealer>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) signer: Option<Arc<dyn Signer>>,
}

impl std::fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SqlStore({:?})", self.dialect)
    }
}

impl SqlStore {
    /// Opens the database at `path`; makes it and its folder where there is none.
    pub async fn open(path: &Path, sealer: Arc<dyn Sealer>, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        sqlx::any::install_default_drivers();
        private_file(path).map_err(|source| OpenError::Io {
            path: path.to_owned(),
            source,
        })?;
        let file = SqliteConnectOptions::new().filename(path).to_url_lossy();
        let options = AnyConnectOptions::from_url(&file)
            .map_err(|error| Refusal::Sql(error).at(path))?
            // a commit that waits for the disk is no news, and what is done is told by the audit
            .disable_statement_logging();
        let mut store = Self::around(Dialect::Sqlite, file_pool(&options, CONNECTIONS), sealer, clock);
        store.writer = file_pool(&options, 1);
        store.prepare_patiently(&options, path).await?;
        Ok(store)
    }

    /// A database that lives as long as the value: for a simulated cluster, and for tests.
    pub async fn in_memory(sealer: Arc<dyn Sealer>, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        sqlx::any::install_default_drivers();
        let options = AnyConnectOptions::from_str("sqlite::memory:")
            .map_err(|error| Refusal::Sql(error).at(Path::new(":memory:")))?;
        // the database is its one connection, which therefore is never replaced
        let pool = AnyPoolOptions::new()
            .max_connections(1)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(options);
        let store = Self::around(Dialect::Sqlite, pool, sealer, clock);
        let prepared = store.prepare_in_memory().await;
        prepared.map_err(|refusal| refusal.at(Path::new(":memory:")))?;
        Ok(store)
    }

    pub(crate) fn around(dialect: Dialect, pool: AnyPool, sealer: Arc<dyn Sealer>, clock: Arc<dyn Clock>) -> Self {
        Self {
            dialect,
            writer: pool.clone(),
            pool,
            sealer,
            clock,
            signer: None,
        }
    }

    /// The store with the signer of the audit's chain. Without one it neither seals nor checks.
    #[must_use]
    pub fn with_signer(mut self, signer: Arc<dyn Signer>) -> Self {
        self.signer = Some(signer);
        self
    }

    /// Ends all connections; the last one to a file folds the write-ahead log into it.
    pub async fn close(&self) {
        self.writer.close().await;
        self.pool.close().await;
    }

    /// Changing a new file to write-ahead logging fails at once, without the busy timeout, where another process
    /// does the same at that moment.
    #[allow(
        clippy::disallowed_methods,
        reason = "another process is waited for, which lives in real time"
    )]
    async fn prepare_patiently(&self, file: &AnyConnectOptions, path: &Path) -> Result<(), OpenError> {
        let mut tries = 0;
        loop {
            match self.prepare_file(file).await {
                Err(Refusal::Sql(error)) if tries < TRIES && is_busy(&error) => tries += 1,
                Err(refusal) => return Err(refusal.at(path)),
                Ok(()) => return Ok(()),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// On a connection of its own: the pool takes a connection that cannot begin for one that may begin later, and would
    /// try a file that is no database again and again.
    async fn prepare_file(&self, file: &AnyConnectOptions) -> Result<(), Refusal> {
        let mut connection = file.connect().await?;
        connection.execute(PRAGMAS).await?;
        self.prepare(&mut connection).await?;
        connection.close().await?;
        Ok(())
    }

    async fn prepare_in_memory(&self) -> Result<(), Refusal> {
        let mut connection = self.pool.acquire().await?;
        self.prepare(&mut connection).await
    }

    /// Schema and key check, in one transaction.
    async fn prepare(&self, connection: &mut AnyConnection) -> Result<(), Refusal> {
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        SCHEMA.run_direct(None, &mut *tx, false).await?;
        self.check_keys(&mut tx).await?;
        tx.commit().await?;
        Ok(())
    }

    pub(crate) async fn check_keys(&self, conn: &mut AnyConnection) -> Result<(), Refusal> {
        let place = key_check();
        let stored: Option<String> = sqlx::query_scalar("SELECT value_sealed FROM key_check")
            .fetch_optional(&mut *conn)
            .await?;
        if let Some(token) = stored {
            let opened = self.sealer.open(&place, &token);
            return match opened {
                Ok(value) if value == KNOWN => Ok(()),
                _ => Err(Refusal::WrongKey),
            };
        }
        let (key, token) = self.sealer.seal(&place, KNOWN).map_err(Refusal::Seal)?;
        sqlx::query("INSERT INTO key_check (id, value_key, value_sealed) VALUES ('only', $1, $2)")
            .bind(key)
            .bind(token)
            .execute(conn)
            .await?;
        Ok(())
    }

    /// The present moment, as the database keeps moments.
    pub(crate) fn now(&self) -> i64 {
        crate::column::to_millis(self.clock.now())
    }

    /// Seals a value; returns the key's name and the token.
    pub(crate) fn seal_value(&self, place: &SealPlace<'_>, value: &[u8]) -> Result<(String, String), StoreError> {
        let sealed = self.sealer.seal(place, value);
        sealed.map_err(|e| StoreError::Sealed(e.to_string()))
    }

    /// Opens a sealed value.
    pub(crate) fn unseal(&self, place: &SealPlace<'_>, token: &str) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let opened = self.sealer.open(place, token);
        opened
            .map(Zeroizing::new)
            .map_err(|e| StoreError::Sealed(format!("{e} ({} {} {})", place.table, place.row, place.column)))
    }
}

/// The place of the key check.
pub(crate) fn key_check() -> SealPlace<'static> {
    SealPlace {
        tenant: TenantId::DEFAULT,
        table: "key_check",
        row: "only".to_owned(),
        column: "value",
    }
}

/// Why a database was refused.
pub(crate) enum Refusal {
    Sql(sqlx::Error),
    Schema(MigrateError),
    WrongKey,
    Seal(SealError),
    /// The role that could see past row-level security.
    Role(String),
}

impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<MigrateError> for Refusal {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => Self::Sql(error),
            other => Self::Schema(other),
        }
    }
}

impl Refusal {
    pub(crate) fn at(self, path: &Path) -> OpenError {
        let path: PathBuf = path.to_owned();
        match self {
            Self::WrongKey => OpenError::WrongKey { path },
            Self::Role(role) => OpenError::TooMuchRight { path, role },
            Self::Seal(error) => OpenError::Failed {
                path,
                why: error.to_string(),
            },
            Self::Schema(MigrateError::VersionMissing(found)) => OpenError::NewerSchema {
                path,
                found,
                known: SCHEMA.iter().map(|m| m.version).max().unwrap_or_default(),
            },
            Self::Schema(MigrateError::VersionMismatch(version)) => OpenError::OtherSchema { path, version },
            Self::Schema(error) => OpenError::Failed {
                path,
                why: error.to_string(),
            },
            Self::Sql(error) => match Condition::of(&error) {
                Condition::Full => OpenError::Full { path },
                Condition::Damaged(why) => OpenError::NotADatabase { path, why },
                other => OpenError::Failed {
                    path,
                    why: other.to_string(),
                },
            },
        }
    }
}

fn file_pool(file: &AnyConnectOptions, connections: u32) -> AnyPool {
    AnyPoolOptions::new()
        .max_connections(connections)
        // a connection to a file is not lost while nobody uses it
        .test_before_acquire(false)
        .after_connect(|connection, _| Box::pin(async move { connection.execute(PRAGMAS).await.map(|_| ()) }))
        .after_release(|connection, _| Box::pin(is_usable(connection)))
        .connect_lazy_with(file.clone())
}

/// Whether a connection that comes back can be given to the next. A transaction that failed for want of room or of a disk may be
/// taken back by `SQLite` itself (<https://www.sqlite.org/lang_transaction.html>, section 3); the connection then refuses to take it back
/// again, and would count it as begun for ever.
async fn is_usable(connection: &mut AnyConnection) -> Result<bool, sqlx::Error> {
    // what is still to be taken back is, before this is answered
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

fn is_busy(error: &sqlx::Error) -> bool {
    Condition::of(error) == Condition::Busy
}

/// Makes the file private before the database writes to it; what lies beside it inherits its mode.
pub(crate) fn private_file(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        let mut builder = DirBuilder::new();
        private_folder(builder.recursive(true)).create(folder)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        let file = options.mode(0o600).open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_file() && metadata.permissions().mode() & 0o077 != 0 {
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
        }
    }
    #[cfg(not(unix))]
    options.open(path)?;
    Ok(())
}

#[cfg(unix)]
fn private_folder(builder: &mut DirBuilder) -> &mut DirBuilder {
    use std::os::unix::fs::DirBuilderExt;
    builder.mode(0o700)
}

#[cfg(not(unix))]
fn private_folder(builder: &mut DirBuilder) -> &mut DirBuilder {
    builder
}
