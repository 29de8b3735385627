//! The queue: what is to be worked on, and when.
//!
//! | moment | due |
//! | --- | --- |
//! | an incident is taken in | at once |
//! | it is saved in an open phase | at once: whoever takes it next goes on where this worker ended |
//! | it is saved as waiting for an approval that is not there | when the worker that postpones it says; until then in [`LOOK_AGAIN`], so that one is found whose worker died in between |
//! | a resolution or an acknowledgement comes | at once, and a worker that postpones at that moment does not undo it |
//! | it ends | never |
//!
//! Moments are by the store's clock. What became due before that clock was set back is due when it comes to that moment again.
//!
//! A claim is a lease as in `lease`: the epoch goes up, and who held it before cannot write any more. On `SQLite`, whose workers are
//! on one host, what a dead process held is claimed at once; elsewhere its lease has to run out.

use crate::column::{read_id, to_millis};
use crate::error::Fault;
use crate::lease::{after, hold};
use crate::open::SqlStore;
use crate::scope::{Dialect, Scope};
use crate::{rows, worker};
use async_trait::async_trait;
use dreamops_domain::id::{IncidentId, TenantId};
use dreamops_domain::incident::Incident;
use dreamops_domain::intake::{Claimed, Queue};
use dreamops_domain::phase::Phase;
use dreamops_domain::ports::{Lease, StoreError};
use dreamops_domain::time::Timestamp;
use sqlx::{AnyConnection, AssertSqlSafe};
use std::time::Duration;

/// After how many milliseconds an incident that waits for approval is looked at, if nobody says otherwise.
const LOOK_AGAIN: i64 = 60_000;
/// How many held incidents are looked at for a holder that is gone, in one claim.
const LOOKED_AT: i64 = 256;

pub(crate) const FREE: &str =
    "SELECT incident FROM work WHERE due_at <= $1 AND lease_until <= $1 ORDER BY due_at, incident LIMIT $2";
pub(crate) const HELD: &str = "SELECT incident, lease_owner FROM work \
     WHERE due_at <= $1 AND lease_until > $1 AND lease_owner IS NOT NULL ORDER BY due_at, incident LIMIT $2";
pub(crate) const WAITING: &str = "SELECT count(*) FROM work WHERE due_at <= $1 AND lease_until <= $1";

#[async_trait]
impl Queue for SqlStore {
    async fn claim(&self, worker: &str, ttl: Duration, limit: u32) -> Result<Vec<Claimed>, StoreError> {
        Ok(self.claim_due(worker, ttl, limit).await?)
    }

    async fn postpone(&self, lease: &Lease, until: Timestamp) -> Result<(), StoreError> {
        Ok(self.postpone_held(lease, until).await?)
    }

    async fn waiting(&self) -> Result<u64, StoreError> {
        Ok(self.count_waiting().await?)
    }
}

impl SqlStore {
    async fn claim_due(&self, worker: &str, ttl: Duration, limit: u32) -> Result<Vec<Claimed>, Fault> {
        let now = self.now();
        if self.count_due(now).await? == 0 {
            // an idle worker does not queue up with those who write
            return Ok(Vec::new());
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).min(rows::CHUNK);
        let mut tx = self.write(Scope::Program).await?;
        let sql = format!("{FREE}{}", self.dialect.taking_free());
        let mut free: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(now)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&mut *tx)
            .await?;
        if free.len() < limit && self.dialect == Dialect::Sqlite {
            let orphans = orphans(&mut tx, now).await?;
            free.extend(orphans.into_iter().take(limit - free.len()));
        }
        let claimed = take(&mut tx, &free, worker, now, ttl).await?;
        tx.commit().await?;
        Ok(claimed)
    }

    async fn count_due(&self, now: i64) -> Result<i64, Fault> {
        let due = sqlx::query_scalar("SELECT count(*) FROM (SELECT 1 FROM work WHERE due_at <= $1 LIMIT 1) AS due");
        Ok(due.bind(now).fetch_one(&self.pool).await?)
    }

    async fn postpone_held(&self, lease: &Lease, until: Timestamp) -> Result<(), Fault> {
        let mut tx = self.write(Scope::Held(lease.incident)).await?;
        hold(&mut tx, lease, self.now()).await?;
        sqlx::query("UPDATE work SET due_at = $2 WHERE incident = $1 AND woken = 0 AND due_at IS NOT NULL")
            .bind(lease.incident.to_string())
            .bind(to_millis(until))
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }

    async fn count_waiting(&self) -> Result<u64, Fault> {
        let waiting: i64 = sqlx::query_scalar(WAITING)
            .bind(self.now())
            .fetch_one(&self.pool)
            .await?;
        Ok(u64::try_from(waiting).unwrap_or_default())
    }
}

