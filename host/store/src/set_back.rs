//! A clock that is set back, as one that was ahead is corrected: nothing is lost, nothing is done twice.

#![allow(clippy::unwrap_used)]

use crate::SqlStore;
use crate::testing::{StillClock, TTL, fresh, fresh_under, incident};
use dreamops_domain::access::PageRequest;
use dreamops_domain::alert::Source;
use dreamops_domain::audit::Audit;
use dreamops_domain::id::{IncidentId, TenantId};
use dreamops_domain::intake::{AlertFilter, Intake, NewDelivery, Queue, Taken};
use dreamops_domain::phase::Phase;
use dreamops_domain::ports::{Clock, Sealer, Store, StoreError};
use dreamops_vault::Keyring;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How far it is set back.
const BACK: Duration = Duration::from_hours(1);
/// How long a delivery of the first kind counts.
const REPEATS: Duration = Duration::from_mins(5);

/// Takes in an alert under a delivery's key.
async fn take(store: &SqlStore, clock: &StillClock, key: &str, repeats_for: Option<Duration>) -> Taken {
    let mut new = incident(clock, key);
    new.case.timeline.clear();
    let delivery = NewDelivery {
        tenant: TenantId::DEFAULT,
        kind: Source::Alertmanager,
        source: "prometheus".into(),
        key: key.into(),
        repeats_for,
        received_at: clock.now(),
        incidents: vec![new],
    };
    store.take_in(&delivery).await.unwrap()
}

async fn claimed(store: &SqlStore) -> Vec<IncidentId> {
    let claimed = store.claim("worker", TTL, 10).await.unwrap();
    claimed.iter().map(|c| c.lease.incident).collect()
}

#[tokio::test]
async fn what_counts_for_ever_is_a_repeat_and_what_counts_for_minutes_is_news() {
    let (store, clock) = fresh().await;
    let for_ever = take(&store, &clock, "for ever", None).await;
    let minutes = take(&store, &clock, "minutes", Some(REPEATS)).await;
    clock.set_back(BACK);
    let again = take(&store, &clock, "for ever", None).await;
    assert!(again.repeated);
    assert_eq!(again.delivery, for_ever.delivery);
    // an hour's notifications would be swallowed otherwise
    let news = take(&store, &clock, "minutes", Some(REPEATS)).await;
    assert!(!news.repeated);
    assert_eq!(news.incidents, minutes.incidents, "the incident is open, and is told");
    assert!(take(&store, &clock, "minutes", Some(REPEATS)).await.repeated);
}

#[tokio::test]
async fn what_comes_in_afterwards_is_worked_on_at_once_and_what_came_before_is_not_lost() {
    let (store, clock) = fresh().await;
    let before = take(&store, &clock, "before", None).await.incidents;
    clock.set_back(BACK);
    let afterwards = take(&store, &clock, "afterwards", None).await.incidents;
    assert_eq!(claimed(&store).await, afterwards);
    clock.advance(BACK);
    let later = claimed(&store).await;
    assert!(later.contains(&before[0]), "{later:?}");

    // lists have both, page by page
    let (mut listed, mut after) = (BTreeSet::new(), None);
    loop {
        let part = PageRequest { limit: 1, after };
        let filter = AlertFilter::default();
        let page = store.alerts(TenantId::DEFAULT, &filter, &part).await.unwrap();
        listed.extend(page.items.iter().map(|alert| alert.incident_id));
        let Some(next) = page.next_cursor else { break };
        after = Some(next);
    }
    assert_eq!(listed, before.into_iter().chain(afterwards).collect());
}

#[tokio::test]
async fn a_worker_keeps_what_it_has_and_its_work_goes_on() {
    let (store, clock) = fresh().await;
    let mut one = incident(&clock, "one");
    store.create(&one, "one").await.unwrap();
    let lease = store.claim("worker", TTL, 1).await.unwrap().remove(0).lease;
    clock.set_back(BACK);
    assert_eq!(claimed(&store).await, []);
    assert!(matches!(
        store.lease(one.id, "other", TTL).await,
        Err(StoreError::LeaseLost)
    ));
    one.phase = Phase::Correlating;
    one.updated_at = clock.now();
    store.save(&lease, &one, &[]).await.unwrap();
    store.heartbeat(&lease, TTL).await.unwrap();
    // what was extended runs out by the clock as it is now
    store.release(lease).await.unwrap();
    assert_eq!(claimed(&store).await, [one.id]);
}

#[tokio::test]
async fn the_audit_stays_whole_and_in_the_order_of_its_commits() {
    let clock = StillClock::new();
    let ring = Arc::new(Keyring::parse(Keyring::generate().expose()).unwrap());
    let store = fresh_under(Arc::clone(&ring) as Arc<dyn Sealer>, &clock).await;
    let store = store.with_signer(ring);
    let mut incidents = Vec::new();
    for title in ["one", "two"] {
        let new = incident(&clock, title);
        store.create(&new, title).await.unwrap();
        assert_eq!(store.seal(10).await.unwrap(), 1);
        incidents.push(Some(new.id));
        clock.set_back(BACK);
    }
    let found = store.verify(TenantId::DEFAULT, None).await.unwrap();
    assert_eq!((found.checked, found.unsealed), (2, 0));
    assert_eq!(found.problems, [""; 0]);
    let told = store.events_after(TenantId::DEFAULT, 0, 10).await.unwrap();
    assert_eq!(
        told.iter().map(|event| event.incident_id).collect::<Vec<_>>(),
        incidents
    );
}
