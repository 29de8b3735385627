#![allow(clippy::unwrap_used)]

use crate::SqlStore;
use crate::testing::{StillClock, fresh_under, incident, raw};
use dreamops_domain::access::{Access, PageRequest};
use dreamops_domain::audit::{Audit, AuditCheck, AuditFilter, AuditHead, Signer};
use dreamops_domain::id::TenantId;
use dreamops_domain::ports::{Sealer, Store, StoreError};
use dreamops_vault::Keyring;
use std::sync::Arc;

const TENANT: TenantId = TenantId::DEFAULT;

/// A store whose audit holds five sealed events of one team, and one of another.
async fn sealed() -> (SqlStore, Arc<StillClock>) {
    let clock = StillClock::new();
    let ring = Arc::new(Keyring::parse(Keyring::generate().expose()).unwrap());
    let store = fresh_under(Arc::clone(&ring) as Arc<dyn Sealer>, &clock).await;
    let store = store.with_signer(ring);
    for title in ["one", "two", "three", "four", "five"] {
        happen(&store, &clock, title).await;
    }
    store.tenant_create("other", "admin").await.unwrap().unwrap();
    assert_eq!(store.seal(100).await.unwrap(), 6);
    (store, clock)
}

async fn happen(store: &SqlStore, clock: &StillClock, title: &str) {
    store.create(&incident(clock, title), title).await.unwrap();
}

async fn tamper(store: &SqlStore, sql: &'static str) {
    let done = sqlx::query(sql).execute(&raw(store).await).await.unwrap();
    assert!(done.rows_affected() > 0, "{sql}");
}

async fn check(store: &SqlStore, anchor: Option<&AuditHead>) -> AuditCheck {
    store.verify(TENANT, anchor).await.unwrap()
}

#[tokio::test]
async fn a_chain_that_nobody_touched_holds_and_its_tail_is_told() {
    let (store, clock) = sealed().await;
    let anchor = store.head(TENANT).await.unwrap();
    assert_eq!(anchor.position, 5);
    happen(&store, &clock, "six").await;
    let found = check(&store, Some(&anchor)).await;
    assert_eq!((found.checked, found.unsealed), (5, 1));
    assert_eq!(found.head, anchor);
    assert_eq!(found.problems, [""; 0]);
    assert_eq!(store.seal(100).await.unwrap(), 1);
    assert_eq!(store.seal(100).await.unwrap(), 0);
    let found = check(&store, Some(&anchor)).await;
    assert_eq!((found.checked, found.unsealed, found.head.position), (6, 0, 6));
    assert_eq!(found.problems, [""; 0]);
    let other = store.tenant("other").await.unwrap().unwrap();
    let found = store.verify(other, None).await.unwrap();
    assert_eq!((found.checked, found.problems.len()), (1, 0));
}

#[tokio::test]
async fn every_change_of_a_stored_byte_is_found() {
    for change in [
        "UPDATE audit SET body_json = replace(body_json, 'three', 'thirty') WHERE position = 3",
        "UPDATE audit SET at = at + 1 WHERE position = 3",
        "UPDATE audit SET phase = 'executing' WHERE position = 3",
        "UPDATE audit SET phase = NULL WHERE position = 3",
        "UPDATE audit SET event = 'approved' WHERE position = 3",
        "UPDATE audit SET incident = NULL WHERE position = 3",
        "UPDATE audit SET incident = (SELECT incident FROM audit WHERE position = 4) WHERE position = 3",
    ] {
        let (store, _) = sealed().await;
        tamper(&store, change).await;
        let found = check(&store, None).await;
        assert_eq!(found.problems.len(), 1, "{change}: {:?}", found.problems);
        assert!(
            found.problems[0].starts_with("event 3 does not hold"),
            "{}",
            found.problems[0]
        );
    }
}

#[tokio::test]
async fn a_value_that_was_changed_or_taken_from_another_event_is_found() {
    for change in [
        "UPDATE audit SET chain = upper(chain) || '00' WHERE position = 3",
        "UPDATE audit SET chain = NULL WHERE position = 3",
        "UPDATE audit SET chain = (SELECT chain FROM audit WHERE position = 2) WHERE position = 3",
        "UPDATE audit SET chain_key = 'another' WHERE position = 3",
    ] {
        let (store, _) = sealed().await;
        tamper(&store, change).await;
        let found = check(&store, None).await;
        assert!(
            found.problems[0].starts_with("event 3 "),
            "{change}: {:?}",
            found.problems
        );
    }
}

#[tokio::test]
async fn an_event_that_was_removed_is_found_wherever_it_stood() {
    for (change, problem) in [
        (
            "DELETE FROM audit WHERE position = 1 AND phase IS NOT NULL",
            "event 1 is missing",
        ),
        (
            "DELETE FROM audit WHERE position IN (3, 4)",
            "events 3 to 4 are missing",
        ),
        (
            "UPDATE audit SET position = NULL WHERE position = 3",
            "event 3 is missing",
        ),
    ] {
        let (store, _) = sealed().await;
        tamper(&store, change).await;
        let found = check(&store, None).await;
        assert_eq!(found.problems, [problem]);
    }
}

