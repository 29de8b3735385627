//! The audit: what happened, committed with the act itself.
//!
//! Events are appended unchained; their order is that of the commits. `position` and `chain` of a row are given later by one sealer, over
//! the stored bytes, so that an act never waits for another's.

use crate::column::{from_json, from_millis, read_id, read_phase, to_json, to_millis};
use crate::error::Fault;
use crate::open::SqlStore;
use crate::rows;
use crate::scope::Scope;
use dreamops_domain::event::{Event, TimelineEntry};
use dreamops_domain::id::{IncidentId, TenantId};
use dreamops_domain::phase::Phase;
use dreamops_domain::ports::StoreError;
use dreamops_domain::time::Timestamp;
use serde::Serialize;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Transaction};

/// How many events a list shows at most.
const LIST: i64 = 10_000;

pub(crate) const TIMELINE: &str = "SELECT at, phase, body_json FROM audit WHERE incident = $1 ORDER BY number_all";
pub(crate) const AUDIT_OF_INCIDENT: &str = "SELECT number_all, incident, at, phase, event, body_json FROM audit \
     WHERE incident = $2 AND tenant = $1 ORDER BY number_all DESC LIMIT $3";
pub(crate) const AUDIT_OF_TENANT: &str = "SELECT number_all, incident, at, phase, event, body_json FROM audit \
     WHERE tenant = $1 ORDER BY number_all DESC LIMIT $2";

/// One event of the audit.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct AuditRecord {
    /// Its number in the order of commits.
    pub number: i64,
    /// When it happened.
    pub at: Timestamp,
    /// The incident; `None` for acts outside of one, such as the emergency stop.
    pub incident: Option<IncidentId>,
    /// The phase the incident was in.
    pub phase: Option<Phase>,
    /// The event's name.
    pub event: String,
    /// The event as it is stored.
    pub body: serde_json::Value,
}

#[derive(sqlx::FromRow)]
struct Row {
    number_all: i64,
    incident: Option<String>,
    at: i64,
    phase: Option<String>,
    event: String,
    body_json: String,
}

impl Row {
    fn record(self) -> Result<AuditRecord, StoreError> {
        Ok(AuditRecord {
            number: self.number_all,
            at: from_millis(self.at),
            incident: self.incident.as_deref().map(read_id).transpose()?.map(IncidentId),
            phase: self.phase.as_deref().map(read_phase).transpose()?,
            event: self.event,
            body: from_json(&self.body_json, "an audit event")?,
        })
    }
}

impl SqlStore {
    /// The last 10 000 events of a team, or of one of its incidents, oldest first.
    pub async fn audit_list(
        &self,
        tenant: TenantId,
        incident: Option<IncidentId>,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        Ok(self.audit_rows(tenant, incident).await?)
    }

    async fn audit_rows(&self, tenant: TenantId, incident: Option<IncidentId>) -> Result<Vec<AuditRecord>, Fault> {
        let query = match incident {
            Some(id) => sqlx::query_as::<_, Row>(AUDIT_OF_INCIDENT)
                .bind(tenant.to_string())
                .bind(id.to_string()),
            None => sqlx::query_as::<_, Row>(AUDIT_OF_TENANT).bind(tenant.to_string()),
        };
        let mut tx = self.read(Scope::Team(tenant)).await?;
        let rows = query.bind(LIST).fetch_all(&mut *tx).await?;
        let records: Result<Vec<_>, StoreError> = rows.into_iter().rev().map(Row::record).collect();
        Ok(records?)
    }

    /// Commits what changed a row, with its event; false, and nothing, where none was there to change.
    pub(crate) async fn told(
        &self,
        mut tx: Transaction<'static, Any>,
        changed: u64,
        tenant: TenantId,
        event: &str,
        body: &serde_json::Value,
    ) -> Result<bool, Fault> {
        if changed == 0 {
            return Ok(false);
        }
        append_act(&mut tx, tenant, self.now(), event, body).await?;
        tx.commit().await?;
        Ok(true)
    }
}

/// Appends what happened in an incident.
pub(crate) async fn append(
    conn: &mut AnyConnection,
    tenant: TenantId,
    incident: IncidentId,
    events: &[TimelineEntry],
) -> Result<(), Fault> {
    let told: Vec<_> = events.iter().map(|entry| (incident, entry)).collect();
    append_all(conn, tenant, &told).await
}

/// Appends what happened in several incidents, in this order.
pub(crate) async fn append_all(
    conn: &mut AnyConnection,
    tenant: TenantId,
    told: &[(IncidentId, &TimelineEntry)],
) -> Result<(), Fault> {
    for chunk in told.chunks(rows::CHUNK) {
        let columns = ["tenant", "incident", "at", "phase", "event", "body_json"];
        let sql = rows::insert("audit", &columns, chunk.len());
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (incident, entry) in chunk {
            query = query
                .bind(tenant.to_string())
                .bind(incident.to_string())
                .bind(to_millis(entry.at))
                .bind(entry.phase.name())
                .bind(entry.event.name())
                .bind(to_json(&entry.event, "an event")?);
        }
        query.execute(&mut *conn).await?;
    }
    Ok(())
}

/// Appends an act outside of an incident.
pub(crate) async fn append_act(
    conn: &mut AnyConnection,
    tenant: TenantId,
    at: i64,
    event: &str,
    body: &serde_json::Value,
) -> Result<(), Fault> {
    sqlx::query("INSERT INTO audit (tenant, at, event, body_json) VALUES ($1, $2, $3, $4)")
        .bind(tenant.to_string())
        .bind(at)
        .bind(event)
        .bind(body.to_string())
        .execute(conn)
        .await?;
    Ok(())
}

/// What happened in an incident, oldest first.
pub(crate) async fn timeline(conn: &mut AnyConnection, incident: IncidentId) -> Result<Vec<TimelineEntry>, Fault> {
    let rows: Vec<(i64, String, String)> = sqlx::query_as(TIMELINE)
        .bind(incident.to_string())
        .fetch_all(conn)
        .await?;
    let what = format!("an event of incident {incident}");
    rows.into_iter()
        .map(|(at, phase, body)| {
            Ok(TimelineEntry {
                at: from_millis(at),
                phase: read_phase(&phase)?,
                event: from_json::<Event>(&body, &what)?,
            })
        })
        .collect()
}
