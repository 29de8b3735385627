#![allow(clippy::unwrap_used)]

use crate::SqlStore;
use crate::testing::{Database, StillClock, TTL, alert, fresh, incident, owner, raw, ring};
use dreamops_domain::access::PageRequest;
use dreamops_domain::alert::{Alert, AlertStatus, Source};
use dreamops_domain::event::Event;
use dreamops_domain::id::{AlertId, IncidentId, TenantId};
use dreamops_domain::incident::Incident;
use dreamops_domain::intake::{AlertFilter, Intake, NewDelivery, Queue, Taken};
use dreamops_domain::phase::Phase;
use dreamops_domain::ports::{Clock, IncidentFilter, Lease, Store, StoreError};
use dreamops_domain::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;

const REPEATS: Duration = Duration::from_mins(5);

/// A firing alert about a pod.
fn about(fingerprint: &str, pod: &str) -> Alert {
    let mut sent = alert(fingerprint);
    sent.hints.namespace = Some("shop".into());
    sent.hints.objects = vec![("Pod".into(), pod.into()), ("Deployment".into(), "web".into())];
    sent
}

/// An incident for these alerts.
fn opening(clock: &StillClock, alerts: Vec<Alert>) -> Incident {
    let mut new = incident(clock, "unused");
    new.case.alerts = alerts;
    new.case.timeline.clear();
    new
}

/// A delivery with an incident for each alert.
fn delivery(clock: &StillClock, key: &str, alerts: Vec<Alert>) -> NewDelivery {
    NewDelivery {
        tenant: TenantId::DEFAULT,
        kind: Source::Alertmanager,
        source: "prometheus".into(),
        key: key.into(),
        repeats_for: Some(REPEATS),
        received_at: clock.now(),
        incidents: alerts.into_iter().map(|a| opening(clock, vec![a])).collect(),
    }
}

async fn stored(store: &SqlStore, id: IncidentId) -> Incident {
    store.load(TenantId::DEFAULT, id).await.unwrap()
}

async fn count(store: &SqlStore, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    let counted = sqlx::query_scalar(sqlx::AssertSqlSafe(sql));
    counted.fetch_one(&raw(store).await).await.unwrap()
}

/// Takes a delivery in that opens one incident.
async fn opened(store: &SqlStore, clock: &StillClock, sent: Alert) -> IncidentId {
    let key = format!("opening {}", sent.fingerprint);
    let taken = store.take_in(&delivery(clock, &key, vec![sent])).await.unwrap();
    taken.incidents[0]
}

#[tokio::test]
async fn what_was_taken_in_is_an_incident_as_if_it_had_been_created() {
    let (store, clock) = fresh().await;
    let sent = delivery(&clock, "one", vec![about("a", "web-1")]);
    let taken = store.take_in(&sent).await.unwrap();
    let created = incident(&clock, "other");
    store.create(&created, "two").await.unwrap();
    assert!(!taken.repeated);
    assert_eq!(taken.incidents, [sent.incidents[0].id]);
    let found = stored(&store, taken.incidents[0]).await;
    assert_eq!(found.case.alerts, sent.incidents[0].case.alerts);
    assert_eq!(found.case.timeline.len(), 1);
    assert_eq!(found.phase, Phase::Received);
    assert_eq!(store.waiting().await.unwrap(), 2);
}

#[tokio::test]
async fn a_repeated_delivery_stores_nothing_and_names_the_first() {
    let (store, clock) = fresh().await;
    let sent = delivery(&clock, "one", vec![about("a", "web-1"), about("b", "db-1")]);
    let first = store.take_in(&sent).await.unwrap();
    assert_eq!(first.incidents.len(), 2);
    clock.advance(REPEATS / 2);
    let again = delivery(&clock, "one", vec![about("a", "web-1"), about("b", "db-1")]);
    let repeated = store.take_in(&again).await.unwrap();
    assert_eq!(
        repeated,
        Taken {
            repeated: true,
            ..first.clone()
        }
    );
    assert_eq!(count(&store, "deliveries").await, 1);
    assert_eq!(count(&store, "alerts").await, 2);
    assert_eq!(count(&store, "audit").await, 2);

    // the same key of another source, or later, is another delivery
    let mut elsewhere = delivery(&clock, "one", vec![]);
    elsewhere.source = "other".into();
    assert!(!store.take_in(&elsewhere).await.unwrap().repeated);
    clock.advance(REPEATS);
    let later = store.take_in(&delivery(&clock, "one", vec![])).await.unwrap();
    assert!(!later.repeated);
    assert_ne!(later.delivery, first.delivery);
}

