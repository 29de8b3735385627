//! Incidents: creating, saving, loading, listing.
//!
//! The case is one document, without its alerts and its timeline: these have rows of their own, because another
//! incident that joins adds to them while a worker holds this one, and because a document that grows with each event would be
//! written whole each time. The timeline *is* the audit of the incident: what is to be in it is handed to
//! `create` and `save` as events.

use crate::access::LAST;
use crate::audit;
use crate::column::{from_json, from_millis, name_of, read_id, read_mode, read_phase, to_json, to_millis};
use crate::delivery::{Placed, Receipt, Shown};
use crate::error::Fault;
use crate::lease::hold;
use crate::meeting::{self, Keys};
use crate::open::SqlStore;
use crate::scope::{Dialect, Scope};
use crate::{pinned, queue, rows};
use dreamops_domain::alert::Alert;
use dreamops_domain::event::TimelineEntry;
use dreamops_domain::id::{AlertId, DeliveryId, IncidentId, TenantId};
use dreamops_domain::incident::{CASE_FORMAT, Case, Incident};
use dreamops_domain::phase::Phase;
use dreamops_domain::ports::{IncidentFilter, Lease, StoreError};
use sqlx::{AnyConnection, AssertSqlSafe};

/// How many incidents a list shows where nothing is said.
const LIST: u32 = 50;

pub(crate) const LOAD: &str = "SELECT id, tenant, phase, mode, cluster_json, created_at, updated_at, closed_at, format, case_json \
     FROM incidents WHERE id = $1 AND tenant = $2";
// a page is found by the id that it begins after: a deep one costs as much as the first
pub(crate) const LIST_ALL: &str = "SELECT id FROM incidents WHERE tenant = $1 AND id < $3 ORDER BY id DESC LIMIT $2";
pub(crate) const LIST_OPEN: &str =
    "SELECT id FROM incidents WHERE tenant = $1 AND closed = 0 AND id < $3 ORDER BY id DESC LIMIT $2";
pub(crate) const LIST_PHASE: &str =
    "SELECT id FROM incidents WHERE tenant = $1 AND phase = $4 AND id < $3 ORDER BY id DESC LIMIT $2";
pub(crate) const ALERTS: &str = "SELECT a.alert_json FROM incident_alerts i JOIN alerts a ON a.id = i.alert \
     WHERE i.incident = $1 ORDER BY i.position";
pub(crate) const OPEN_OF_OWNER: &str = "SELECT id, phase FROM incidents \
     WHERE tenant = $1 AND cluster_key = $2 AND owner_key = $3 AND closed = 0 AND id <> $4";

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    tenant: String,
    phase: String,
    mode: String,
    cluster_json: String,
    created_at: i64,
    updated_at: i64,
    closed_at: Option<i64>,
    format: i64,
    case_json: String,
}

impl SqlStore {
    pub(crate) async fn create_incident(&self, incident: &Incident, delivery_key: &str) -> Result<(), Fault> {
        check_new(incident)?;
        let now = self.clock.now();
        let first = incident.case.alerts.first();
        let source = first.map(|a| name_of(&a.source)).transpose()?.unwrap_or_default();
        let receipt = Receipt {
            id: DeliveryId::new(now),
            tenant: incident.tenant,
            source: &source,
            key: delivery_key,
            received_at: now,
        };
        let alerts = incident.case.alerts.iter();
        let placed: Vec<_> = alerts
            .clone()
            .map(|alert| Placed {
                id: AlertId::new(now),
                incident: incident.id,
                alert,
            })
            .collect();
        let keys: Result<Vec<_>, _> = alerts.map(|alert| Keys::of(&incident.cluster.key, alert)).collect();
        let mut shown = Shown::default();
        shown.add(incident.id, 0, placed.iter().map(|p| p.id));

        let mut tx = self.write(Scope::Team(incident.tenant)).await?;
        insert(&mut tx, incident.tenant, &[incident]).await?;
        receipt.insert(&mut tx).await?;
        receipt.insert_alerts(&mut tx, &placed).await?;
        shown.insert(&mut tx).await?;
        meeting::take_free(&mut tx, incident.tenant, incident.id, &keys?).await?;
        let received = received_events(incident);
        let told = if incident.case.timeline.is_empty() {
            &received
        } else {
            &incident.case.timeline
        };
        audit::append(&mut tx, incident.tenant, incident.id, told).await?;
        Ok(tx.commit().await?)
    }

