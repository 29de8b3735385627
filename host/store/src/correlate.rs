//! One open incident per owner: becoming it, or joining the one there is.
//!
//! The transaction that asks is the one that takes, and a unique index stands behind it: of two incidents that race for an
//! owner, one becomes and the other joins. What joins is closed as suppressed, and its alerts are in the other
//! incident from the same commit on; they are still shown in both.

use crate::audit;
use crate::column::from_millis;
use crate::delivery::SHOWN;
use crate::error::Fault;
use crate::incident::{alerts, check_step, open_of_owner, update};
use crate::lease::{Held, hold};
use crate::meeting;
use crate::open::SqlStore;
use crate::scope::{Dialect, Scope};
use dreamops_domain::event::{Event, TimelineEntry};
use dreamops_domain::id::IncidentId;
use dreamops_domain::incident::Incident;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::phase::Phase;
use dreamops_domain::ports::{Correlated, Lease};
use sqlx::AnyConnection;

/// How often it is tried again where transactions collide.
pub(crate) const TRIES: u32 = 5;

impl SqlStore {
    pub(crate) async fn correlate_incident(
        &self,
        lease: &Lease,
        incident: &Incident,
        owner: &ObjectRef,
    ) -> Result<Correlated, Fault> {
        let mut tries = 0;
        loop {
            match self.correlate_once(lease, incident, owner).await {
                // another became it at the same moment, or stood in the way: it is there to be seen now
                Err(fault) if tries < TRIES && (fault.is_taken() || fault.is_collision()) => tries += 1,
                done => return done,
            }
        }
    }

    async fn correlate_once(&self, lease: &Lease, incident: &Incident, owner: &ObjectRef) -> Result<Correlated, Fault> {
        let mut tx = self.write(Scope::Held(lease.incident)).await?;
        let now = self.now();
        let held = hold(&mut tx, lease, now).await?;
        let key = owner_key(owner);
        let other = open_of_owner(
            &mut tx,
            self.dialect.taking(),
            held.tenant,
            &held.cluster_key,
            &key,
            lease.incident,
        )
        .await?;
        let correlated = if let Some((other, phase)) = other {
            check_step(held.phase, Phase::Suppressed)?;
            join(&mut tx, self.dialect, &held, incident, (other, phase), now).await?;
            Correlated::Joined(other)
        } else {
            become_open(&mut tx, lease.incident, &key).await?;
            Correlated::Became
        };
        tx.commit().await?;
        Ok(correlated)
    }
}

/// What tells one owner from another within a cluster. Its uid, so that a successor of the same name is not meant.
pub(crate) fn owner_key(owner: &ObjectRef) -> String {
    if owner.uid.is_empty() {
        format!("{}/{}/{}", owner.kind, owner.namespace, owner.name)
    } else {
        owner.uid.clone()
    }
}

async fn become_open(conn: &mut AnyConnection, incident: IncidentId, key: &str) -> Result<(), Fault> {
    sqlx::query("UPDATE incidents SET owner_key = $2 WHERE id = $1")
        .bind(incident.to_string())
        .bind(key)
        .execute(&mut *conn)
        .await?;
    sqlx::query("UPDATE work SET owner_key = $2 WHERE incident = $1")
        .bind(incident.to_string())
        .bind(key)
        .execute(conn)
        .await?;
    Ok(())
}

async fn join(
    conn: &mut AnyConnection,
    dialect: Dialect,
    held: &Held,
    incident: &Incident,
    other: (IncidentId, Phase),
    now: i64,
) -> Result<(), Fault> {
    let (other, other_phase) = other;
    let at = from_millis(now);
    let brought = alerts(&mut *conn, incident.id).await?;
    move_alerts(&mut *conn, incident.id, other).await?;
    meeting::hand_over(&mut *conn, incident.id, other).await?;
    let heard: Vec<TimelineEntry> = brought
        .into_iter()
        .map(|alert| TimelineEntry::heard(&alert, at, other_phase))
        .collect();
    audit::append(&mut *conn, held.tenant, other, &heard).await?;
    sqlx::query("UPDATE incidents SET updated_at = $2 WHERE id = $1 AND updated_at < $2")
        .bind(other.to_string())
        .bind(now)
        .execute(&mut *conn)
        .await?;

    let summary = format!("incident {other} is open for the same object; its alerts joined that one");
    let mut closed = incident.clone();
    closed.phase = Phase::Suppressed;
    closed.updated_at = at;
    closed.closed_at = Some(at);
    closed.case.summary = Some(summary.clone());
    update(&mut *conn, dialect, &closed).await?;
    let end = TimelineEntry {
        at,
        phase: Phase::Suppressed,
        event: Event::Closed {
            phase: Phase::Suppressed,
            summary,
        },
    };
    audit::append(conn, held.tenant, incident.id, &[end]).await
}

