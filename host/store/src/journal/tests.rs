#![allow(clippy::unwrap_used)]

use crate::SqlStore;
use crate::testing::{StillClock, TTL, entry, fresh, incident, raw};
use dreamops_domain::decision::EmergencyStop;
use dreamops_domain::id::{IncidentId, TenantId};
use dreamops_domain::journal::{Direction, JournalEntry, WriteOutcome};
use dreamops_domain::ports::{Clock, Lease, SealPlace, Store, StoreError};

async fn held(store: &SqlStore, clock: &StillClock) -> (Lease, IncidentId) {
    let new = incident(clock, "one");
    store.create(&new, "one").await.unwrap();
    (store.lease(new.id, "a", TTL).await.unwrap(), new.id)
}

async fn journal(store: &SqlStore, id: IncidentId) -> Vec<JournalEntry> {
    store.journal(TenantId::DEFAULT, id).await.unwrap()
}

fn stop(clock: &StillClock) -> EmergencyStop {
    EmergencyStop {
        since: clock.now(),
        by: "somebody".into(),
        reason: "a test".into(),
    }
}

#[tokio::test]
async fn entries_come_back_whole_and_in_order() {
    let (store, clock) = fresh().await;
    let (lease, id) = held(&store, &clock).await;
    let planned: Vec<_> = (0..3).map(|step| entry(&clock, step)).collect();
    store.journal_plan(&lease, &planned).await.unwrap();
    assert_eq!(journal(&store, id).await, planned);

    let (first, now) = (planned[0].id, clock.now());
    store.journal_start(&lease, first, now, false).await.unwrap();
    assert!(journal(&store, id).await[0].in_doubt());
    let outcome = WriteOutcome::Applied { version: None };
    store.journal_finish(&lease, first, &outcome, now).await.unwrap();
    let known = &journal(&store, id).await[0];
    assert!(known.took_effect());
    assert_eq!((known.started_at, known.finished_at), (Some(now), Some(now)));
}

#[tokio::test]
async fn a_write_whose_outcome_is_known_is_not_made_again() {
    let (store, clock) = fresh().await;
    let (lease, _) = held(&store, &clock).await;
    let planned = entry(&clock, 0);
    store
        .journal_plan(&lease, std::slice::from_ref(&planned))
        .await
        .unwrap();
    let (id, now) = (planned.id, clock.now());
    let outcome = WriteOutcome::AlreadySo;
    let early = store.journal_finish(&lease, id, &outcome, now).await;
    assert!(matches!(early, Err(StoreError::Journal(_))));

    store.journal_start(&lease, id, now, false).await.unwrap();
    // in doubt, and settled as not having happened: it may be made
    store.journal_start(&lease, id, now, false).await.unwrap();
    store.journal_finish(&lease, id, &outcome, now).await.unwrap();
    store.journal_finish(&lease, id, &outcome, now).await.unwrap();
    let again = store.journal_start(&lease, id, now, false).await;
    assert!(matches!(again, Err(StoreError::Journal(_))));
    let other = WriteOutcome::Applied { version: None };
    let contradiction = store.journal_finish(&lease, id, &other, now).await;
    assert!(matches!(contradiction, Err(StoreError::Journal(_))));
}

#[tokio::test]
async fn the_emergency_stop_refuses_a_start_and_leaves_the_entry_planned() {
    let (store, clock) = fresh().await;
    let (lease, id) = held(&store, &clock).await;
    let forward = entry(&clock, 0);
    let back = JournalEntry {
        direction: Direction::Revert,
        ..entry(&clock, 0)
    };
    let planned = [forward.clone(), back.clone()];
    store.journal_plan(&lease, &planned).await.unwrap();
    store.set_emergency_stop(Some(stop(&clock))).await.unwrap();
    assert_eq!(store.emergency_stop().await.unwrap(), Some(stop(&clock)));

    let now = clock.now();
    for (entry, by_person) in [(&forward, false), (&back, false), (&forward, true)] {
        let refusal = store.journal_start(&lease, entry.id, now, by_person).await;
        assert!(
            matches!(&refusal, Err(StoreError::Stopped(s)) if s.stop == stop(&clock)),
            "{refusal:?}"
        );
    }
    assert_eq!(journal(&store, id).await, planned);
    // a person's rollback works all the same
    store.journal_start(&lease, back.id, now, true).await.unwrap();

    store.set_emergency_stop(None).await.unwrap();
    assert_eq!(store.emergency_stop().await.unwrap(), None);
    store.journal_start(&lease, forward.id, now, false).await.unwrap();
    let acts = store.audit_list(TenantId::DEFAULT, None).await.unwrap();
    let names: Vec<_> = acts.iter().map(|a| a.event.as_str()).collect();
    assert!(names.ends_with(&["emergency-stop-pulled", "emergency-stop-released"]));
}

#[tokio::test]
async fn a_plan_that_is_drawn_up_anew_replaces_what_was_not_started() {
    let (store, clock) = fresh().await;
    let (lease, id) = held(&store, &clock).await;
    let former = [entry(&clock, 0), entry(&clock, 1), entry(&clock, 2)];
    store.journal_plan(&lease, &former).await.unwrap();
    store
        .journal_start(&lease, former[0].id, clock.now(), false)
        .await
        .unwrap();
    let anew = [entry(&clock, 1)];
    store.journal_plan(&lease, &anew).await.unwrap();
    let ids: Vec<_> = journal(&store, id).await.iter().map(|e| e.id).collect();
    assert_eq!(ids, [former[0].id, anew[0].id]);

    let back = |step| JournalEntry {
        direction: Direction::Revert,
        ..entry(&clock, step)
    };
    let (first, second, first_anew) = (back(0), back(1), back(0));
    store.journal_plan(&lease, &[first, second.clone()]).await.unwrap();
    store
        .journal_plan(&lease, std::slice::from_ref(&first_anew))
        .await
        .unwrap();
    let ids: Vec<_> = journal(&store, id).await.iter().map(|e| e.id).collect();
    assert_eq!(ids, [former[0].id, anew[0].id, second.id, first_anew.id]);
}

#[tokio::test]
async fn a_write_that_was_moved_to_another_entry_does_not_open() {
    let (store, clock) = fresh().await;
    let (lease, id) = held(&store, &clock).await;
    let planned = [entry(&clock, 0), entry(&clock, 1)];
    store.journal_plan(&lease, &planned).await.unwrap();
    sqlx::query("UPDATE journal SET write_sealed = (SELECT write_sealed FROM journal WHERE id = $1) WHERE id = $2")
        .bind(planned[0].id.to_string())
        .bind(planned[1].id.to_string())
        .execute(&raw(&store).await)
        .await
        .unwrap();
    let error = store.journal(TenantId::DEFAULT, id).await.unwrap_err();
    assert!(matches!(error, StoreError::Sealed(_)), "{error}");
}

#[tokio::test]
async fn a_sealed_text_that_is_no_write_is_told_without_it() {
    let (store, clock) = fresh().await;
    let (lease, id) = held(&store, &clock).await;
    let planned = entry(&clock, 0);
    store
        .journal_plan(&lease, std::slice::from_ref(&planned))
        .await
        .unwrap();
    let place = SealPlace {
        row: planned.id.to_string(),
        ..super::place(TenantId::DEFAULT, planned.id)
    };
    let (_, token) = store.seal_value(&place, b"\"hunter2\"").unwrap();
    sqlx::query("UPDATE journal SET write_sealed = $1")
        .bind(token)
        .execute(&raw(&store).await)
        .await
        .unwrap();
    let error = store.journal(TenantId::DEFAULT, id).await.unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}
