//! One open incident per owner: becoming it, or joining the one there is.
//!
//! The transaction that asks is the one that takes, and a unique index stands behind it: of two incidents that race for an
//! owner, one becomes and the other joins. What joins is closed as suppressed, and its alerts are in the other
//! incident from the same commit on; they are still shown in both.

use crate::audit;
use crate::error::Fault;
use crate::incident::{alerts, check_step, open_of_owner, update};
use crate::lease::{Held, hold};
use crate::open::{SqliteStore, from_millis};
use dreamops_domain::event::{Event, TimelineEntry};
use dreamops_domain::id::IncidentId;
use dreamops_domain::incident::Incident;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::phase::Phase;
use dreamops_domain::ports::{Correlated, Lease};
use sqlx::SqliteConnection;

impl SqliteStore {
    pub(crate) async fn correlate_incident(
        &self,
        lease: &Lease,
        incident: &Incident,
        owner: &ObjectRef,
    ) -> Result<Correlated, Fault> {
        let mut tx = self.write().await?;
        let now = self.now();
        let held = hold(&mut tx, lease, now).await?;
        let key = owner_key(owner);
        let other = open_of_owner(&mut tx, held.tenant, &held.cluster_key, &key, lease.incident).await?;
        let correlated = if let Some((other, phase)) = other {
            check_step(held.phase, Phase::Suppressed)?;
            join(&mut tx, &held, incident, (other, phase), now).await?;
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

async fn become_open(conn: &mut SqliteConnection, incident: IncidentId, key: &str) -> Result<(), Fault> {
    sqlx::query("UPDATE incidents SET owner_key = ?2 WHERE id = ?1")
        .bind(incident.to_string())
        .bind(key)
        .execute(&mut *conn)
        .await?;
    sqlx::query("UPDATE work SET owner_key = ?2 WHERE incident = ?1")
        .bind(incident.to_string())
        .bind(key)
        .execute(conn)
        .await?;
    Ok(())
}

async fn join(
    conn: &mut SqliteConnection,
    held: &Held,
    incident: &Incident,
    other: (IncidentId, Phase),
    now: i64,
) -> Result<(), Fault> {
    let (other, other_phase) = other;
    let at = from_millis(now);
    let brought = alerts(&mut *conn, incident.id).await?;
    move_alerts(&mut *conn, incident.id, other).await?;
    let heard: Vec<TimelineEntry> = brought
        .into_iter()
        .map(|alert| TimelineEntry {
            at,
            phase: other_phase,
            event: Event::AlertReceived { alert },
        })
        .collect();
    audit::append(&mut *conn, held.tenant, other, &heard).await?;
    sqlx::query("UPDATE incidents SET updated_at = max(updated_at, ?2) WHERE id = ?1")
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
    update(&mut *conn, &closed).await?;
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

async fn move_alerts(conn: &mut SqliteConnection, from: IncidentId, to: IncidentId) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO incident_alerts (incident, position, alert) \
         SELECT ?2, position + 1 + (SELECT coalesce(max(position), -1) FROM incident_alerts WHERE incident = ?2), alert \
         FROM incident_alerts WHERE incident = ?1",
    )
    .bind(from.to_string())
    .bind(to.to_string())
    .execute(&mut *conn)
    .await?;
    sqlx::query("UPDATE alerts SET incident = ?2 WHERE incident = ?1")
        .bind(from.to_string())
        .bind(to.to_string())
        .execute(conn)
        .await?;
    Ok(())
}