    pub(crate) async fn save_incident(
        &self,
        lease: &Lease,
        incident: &Incident,
        events: &[TimelineEntry],
    ) -> Result<(), Fault> {
        if incident.id != lease.incident {
            return Err(StoreError::LeaseLost.into());
        }
        let mut tx = self.write(Scope::Held(lease.incident)).await?;
        let held = hold(&mut tx, lease, self.now()).await?;
        check_step(held.phase, incident.phase)?;
        if let Err(fault) = update(&mut tx, self.dialect, incident).await {
            if !fault.is_taken() {
                return Err(fault);
            }
            // some databases answer nothing more in a transaction in which something failed
            tx.rollback().await?;
            let mut tx = self.read(Scope::Team(held.tenant)).await?;
            let owner = held.owner_key.as_deref().unwrap_or_default();
            let other = open_of_owner(&mut tx, "", held.tenant, &held.cluster_key, owner, incident.id).await?;
            return Err(other.map_or(fault, |(id, _)| StoreError::OwnerTaken(id).into()));
        }
        audit::append(&mut tx, held.tenant, incident.id, events).await?;
        Ok(tx.commit().await?)
    }

    pub(crate) async fn load_incident(&self, tenant: TenantId, id: IncidentId) -> Result<Incident, Fault> {
        let mut tx = self.read(Scope::Team(tenant)).await?;
        load(&mut tx, tenant, id).await
    }

    pub(crate) async fn list_incidents(
        &self,
        tenant: TenantId,
        filter: &IncidentFilter,
    ) -> Result<Vec<Incident>, Fault> {
        let impossible = filter.open && filter.phase.is_some_and(Phase::closed);
        if impossible {
            return Ok(Vec::new());
        }
        let limit = if filter.limit == 0 { LIST } else { filter.limit };
        let sql = match filter.phase {
            Some(_) => LIST_PHASE,
            None if filter.open => LIST_OPEN,
            None => LIST_ALL,
        };
        let mut query = sqlx::query_scalar::<_, String>(sql)
            .bind(tenant.to_string())
            .bind(i64::from(limit))
            .bind(filter.after.map_or_else(|| LAST.to_owned(), |id| id.to_string()));
        if let Some(phase) = filter.phase {
            query = query.bind(phase.name());
        }
        let mut tx = self.read(Scope::Team(tenant)).await?;
        let ids = query.fetch_all(&mut *tx).await?;
        let mut incidents = Vec::with_capacity(ids.len());
        for id in ids {
            incidents.push(load(&mut tx, tenant, IncidentId(read_id(&id)?)).await?);
        }
        Ok(incidents)
    }
}

/// Stores new incidents of a team, due at once.
pub(crate) async fn insert(conn: &mut AnyConnection, tenant: TenantId, new: &[&Incident]) -> Result<(), Fault> {
    let columns = [
        "id",
        "tenant",
        "phase",
        "mode",
        "closed",
        "cluster_key",
        "cluster_json",
        "created_at",
        "updated_at",
        "format",
        "case_json",
    ];
    for chunk in new.chunks(rows::CHUNK) {
        let sql = rows::insert("incidents", &columns, chunk.len());
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for incident in chunk {
            query = query
                .bind(incident.id.to_string())
                .bind(tenant.to_string())
                .bind(incident.phase.name())
                .bind(incident.mode.name())
                .bind(i64::from(incident.phase.closed()))
                .bind(&incident.cluster.key)
                .bind(to_json(&incident.cluster, "the cluster")?)
                .bind(to_millis(incident.created_at))
                .bind(to_millis(incident.updated_at))
                .bind(i64::from(incident.case.format))
                .bind(case_json(&incident.case)?);
        }
        query.execute(&mut *conn).await?;
        queue::insert(&mut *conn, tenant, chunk).await?;
    }
    Ok(())
}

