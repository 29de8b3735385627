//! Deliveries and their alerts, as rows.

use crate::column::{name_of, to_json, to_millis};
use crate::error::Fault;
use crate::rows;
use dreamops_domain::alert::Alert;
use dreamops_domain::id::{AlertId, DeliveryId, IncidentId, TenantId};
use dreamops_domain::time::Timestamp;
use sqlx::{AnyConnection, AssertSqlSafe};

/// How many alerts an incident shows; further ones are stored and told as events.
pub(crate) const SHOWN: i64 = 100;

/// A delivery that is being stored.
pub(crate) struct Receipt<'a> {
    pub(crate) id: DeliveryId,
    pub(crate) tenant: TenantId,
    /// The source, as rows name it.
    pub(crate) source: &'a str,
    pub(crate) key: &'a str,
    pub(crate) received_at: Timestamp,
}

/// An alert with the incident that deals with it.
pub(crate) struct Placed<'a> {
    pub(crate) id: AlertId,
    pub(crate) incident: IncidentId,
    pub(crate) alert: &'a Alert,
}

impl Receipt<'_> {
    pub(crate) async fn insert(&self, conn: &mut AnyConnection) -> Result<(), Fault> {
        sqlx::query("INSERT INTO deliveries (id, tenant, source, key, received_at) VALUES ($1, $2, $3, $4, $5)")
            .bind(self.id.to_string())
            .bind(self.tenant.to_string())
            .bind(self.source)
            .bind(self.key)
            .bind(to_millis(self.received_at))
            .execute(conn)
            .await?;
        Ok(())
    }

    /// Stores the alerts that came with it.
    pub(crate) async fn insert_alerts(&self, conn: &mut AnyConnection, placed: &[Placed<'_>]) -> Result<(), Fault> {
        let columns = [
            "id",
            "tenant",
            "delivery",
            "source",
            "source_id",
            "fingerprint",
            "status",
            "starts_at",
            "incident",
            "received_at",
            "alert_json",
        ];
        for chunk in placed.chunks(rows::CHUNK) {
            let sql = rows::insert("alerts", &columns, chunk.len());
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for Placed { id, incident, alert } in chunk {
                query = query
                    .bind(id.to_string())
                    .bind(self.tenant.to_string())
                    .bind(self.id.to_string())
                    .bind(name_of(&alert.source)?)
                    .bind(&alert.source_id)
                    .bind(&alert.fingerprint)
                    .bind(name_of(&alert.status)?)
                    .bind(alert.starts_at.map(to_millis))
                    .bind(incident.to_string())
                    .bind(to_millis(self.received_at))
                    .bind(to_json(alert, "the alert")?);
            }
            query.execute(&mut *conn).await?;
        }
        Ok(())
    }
}

/// Which alerts incidents show from now on, at which position.
#[derive(Default)]
pub(crate) struct Shown(Vec<(IncidentId, i64, AlertId)>);

impl Shown {
    /// Lets an incident show alerts from a position on, as far as it shows any more.
    pub(crate) fn add(&mut self, incident: IncidentId, from: i64, alerts: impl IntoIterator<Item = AlertId>) {
        let shown = (from..SHOWN).zip(alerts);
        self.0
            .extend(shown.map(|(position, alert)| (incident, position, alert)));
    }

    pub(crate) async fn insert(&self, conn: &mut AnyConnection) -> Result<(), Fault> {
        for chunk in self.0.chunks(rows::CHUNK) {
            let sql = rows::insert("incident_alerts", &["incident", "position", "alert"], chunk.len());
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for (incident, position, alert) in chunk {
                query = query.bind(incident.to_string()).bind(*position).bind(alert.to_string());
            }
            query.execute(&mut *conn).await?;
        }
        Ok(())
    }
}