#[tokio::test]
async fn a_key_that_counts_for_ever_is_never_new_again() {
    let (store, clock) = fresh().await;
    let mut sent = delivery(&clock, "one", vec![]);
    sent.repeats_for = None;
    let first = store.take_in(&sent).await.unwrap();
    clock.advance(Duration::from_hours(24 * 365));
    sent.received_at = clock.now();
    let again = store.take_in(&sent).await.unwrap();
    assert!(again.repeated);
    assert_eq!(again.delivery, first.delivery);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_equal_deliveries_at_the_same_time_one_is_stored() {
    let (_database, stores, clock) = two_stores().await;
    let tasks: Vec<_> = (0..8)
        .map(|n| {
            let store = stores[n % 2].clone();
            let sent = delivery(&clock, "one", vec![about("a", "web-1")]);
            tokio::spawn(async move { store.take_in(&sent).await.unwrap() })
        })
        .collect();
    let mut taken = Vec::new();
    for task in tasks {
        taken.push(task.await.unwrap());
    }
    assert_eq!(taken.iter().filter(|t| !t.repeated).count(), 1);
    assert!(
        taken
            .iter()
            .all(|t| t.incidents == taken[0].incidents && t.delivery == taken[0].delivery)
    );
    let listed = stores[0]
        .list(TenantId::DEFAULT, &IncidentFilter::default())
        .await
        .unwrap();
    assert_eq!(listed.len(), 1);
}

#[tokio::test]
async fn alerts_about_one_object_meet_in_one_incident() {
    let (store, clock) = fresh().await;
    let first = opened(&store, &clock, about("restarts", "web-1")).await;
    clock.advance(Duration::from_secs(1));
    let more = vec![
        about("memory", "web-1"),
        about("restarts", "web-1"),
        about("other", "db-1"),
    ];
    let sent = delivery(&clock, "more", more);
    let taken = store.take_in(&sent).await.unwrap();
    assert_eq!(taken.incidents, [first, sent.incidents[2].id]);
    let found = stored(&store, first).await;
    let titles: Vec<_> = found.case.alerts.iter().map(|a| a.title.as_str()).collect();
    assert_eq!(titles, ["restarts", "memory"]);
    assert_eq!(found.case.timeline.len(), 2);
    assert_eq!(found.updated_at, clock.now());
    assert_eq!(count(&store, "alerts").await, 4);
}

#[tokio::test]
async fn alerts_of_one_delivery_meet_as_well() {
    let (store, clock) = fresh().await;
    let alerts = vec![about("a", "web-1"), about("b", "web-1"), about("a", "db-1")];
    let sent = delivery(&clock, "one", alerts);
    let taken = store.take_in(&sent).await.unwrap();
    assert_eq!(taken.incidents, [sent.incidents[0].id]);
    let found = stored(&store, taken.incidents[0]).await;
    assert_eq!(found.case.alerts.len(), 3);
    assert_eq!(found.case.timeline.len(), 3);
    assert_eq!(count(&store, "work").await, 1);
}

#[tokio::test]
async fn an_alert_that_still_fires_is_stored_and_does_nothing() {
    let (store, clock) = fresh().await;
    let mut sent = about("a", "web-1");
    sent.starts_at = Some(clock.now());
    let first = opened(&store, &clock, sent.clone()).await;
    let before = stored(&store, first).await;
    clock.advance(REPEATS * 2);
    let taken = store
        .take_in(&delivery(&clock, "still", vec![sent.clone()]))
        .await
        .unwrap();
    assert_eq!((taken.repeated, taken.incidents), (false, vec![first]));
    assert_eq!(stored(&store, first).await, before);
    assert_eq!(count(&store, "alerts").await, 2);
    // it began anew: that is news
    sent.starts_at = Some(clock.now());
    store.take_in(&delivery(&clock, "anew", vec![sent])).await.unwrap();
    assert_eq!(stored(&store, first).await.case.alerts.len(), 2);
}

#[tokio::test]
async fn an_incident_that_ended_takes_no_alerts() {
    let (store, clock) = fresh().await;
    let first = opened(&store, &clock, about("a", "web-1")).await;
    end(&store, first).await;
    clock.advance(REPEATS * 2);
    let next = opened(&store, &clock, about("a", "web-1")).await;
    assert_ne!(next, first);
    assert_eq!(stored(&store, first).await.case.alerts.len(), 1);
}

async fn end(store: &SqlStore, id: IncidentId) {
    let lease = store.lease(id, "ending", TTL).await.unwrap();
    let mut one = stored(store, id).await;
    one.phase = Phase::NoAction;
    store.save(&lease, &one, &[]).await.unwrap();
    store.release(lease).await.unwrap();
}

#[tokio::test]
async fn alerts_follow_an_incident_into_the_one_it_joined() {
    let (store, clock) = fresh().await;
    let mut leases: Vec<(Lease, Incident)> = Vec::new();
    for pod in ["web-1", "web-2"] {
        let id = opened(&store, &clock, about(pod, pod)).await;
        let lease = store.lease(id, "a", TTL).await.unwrap();
        let mut one = stored(&store, id).await;
        one.phase = Phase::Correlating;
        store.save(&lease, &one, &[]).await.unwrap();
        store.correlate(&lease, &one, &owner()).await.unwrap();
        leases.push((lease, one));
    }
    let (first, second) = (leases[0].1.id, leases[1].1.id);
    assert_eq!(stored(&store, second).await.phase, Phase::Suppressed);
    let mut gone = about("web-2", "web-2");
    gone.status = AlertStatus::Resolved;
    let taken = store
        .take_in(&delivery(&clock, "gone", vec![gone.clone()]))
        .await
        .unwrap();
    assert_eq!(taken.incidents, [first]);
    // and so it does after that one has ended
    leases.clear();
    clock.advance(TTL * 2);
    end(&store, first).await;
    let taken = store
        .take_in(&delivery(&clock, "gone again", vec![gone]))
        .await
        .unwrap();
    assert_eq!(taken.incidents, [first]);
}

#[tokio::test]
async fn a_resolution_wakes_the_incident_and_a_worker_that_postpones_does_not_undo_it() {
    let (store, clock) = fresh().await;
    let id = opened(&store, &clock, about("a", "web-1")).await;
    let claimed = store.claim("worker", TTL, 1).await.unwrap();
    let lease = &claimed[0].lease;
    let later = clock.now() + Duration::from_hours(1);
    store.postpone(lease, later).await.unwrap();
    let mut gone = about("a", "web-1");
    gone.status = AlertStatus::Resolved;
    store.take_in(&delivery(&clock, "gone", vec![gone])).await.unwrap();
    store.postpone(lease, later).await.unwrap();
    store.release(lease.clone()).await.unwrap();
    let claimed = store.claim("worker", TTL, 1).await.unwrap();
    assert_eq!(claimed[0].lease.incident, id);
    let found = stored(&store, id).await;
    let last = &found.case.timeline.last().unwrap().event;
    assert!(matches!(last, Event::AlertReceived { alert } if alert.status == AlertStatus::Resolved));
}

#[tokio::test]
async fn a_resolution_goes_to_the_incident_that_dealt_with_the_alert_even_if_that_has_ended() {
    let (store, clock) = fresh().await;
    let id = opened(&store, &clock, about("a", "web-1")).await;
    end(&store, id).await;
    let mut gone = about("a", "web-1");
    gone.status = AlertStatus::Resolved;
    let taken = store
        .take_in(&delivery(&clock, "gone", vec![gone.clone()]))
        .await
        .unwrap();
    assert_eq!(taken.incidents, [id]);
    let found = stored(&store, id).await;
    assert_eq!((found.phase, found.case.alerts.len()), (Phase::NoAction, 2));
    assert!(
        store.claim("worker", TTL, 1).await.unwrap().is_empty(),
        "nothing is left to do"
    );
    // the same alert of another cluster is another alert
    let mut elsewhere = delivery(&clock, "elsewhere", vec![gone]);
    elsewhere.incidents[0].cluster.key = "elsewhere".to_owned();
    assert_ne!(store.take_in(&elsewhere).await.unwrap().incidents, [id]);
}

#[tokio::test]
async fn a_resolution_is_about_one_alert_and_not_about_its_object() {
    let (store, clock) = fresh().await;
    let first = opened(&store, &clock, about("a", "web-1")).await;
    let mut other = about("b", "web-1");
    other.status = AlertStatus::Resolved;
    let second = opened(&store, &clock, other).await;
    assert_ne!(first, second);
}

#[tokio::test]
async fn a_hundred_alerts_are_shown_and_all_are_stored() {
    let (store, clock) = fresh().await;
    let alerts = (0..250).map(|n| about(&format!("a{n}"), "web-1")).collect();
    let taken = store.take_in(&delivery(&clock, "many", alerts)).await.unwrap();
    assert_eq!(taken.incidents.len(), 1);
    let found = stored(&store, taken.incidents[0]).await;
    assert_eq!((found.case.alerts.len(), found.case.timeline.len()), (100, 250));
    let more = store
        .take_in(&delivery(&clock, "more", vec![about("more", "web-1")]))
        .await;
    assert_eq!(more.unwrap().incidents, taken.incidents);
    let found = stored(&store, taken.incidents[0]).await;
    assert_eq!((found.case.alerts.len(), found.case.timeline.len()), (100, 251));
    assert_eq!(count(&store, "alerts").await, 251);
}

#[tokio::test]
async fn teams_do_not_meet() {
    let (store, clock) = fresh().await;
    let first = opened(&store, &clock, about("a", "web-1")).await;
    let mut sent = delivery(&clock, "opening a", vec![about("a", "web-1")]);
    sent.tenant = TenantId::new(clock.now());
    sent.incidents[0].tenant = sent.tenant;
    let taken = store.take_in(&sent).await.unwrap();
    assert!(!taken.repeated);
    assert_eq!(taken.incidents, [sent.incidents[0].id]);
    assert_ne!(taken.incidents, [first]);
    let theirs = alerts_of(&store, sent.tenant, &AlertFilter::default()).await;
    assert_eq!(theirs.len(), 1);
}

#[tokio::test]
async fn an_incident_that_has_begun_is_not_taken_in() {
    let (store, clock) = fresh().await;
    let mut sent = delivery(&clock, "one", vec![about("a", "web-1")]);
    sent.incidents[0].phase = Phase::Executing;
    let refusal = store.take_in(&sent).await.unwrap_err();
    assert!(matches!(refusal, StoreError::Forbidden { .. }), "{refusal}");
    assert_eq!(count(&store, "deliveries").await, 0);
}

async fn alerts_of(store: &SqlStore, tenant: TenantId, filter: &AlertFilter) -> Vec<AlertId> {
    let page = store.alerts(tenant, filter, &PageRequest::default()).await.unwrap();
    page.items.iter().map(|a| a.id).collect()
}

#[tokio::test]
async fn alerts_are_listed_newest_first_in_pages_and_by_filter() {
    let (store, clock) = fresh().await;
    let mut deliveries = Vec::new();
    for n in 0..3 {
        clock.advance(Duration::from_secs(1));
        let alerts = vec![about(&format!("a{n}"), "web-1"), about(&format!("b{n}"), "db-1")];
        deliveries.push(
            store
                .take_in(&delivery(&clock, &n.to_string(), alerts))
                .await
                .unwrap()
                .delivery,
        );
    }
    let tenant = TenantId::DEFAULT;
    let all = alerts_of(&store, tenant, &AlertFilter::default()).await;
    assert_eq!(all.len(), 6);
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let request = PageRequest { limit: 4, after };
        let page = store.alerts(tenant, &AlertFilter::default(), &request).await.unwrap();
        let moments: Vec<Timestamp> = page.items.iter().map(|a| a.received_at).collect();
        assert!(moments.is_sorted_by(|a, b| a >= b), "{moments:?}");
        paged.extend(page.items.iter().map(|a| a.id));
        let Some(next) = page.next_cursor else { break };
        after = Some(next);
    }
    assert_eq!(paged, all);

    let filter = AlertFilter {
        delivery: Some(deliveries[0]),
        source: Some(Source::Alertmanager),
        since: None,
    };
    let mut of_first = alerts_of(&store, tenant, &filter).await;
    of_first.sort();
    let mut oldest = all[4..].to_vec();
    oldest.sort();
    assert_eq!(of_first, oldest);
    let recent = AlertFilter {
        since: Some(clock.now()),
        ..AlertFilter::default()
    };
    assert_eq!(alerts_of(&store, tenant, &recent).await, all[..2]);
    let none = AlertFilter {
        source: Some(Source::PagerDuty),
        ..AlertFilter::default()
    };
    assert!(alerts_of(&store, tenant, &none).await.is_empty());
    let nonsense = PageRequest {
        limit: 0,
        after: Some("nonsense".into()),
    };
    let page = store.alerts(tenant, &AlertFilter::default(), &nonsense).await.unwrap();
    assert!(page.items.is_empty());
}

