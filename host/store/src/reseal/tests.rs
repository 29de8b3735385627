#![allow(clippy::unwrap_used)]

use super::{Resealed, SEALED};
use crate::scope::Dialect;
use crate::testing::{Database, SECRET, StillClock, TTL, cluster, entry, fresh, incident, raw};
use crate::{OpenError, SqlStore};
use dreamops_domain::access::{Access, SourceRecord};
use dreamops_domain::alert::Source;
use dreamops_domain::audit::Audit;
use dreamops_domain::fleet::{AuthMethod, ClusterRecord, ConnectionStatus, Fleet};
use dreamops_domain::id::{ClusterRecordId, IncidentId, SourceId, TenantId};
use dreamops_domain::ports::{Clock, RegistryCredential, Store};
use dreamops_vault::{Keyring, NewKey};
use std::sync::Arc;
use zeroize::Zeroizing;

fn ring(keys: &[&NewKey]) -> Arc<Keyring> {
    let text: Vec<&str> = keys.iter().map(|key| key.expose()).collect();
    Arc::new(Keyring::parse(&text.join(",")).unwrap())
}

async fn open(database: &Database, clock: &Arc<StillClock>, keys: &[&NewKey]) -> SqlStore {
    let ring = ring(keys);
    let store = database.open(Arc::clone(&ring) as _, Arc::clone(clock) as _).await;
    store.with_signer(ring)
}

/// What a team has that is sealed.
struct Team {
    tenant: TenantId,
    source: String,
    cluster: ClusterRecordId,
    incident: IncidentId,
    redaction: Zeroizing<Vec<u8>>,
}

impl Team {
    /// Fills a team: eight values, five of them in the journal's rows.
    async fn filled(store: &SqlStore, clock: &StillClock, tenant: TenantId, name: &str) -> Self {
        let secret = || Zeroizing::new(SECRET.to_owned());
        let now = clock.now();
        let source = SourceRecord {
            id: SourceId::new(now),
            tenant,
            name: name.to_owned(),
            kind: Source::Alertmanager,
            cluster: None,
            created_at: now,
        };
        assert!(store.source_create(&source, &[secret()], "admin").await.unwrap());
        let record = ClusterRecord {
            id: ClusterRecordId::new(now),
            tenant,
            name: name.to_owned(),
            auth_method: AuthMethod::ServiceAccount,
            namespace: "shop".into(),
            status: ConnectionStatus::Connected,
            status_reason: String::new(),
            version: String::new(),
            platform: String::new(),
            cluster: cluster(),
            mode: None,
            expires_at: None,
            created_at: now,
            updated_at: now,
            last_used_at: None,
        };
        assert!(store.add(&record, &secret(), "admin").await.unwrap());
        let credential = RegistryCredential {
            registry: "ghcr.io".into(),
            username: "user".into(),
            password: secret(),
        };
        store.credential_add(tenant, &credential, None).await.unwrap();
        let mut one = incident(clock, name);
        one.tenant = tenant;
        store.create(&one, name).await.unwrap();
        let lease = store.lease(one.id, "a", TTL).await.unwrap();
        let entries: Vec<_> = (0..4).map(|step| entry(clock, step)).collect();
        store.journal_plan(&lease, &entries).await.unwrap();
        store.release(lease).await.unwrap();
        Self {
            tenant,
            source: name.to_owned(),
            cluster: record.id,
            incident: one.id,
            redaction: store.redaction_key(tenant).await.unwrap(),
        }
    }

    async fn opens(&self, store: &SqlStore) {
        let secret = Zeroizing::new(SECRET.to_owned());
        let source = store.source(Source::Alertmanager, &self.source).await.unwrap();
        assert_eq!(source.unwrap().1, std::slice::from_ref(&secret));
        let credential = Fleet::credential(store, self.tenant, self.cluster).await.unwrap();
        assert_eq!(credential, Some(secret.clone()));
        let pulled = store.credential_for(self.tenant, "ghcr.io", "shop").await.unwrap();
        assert_eq!(pulled.unwrap().password, secret);
        let journal = store.journal(self.tenant, self.incident).await.unwrap();
        assert_eq!(journal.len(), 4);
        assert_eq!(store.redaction_key(self.tenant).await.unwrap(), self.redaction);
    }
}

