//! What a database file keeps, and what it must not hold.

#![allow(clippy::unwrap_used)]
#![allow(
    clippy::disallowed_methods,
    reason = "a process that is to be killed is waited for in real time"
)]

use crate::open::SCHEMA;
use crate::testing::{SECRET, StillClock, TTL, entry, incident, ring};
use crate::{OpenError, SqlStore, worker};
use dreamops_domain::id::TenantId;
use dreamops_domain::incident::{Case, Incident};
use dreamops_domain::intake::Queue;
use dreamops_domain::journal::WriteOutcome;
use dreamops_domain::phase::Phase;
use dreamops_domain::ports::{Clock, IncidentFilter, RegistryCredential, Sealer, Store, StoreError};
use dreamops_vault::Keyring;
use sqlx::Connection;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

async fn open(path: &Path, keys: Arc<dyn Sealer>) -> Result<SqlStore, OpenError> {
    SqlStore::open(path, keys, StillClock::new()).await
}

/// Every file in a folder, the write-ahead log included.
fn bytes_in(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = fs::read_dir(folder).expect("the folder is there");
    files
        .map(|file| {
            let path = file.expect("the file is there").path();
            let bytes = fs::read(&path).expect("the file can be read");
            (path, bytes)
        })
        .collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|w| w == text.as_bytes())
}

#[tokio::test]
async fn no_file_holds_a_secret_that_was_stored() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("dreamops.db"), ring()).await.unwrap();
    let clock = StillClock::new();
    let one = incident(&clock, "an alert to be found");
    store.create(&one, "delivery").await.unwrap();
    let lease = store.lease(one.id, "a", TTL).await.unwrap();
    store.journal_plan(&lease, &[entry(&clock, 0)]).await.unwrap();
    let credential = RegistryCredential {
        registry: "ghcr.io".into(),
        username: "user".into(),
        password: Zeroizing::new(SECRET.into()),
    };
    store
        .credential_add(TenantId::DEFAULT, &credential, None)
        .await
        .unwrap();

    for closed in [false, true] {
        if closed {
            store.close().await;
        }
        let files = bytes_in(folder.path());
        // the search finds what is there in the clear
        assert!(files.iter().any(|(_, b)| holds(b, "an alert to be found")));
        for (path, bytes) in files {
            assert!(!holds(&bytes, SECRET), "{}", path.display());
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_private_even_if_they_were_not() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/dreamops.db");
    let keys = ring();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let store = open(&path, Arc::clone(&keys)).await.unwrap();
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for (file, _) in bytes_in(path.parent().unwrap()) {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    store.close().await;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let _store = open(&path, keys).await.unwrap();
    assert_eq!(mode(&path), 0o600);
}

#[tokio::test]
async fn a_commit_is_on_disk_and_references_hold() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("dreamops.db"), ring()).await.unwrap();
    // 2 is FULL: with a write-ahead log, the log is synced at each commit
    for (pragma, wanted) in [("synchronous", "2"), ("journal_mode", "wal"), ("foreign_keys", "1")] {
        let sql = format!("SELECT CAST({pragma} AS TEXT) FROM pragma_{pragma}");
        let found: String = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_one(&store.pool)
            .await
            .unwrap();
        assert_eq!(found, wanted, "{pragma}");
    }
}

#[tokio::test]
async fn another_keyring_is_refused_and_a_rotated_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dreamops.db");
    let (old, new) = (Keyring::generate(), Keyring::generate());
    let first = Arc::new(Keyring::parse(old.expose()).unwrap());
    open(&path, first).await.unwrap().close().await;
    let error = open(&path, ring()).await.unwrap_err();
    assert!(matches!(error, OpenError::WrongKey { .. }), "{error}");
    let rotated = format!("{},{}", new.expose(), old.expose());
    open(&path, Arc::new(Keyring::parse(&rotated).unwrap())).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dreamops.db");
    let text = "not a database, but a text that is long enough to be taken for one".repeat(40);
    fs::write(&path, &text).unwrap();
    let error = open(&path, ring()).await.unwrap_err();
    assert!(matches!(error, OpenError::NotADatabase { .. }), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_an_error_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let in_the_way = folder.path().join("file");
    fs::write(&in_the_way, "").unwrap();
    let error = open(&in_the_way.join("dreamops.db"), ring()).await.unwrap_err();
    assert!(matches!(error, OpenError::Io { .. }), "{error}");
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dreamops.db");
    let keys = ring();
    let store = open(&path, Arc::clone(&keys)).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'from the future', 1, x'00', 0)",
    )
    .execute(&store.pool)
    .await
    .unwrap();
    store.close().await;
    let error = open(&path, keys).await.unwrap_err();
    assert!(matches!(error, OpenError::NewerSchema { found: 9999, .. }), "{error}");
}

