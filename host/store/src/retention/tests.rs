#![allow(clippy::unwrap_used)]

use crate::SqlStore;
use crate::testing::{StillClock, TTL, entry, fresh_under, incident, raw};
use dreamops_domain::alert::Source;
use dreamops_domain::audit::{Audit, AuditHead};
use dreamops_domain::id::{IncidentId, TenantId};
use dreamops_domain::intake::{Intake, NewDelivery};
use dreamops_domain::phase::Phase;
use dreamops_domain::ports::{Clock, Sealer, Store, StoreError};
use dreamops_domain::upkeep::{Removed, Retention, Upkeep};
use dreamops_vault::Keyring;
use std::sync::Arc;
use std::time::Duration;

const TENANT: TenantId = TenantId::DEFAULT;
const DAY: Duration = Duration::from_hours(24);
const KEPT: Retention = Retention {
    incidents: Some(Duration::from_hours(24 * 10)),
    deliveries: Some(Duration::from_hours(24 * 3)),
    audit: Some(Duration::from_hours(24 * 20)),
};

async fn store() -> (SqlStore, Arc<StillClock>) {
    let clock = StillClock::new();
    let ring = Arc::new(Keyring::parse(Keyring::generate().expose()).unwrap());
    let store = fresh_under(Arc::clone(&ring) as Arc<dyn Sealer>, &clock).await;
    (store.with_signer(ring), clock)
}

/// An incident that is opened, acts and ends; or stays open.
async fn lived(store: &SqlStore, clock: &StillClock, title: &str, ends: bool) -> IncidentId {
    let mut one = incident(clock, title);
    let delivery = NewDelivery {
        tenant: TENANT,
        kind: Source::Alertmanager,
        source: String::new(),
        key: title.to_owned(),
        repeats_for: None,
        received_at: clock.now(),
        incidents: vec![one.clone()],
    };
    assert_eq!(store.take_in(&delivery).await.unwrap().incidents, [one.id]);
    let lease = store.lease(one.id, "a", TTL).await.unwrap();
    store.journal_plan(&lease, &[entry(clock, 0)]).await.unwrap();
    if ends {
        one.phase = Phase::NoAction;
        one.closed_at = Some(clock.now());
        one.updated_at = clock.now();
        store.save(&lease, &one, &[]).await.unwrap();
    }
    store.release(lease).await.unwrap();
    one.id
}

async fn keep(store: &SqlStore) -> Removed {
    while store.seal(100).await.unwrap() > 0 {}
    let mut sum = Removed::default();
    loop {
        let now = store.retain(&KEPT, 3).await.unwrap();
        if now == Removed::default() {
            return sum;
        }
        sum.incidents += now.incidents;
        sum.deliveries += now.deliveries;
        sum.events += now.events;
    }
}

async fn rows(store: &SqlStore, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .fetch_one(&raw(store).await)
        .await
        .unwrap()
}

#[tokio::test]
async fn what_is_older_than_its_time_goes_and_what_is_open_stays_with_all_that_belongs_to_it() {
    let (store, clock) = store().await;
    let open = lived(&store, &clock, "open", false).await;
    let ended = lived(&store, &clock, "ended", true).await;
    clock.advance(DAY * 4);
    // only what tells repeated deliveries is old enough
    let removed = keep(&store).await;
    assert_eq!((removed.incidents, removed.deliveries), (0, 2));
    assert_eq!(rows(&store, "deliveries").await, 2);
    clock.advance(DAY * 7);
    let young = lived(&store, &clock, "young", true).await;
    let removed = keep(&store).await;
    assert_eq!((removed.incidents, removed.deliveries, removed.events), (1, 1, 0));
    assert!(matches!(
        store.load(TENANT, ended).await,
        Err(StoreError::NoSuchIncident(_))
    ));
    for (table, left) in [
        ("incidents", 2),
        ("alerts", 2),
        ("incident_alerts", 2),
        ("journal", 2),
        ("work", 2),
        ("deliveries", 2),
        ("audit", 3),
    ] {
        assert_eq!(rows(&store, table).await, left, "{table}");
    }
    let open = store.load(TENANT, open).await.unwrap();
    assert_eq!((open.case.alerts.len(), open.case.timeline.len()), (1, 1));
    store.load(TENANT, young).await.unwrap();
    assert_eq!(keep(&store).await, Removed::default());
}

