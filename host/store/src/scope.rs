//! Whose rows a transaction sees.
//!
//! On `PostgreSQL` every transaction begins by saying so, and row-level security holds it to that: a query that forgets its tenant
//! sees nothing. On `SQLite`, which has no such thing, the conditions of the queries alone do it.
//!
//! | scope | sees |
//! | --- | --- |
//! | [`Scope::Team`] | the rows of one team |
//! | [`Scope::Held`] | the rows of the team whose incident is leased; the incident's row in the queue is taken first |
//! | [`Scope::Token`], [`Scope::Route`], [`Scope::Name`] | the one token, source or team that the request names |
//! | [`Scope::Sealer`] | the audit of all teams |
//! | [`Scope::Keeper`] | which teams there are |
//! | [`Scope::Program`] | what has no tenant: the queue, the emergency stop |

use crate::error::Fault;
use crate::open::SqlStore;
use dreamops_domain::id::{IncidentId, TenantId};
use sqlx::{Any, AnyConnection, AssertSqlSafe, Transaction};

/// The database that the store is on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// Whose rows a transaction sees.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scope<'a> {
    Team(TenantId),
    Held(IncidentId),
    Token(&'a str),
    Route(&'a str, &'a str),
    Name(&'a str),
    Sealer,
    Keeper,
    Program,
}

/// The number of the lock that lets one process seal at a time.
pub(crate) const SEALER_LOCK: i64 = 0x6472_6561_6d01;
/// The number of the lock that lets one process remove what is old at a time.
pub(crate) const KEEPER_LOCK: i64 = 0x6472_6561_6d03;
/// The number of the lock that lets one process make the schema at a time.
pub(crate) const SCHEMA_LOCK: i64 = 0x6472_6561_6d02;
/// The number of the lock that lets one transaction keep or let go of components at a time.
pub(crate) const PINS_LOCK: i64 = 0x6472_6561_6d03;

impl Dialect {
    /// What a query ends with that takes the rows it finds, where transactions run at the same time.
    pub(crate) fn taking(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE",
        }
    }

    /// The same for a query that passes over rows which another transaction has taken.
    pub(crate) fn taking_free(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE SKIP LOCKED",
        }
    }
}

impl SqlStore {
    /// Begins a transaction that writes. On `SQLite` it waits its turn here and not in the middle.
    pub(crate) async fn write(&self, scope: Scope<'_>) -> Result<Transaction<'static, Any>, Fault> {
        match self.dialect {
            Dialect::Sqlite => Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?),
            Dialect::Postgres => self.begin("BEGIN", scope).await,
        }
    }

    /// Begins a transaction that sees one state of the database.
    pub(crate) async fn read(&self, scope: Scope<'_>) -> Result<Transaction<'static, Any>, Fault> {
        match self.dialect {
            Dialect::Sqlite => Ok(self.pool.begin().await?),
            Dialect::Postgres => {
                self.begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", scope)
                    .await
            }
        }
    }

    /// A text that begins a transaction and says its scope saves a journey; only what we made ourselves stands in it.
    async fn begin(&self, begin: &str, scope: Scope<'_>) -> Result<Transaction<'static, Any>, Fault> {
        let begin = match scope {
            Scope::Team(tenant) => format!("{begin}; SET LOCAL dreamops.tenant = '{tenant}'"),
            Scope::Sealer => format!("{begin}; SET LOCAL dreamops.sealer = 'on'"),
            Scope::Keeper => format!("{begin}; SET LOCAL dreamops.keeper = 'on'"),
            _ => begin.to_owned(),
        };
        let mut tx = self.pool.begin_with(AssertSqlSafe(begin)).await?;
        match scope {
            Scope::Held(incident) => {
                sqlx::query(
                    "SELECT set_config('dreamops.tenant', taken.tenant, true) \
                     FROM (SELECT tenant FROM work WHERE incident = $1 FOR UPDATE) AS taken",
                )
                .bind(incident.to_string())
                .execute(&mut *tx)
                .await?;
            }
            Scope::Token(sha256) => set(&mut tx, "dreamops.token", sha256).await?,
            Scope::Route(kind, name) => set(&mut tx, "dreamops.route", &format!("{kind}/{name}")).await?,
            Scope::Name(name) => set(&mut tx, "dreamops.name", name).await?,
            Scope::Team(_) | Scope::Sealer | Scope::Keeper | Scope::Program => {}
        }
        Ok(tx)
    }

    /// Whether this transaction is the only one of its kind. On `SQLite` every transaction that writes is.
    pub(crate) async fn only_one(&self, conn: &mut AnyConnection, lock: i64) -> Result<bool, Fault> {
        if self.dialect == Dialect::Sqlite {
            return Ok(true);
        }
        let taken = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1)").bind(lock);
        Ok(taken.fetch_one(conn).await?)
    }
}

/// Sets what row-level security reads, for the transaction.
async fn set(conn: &mut AnyConnection, name: &str, value: &str) -> Result<(), Fault> {
    sqlx::query("SELECT set_config($1, $2, true)")
        .bind(name)
        .bind(value)
        .execute(conn)
        .await?;
    Ok(())
}