/// Due incidents whose holder is a dead process of this host.
async fn orphans(conn: &mut AnyConnection, now: i64) -> Result<Vec<String>, Fault> {
    let held: Vec<(String, String)> = sqlx::query_as(HELD).bind(now).bind(LOOKED_AT).fetch_all(conn).await?;
    let gone = held.into_iter().filter(|(_, holder)| worker::is_gone(holder));
    Ok(gone.map(|(incident, _)| incident).collect())
}

/// Leases incidents that the transaction has found free; in their order.
async fn take(
    conn: &mut AnyConnection,
    free: &[String],
    worker: &str,
    now: i64,
    ttl: Duration,
) -> Result<Vec<Claimed>, Fault> {
    if free.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "UPDATE work SET lease_owner = $1, lease_until = $2, epoch = epoch + 1, woken = 0 WHERE incident IN ({}) \
         RETURNING incident, tenant, epoch",
        rows::list(free.len(), 2)
    );
    let mut query = sqlx::query_as::<_, (String, String, i64)>(AssertSqlSafe(sql))
        .bind(worker)
        .bind(after(now, ttl));
    for incident in free {
        query = query.bind(incident);
    }
    let mut taken = query.fetch_all(conn).await?;
    taken.sort_by_key(|(incident, ..)| free.iter().position(|f| f == incident));
    taken
        .into_iter()
        .map(|(incident, tenant, epoch)| {
            let incident = IncidentId(read_id(&incident)?);
            let tenant = TenantId(read_id(&tenant)?);
            Ok(Claimed {
                lease: Lease { incident, epoch },
                tenant,
            })
        })
        .collect()
}

/// Queues new incidents, due at once.
pub(crate) async fn insert(conn: &mut AnyConnection, tenant: TenantId, new: &[&Incident]) -> Result<(), Fault> {
    let columns = ["incident", "tenant", "cluster_key", "due_at"];
    let sql = rows::insert("work", &columns, new.len());
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for incident in new {
        query = query
            .bind(incident.id.to_string())
            .bind(tenant.to_string())
            .bind(&incident.cluster.key)
            .bind(to_millis(incident.created_at));
    }
    query.execute(conn).await?;
    Ok(())
}

/// Sets when an incident that was saved is due next.
pub(crate) async fn schedule(conn: &mut AnyConnection, incident: &Incident) -> Result<(), Fault> {
    let saved = to_millis(incident.updated_at);
    let query = match incident.phase {
        // whoever has set a moment in the future, or has called for it, is heeded
        Phase::AwaitingApproval if incident.case.approval.is_none() => sqlx::query(
            "UPDATE work SET due_at = CASE WHEN woken = 1 OR due_at > $2 THEN due_at ELSE $3 END WHERE incident = $1",
        )
        .bind(incident.id.to_string())
        .bind(saved)
        .bind(saved.saturating_add(LOOK_AGAIN)),
        phase => sqlx::query("UPDATE work SET due_at = $2 WHERE incident = $1")
            .bind(incident.id.to_string())
            .bind((!phase.closed()).then_some(saved)),
    };
    query.execute(conn).await?;
    Ok(())
}