#[tokio::test]
async fn a_database_of_the_version_before_opens_with_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dreamops.db");
    sqlx::any::install_default_drivers();
    let address = format!("sqlite://{}?mode=rwc", path.display());
    let mut before = sqlx::AnyConnection::connect(&address).await.unwrap();
    SCHEMA.run_direct(Some(1), &mut before, false).await.unwrap();
    let clock = StillClock::new();
    let one = incident(&clock, "one");
    for (table, columns, values) in [
        (
            "incidents",
            "id, tenant, phase, mode, closed, cluster_key, cluster_json, created_at, updated_at, format, case_json",
            format!(
                "'{}', '{}', 'received', 'yolo', 0, 'cluster-1', '{}', 1, 1, 1, '{}'",
                one.id,
                one.tenant,
                serde_json::to_string(&one.cluster).unwrap(),
                serde_json::to_string(&Case::new("shop", Vec::new())).unwrap()
            ),
        ),
        (
            "work",
            "incident, tenant, cluster_key, due_at",
            format!("'{}', '{}', 'cluster-1', 1", one.id, one.tenant),
        ),
    ] {
        let sql = format!("INSERT INTO {table} ({columns}) VALUES ({values})");
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .execute(&mut before)
            .await
            .unwrap();
    }
    before.close().await.unwrap();

    let store = open(&path, ring()).await.unwrap();
    let claimed = store.claim("worker", TTL, 1).await.unwrap();
    assert_eq!(claimed[0].lease.incident, one.id);
    let mut found = store.load(one.tenant, one.id).await.unwrap();
    found.phase = Phase::NoAction;
    store.save(&claimed[0].lease, &found, &[]).await.unwrap();
    assert_eq!(store.waiting().await.unwrap(), 0);
}

#[tokio::test]
async fn a_full_disk_is_told_and_loses_nothing() {
    let (store, clock) = crate::testing::in_memory().await;
    let one = incident(&clock, "one");
    store.create(&one, "one").await.unwrap();
    // SQLite reports a limit on pages just as it reports a full disk
    sqlx::query("PRAGMA max_page_count = 1")
        .execute(&store.pool)
        .await
        .unwrap();
    let mut large = incident(&clock, "two");
    large.case.summary = Some("x".repeat(1 << 20));
    let error = store.create(&large, "two").await.unwrap_err();
    assert!(error.to_string().contains("the disk is full"), "{error}");
    let listed = store.list(one.tenant, &IncidentFilter::default()).await.unwrap();
    assert_eq!(listed, [one]);
}

#[tokio::test]
async fn a_disk_that_has_room_again_is_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("dreamops.db"), ring()).await.unwrap();
    let clock = StillClock::new();
    sqlx::query("PRAGMA max_page_count = 1")
        .execute(&store.writer)
        .await
        .unwrap();
    let mut large = incident(&clock, "large");
    large.case.summary = Some("x".repeat(1 << 20));
    let error = store.create(&large, "large").await.unwrap_err();
    assert!(error.to_string().contains("the disk is full"), "{error}");
    // the limit was the connection's: whoever writes next has another one, and room
    store.create(&large, "large").await.unwrap();
    assert_eq!(store.load(large.tenant, large.id).await.unwrap(), large);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_database_is_made_once_when_many_open_it_at_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dreamops.db");
    let keys = ring();
    let starts = (0..6).map(|_| {
        let (path, keys) = (path.clone(), Arc::clone(&keys));
        tokio::spawn(async move { open(&path, keys).await })
    });
    for start in starts.collect::<Vec<_>>() {
        start.await.unwrap().unwrap();
    }
}

