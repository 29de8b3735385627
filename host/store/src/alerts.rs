//! Lists of alerts, newest first.
//!
//! A cursor is `MILLISECONDS.ID` of the last alert of a page; a text that is no cursor begins nowhere, and its page is empty.

use crate::column::{from_millis, from_name, name_of, read_id, to_millis};
use crate::error::Fault;
use crate::open::SqlStore;
use crate::page::{page_of, rows_of};
use crate::scope::Scope;
use async_trait::async_trait;
use dreamops_domain::access::{Page, PageRequest};
use dreamops_domain::id::{AlertId, DeliveryId, IncidentId, TenantId};
use dreamops_domain::intake::{AlertFilter, AlertRecord, Intake, NewDelivery, Taken};
use dreamops_domain::ports::StoreError;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    source: String,
    source_id: String,
    delivery: String,
    fingerprint: String,
    status: String,
    incident: String,
    received_at: i64,
}

impl Row {
    fn cursor(&self) -> String {
        format!("{}.{}", self.received_at, self.id)
    }

    fn record(self) -> Result<AlertRecord, StoreError> {
        Ok(AlertRecord {
            id: AlertId(read_id(&self.id)?),
            source: from_name(&self.source, "the source of an alert")?,
            source_id: self.source_id,
            delivery_id: DeliveryId(read_id(&self.delivery)?),
            fingerprint: self.fingerprint,
            status: from_name(&self.status, "the status of an alert")?,
            incident_id: IncidentId(read_id(&self.incident)?),
            received_at: from_millis(self.received_at),
        })
    }
}

#[async_trait]
impl Intake for SqlStore {
    async fn take_in(&self, delivery: &NewDelivery) -> Result<Taken, StoreError> {
        Ok(self.take(delivery).await?)
    }

    async fn alerts(
        &self,
        tenant: TenantId,
        filter: &AlertFilter,
        page: &PageRequest,
    ) -> Result<Page<AlertRecord>, StoreError> {
        Ok(self.list_alerts(tenant, filter, page).await?)
    }
}

impl SqlStore {
    async fn list_alerts(
        &self,
        tenant: TenantId,
        filter: &AlertFilter,
        page: &PageRequest,
    ) -> Result<Page<AlertRecord>, Fault> {
        let after = page.after.as_deref().map(read_cursor);
        if after == Some(None) {
            return Ok(Page {
                items: Vec::new(),
                next_cursor: None,
            });
        }
        let (moment, id) = after.flatten().unwrap_or((i64::MAX, Uuid::max()));
        let source = filter.source.as_ref().map(name_of).transpose()?;
        let sql = list_sql(filter.delivery.is_some(), source.is_some());
        let mut query = sqlx::query_as::<_, Row>(AssertSqlSafe(sql))
            .bind(tenant.to_string())
            .bind(moment)
            .bind(id.to_string())
            .bind(filter.since.map_or(0, to_millis))
            .bind(rows_of(page));
        if let Some(delivery) = filter.delivery {
            query = query.bind(delivery.to_string());
        }
        if let Some(source) = source {
            query = query.bind(source);
        }
        let mut tx = self.read(Scope::Team(tenant)).await?;
        let rows = query.fetch_all(&mut *tx).await?;
        Ok(page_of(rows, page, Row::cursor, Row::record)?)
    }
}

/// The query with the filters that are set; its values are bound in the order tenant, cursor, since, limit, filters.
pub(crate) fn list_sql(of_delivery: bool, of_source: bool) -> String {
    let mut sql = "SELECT id, source, source_id, delivery, fingerprint, status, incident, received_at FROM alerts \
         WHERE tenant = $1 AND (received_at, id) < ($2, $3) AND received_at >= $4"
        .to_owned();
    if of_delivery {
        sql.push_str(" AND delivery = $6");
    }
    if of_source {
        sql.push_str(if of_delivery {
            " AND source = $7"
        } else {
            " AND source = $6"
        });
    }
    sql.push_str(" ORDER BY received_at DESC, id DESC LIMIT $5");
    sql
}

fn read_cursor(text: &str) -> Option<(i64, Uuid)> {
    let (moment, id) = text.split_once('.')?;
    Some((moment.parse().ok()?, Uuid::parse_str(id).ok()?))
}