#[tokio::test]
async fn tables_stay_bounded_over_years() {
    let (store, clock) = store().await;
    let mut most = 0;
    for day in 0..60 {
        lived(&store, &clock, &format!("of day {day}"), true).await;
        clock.advance(DAY);
        keep(&store).await;
        let mut sum = 0;
        for table in [
            "incidents",
            "alerts",
            "deliveries",
            "delivery_keys",
            "journal",
            "work",
            "audit",
        ] {
            sum += rows(&store, table).await;
        }
        if day < 30 {
            most = most.max(sum);
        }
        assert!(
            day < 30 || sum <= most,
            "{sum} rows after {day} days, and {most} before"
        );
    }
    let found = store.verify(TENANT, None).await.unwrap();
    assert_eq!(found.problems, [""; 0]);
    assert!(found.checked <= 21, "{}", found.checked);
    assert_eq!(found.head.position, 60);
}

#[tokio::test]
async fn a_checkpoint_stands_for_the_events_that_were_removed_and_for_nothing_else() {
    let (store, clock) = store().await;
    for title in ["a", "b", "c", "d", "e"] {
        lived(&store, &clock, title, true).await;
    }
    while store.seal(100).await.unwrap() > 0 {}
    let old = store.head(TENANT).await.unwrap();
    clock.advance(DAY * 30);
    // the newest event stays, whatever its age: the next one follows it
    assert_eq!(keep(&store).await.events, 4);
    let found = store.verify(TENANT, Some(&old)).await.unwrap();
    assert_eq!((found.checked, found.problems.len()), (1, 0), "{:?}", found.problems);
    lived(&store, &clock, "f", true).await;
    while store.seal(100).await.unwrap() > 0 {}
    assert_eq!(store.head(TENANT).await.unwrap().position, 6);
    let older = AuditHead {
        position: 2,
        chain: "of an event that is gone".into(),
    };
    for anchor in [&old, &older] {
        let found = store.verify(TENANT, Some(anchor)).await.unwrap();
        assert_eq!((found.checked, found.problems.len()), (2, 0), "{:?}", found.problems);
    }

    let above = raw(&store).await;
    for (tampering, word) in [
        (
            "UPDATE audit_checkpoints SET position = 5",
            "checkpoint at event 5 does not hold",
        ),
        ("DELETE FROM audit WHERE position = 5", "event 5 is missing"),
        ("DELETE FROM audit_checkpoints", "events 1 to"),
    ] {
        sqlx::query(tampering).execute(&above).await.unwrap();
        let found = store.verify(TENANT, None).await.unwrap();
        assert!(
            found.problems.iter().any(|p| p.contains(word)),
            "{word}: {:?}",
            found.problems
        );
        if word.contains("checkpoint") {
            sqlx::query("UPDATE audit_checkpoints SET position = 4")
                .execute(&above)
                .await
                .unwrap();
        }
    }
}

#[tokio::test]
async fn a_beginning_that_does_not_hold_is_not_removed() {
    let (store, clock) = store().await;
    for title in ["a", "b", "c", "d"] {
        lived(&store, &clock, title, true).await;
    }
    while store.seal(100).await.unwrap() > 0 {}
    sqlx::query("UPDATE audit SET at = at + 1 WHERE position = 2")
        .execute(&raw(&store).await)
        .await
        .unwrap();
    clock.advance(DAY * 30);
    assert_eq!(keep(&store).await.events, 1);
    let found = store.verify(TENANT, None).await.unwrap();
    assert!(
        found.problems[0].starts_with("event 2 does not hold"),
        "{:?}",
        found.problems
    );
    assert_eq!(rows(&store, "audit").await, 3);
}
