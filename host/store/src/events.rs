//! The audit as it is read: sealed events, by their place in the chain. A cursor is the position of a page's last event; a text that
//! is none begins nowhere, and its page is empty.

use crate::column::{from_json, from_millis, read_id};
use crate::error::Fault;
use crate::open::SqlStore;
use crate::page::{page_of, rows_of};
use crate::scope::Scope;
use async_trait::async_trait;
use dreamops_domain::access::{Page, PageRequest};
use dreamops_domain::audit::{Audit, AuditCheck, AuditEvent, AuditFilter, AuditHead};
use dreamops_domain::id::{IncidentId, TenantId};
use dreamops_domain::ports::StoreError;
use sqlx::AssertSqlSafe;

pub(crate) const AFTER: &str = "SELECT position, incident, at, phase, event, body_json FROM audit \
     WHERE tenant = $1 AND position > $2 ORDER BY position LIMIT $3";

#[derive(sqlx::FromRow)]
struct Row {
    position: i64,
    incident: Option<String>,
    at: i64,
    phase: Option<String>,
    event: String,
    body_json: String,
}

impl Row {
    fn record(self) -> Result<AuditEvent, StoreError> {
        Ok(AuditEvent {
            position: self.position,
            at: from_millis(self.at),
            incident_id: self.incident.as_deref().map(read_id).transpose()?.map(IncidentId),
            phase: self.phase,
            event: self.event,
            body: from_json(&self.body_json, "an audit event")?,
        })
    }
}

#[async_trait]
impl Audit for SqlStore {
    async fn seal(&self, limit: u32) -> Result<u64, StoreError> {
        Ok(self.seal_events(limit).await?)
    }

    async fn events(
        &self,
        tenant: TenantId,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<AuditEvent>, StoreError> {
        Ok(self.list_events(tenant, filter, page).await?)
    }

    async fn events_after(&self, tenant: TenantId, position: i64, limit: u32) -> Result<Vec<AuditEvent>, StoreError> {
        Ok(self.follow_events(tenant, position, limit).await?)
    }

    async fn head(&self, tenant: TenantId) -> Result<AuditHead, StoreError> {
        Ok(self.audit_head(tenant).await?)
    }

    async fn verify(&self, tenant: TenantId, anchor: Option<&AuditHead>) -> Result<AuditCheck, StoreError> {
        Ok(self.verify_chain(tenant, anchor).await?)
    }
}

impl SqlStore {
    async fn list_events(
        &self,
        tenant: TenantId,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<AuditEvent>, Fault> {
        let before = page.after.as_deref().map(|cursor| cursor.parse().unwrap_or(0));
        let sql = list_sql(filter);
        let mut query = sqlx::query_as::<_, Row>(AssertSqlSafe(sql))
            .bind(tenant.to_string())
            .bind(before.unwrap_or(i64::MAX))
            .bind(rows_of(page));
        if let Some(incident) = filter.incident {
            query = query.bind(incident.to_string());
        }
        if let Some(event) = &filter.event {
            query = query.bind(event);
        }
        let mut tx = self.read(Scope::Team(tenant)).await?;
        let rows = query.fetch_all(&mut *tx).await?;
        Ok(page_of(rows, page, |row| row.position.to_string(), Row::record)?)
    }

    async fn follow_events(&self, tenant: TenantId, position: i64, limit: u32) -> Result<Vec<AuditEvent>, Fault> {
        let mut tx = self.read(Scope::Team(tenant)).await?;
        let rows: Vec<Row> = sqlx::query_as(AFTER)
            .bind(tenant.to_string())
            .bind(position)
            .bind(i64::from(limit))
            .fetch_all(&mut *tx)
            .await?;
        let events: Result<Vec<_>, StoreError> = rows.into_iter().map(Row::record).collect();
        Ok(events?)
    }
}

/// The query with the filters that are set; its values are bound in the order tenant, cursor, limit, filters.
pub(crate) fn list_sql(filter: &AuditFilter) -> String {
    let mut sql = "SELECT position, incident, at, phase, event, body_json FROM audit \
         WHERE tenant = $1 AND position < $2"
        .to_owned();
    if filter.incident.is_some() {
        sql.push_str(" AND incident = $4");
    }
    if filter.event.is_some() {
        let place = if filter.incident.is_some() { "$5" } else { "$4" };
        sql.push_str(" AND event = ");
        sql.push_str(place);
    }
    sql.push_str(" ORDER BY position DESC LIMIT $3");
    sql
}
