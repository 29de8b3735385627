//! The suite on `PostgreSQL`, on a server of its own that lives as long as the test; and what holds on `PostgreSQL` only.
//!
//! Tests that are `ignored` here are run by the one that is not, which tells them the server.

#![allow(clippy::unwrap_used)]
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a server is waited for in real time, and a test that is skipped says so"
)]

use crate::testing::{Database, ROLE, SERVER, StillClock, TTL, fresh, incident, raw, ring, server};
use crate::{OpenError, SqlStore, incident as incidents};
use dreamops_domain::access::Access;
use dreamops_domain::audit::Audit;
use dreamops_domain::id::TenantId;
use dreamops_domain::intake::Queue;
use dreamops_domain::phase::Phase;
use dreamops_domain::ports::{Clock, Store};
use dreamops_domain::time::Timestamp;
use dreamops_test_postgres::Postgres;
use dreamops_vault::Keyring;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

#[tokio::test]
async fn the_suite_holds_on_postgresql() {
    let server = match Postgres::start() {
        Ok(server) => server,
        Err(why) => {
            println!("skipped: the suite was not run on PostgreSQL, because {why}");
            return;
        }
    };
    let done = Command::new(std::env::current_exe().unwrap())
        .args([
            "--include-ignored",
            "--skip=the_suite_holds",
            "--skip=a_database_that_was_away",
            "--skip=a_dump_that_is_restored",
            "--skip=durability::",
            "--skip=plans::",
        ])
        .env(SERVER, server.socket())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{told}");
    // the child did run what is only for it
    assert!(told.contains("an_unscoped_query_sees_nothing ... ok"), "{told}");
}

#[tokio::test]
async fn a_database_that_was_away_is_told_and_used_again() {
    let mut server = match Postgres::start() {
        Ok(server) => server,
        Err(why) => {
            println!("skipped: no database was taken away, because {why}");
            return;
        }
    };
    let (place, clock, keys) = (server.database("away").unwrap(), StillClock::new(), ring());
    let store = SqlStore::connect(&place, Arc::clone(&keys), Arc::clone(&clock) as Arc<dyn Clock>);
    let store = store.await.unwrap();
    let one = incident(&clock, "one");
    store.create(&one, "one").await.unwrap();

    server.stop();
    let refusal = store.create(&incident(&clock, "two"), "two").await.unwrap_err();
    assert!(refusal.to_string().contains("cannot be reached"), "{refusal}");
    let refusal = SqlStore::connect(&place, keys, clock).await.unwrap_err();
    assert!(refusal.to_string().contains("cannot be reached"), "{refusal}");
    server.start_again().unwrap();
    assert_eq!(store.load(one.tenant, one.id).await.unwrap(), one);
}

#[tokio::test]
async fn a_dump_that_is_restored_goes_on_where_it_was_made_with_the_keys_and_not_without() {
    let server = match Postgres::start() {
        Ok(server) => server,
        Err(why) => {
            println!("skipped: no database was dumped, because {why}");
            return;
        }
    };
    let (place, clock) = (server.database("before").unwrap(), StillClock::new());
    let keys = Arc::new(Keyring::parse(Keyring::generate().expose()).unwrap());
    let open = async |place: &str, keys: Arc<Keyring>| {
        let store = SqlStore::connect(place, Arc::clone(&keys) as _, Arc::clone(&clock) as Arc<dyn Clock>).await;
        store.map(|store| store.with_signer(keys))
    };
    let store = open(&place, Arc::clone(&keys)).await.unwrap();
    let other = store.tenant_create("shop", "admin").await.unwrap().unwrap();
    let redaction = store.redaction_key(other).await.unwrap();
    let one = incident(&clock, "one");
    store.create(&one, "one").await.unwrap();
    store.seal(100).await.unwrap();
    assert!(store.backup_to(Path::new("copy")).await.is_err());

    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("dreamops.dump");
    let file = format!("--file={}", dump.display());
    server.run("pg_dump", &["--format=custom", &file, "before"]).unwrap();
    let place = server.database("after").unwrap();
    server
        .run("pg_restore", &["--dbname=after", dump.to_str().unwrap()])
        .unwrap();

    let wrong = SqlStore::connect(&place, ring(), Arc::clone(&clock) as Arc<dyn Clock>).await;
    assert!(matches!(wrong, Err(OpenError::WrongKey { .. })));
    let restored = open(&place, keys).await.unwrap();
    assert_eq!(restored.redaction_key(other).await.unwrap(), redaction);
    let claimed = restored.claim("worker", TTL, 9).await.unwrap().remove(0);
    let mut found = restored.load(one.tenant, one.id).await.unwrap();
    assert_eq!(found, one);
    found.phase = Phase::NoAction;
    restored.save(&claimed.lease, &found, &[]).await.unwrap();
    restored.create(&incident(&clock, "two"), "two").await.unwrap();
    restored.seal(100).await.unwrap();
    let check = restored.verify(one.tenant, None).await.unwrap();
    assert_eq!((check.checked, check.problems.len()), (2, 0));
    // teams are apart there too
    let mut tx = restored.pool.begin().await.unwrap();
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM incidents")
        .fetch_one(&mut *tx)
        .await
        .unwrap();
    assert_eq!(seen, 0);
}

/// The tables that hold what belongs to teams.
const OF_TEAMS: [&str; 15] = [
    "tenants",
    "incidents",
    "deliveries",
    "alerts",
    "incident_alerts",
    "journal",
    "audit",
    "registry_credentials",
    "tokens",
    "sources",
    "clusters",
    "delivery_keys",
    "meeting_keys",
    "maintenance_windows",
    "audit_checkpoints",
];