async fn two_teams(store: &SqlStore, clock: &StillClock) -> [Team; 2] {
    let other = store.tenant_create("other", "admin").await.unwrap().unwrap();
    [
        Team::filled(store, clock, TenantId::DEFAULT, "one").await,
        Team::filled(store, clock, other, "two").await,
    ]
}

async fn sealed(store: &SqlStore) {
    while store.seal(100).await.unwrap() > 0 {}
}

/// Seals everything anew.
async fn to_the_end(store: &SqlStore, batch: u32) -> u64 {
    let mut sum = 0;
    loop {
        let Resealed { resealed, left } = store.reseal(batch).await.unwrap();
        assert!(resealed <= u64::from(batch));
        sum += resealed;
        if left == 0 {
            return sum;
        }
        assert!(resealed > 0, "{left} are left and nothing is done");
    }
}

#[tokio::test]
async fn a_change_of_keys_that_is_broken_off_goes_on_and_then_the_old_key_may_leave() {
    let (database, clock) = (Database::new().await, StillClock::new());
    let (old, new) = (Keyring::generate(), Keyring::generate());
    let store = open(&database, &clock, &[&old]).await;
    let teams = two_teams(&store, &clock).await;
    sealed(&store).await;
    let anchor = store.head(TenantId::DEFAULT).await.unwrap();
    store.close().await;

    let store = open(&database, &clock, &[&new, &old]).await;
    let begun = store.reseal(5).await.unwrap();
    assert_eq!(begun, Resealed { resealed: 5, left: 11 });
    store.close().await;
    // half way, a start without the old key is refused, and one with both goes on
    let half = Database::open_as(&database, ring(&[&new]), Arc::clone(&clock) as _).await;
    assert!(matches!(half, Err(OpenError::WrongKey { .. })));
    let store = open(&database, &clock, &[&new, &old]).await;
    for team in &teams {
        team.opens(&store).await;
    }
    assert_eq!(to_the_end(&store, 4).await, 11);
    assert_eq!(store.reseal(4).await.unwrap(), Resealed::default());
    store.close().await;

    let store = open(&database, &clock, &[&new]).await;
    for team in &teams {
        team.opens(&store).await;
    }
    sealed(&store).await;
    for team in &teams {
        let anchor = Some(&anchor).filter(|_| team.tenant == TenantId::DEFAULT);
        let found = store.verify(team.tenant, anchor).await.unwrap();
        assert_eq!(found.problems, [""; 0]);
    }
}

#[tokio::test]
async fn the_audit_holds_over_several_changes_and_a_change_by_the_holder_of_an_old_key_is_found() {
    let (database, clock) = (Database::new().await, StillClock::new());
    let keys = [Keyring::generate(), Keyring::generate(), Keyring::generate()];
    let store = open(&database, &clock, &[&keys[0]]).await;
    store.create(&incident(&clock, "one"), "one").await.unwrap();
    sealed(&store).await;
    for at in 1..keys.len() {
        let store = open(&database, &clock, &[&keys[at], &keys[at - 1]]).await;
        to_the_end(&store, 100).await;
        sealed(&store).await;
    }
    let last = open(&database, &clock, &[&keys[2]]).await;
    let found = last.verify(TenantId::DEFAULT, None).await.unwrap();
    assert_eq!((found.checked, found.problems.len()), (3, 0), "{:?}", found.problems);

    // the thief of the first key makes up the first event and signs it anew
    let thief = ring(&[&keys[0]]);
    let above = raw(&last).await;
    sqlx::query("UPDATE audit SET body_json = '{}', position = NULL WHERE position = 1")
        .execute(&above)
        .await
        .unwrap();
    let event: crate::seal::Stored = sqlx::query_as(
        "SELECT number_all, tenant, incident, at, phase, event, body_json FROM audit WHERE position IS NULL",
    )
    .fetch_one(&above)
    .await
    .unwrap();
    let (key, chain) = dreamops_domain::audit::Signer::sign(&*thief, &event.link("", 1));
    sqlx::query("UPDATE audit SET position = 1, chain_key = $1, chain = $2 WHERE position IS NULL")
        .bind(key)
        .bind(chain)
        .execute(&above)
        .await
        .unwrap();
    let found = last.verify(TenantId::DEFAULT, None).await.unwrap();
    assert!(
        found.problems[0].starts_with("event 2 does not hold"),
        "{:?}",
        found.problems
    );
}

