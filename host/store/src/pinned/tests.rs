#![allow(clippy::unwrap_used)]

use super::digest_of;
use crate::SqlStore;
use crate::testing::{StillClock, TTL, fresh, incident, raw};
use dreamops_domain::incident::Incident;
use dreamops_domain::phase::Phase;
use dreamops_domain::ports::{Lease, Store, StoreError};

const OLD: &[u8] = b"\0asm the old file";
const NEW: &[u8] = b"\0asm the new file";

/// An incident that is given to the component with these bytes.
async fn handled(store: &SqlStore, clock: &StillClock, title: &str, bytes: &[u8]) -> (Incident, Lease) {
    let mut one = incident(clock, title);
    store.create(&one, title).await.unwrap();
    let lease = store.lease(one.id, "a", TTL).await.unwrap();
    for phase in [Phase::Correlating, Phase::Assessing, Phase::Diagnosing] {
        one.phase = phase;
        store.save(&lease, &one, &[]).await.unwrap();
    }
    store.pin(&lease, &digest_of(bytes), bytes).await.unwrap();
    (one, lease)
}

async fn end(store: &SqlStore, lease: &Lease, mut one: Incident) {
    one.phase = Phase::Escalated;
    store.save(lease, &one, &[]).await.unwrap();
}

async fn files(store: &SqlStore) -> i64 {
    let count = sqlx::query_scalar("SELECT count(*) FROM components");
    count.fetch_one(&raw(store).await).await.unwrap()
}

#[tokio::test]
async fn a_file_is_kept_once_until_the_last_incident_that_it_handles_ends() {
    let (store, clock) = fresh().await;
    let (one, first) = handled(&store, &clock, "one", OLD).await;
    let (two, second) = handled(&store, &clock, "two", OLD).await;
    // again is the same as once
    store.pin(&first, &digest_of(OLD), OLD).await.unwrap();
    store.pin(&first, &digest_of(NEW), NEW).await.unwrap();
    assert_eq!(files(&store).await, 2);
    end(&store, &first, one).await;
    assert_eq!(store.pinned(&digest_of(OLD)).await.unwrap().as_deref(), Some(OLD));
    assert_eq!(store.pinned(&digest_of(NEW)).await.unwrap(), None);
    end(&store, &second, two).await;
    assert_eq!(store.pinned(&digest_of(OLD)).await.unwrap(), None);
    assert_eq!(files(&store).await, 0);
}

#[tokio::test]
async fn bytes_that_are_not_those_of_the_digest_are_neither_taken_nor_given_out() {
    let (store, clock) = fresh().await;
    let (_, lease) = handled(&store, &clock, "one", OLD).await;
    let refused = store.pin(&lease, &digest_of(NEW), OLD).await;
    assert!(matches!(refused, Err(StoreError::Component(digest)) if digest == digest_of(NEW)));
    sqlx::query("UPDATE components SET bytes = $1")
        .bind(NEW)
        .execute(&raw(&store).await)
        .await
        .unwrap();
    let refused = store.pinned(&digest_of(OLD)).await;
    assert!(matches!(refused, Err(StoreError::Component(digest)) if digest == digest_of(OLD)));
}

#[tokio::test]
async fn a_worker_whose_lease_ran_out_keeps_no_file() {
    let (store, clock) = fresh().await;
    let one = incident(&clock, "one");
    store.create(&one, "one").await.unwrap();
    let lease = store.lease(one.id, "a", TTL).await.unwrap();
    clock.advance(TTL);
    let refused = store.pin(&lease, &digest_of(OLD), OLD).await;
    assert!(matches!(refused, Err(StoreError::LeaseLost)));
    assert_eq!(files(&store).await, 0);
}

#[tokio::test]
async fn keeping_and_letting_go_of_one_file_at_the_same_time_loses_nothing() {
    let (store, clock) = fresh().await;
    for round in 0..10 {
        let (one, first) = handled(&store, &clock, &format!("{round} ends"), OLD).await;
        let two = incident(&clock, &format!("{round} begins"));
        store.create(&two, &format!("{round} begins")).await.unwrap();
        let second = store.lease(two.id, "b", TTL).await.unwrap();
        let digest = digest_of(OLD);
        let ((), kept) = tokio::join!(end(&store, &first, one), store.pin(&second, &digest, OLD));
        kept.unwrap();
        assert_eq!(store.pinned(&digest).await.unwrap().as_deref(), Some(OLD));
    }
}
