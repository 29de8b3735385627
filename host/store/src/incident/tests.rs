#![allow(clippy::unwrap_used)]

use crate::testing::{TTL, fresh, incident, owner};
use dreamops_domain::event::{Event, TimelineEntry};
use dreamops_domain::id::{IncidentId, TenantId};
use dreamops_domain::phase::{PHASES, Phase};
use dreamops_domain::ports::{Clock, Correlated, IncidentFilter, Store, StoreError};
use dreamops_domain::time::Timestamp;
use std::time::Duration;

#[tokio::test]
async fn what_was_created_and_saved_is_loaded_again() {
    let (store, clock) = fresh().await;
    let mut one = incident(&clock, "one");
    store.create(&one, "delivery").await.unwrap();
    assert_eq!(store.load(one.tenant, one.id).await.unwrap(), one);

    clock.advance(Duration::from_secs(1));
    let lease = store.lease(one.id, "a", TTL).await.unwrap();
    let event = TimelineEntry {
        at: clock.now(),
        phase: Phase::Correlating,
        event: Event::Halted {
            because: "a test".into(),
        },
    };
    one.phase = Phase::Correlating;
    one.updated_at = clock.now();
    one.case.owner = Some(owner());
    one.case.timeline.push(event.clone());
    store.save(&lease, &one, &[event]).await.unwrap();
    assert_eq!(store.load(one.tenant, one.id).await.unwrap(), one);
}

#[tokio::test]
async fn a_forbidden_transition_writes_nothing() {
    let (store, clock) = fresh().await;
    let one = incident(&clock, "one");
    store.create(&one, "delivery").await.unwrap();
    let lease = store.lease(one.id, "a", TTL).await.unwrap();
    for phase in PHASES {
        if phase == one.phase || one.phase.may_become(phase) {
            continue;
        }
        let mut changed = one.clone();
        changed.phase = phase;
        changed.case.summary = Some("changed".into());
        let event = one.case.timeline[0].clone();
        let refusal = store.save(&lease, &changed, &[event]).await.unwrap_err();
        assert!(
            matches!(refusal, StoreError::Forbidden { from: Phase::Received, to } if to == phase),
            "{refusal}"
        );
    }
    assert_eq!(store.load(one.tenant, one.id).await.unwrap(), one);
    let mut begun = incident(&clock, "two");
    begun.phase = Phase::Executing;
    assert!(matches!(
        store.create(&begun, "delivery").await,
        Err(StoreError::Forbidden { .. })
    ));
}

#[tokio::test]
async fn lists_are_newest_first_filtered_and_bounded() {
    let (store, clock) = fresh().await;
    let mut ids = Vec::new();
    for title in ["one", "two", "three"] {
        clock.advance(Duration::from_secs(1));
        let new = incident(&clock, title);
        store.create(&new, title).await.unwrap();
        ids.insert(0, new.id);
    }
    let lease = store.lease(ids[0], "a", TTL).await.unwrap();
    let mut newest = store.load(TenantId::DEFAULT, ids[0]).await.unwrap();
    newest.phase = Phase::NoAction;
    store.save(&lease, &newest, &[]).await.unwrap();

    let listed = async |filter: IncidentFilter| -> Vec<IncidentId> {
        let found = store.list(TenantId::DEFAULT, &filter).await.unwrap();
        found.iter().map(|i| i.id).collect()
    };
    let all = IncidentFilter::default();
    assert_eq!(listed(all.clone()).await, ids);
    let two = IncidentFilter {
        limit: 2,
        ..all.clone()
    };
    assert_eq!(listed(two).await, ids[..2]);
    let open = IncidentFilter {
        open: true,
        ..all.clone()
    };
    assert_eq!(listed(open).await, ids[1..]);
    let ended = IncidentFilter {
        phase: Some(Phase::NoAction),
        ..all
    };
    assert_eq!(listed(ended.clone()).await, ids[..1]);
    // a page begins after the one before, and is not moved by what came since
    clock.advance(Duration::from_secs(1));
    store.create(&incident(&clock, "four"), "four").await.unwrap();
    for (after, open, rest) in [(0, false, 1..3), (0, true, 1..3), (1, true, 2..3), (2, false, 3..3)] {
        let next = IncidentFilter {
            after: Some(ids[after]),
            open,
            ..IncidentFilter::default()
        };
        assert_eq!(listed(next).await, ids[rest], "{after} {open}");
    }
    let behind = IncidentFilter {
        after: Some(ids[0]),
        ..ended.clone()
    };
    assert!(listed(behind).await.is_empty());
    let nonsense = IncidentFilter { open: true, ..ended };
    assert!(listed(nonsense).await.is_empty());
}

#[tokio::test]
async fn an_incident_of_another_team_is_not_there() {
    let (store, clock) = fresh().await;
    let one = incident(&clock, "one");
    store.create(&one, "delivery").await.unwrap();
    let other = TenantId::new(Timestamp::from_millis(1));
    assert!(matches!(
        store.load(other, one.id).await,
        Err(StoreError::NoSuchIncident(_))
    ));
    let listed = store.list(other, &IncidentFilter::default()).await.unwrap();
    assert!(listed.is_empty());
}

#[tokio::test]
async fn an_incident_is_not_reopened_while_another_is_open_for_its_owner() {
    let (store, clock) = fresh().await;
    let mut first = incident(&clock, "first");
    store.create(&first, "1").await.unwrap();
    let lease = store.lease(first.id, "a", TTL).await.unwrap();
    first.phase = Phase::Correlating;
    store.save(&lease, &first, &[]).await.unwrap();
    store.correlate(&lease, &first, &owner()).await.unwrap();
    first.phase = Phase::Escalated;
    store.save(&lease, &first, &[]).await.unwrap();

    let second = incident(&clock, "second");
    store.create(&second, "2").await.unwrap();
    let other = store.lease(second.id, "b", TTL).await.unwrap();
    let became = store.correlate(&other, &second, &owner()).await.unwrap();
    assert_eq!(became, Correlated::Became);

    first.phase = Phase::Reverting;
    assert!(matches!(
        store.save(&lease, &first, &[]).await,
        Err(StoreError::OwnerTaken(id)) if id == second.id
    ));
    let stored = store.load(first.tenant, first.id).await.unwrap();
    assert_eq!(stored.phase, Phase::Escalated);
}
