//! The emergency stop: durable, and read inside the transaction that starts a write.

use crate::audit;
use crate::column::{from_millis, to_millis};
use crate::error::Fault;
use crate::open::SqlStore;
use crate::scope::{Dialect, Scope};
use dreamops_domain::decision::EmergencyStop;
use dreamops_domain::id::TenantId;
use sqlx::AnyConnection;

/// The scope that covers every team and cluster.
const EVERYWHERE: &str = "";

impl SqlStore {
    pub(crate) async fn stop_now(&self) -> Result<Option<EmergencyStop>, Fault> {
        let mut tx = self.read(Scope::Program).await?;
        read(&mut tx).await
    }

    /// The stop, for a transaction that starts a write: it is not pulled before that transaction has ended.
    pub(crate) async fn stop_in(&self, conn: &mut AnyConnection) -> Result<Option<EmergencyStop>, Fault> {
        if self.dialect == Dialect::Postgres {
            sqlx::query("LOCK TABLE emergency_stop IN SHARE MODE")
                .execute(&mut *conn)
                .await?;
        }
        read(conn).await
    }

    pub(crate) async fn set_stop(&self, stop: Option<EmergencyStop>) -> Result<(), Fault> {
        let mut tx = self.write(Scope::Team(TenantId::DEFAULT)).await?;
        let (event, body) = match &stop {
            Some(stop) => (
                "emergency-stop-pulled",
                serde_json::json!({ "by": stop.by, "reason": stop.reason, "since": stop.since }),
            ),
            None => ("emergency-stop-released", serde_json::json!({})),
        };
        sqlx::query("DELETE FROM emergency_stop WHERE scope = $1")
            .bind(EVERYWHERE)
            .execute(&mut *tx)
            .await?;
        if let Some(stop) = &stop {
            sqlx::query("INSERT INTO emergency_stop (scope, since, pulled_by, reason) VALUES ($1, $2, $3, $4)")
                .bind(EVERYWHERE)
                .bind(to_millis(stop.since))
                .bind(&stop.by)
                .bind(&stop.reason)
                .execute(&mut *tx)
                .await?;
        }
        audit::append_act(&mut tx, TenantId::DEFAULT, self.now(), event, &body).await?;
        Ok(tx.commit().await?)
    }
}

/// The stop, if it is on.
async fn read(conn: &mut AnyConnection) -> Result<Option<EmergencyStop>, Fault> {
    let found: Option<(i64, String, String)> =
        sqlx::query_as("SELECT since, pulled_by, reason FROM emergency_stop WHERE scope = $1")
            .bind(EVERYWHERE)
            .fetch_optional(conn)
            .await?;
    Ok(found.map(|(since, by, reason)| EmergencyStop {
        since: from_millis(since),
        by,
        reason,
    }))
}
