//! What the tests of this crate share: a clock that stands still, a keyring, incidents.

use crate::scope::Dialect;
use crate::{OpenError, SqlStore};
use async_trait::async_trait;
use dreamops_domain::alert::{Alert, AlertStatus, Hints, Source};
use dreamops_domain::event::{Event, TimelineEntry};
use dreamops_domain::id::{EntryId, IncidentId, TenantId};
use dreamops_domain::incident::{Case, ClusterId, Incident};
use dreamops_domain::journal::{Direction, JournalEntry};
use dreamops_domain::object::ObjectRef;
use dreamops_domain::phase::{Mode, Phase};
use dreamops_domain::ports::{Clock, Sealer};
use dreamops_domain::rehearsal::{RawPatch, Write};
use dreamops_domain::time::Timestamp;
use dreamops_vault::Keyring;
use sqlx::AnyPool;
use sqlx::any::AnyPoolOptions;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A secret that must not be found in a file.
pub(crate) const SECRET: &str = "correct-horse-battery-staple";
/// How long leases of the tests hold.
pub(crate) const TTL: Duration = Duration::from_mins(1);

/// A clock that moves when told.
pub(crate) struct StillClock(AtomicU64);

impl StillClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(1_700_000_000_000)))
    }

    pub(crate) fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.0.fetch_add(millis, Ordering::SeqCst);
    }

    /// As somebody corrects a clock that was ahead.
    pub(crate) fn set_back(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.0.fetch_sub(millis, Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }

    async fn sleep_until(&self, deadline: Duration) {
        self.advance(deadline.saturating_sub(self.monotonic()));
    }
}

/// A keyring with one new key.
pub(crate) fn ring() -> Arc<dyn Sealer> {
    let key = Keyring::generate();
    Arc::new(Keyring::parse(key.expose()).expect("a new key is well-formed"))
}

/// A store in memory with its clock, for what is about `SQLite`.
pub(crate) async fn in_memory() -> (SqlStore, Arc<StillClock>) {
    let clock = StillClock::new();
    let store = SqlStore::in_memory(ring(), Arc::clone(&clock) as Arc<dyn Clock>)
        .await
        .expect("a database in memory opens");
    (store, clock)
}

/// A new store with its clock, on the database that the suite is run on.
pub(crate) async fn fresh() -> (SqlStore, Arc<StillClock>) {
    let clock = StillClock::new();
    (fresh_under(ring(), &clock).await, clock)
}

/// A new store under these keys.
pub(crate) async fn fresh_under(keys: Arc<dyn Sealer>, clock: &Arc<StillClock>) -> SqlStore {
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    match server() {
        None => SqlStore::in_memory(keys, clock)
            .await
            .expect("a database in memory opens"),
        Some(_) => Database::new().await.open(keys, clock).await,
    }
}

/// A database that several stores open, as several processes do.
pub(crate) enum Database {
    File(tempfile::TempDir),
    /// Its address.
    Postgres(String),
}

impl Database {
    /// A new one, on the database that the suite is run on.
    pub(crate) async fn new() -> Self {
        let Some(server) = server() else {
            return Self::File(tempfile::tempdir().expect("a folder can be made"));
        };
        let name = format!("t{}", uuid::Uuid::new_v4().simple());
        let sql = format!("CREATE DATABASE {name} OWNER {ROLE}");
        let above = superuser(&server, "postgres").await;
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .execute(&above)
            .await
            .expect("a database can be made");
        above.close().await;
        Self::Postgres(address(&server, ROLE, &name))
    }

    pub(crate) async fn open(&self, keys: Arc<dyn Sealer>, clock: Arc<dyn Clock>) -> SqlStore {
        self.open_as(keys, clock).await.expect("the database opens")
    }

    /// Opens it, if it lets these keys in.
    pub(crate) async fn open_as(&self, keys: Arc<dyn Sealer>, clock: Arc<dyn Clock>) -> Result<SqlStore, OpenError> {
        match self {
            Self::File(folder) => SqlStore::open(&folder.path().join("dreamops.db"), keys, clock).await,
            Self::Postgres(address) => SqlStore::connect(address, keys, clock).await,
        }
    }
}

/// The plain role that stores connect as.
pub(crate) const ROLE: &str = "dreamops";
/// Where the suite is told the folder of the server's socket, if it is to be run on `PostgreSQL`.
pub(crate) const SERVER: &str = "DREAMOPS_TEST_POSTGRES_SOCKET";

#[allow(
    clippy::disallowed_methods,
    reason = "one test starts this test program for another database"
)]
pub(crate) fn server() -> Option<String> {
    std::env::var(SERVER).ok()
}

/// The address of a database of the server with that socket.
pub(crate) fn address(server: &str, role: &str, database: &str) -> String {
    format!("postgres://{role}@localhost/{database}?host={server}")
}

/// Connections that row-level security does not hold.
async fn superuser(server: &str, database: &str) -> AnyPool {
    sqlx::any::install_default_drivers();
    let address = address(server, "postgres", database);
    let connected = AnyPoolOptions::new().max_connections(2).connect(&address);
    connected.await.expect("the server takes connections")
}

/// Access to every row of a store's database, for what a thief or a test does to it.
pub(crate) async fn raw(store: &SqlStore) -> AnyPool {
    let Some(server) = server().filter(|_| store.dialect == Dialect::Postgres) else {
        return store.pool.clone();
    };
    let name: String = sqlx::query_scalar("SELECT current_database()::text")
        .fetch_one(&store.pool)
        .await
        .expect("a connection knows its database");
    superuser(&server, &name).await
}

pub(crate) fn cluster() -> ClusterId {
    ClusterId {
        name: "test".into(),
        address: "https://127.0.0.1:6443".into(),
        ca_digest: String::new(),
        key: "cluster-1".into(),
    }
}

pub(crate) fn alert(title: &str) -> Alert {
    Alert {
        source: Source::Alertmanager,
        source_id: String::new(),
        fingerprint: title.into(),
        status: AlertStatus::Firing,
        title: title.into(),
        description: String::new(),
        severity: "critical".into(),
        labels: [("namespace".to_owned(), "shop".to_owned())].into(),
        hints: Hints::default(),
        starts_at: None,
    }
}

pub(crate) fn owner() -> ObjectRef {
    ObjectRef::new("Deployment", "shop", "web", "uid-web")
}

/// An incident that was just received.
pub(crate) fn incident(clock: &StillClock, title: &str) -> Incident {
    let now = clock.now();
    let mut case = Case::new("shop", vec![alert(title)]);
    case.timeline.push(TimelineEntry {
        at: now,
        phase: Phase::Received,
        event: Event::AlertReceived { alert: alert(title) },
    });
    Incident {
        id: IncidentId::new(now),
        tenant: TenantId::DEFAULT,
        phase: Phase::Received,
        mode: Mode::Yolo,
        cluster: cluster(),
        created_at: now,
        updated_at: now,
        closed_at: None,
        case,
    }
}

/// A planned write that holds [`SECRET`].
pub(crate) fn entry(clock: &StillClock, step: u32) -> JournalEntry {
    let set = serde_json::json!({ "op": "replace", "path": "/data", "value": SECRET });
    JournalEntry {
        id: EntryId::new(clock.now()),
        attempt: 1,
        step,
        number: 0,
        direction: Direction::Forward,
        write: Write::Patch {
            target: owner(),
            forward: RawPatch(vec![set.clone()]),
            inverse: RawPatch(vec![set]),
            touched: vec!["/data".into()],
        },
        started_at: None,
        outcome: None,
        finished_at: None,
    }
}