/// Two stores on one database, as two processes have them.
async fn two_stores() -> (Database, Vec<SqlStore>, Arc<StillClock>) {
    let (database, clock, keys) = (Database::new().await, StillClock::new(), ring());
    let mut stores = Vec::new();
    for _ in 0..2 {
        let dynamic = Arc::clone(&clock) as Arc<dyn Clock>;
        stores.push(database.open(Arc::clone(&keys), dynamic).await);
    }
    (database, stores, clock)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_storm_from_two_senders_at_once_is_one_incident_per_object() {
    let (_database, stores, clock) = two_stores().await;
    let tasks: Vec<_> = (0..40)
        .map(|n| {
            let store = stores[n % 2].clone();
            // the objects in another order each time, so that whoever takes them in that order meets another half-way
            let mut alerts: Vec<_> = (0..4)
                .map(|pod| about(&format!("{n} {pod}"), &format!("web-{pod}")))
                .collect();
            alerts.rotate_left(n % 4);
            let sent = delivery(&clock, &n.to_string(), alerts);
            tokio::spawn(async move { store.take_in(&sent).await.unwrap() })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().incidents.len(), 4);
    }
    let listed = stores[0]
        .list(TenantId::DEFAULT, &IncidentFilter::default())
        .await
        .unwrap();
    assert_eq!(listed.len(), 4);
    for one in listed {
        assert_eq!((one.case.alerts.len(), one.case.timeline.len()), (40, 40));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn workers_never_claim_the_same_incident() {
    let (_database, stores, clock) = two_stores().await;
    let alerts = (0..30).map(|n| about(&n.to_string(), &format!("pod-{n}"))).collect();
    let taken = stores[0].take_in(&delivery(&clock, "one", alerts)).await.unwrap();
    let workers: Vec<_> = (0..6)
        .map(|n| {
            let store = stores[n % 2].clone();
            tokio::spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let claimed = store.claim(&format!("worker {n}"), TTL, 2).await.unwrap();
                    if claimed.is_empty() && store.waiting().await.unwrap() == 0 {
                        return mine;
                    }
                    mine.extend(claimed.into_iter().map(|c| c.lease.incident));
                }
            })
        })
        .collect();
    let mut claimed = Vec::new();
    for worker in workers {
        claimed.extend(worker.await.unwrap());
    }
    claimed.sort();
    assert_eq!(claimed, taken.incidents);
}
