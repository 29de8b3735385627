//! What was done to an owner before: a view of the journal.
//!
//! An action counts once per step, when any write of it took effect; that it was taken back later does not unmake it, and shows in the outcome
//! of its incident.

use crate::correlate::owner_key;
use crate::error::Fault;
use crate::incident::{read_id, read_phase};
use crate::open::{SqliteStore, from_millis, to_millis};
use dreamops_domain::decision::PastAction;
use dreamops_domain::id::{IncidentId, TenantId};
use dreamops_domain::incident::ClusterId;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::ports::StoreError;
use dreamops_domain::time::Timestamp;

pub(crate) const HISTORY: &str = "SELECT j.incident, j.action, j.strategy, j.fault, i.phase, max(j.finished_at) AS at \
     FROM journal j JOIN incidents i ON i.id = j.incident \
     WHERE j.tenant = ?1 AND j.cluster_key = ?2 AND j.owner_key = ?3 AND j.finished_at >= ?4 \
     AND j.applied = 1 AND j.direction = 'forward' \
     GROUP BY j.incident, j.attempt, j.step ORDER BY at DESC, max(j.number_all) DESC";

#[derive(sqlx::FromRow)]
struct Row {
    incident: String,
    action: String,
    strategy: String,
    fault: String,
    phase: String,
    at: i64,
}

impl Row {
    fn action(self) -> Result<PastAction, StoreError> {
        let phase = read_phase(&self.phase)?;
        let outcome = if phase.closed() { phase.name() } else { "open" };
        Ok(PastAction {
            at: from_millis(self.at),
            action: self.action,
            strategy: self.strategy,
            outcome: outcome.to_owned(),
            incident: IncidentId(read_id(&self.incident)?),
            fault: self.fault,
        })
    }
}

impl SqliteStore {
    pub(crate) async fn past_actions(
        &self,
        tenant: TenantId,
        cluster: &ClusterId,
        owner: &ObjectRef,
        since: Timestamp,
    ) -> Result<Vec<PastAction>, Fault> {
        let rows: Vec<Row> = sqlx::query_as(HISTORY)
            .bind(tenant.to_string())
            .bind(&cluster.key)
            .bind(owner_key(owner))
            .bind(to_millis(since))
            .fetch_all(&self.pool)
            .await?;
        let actions: Result<Vec<_>, StoreError> = rows.into_iter().map(Row::action).collect();
        Ok(actions?)
    }
}
