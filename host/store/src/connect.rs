//! Opening a `PostgreSQL` database: the role, the schema, the keys.
//!
//! Promise: a role for which row-level security does not count is refused before anything is written; of several replicas that
//! start at the same time one makes the schema and the others find it; a database of another keyring or of a newer program is refused;
//! no error holds the password of the address.

use crate::error::OpenError;
use crate::open::{Refusal, SqlStore};
use crate::scope::{Dialect, SCHEMA_LOCK};
use dreamops_domain::ports::{Clock, Sealer};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AnyConnection, ConnectOptions, Connection};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// The schema, from its first version.
static SCHEMA: Migrator = sqlx::migrate!("../../migrations/postgres");

/// Connections of one process.
const CONNECTIONS: u32 = 16;
/// How long a request waits for one, or for a database that is away, before it fails.
const PATIENCE: Duration = Duration::from_secs(10);

/// How the address of a `PostgreSQL` database begins.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

impl SqlStore {
    /// Whether `address` is one for [`SqlStore::connect`].
    pub fn is_address(address: &str) -> bool {
        SCHEMES.iter().any(|scheme| address.starts_with(scheme))
    }

    /// Opens the `PostgreSQL` database at `address` (`postgres://USER:PASSWORD@HOST:PORT/DATABASE`), as a plain role that owns its tables.
    pub async fn connect(address: &str, sealer: Arc<dyn Sealer>, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        sqlx::any::install_default_drivers();
        let parsed = PgConnectOptions::from_str(address).ok();
        let parsed = parsed.filter(|_| Self::is_address(address));
        let place = shown(&parsed.ok_or_else(bad_address)?);
        let options = AnyConnectOptions::from_str(address)
            .map_err(|_| bad_address())?
            .disable_statement_logging();
        let pool = AnyPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .connect_lazy_with(options.clone());
        let store = Self::around(Dialect::Postgres, pool, sealer, clock);
        let prepared = store.prepare_database(&options).await;
        prepared.map_err(|refusal| refusal.at(&place))?;
        Ok(store)
    }

    async fn prepare_database(&self, options: &AnyConnectOptions) -> Result<(), Refusal> {
        let mut connection = options.connect().await?;
        check_role(&mut connection).await?;
        let mut tx = connection.begin().await?;
        // held until the schema is committed, and not only until it is made
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(SCHEMA_LOCK)
            .execute(&mut *tx)
            .await?;
        SCHEMA.run_direct(None, &mut *tx, false).await?;
        self.check_keys(&mut tx).await?;
        tx.commit().await?;
        connection.close().await?;
        Ok(())
    }
}

async fn check_role(conn: &mut AnyConnection) -> Result<(), Refusal> {
    let (role, above): (String, bool) = sqlx::query_as(
        "SELECT rolname::text, rolsuper OR rolbypassrls FROM pg_catalog.pg_roles WHERE rolname = current_user",
    )
    .fetch_one(conn)
    .await?;
    if above { Err(Refusal::Role(role)) } else { Ok(()) }
}

/// The address without user and password.
fn shown(parsed: &PgConnectOptions) -> PathBuf {
    let host = parsed
        .get_socket()
        .map_or_else(|| Path::new(parsed.get_host()).to_owned(), Clone::clone);
    let database = parsed.get_database().unwrap_or_default();
    PathBuf::from(format!("{}:{}/{database}", host.display(), parsed.get_port()))
}

/// What cannot be read is not shown: a password may be anywhere in it.
fn bad_address() -> OpenError {
    OpenError::BadAddress
}