#[tokio::test]
async fn what_a_process_with_the_old_keys_seals_in_the_meantime_is_sealed_anew_too() {
    let (database, clock) = (Database::new().await, StillClock::new());
    let (old, new) = (Keyring::generate(), Keyring::generate());
    let before = open(&database, &clock, &[&old]).await;
    let first = Team::filled(&before, &clock, TenantId::DEFAULT, "one").await;
    let store = open(&database, &clock, &[&new, &old]).await;
    assert_eq!(store.reseal(3).await.unwrap().resealed, 3);
    let other = before.tenant_create("other", "admin").await.unwrap().unwrap();
    let second = Team::filled(&before, &clock, other, "two").await;
    to_the_end(&store, 3).await;
    let after = open(&database, &clock, &[&new]).await;
    first.opens(&after).await;
    second.opens(&after).await;
}

#[tokio::test]
async fn a_value_that_no_key_opens_is_told_and_keeps_nothing_else_from_being_sealed() {
    let (database, clock) = (Database::new().await, StillClock::new());
    let (old, new) = (Keyring::generate(), Keyring::generate());
    let store = open(&database, &clock, &[&old]).await;
    Team::filled(&store, &clock, TenantId::DEFAULT, "one").await;
    sqlx::query("UPDATE journal SET write_sealed = 'gAAAAA' WHERE step = 0")
        .execute(&raw(&store).await)
        .await
        .unwrap();
    let store = open(&database, &clock, &[&new, &old]).await;
    assert_eq!(store.reseal(100).await.unwrap(), Resealed { resealed: 7, left: 1 });
    // the old key still is needed, so that a start without it is refused
    let without = Database::open_as(&database, ring(&[&new]), Arc::clone(&clock) as _).await;
    assert!(matches!(without, Err(OpenError::WrongKey { .. })));
}

#[tokio::test]
async fn no_sealed_column_is_forgotten() {
    let (store, _) = fresh().await;
    let columns = match store.dialect {
        Dialect::Sqlite => {
            "SELECT m.name, p.name FROM sqlite_master m, pragma_table_info(m.name) p \
             WHERE m.type = 'table' AND p.name LIKE '%\\_sealed' ESCAPE '\\'"
        }
        Dialect::Postgres => {
            "SELECT table_name::text, column_name::text FROM information_schema.columns \
             WHERE table_schema = 'public' AND column_name LIKE '%\\_sealed'"
        }
    };
    let found: Vec<(String, String)> = sqlx::query_as(columns).fetch_all(&raw(&store).await).await.unwrap();
    let mut found: Vec<String> = found
        .into_iter()
        .map(|(table, column)| format!("{table}.{column}"))
        .collect();
    found.sort();
    let mut known: Vec<String> = SEALED
        .iter()
        .map(|s| format!("{}.{}_sealed", s.table, s.column))
        .chain(["key_check.value_sealed".into(), "chain_keys.value_sealed".into()])
        .collect();
    known.sort();
    assert_eq!(found, known);
}