/// Makes an incident due now, whatever its worker says in the meantime.
pub(crate) async fn wake(conn: &mut AnyConnection, incident: IncidentId, now: i64) -> Result<(), Fault> {
    sqlx::query("UPDATE work SET due_at = $2, woken = 1 WHERE incident = $1 AND due_at IS NOT NULL")
        .bind(incident.to_string())
        .bind(now)
        .execute(conn)
        .await?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::testing::{TTL, fresh, in_memory, incident};
    use crate::{SqlStore, worker};
    use dreamops_domain::id::IncidentId;
    use dreamops_domain::incident::Incident;
    use dreamops_domain::intake::Queue;
    use dreamops_domain::phase::Phase;
    use dreamops_domain::ports::{Clock, Lease, Store, StoreError};
    use std::time::Duration;

    async fn claimed(store: &SqlStore, limit: u32) -> Vec<IncidentId> {
        let claimed = store.claim("worker", TTL, limit).await.unwrap();
        claimed.iter().map(|c| c.lease.incident).collect()
    }

    #[tokio::test]
    async fn what_is_due_longest_is_claimed_first_and_once() {
        let (store, clock) = fresh().await;
        let mut ids = Vec::new();
        for title in ["one", "two", "three"] {
            clock.advance(Duration::from_secs(1));
            let new = incident(&clock, title);
            store.create(&new, title).await.unwrap();
            ids.push(new.id);
        }
        assert_eq!(store.waiting().await.unwrap(), 3);
        assert_eq!(claimed(&store, 2).await, ids[..2]);
        assert_eq!(claimed(&store, 2).await, ids[2..]);
        assert_eq!(store.waiting().await.unwrap(), 0);
        assert!(claimed(&store, 2).await.is_empty());
        // their leases run out
        clock.advance(TTL);
        assert_eq!(claimed(&store, 9).await, ids);
    }

    #[tokio::test]
    async fn who_held_it_before_cannot_write_any_more() {
        let (store, clock) = fresh().await;
        let new = incident(&clock, "one");
        store.create(&new, "one").await.unwrap();
        let before = store.claim("a", TTL, 1).await.unwrap().remove(0).lease;
        clock.advance(TTL);
        let after = store.claim("b", TTL, 1).await.unwrap().remove(0).lease;
        assert!(after.epoch > before.epoch);
        let later = clock.now() + TTL;
        assert!(matches!(
            store.postpone(&before, later).await,
            Err(StoreError::LeaseLost)
        ));
        store.postpone(&after, later).await.unwrap();
    }

    #[tokio::test]
    async fn what_a_dead_process_held_is_free_at_once() {
        let (store, clock) = in_memory().await;
        let new = incident(&clock, "one");
        store.create(&new, "one").await.unwrap();
        let me = worker::this_process();
        let (rest, start) = me.rsplit_once(':').unwrap();
        let dead = format!("{rest}:{}", start.parse::<u64>().unwrap() - 1);
        assert_eq!(store.claim(&dead, TTL, 1).await.unwrap().len(), 1);
        assert_eq!(store.claim(&me, TTL, 1).await.unwrap().len(), 1);
        assert!(store.claim("other", TTL, 1).await.unwrap().is_empty());
    }

    async fn awaiting(store: &SqlStore, new: &mut Incident, lease: &Lease) {
        for phase in [
            Phase::Correlating,
            Phase::Assessing,
            Phase::Diagnosing,
            Phase::Planning,
            Phase::Rehearsing,
            Phase::AwaitingApproval,
        ] {
            new.phase = phase;
            store.save(lease, new, &[]).await.unwrap();
        }
    }

    #[tokio::test]
    async fn an_incident_that_waits_for_approval_is_due_when_its_worker_said() {
        let (store, clock) = fresh().await;
        let mut new = incident(&clock, "one");
        store.create(&new, "one").await.unwrap();
        let lease = store.claim("a", TTL, 1).await.unwrap().remove(0).lease;
        awaiting(&store, &mut new, &lease).await;
        // a worker that died here would be followed by another, but not at once
        store.release(lease.clone()).await.unwrap();
        assert_eq!(store.waiting().await.unwrap(), 0);
        clock.advance(Duration::from_mins(1));
        let lease = store.claim("a", TTL, 1).await.unwrap().remove(0).lease;
        store
            .postpone(&lease, clock.now() + Duration::from_hours(1))
            .await
            .unwrap();
        new.updated_at = clock.now();
        store.save(&lease, &new, &[]).await.unwrap();
        store.release(lease).await.unwrap();
        clock.advance(Duration::from_mins(59));
        assert_eq!(store.waiting().await.unwrap(), 0);
        clock.advance(Duration::from_mins(1));
        assert_eq!(claimed(&store, 1).await, [new.id]);
    }

    #[tokio::test]
    async fn an_approval_makes_it_due_and_its_end_never() {
        let (store, clock) = fresh().await;
        let mut new = incident(&clock, "one");
        store.create(&new, "one").await.unwrap();
        let lease = store.claim("a", TTL, 1).await.unwrap().remove(0).lease;
        awaiting(&store, &mut new, &lease).await;
        new.case.approval = Some(("a person".into(), "digest".into()));
        store.save(&lease, &new, &[]).await.unwrap();
        store.release(lease).await.unwrap();
        let lease = store.claim("a", TTL, 1).await.unwrap().remove(0).lease;
        new.phase = Phase::Expired;
        store.save(&lease, &new, &[]).await.unwrap();
        store.postpone(&lease, clock.now()).await.unwrap();
        store.release(lease).await.unwrap();
        assert!(claimed(&store, 1).await.is_empty());
    }
}