/// Writes what may change of an incident. The caller has checked lease and phase.
pub(crate) async fn update(conn: &mut AnyConnection, dialect: Dialect, incident: &Incident) -> Result<(), Fault> {
    let closed = incident.phase.closed();
    if closed {
        // before the incident's row is taken, as the intake does it
        meeting::forget(&mut *conn, incident.id).await?;
        pinned::let_go(&mut *conn, dialect, incident.id).await?;
    }
    let ended = closed.then(|| to_millis(incident.closed_at.unwrap_or(incident.updated_at)));
    sqlx::query(
        "UPDATE incidents SET phase = $2, mode = $3, closed = $4, updated_at = $5, closed_at = $6, format = $7, case_json = $8 \
         WHERE id = $1",
    )
    .bind(incident.id.to_string())
    .bind(incident.phase.name())
    .bind(incident.mode.name())
    .bind(i64::from(closed))
    .bind(to_millis(incident.updated_at))
    .bind(ended)
    .bind(i64::from(incident.case.format))
    .bind(case_json(&incident.case)?)
    .execute(&mut *conn)
    .await?;
    queue::schedule(conn, incident).await
}

async fn load(conn: &mut AnyConnection, tenant: TenantId, id: IncidentId) -> Result<Incident, Fault> {
    let row: Option<Row> = sqlx::query_as(LOAD)
        .bind(id.to_string())
        .bind(tenant.to_string())
        .fetch_optional(&mut *conn)
        .await?;
    let row = row.ok_or(StoreError::NoSuchIncident(id))?;
    if row.format > i64::from(CASE_FORMAT) {
        let what = format!("incident {id} was written by a newer dreamops; use that one");
        return Err(StoreError::Database(what).into());
    }
    let mut case: Case = from_json(&row.case_json, &format!("the case of incident {id}"))?;
    case.alerts = alerts(&mut *conn, id).await?;
    case.timeline = audit::timeline(conn, id).await?;
    Ok(Incident {
        id: IncidentId(read_id(&row.id)?),
        tenant: TenantId(read_id(&row.tenant)?),
        phase: read_phase(&row.phase)?,
        mode: read_mode(&row.mode)?,
        cluster: from_json(&row.cluster_json, &format!("the cluster of incident {id}"))?,
        created_at: from_millis(row.created_at),
        updated_at: from_millis(row.updated_at),
        closed_at: row.closed_at.map(from_millis),
        case,
    })
}

/// The alerts that an incident shows, in order.
pub(crate) async fn alerts(conn: &mut AnyConnection, id: IncidentId) -> Result<Vec<Alert>, Fault> {
    let texts: Vec<String> = sqlx::query_scalar(ALERTS).bind(id.to_string()).fetch_all(conn).await?;
    let what = format!("an alert of incident {id}");
    texts.iter().map(|text| Ok(from_json(text, &what)?)).collect()
}

/// The open incident of an owner, but for `not`; `taking` is what the query ends with.
pub(crate) async fn open_of_owner(
    conn: &mut AnyConnection,
    taking: &str,
    tenant: TenantId,
    cluster_key: &str,
    owner_key: &str,
    not: IncidentId,
) -> Result<Option<(IncidentId, Phase)>, Fault> {
    let found: Option<(String, String)> = sqlx::query_as(AssertSqlSafe(format!("{OPEN_OF_OWNER}{taking}")))
        .bind(tenant.to_string())
        .bind(cluster_key)
        .bind(owner_key)
        .bind(not.to_string())
        .fetch_optional(conn)
        .await?;
    Ok(match found {
        Some((id, phase)) => Some((IncidentId(read_id(&id)?), read_phase(&phase)?)),
        None => None,
    })
}

/// An incident begins as received.
pub(crate) fn check_new(incident: &Incident) -> Result<(), StoreError> {
    if incident.phase == Phase::Received {
        return Ok(());
    }
    Err(StoreError::Forbidden {
        from: Phase::Received,
        to: incident.phase,
    })
}

/// Staying in a phase is always allowed; changing it only by the table.
pub(crate) fn check_step(from: Phase, to: Phase) -> Result<(), StoreError> {
    if from == to || from.may_become(to) {
        return Ok(());
    }
    Err(StoreError::Forbidden { from, to })
}

fn received_events(incident: &Incident) -> Vec<TimelineEntry> {
    let at = incident.created_at;
    let events = incident.case.alerts.iter();
    let events = events.map(|alert| TimelineEntry::heard(alert, at, Phase::Received));
    events.collect()
}

fn case_json(case: &Case) -> Result<String, StoreError> {
    let bare = Case {
        alerts: Vec::new(),
        timeline: Vec::new(),
        ..case.clone()
    };
    to_json(&bare, "the case")
}

#[cfg(test)]
mod tests;