#[tokio::test]
async fn events_that_changed_places_are_found() {
    let (store, _) = sealed().await;
    for step in [
        "UPDATE audit SET position = -1 WHERE position = 2",
        "UPDATE audit SET position = 2 WHERE position = 3",
        "UPDATE audit SET position = 3 WHERE position = -1",
    ] {
        tamper(&store, step).await;
    }
    let found = check(&store, None).await;
    assert!(
        found.problems[0].starts_with("event 2 does not hold"),
        "{:?}",
        found.problems
    );
    // one that was removed and the rest moved up is no better
    let (store, _) = sealed().await;
    tamper(&store, "DELETE FROM audit WHERE position = 3").await;
    tamper(&store, "UPDATE audit SET position = 3 WHERE position = 4").await;
    tamper(&store, "UPDATE audit SET position = 4 WHERE position = 5").await;
    let found = check(&store, None).await;
    assert!(
        found.problems[0].starts_with("event 3 does not hold"),
        "{:?}",
        found.problems
    );
}

#[tokio::test]
async fn an_event_of_another_team_does_not_pass_for_one_of_this() {
    let (store, _) = sealed().await;
    tamper(
        &store,
        "UPDATE audit SET tenant = (SELECT min(tenant) FROM audit), position = 6 WHERE event = 'tenant-created'",
    )
    .await;
    let found = check(&store, None).await;
    assert_eq!(found.problems.len(), 1, "{:?}", found.problems);
}

#[tokio::test]
async fn an_event_that_was_made_up_is_found() {
    let (store, _) = sealed().await;
    tamper(
        &store,
        "INSERT INTO audit (tenant, at, event, body_json, position, chain_key, chain) \
         SELECT tenant, at, event, body_json, 6, chain_key, chain FROM audit WHERE position = 5",
    )
    .await;
    let found = check(&store, None).await;
    assert!(
        found.problems[0].starts_with("event 6 does not hold"),
        "{:?}",
        found.problems
    );
}

#[tokio::test]
async fn an_end_that_was_cut_off_is_found_against_an_anchor() {
    let (store, clock) = sealed().await;
    let anchor = store.head(TENANT).await.unwrap();
    tamper(&store, "DELETE FROM audit WHERE position > 3").await;
    // without one it cannot be told from a younger database
    assert_eq!(check(&store, None).await.problems, [""; 0]);
    let found = check(&store, Some(&anchor)).await;
    assert!(
        found.problems[0].contains("its end was cut off"),
        "{:?}",
        found.problems
    );
    // nor is it hidden by what happens afterwards
    for title in ["six", "seven", "eight"] {
        happen(&store, &clock, title).await;
    }
    store.seal(100).await.unwrap();
    let found = check(&store, Some(&anchor)).await;
    assert_eq!(found.problems.len(), 1);
    assert!(
        found.problems[0].contains("cut off and continued"),
        "{:?}",
        found.problems
    );
}

#[tokio::test]
async fn a_rotated_ring_continues_the_chain_and_one_without_the_old_key_says_so() {
    let clock = StillClock::new();
    let (old, new) = (Keyring::generate(), Keyring::generate());
    let ring = |text: &str| Arc::new(Keyring::parse(text).unwrap());
    let first = ring(old.expose());
    let store = fresh_under(Arc::clone(&first) as Arc<dyn Sealer>, &clock).await;
    let store = store.with_signer(first);
    happen(&store, &clock, "one").await;
    store.seal(100).await.unwrap();
    let rotated = store.with_signer(ring(&format!("{},{}", new.expose(), old.expose())));
    happen(&rotated, &clock, "two").await;
    rotated.seal(100).await.unwrap();
    assert_eq!(check(&rotated, None).await.problems, [""; 0]);
    let without: Arc<dyn Signer> = ring(new.expose());
    let found = check(&rotated.with_signer(without), None).await;
    assert_eq!(found.problems.len(), 1);
    assert!(
        found.problems[0].contains("bring that key back"),
        "{:?}",
        found.problems
    );
}

#[tokio::test]
async fn sealing_goes_in_portions_and_needs_keys() {
    let (store, clock) = sealed().await;
    for title in ["six", "seven", "eight"] {
        happen(&store, &clock, title).await;
    }
    assert_eq!(store.seal(2).await.unwrap(), 2);
    assert_eq!(store.seal(2).await.unwrap(), 1);
    assert_eq!(check(&store, None).await.problems, [""; 0]);
    let (plain, _) = crate::testing::fresh().await;
    assert!(matches!(plain.seal(1).await, Err(StoreError::Database(_))));
}

#[tokio::test]
async fn sealed_events_are_listed_and_followed_by_position() {
    let (store, clock) = sealed().await;
    happen(&store, &clock, "unsealed").await;
    let positions = async |filter: &AuditFilter, page: PageRequest| -> Vec<i64> {
        let found = store.events(TENANT, filter, &page).await.unwrap();
        found.items.iter().map(|e| e.position).collect()
    };
    let all = AuditFilter::default();
    let two = PageRequest { limit: 2, after: None };
    assert_eq!(positions(&all, two.clone()).await, [5, 4]);
    let next = store.events(TENANT, &all, &two).await.unwrap().next_cursor;
    let rest = PageRequest { limit: 9, after: next };
    assert_eq!(positions(&all, rest).await, [3, 2, 1]);

    let followed = store.events_after(TENANT, 3, 10).await.unwrap();
    let places: Vec<_> = followed.iter().map(|e| e.position).collect();
    assert_eq!(places, [4, 5]);
    let of_one = AuditFilter {
        incident: followed[0].incident_id,
        event: Some("alert-received".into()),
    };
    assert_eq!(positions(&of_one, PageRequest::default()).await, [4]);
    let none = AuditFilter {
        event: Some("approved".into()),
        ..AuditFilter::default()
    };
    assert!(positions(&none, PageRequest::default()).await.is_empty());
    assert_eq!(followed[0].phase.as_deref(), Some("received"));
}