#[tokio::test]
#[ignore = "run by the_suite_holds_on_postgresql"]
async fn an_unscoped_query_sees_nothing() {
    let (store, clock) = fresh().await;
    store.create(&incident(&clock, "one"), "one").await.unwrap();
    store.tenant_create("shop", "admin").await.unwrap().unwrap();
    let above = raw(&store).await;
    for (table, filled) in [
        ("incidents", 1),
        ("alerts", 1),
        ("tenants", 1),
        ("audit", 2),
        ("meeting_keys", 1),
    ] {
        let sql = format!("SELECT count(*) FROM {table}");
        let there: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_one(&above)
            .await
            .unwrap();
        assert_eq!(there, filled, "{table}");
    }
    let other = TenantId::new(Timestamp::from_millis(1));
    for scope in [
        "",
        "SET LOCAL dreamops.tenant = ''",
        &format!("SET LOCAL dreamops.tenant = '{other}'"),
    ] {
        for table in OF_TEAMS {
            let mut tx = store.pool.begin().await.unwrap();
            if !scope.is_empty() {
                sqlx::query(sqlx::AssertSqlSafe(scope.to_owned()))
                    .execute(&mut *tx)
                    .await
                    .unwrap();
            }
            let sql = format!("SELECT count(*) FROM {table}");
            let seen: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
                .fetch_one(&mut *tx)
                .await
                .unwrap();
            assert_eq!(seen, 0, "{table} {scope}");
            let sql = format!("DELETE FROM {table}");
            let done = sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut *tx).await.unwrap();
            assert_eq!(done.rows_affected(), 0, "{table} {scope}");
        }
    }
    // nor can a row be put where it does not belong
    let made = sqlx::query("INSERT INTO audit (tenant, at, event, body_json) VALUES ($1, 0, 'made-up', '{}')")
        .bind(TenantId::DEFAULT.to_string())
        .execute(&store.pool)
        .await;
    assert!(made.unwrap_err().to_string().contains("row-level security"));
}

#[tokio::test]
#[ignore = "run by the_suite_holds_on_postgresql"]
async fn no_table_of_teams_is_without_row_level_security() {
    let (store, _) = fresh().await;
    let open: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace \
         AND NOT (relrowsecurity AND relforcerowsecurity) ORDER BY relname",
    )
    .fetch_all(&store.pool)
    .await
    .unwrap();
    let without_content = [
        "_sqlx_migrations",
        "chain_keys",
        "components",
        "emergency_stop",
        "key_check",
        "pinned_components",
        "work",
    ];
    assert_eq!(open, without_content);
}

#[tokio::test]
#[ignore = "run by the_suite_holds_on_postgresql"]
async fn a_page_of_incidents_is_found_by_where_it_begins() {
    let (store, _) = fresh().await;
    for sql in [incidents::LIST_ALL, incidents::LIST_OPEN, incidents::LIST_PHASE] {
        let mut tx = store.pool.begin().await.unwrap();
        // a table without rows is read as a whole otherwise
        sqlx::query("SET LOCAL enable_seqscan = off")
            .execute(&mut *tx)
            .await
            .unwrap();
        let asked = sql.replace("$1", "'t'").replace("$2", "50").replace("$3", "'g'");
        let asked = format!("EXPLAIN {}", asked.replace("$4", "'received'"));
        let steps: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(asked))
            .fetch_all(&mut *tx)
            .await
            .unwrap();
        let plan = steps.join("\n");
        assert!(plan.contains("Index") && plan.contains("(id < "), "{plan}");
        assert!(!plan.contains("Sort"), "{plan}");
    }
}

#[tokio::test]
#[ignore = "run by the_suite_holds_on_postgresql"]
async fn a_role_that_sees_past_row_level_security_is_refused() {
    let Database::Postgres(address) = Database::new().await else {
        panic!("it is run on PostgreSQL")
    };
    let clock = || StillClock::new() as Arc<dyn Clock>;
    let above = address.replacen(ROLE, "postgres", 1);
    let refusal = SqlStore::connect(&above, ring(), clock()).await.unwrap_err();
    assert!(
        matches!(&refusal, OpenError::TooMuchRight { role, .. } if role == "postgres"),
        "{refusal}"
    );
    // nothing was made
    let store = SqlStore::connect(&address, ring(), clock()).await.unwrap();
    store.close().await;

    let refusal = SqlStore::connect(&address, ring(), clock()).await.unwrap_err();
    assert!(matches!(refusal, OpenError::WrongKey { .. }), "{refusal}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "run by the_suite_holds_on_postgresql"]
async fn a_schema_is_made_once_when_many_replicas_start_at_the_same_time() {
    let (database, keys) = (Arc::new(Database::new().await), ring());
    let starts: Vec<_> = (0..6)
        .map(|_| {
            let (database, keys) = (Arc::clone(&database), Arc::clone(&keys));
            tokio::spawn(async move { database.open(keys, StillClock::new()).await })
        })
        .collect();
    for start in starts {
        start.await.unwrap();
    }
}

#[tokio::test]
async fn an_address_is_not_shown_with_its_password() {
    let clock = || StillClock::new() as Arc<dyn Clock>;
    for address in [
        "postgres://user:hunter2@127.0.0.1:1/dreamops",
        "mysql://user:hunter2@localhost/dreamops",
        "postgres://user:hunter2@[bad/dreamops",
    ] {
        let refusal = SqlStore::connect(address, ring(), clock()).await.unwrap_err();
        let told = format!("{refusal} {refusal:?}");
        assert!(!told.contains("hunter2"), "{told}");
    }
    assert!(SqlStore::is_address("postgresql://localhost/dreamops"));
    assert!(!SqlStore::is_address("/var/lib/dreamops"));
    // the suite on SQLite is not run on a server by accident
    assert!(server().is_none_or(|socket| Path::new(&socket).is_dir()));
}