/// What a killed process leaves: its number of the incident, its keys, its journal.
struct Killed {
    folder: tempfile::TempDir,
    keys: Arc<Keyring>,
    child: Child,
}

impl Killed {
    /// Starts this test program once more as a worker, and kills it when it has a write in flight.
    fn in_the_middle_of_a_write() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = Keyring::generate();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "durability::a_worker_to_be_killed"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let told = format!("{}\n{}", folder.path().display(), key.expose());
        child.stdin.take().unwrap().write_all(told.as_bytes()).unwrap();
        let deadline = Instant::now() + Duration::from_mins(1);
        while !folder.path().join("in-flight").exists() {
            assert!(Instant::now() < deadline, "the worker does not get to its write");
            assert!(child.try_wait().unwrap().is_none(), "the worker ended early");
            std::thread::sleep(Duration::from_millis(5));
        }
        child.kill().unwrap();
        let keys = Arc::new(Keyring::parse(key.expose()).unwrap());
        Self { folder, keys, child }
    }
}

#[tokio::test]
async fn after_a_kill_the_journal_is_there_and_the_lease_is_free_at_once() {
    let mut killed = Killed::in_the_middle_of_a_write();
    killed.child.wait().unwrap();
    let path = killed.folder.path().join("dreamops.db");
    let store = open(&path, killed.keys).await.unwrap();
    let listed = store.list(TenantId::DEFAULT, &IncidentFilter::default()).await.unwrap();
    let [one]: &[Incident; 1] = listed.as_slice().try_into().unwrap();
    assert_eq!(one.phase, Phase::Correlating);
    let journal = store.journal(one.tenant, one.id).await.unwrap();
    let states: Vec<_> = journal.iter().map(|e| (e.in_doubt(), e.took_effect())).collect();
    assert_eq!(states, [(false, true), (true, false), (false, false)]);
    let shown = serde_json::to_string(&journal[1].write).unwrap();
    assert!(shown.contains(SECRET), "the write is whole");

    let lease = store.lease(one.id, "next", TTL).await.unwrap();
    let (entry, now) = (journal[1].id, StillClock::new().now());
    store
        .journal_finish(&lease, entry, &WriteOutcome::AlreadySo, now)
        .await
        .unwrap();
    assert!(matches!(
        store.lease(one.id, "third", TTL).await,
        Err(StoreError::LeaseLost)
    ));
}

#[tokio::test]
#[ignore = "a process that another test starts and kills"]
async fn a_worker_to_be_killed() {
    let mut told = String::new();
    std::io::stdin().read_to_string(&mut told).unwrap();
    let (folder, key) = told.split_once('\n').unwrap();
    let folder = Path::new(folder);
    let keys = Arc::new(Keyring::parse(key).unwrap());
    let clock = StillClock::new();
    let store = open(&folder.join("dreamops.db"), keys).await.unwrap();
    let mut one = incident(&clock, "one");
    store.create(&one, "one").await.unwrap();
    let lease = store.lease(one.id, &worker::this_process(), TTL).await.unwrap();
    one.phase = Phase::Correlating;
    store.save(&lease, &one, &[]).await.unwrap();
    let entries = [entry(&clock, 0), entry(&clock, 1), entry(&clock, 2)];
    store.journal_plan(&lease, &entries).await.unwrap();
    let now = clock.now();
    let applied = WriteOutcome::Applied { version: None };
    store.journal_start(&lease, entries[0].id, now, false).await.unwrap();
    store
        .journal_finish(&lease, entries[0].id, &applied, now)
        .await
        .unwrap();
    store.journal_start(&lease, entries[1].id, now, false).await.unwrap();
    fs::write(folder.join("in-flight"), "").unwrap();
    loop {
        std::thread::park();
    }
}

#[tokio::test]
async fn a_redaction_key_stays_the_same_and_is_a_teams_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dreamops.db");
    let keys = ring();
    let store = open(&path, Arc::clone(&keys)).await.unwrap();
    let key = store.redaction_key(TenantId::DEFAULT).await.unwrap();
    let other = TenantId::new(StillClock::new().now());
    assert_ne!(store.redaction_key(other).await.unwrap(), key);
    store.close().await;
    let again = open(&path, keys).await.unwrap();
    assert_eq!(again.redaction_key(TenantId::DEFAULT).await.unwrap(), key);
}