async fn move_alerts(conn: &mut AnyConnection, from: IncidentId, to: IncidentId) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO incident_alerts (incident, position, alert) \
         SELECT $2, i.position + shown.next, i.alert FROM incident_alerts i \
         CROSS JOIN (SELECT coalesce(max(position) + 1, 0) AS next FROM incident_alerts WHERE incident = $2) AS shown \
         WHERE i.incident = $1 AND i.position + shown.next < $3",
    )
    .bind(from.to_string())
    .bind(to.to_string())
    .bind(SHOWN)
    .execute(&mut *conn)
    .await?;
    sqlx::query("UPDATE alerts SET incident = $2 WHERE incident = $1")
        .bind(from.to_string())
        .bind(to.to_string())
        .execute(conn)
        .await?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::SqlStore;
    use crate::testing::{Database, StillClock, TTL, alert, fresh, incident, owner, ring};
    use dreamops_domain::event::Event;
    use dreamops_domain::incident::Incident;
    use dreamops_domain::object::ObjectRef;
    use dreamops_domain::phase::Phase;
    use dreamops_domain::ports::{Clock, Correlated, Lease, Store, StoreError};
    use std::sync::Arc;

    async fn correlating(store: &SqlStore, clock: &StillClock, title: &str) -> (Lease, Incident) {
        let mut new = incident(clock, title);
        store.create(&new, title).await.unwrap();
        let lease = store.lease(new.id, title, TTL).await.unwrap();
        new.phase = Phase::Correlating;
        store.save(&lease, &new, &[]).await.unwrap();
        (lease, new)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn of_two_incidents_that_race_for_an_owner_one_becomes_and_one_joins() {
        let (database, clock, keys) = (Database::new().await, StillClock::new(), ring());
        let dynamic = Arc::clone(&clock) as Arc<dyn Clock>;
        // two stores on one database, as two processes have them
        let here = database.open(Arc::clone(&keys), Arc::clone(&dynamic));
        let there = database.open(keys, dynamic);
        let (here, there) = tokio::join!(here, there);
        let (lease_a, a) = correlating(&here, &clock, "a").await;
        let (lease_b, b) = correlating(&there, &clock, "b").await;
        let (place_a, place_b) = (owner(), owner());
        let first = tokio::spawn({
            let (here, a) = (here.clone(), a.clone());
            async move { here.correlate(&lease_a, &a, &place_a).await }
        });
        let second = tokio::spawn({
            let (there, b) = (there.clone(), b.clone());
            async move { there.correlate(&lease_b, &b, &place_b).await }
        });
        let (first, second) = (first.await.unwrap().unwrap(), second.await.unwrap().unwrap());
        let (winner, loser) = match (first, second) {
            (Correlated::Became, Correlated::Joined(id)) => {
                assert_eq!(id, a.id);
                (a, b)
            }
            (Correlated::Joined(id), Correlated::Became) => {
                assert_eq!(id, b.id);
                (b, a)
            }
            other => panic!("one becomes and one joins, not {other:?}"),
        };
        let (winner_alert, loser_alert) = (winner.case.alerts[0].clone(), loser.case.alerts[0].clone());
        let winner = here.load(winner.tenant, winner.id).await.unwrap();
        assert_eq!(winner.phase, Phase::Correlating);
        assert_eq!(winner.case.alerts, [winner_alert, loser_alert.clone()]);
        let last = &winner.case.timeline.last().unwrap().event;
        assert_eq!(
            *last,
            Event::AlertReceived {
                alert: loser_alert.clone()
            }
        );
        let loser = here.load(loser.tenant, loser.id).await.unwrap();
        assert_eq!(loser.phase, Phase::Suppressed);
        assert!(loser.closed_at.is_some());
        assert_eq!(loser.case.alerts, [loser_alert]);
    }

    #[tokio::test]
    async fn a_joined_alert_survives_what_the_holder_saves_afterwards() {
        let (store, clock) = fresh().await;
        let (lease, mut first) = correlating(&store, &clock, "first").await;
        store.correlate(&lease, &first, &owner()).await.unwrap();
        let (joining, second) = correlating(&store, &clock, "second").await;
        let joined = store.correlate(&joining, &second, &owner()).await.unwrap();
        assert_eq!(joined, Correlated::Joined(first.id));
        // the holder knows nothing of the second alert
        first.phase = Phase::Assessing;
        store.save(&lease, &first, &[]).await.unwrap();
        let stored = store.load(first.tenant, first.id).await.unwrap();
        assert_eq!(stored.case.alerts, [alert("first"), alert("second")]);
        assert_eq!(stored.case.timeline.len(), 2);
    }

    #[tokio::test]
    async fn asking_again_changes_nothing_and_other_owners_do_not_meet() {
        let (store, clock) = fresh().await;
        let (lease, first) = correlating(&store, &clock, "first").await;
        for _ in 0..2 {
            let asked = store.correlate(&lease, &first, &owner()).await.unwrap();
            assert_eq!(asked, Correlated::Became);
        }
        let (other_lease, second) = correlating(&store, &clock, "second").await;
        // another object of the same name is another owner
        let successor = ObjectRef::new("Deployment", "shop", "web", "uid-successor");
        let asked = store.correlate(&other_lease, &second, &successor).await;
        assert_eq!(asked.unwrap(), Correlated::Became);
    }

    #[tokio::test]
    async fn an_incident_that_has_acted_does_not_vanish_into_another() {
        let (store, clock) = fresh().await;
        let (lease, first) = correlating(&store, &clock, "first").await;
        store.correlate(&lease, &first, &owner()).await.unwrap();
        let (joining, mut second) = correlating(&store, &clock, "second").await;
        for phase in [
            Phase::Assessing,
            Phase::Diagnosing,
            Phase::Planning,
            Phase::Rehearsing,
            Phase::Executing,
        ] {
            second.phase = phase;
            store.save(&joining, &second, &[]).await.unwrap();
        }
        let refusal = store.correlate(&joining, &second, &owner()).await.unwrap_err();
        assert!(matches!(refusal, StoreError::Forbidden { .. }), "{refusal}");
        let stored = store.load(first.tenant, first.id).await.unwrap();
        assert_eq!(stored.case.alerts.len(), 1);
    }
}
