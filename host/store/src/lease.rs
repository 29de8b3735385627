//! Leases: who may write to an incident, and until when.
//!
//! A lease runs out by the store's clock. Its epoch goes up with each taker, and a write needs the epoch it was taken with *and* time that is left:
//! a worker that slept through its lease cannot write, whether or not another has taken over. A lease whose
//! holder is a dead process of this host is free at once.

use crate::column::{read_id, read_phase};
use crate::error::Fault;
use crate::open::SqlStore;
use crate::scope::Scope;
use crate::worker;
use dreamops_domain::id::{IncidentId, TenantId};
use dreamops_domain::phase::Phase;
use dreamops_domain::ports::{Lease, StoreError};
use sqlx::AnyConnection;
use std::time::Duration;

pub(crate) const LEASE: &str = "SELECT lease_owner, lease_until, epoch FROM work WHERE incident = $1";
pub(crate) const HOLD: &str = "SELECT i.tenant, i.phase, i.cluster_key, i.owner_key FROM work w JOIN incidents i ON i.id = w.incident \
     WHERE w.incident = $1 AND w.epoch = $2 AND w.lease_until > $3";

/// What a holder of a lease needs to know of its incident to write to it.
pub(crate) struct Held {
    pub(crate) tenant: TenantId,
    pub(crate) phase: Phase,
    pub(crate) cluster_key: String,
    pub(crate) owner_key: Option<String>,
}

impl SqlStore {
    pub(crate) async fn take_lease(&self, incident: IncidentId, worker: &str, ttl: Duration) -> Result<Lease, Fault> {
        let mut tx = self.write(Scope::Program).await?;
        let found: Option<(Option<String>, i64, i64)> = sqlx::query_as(LEASE)
            .bind(incident.to_string())
            .fetch_optional(&mut *tx)
            .await?;
        let (holder, until, epoch) = found.ok_or(StoreError::NoSuchIncident(incident))?;
        let now = self.now();
        let held = until > now && !holder.is_some_and(|holder| worker::is_gone(&holder));
        if held {
            return Err(StoreError::LeaseLost.into());
        }
        let taken = sqlx::query(
            "UPDATE work SET lease_owner = $2, lease_until = $3, epoch = epoch + 1 WHERE incident = $1 AND epoch = $4",
        )
        .bind(incident.to_string())
        .bind(worker)
        .bind(after(now, ttl))
        .bind(epoch)
        .execute(&mut *tx)
        .await?;
        if taken.rows_affected() == 0 {
            // another was quicker
            return Err(StoreError::LeaseLost.into());
        }
        tx.commit().await?;
        Ok(Lease {
            incident,
            epoch: epoch + 1,
        })
    }

    pub(crate) async fn extend_lease(&self, lease: &Lease, ttl: Duration) -> Result<(), Fault> {
        let mut tx = self.write(Scope::Held(lease.incident)).await?;
        let now = self.now();
        hold(&mut tx, lease, now).await?;
        sqlx::query("UPDATE work SET lease_until = $2 WHERE incident = $1")
            .bind(lease.incident.to_string())
            .bind(after(now, ttl))
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// A lease that is not ours any more needs no giving back.
    pub(crate) async fn give_lease_back(&self, lease: &Lease) -> Result<(), Fault> {
        sqlx::query("UPDATE work SET lease_owner = NULL, lease_until = 0 WHERE incident = $1 AND epoch = $2")
            .bind(lease.incident.to_string())
            .bind(lease.epoch)
            .execute(&self.writer)
            .await?;
        Ok(())
    }
}

/// Makes sure, inside a transaction, that the lease still gives the right to write.
pub(crate) async fn hold(conn: &mut AnyConnection, lease: &Lease, now: i64) -> Result<Held, Fault> {
    let found: Option<(String, String, String, Option<String>)> = sqlx::query_as(HOLD)
        .bind(lease.incident.to_string())
        .bind(lease.epoch)
        .bind(now)
        .fetch_optional(conn)
        .await?;
    let (tenant, phase, cluster_key, owner_key) = found.ok_or(StoreError::LeaseLost)?;
    Ok(Held {
        tenant: read_id(&tenant).map(TenantId)?,
        phase: read_phase(&phase)?,
        cluster_key,
        owner_key,
    })
}

/// The moment so long after `now`.
pub(crate) fn after(now: i64, ttl: Duration) -> i64 {
    now.saturating_add(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::testing::{TTL, entry, fresh, incident, owner};
    use crate::worker;
    use dreamops_domain::id::TenantId;
    use dreamops_domain::phase::Phase;
    use dreamops_domain::ports::{Clock, Store, StoreError};

    #[tokio::test]
    async fn a_worker_whose_lease_ran_out_cannot_write() {
        let (store, clock) = fresh().await;
        let mut one = incident(&clock, "one");
        store.create(&one, "delivery").await.unwrap();
        let old = store.lease(one.id, "a", TTL).await.unwrap();
        let planned = entry(&clock, 0);
        store.journal_plan(&old, std::slice::from_ref(&planned)).await.unwrap();
        clock.advance(TTL);

        one.phase = Phase::Correlating;
        let now = clock.now();
        let refusals = [
            store.save(&old, &one, &[]).await.unwrap_err(),
            store.correlate(&old, &one, &owner()).await.unwrap_err(),
            store.heartbeat(&old, TTL).await.unwrap_err(),
            store.journal_plan(&old, &[entry(&clock, 1)]).await.unwrap_err(),
            store.journal_start(&old, planned.id, now, false).await.unwrap_err(),
        ];
        for refusal in refusals {
            assert!(matches!(refusal, StoreError::LeaseLost), "{refusal}");
        }
        let stored = store.load(TenantId::DEFAULT, one.id).await.unwrap();
        assert_eq!(stored.phase, Phase::Received);
        let journal = store.journal(TenantId::DEFAULT, one.id).await.unwrap();
        assert_eq!(journal, [planned]);

        // the next holder writes; the former still cannot, nor give back what is not its own
        let new = store.lease(one.id, "b", TTL).await.unwrap();
        assert!(new.epoch > old.epoch);
        store.release(old.clone()).await.unwrap();
        assert!(matches!(store.save(&old, &one, &[]).await, Err(StoreError::LeaseLost)));
        store.save(&new, &one, &[]).await.unwrap();
    }

    #[tokio::test]
    async fn a_lease_is_taken_once_until_it_is_given_back() {
        let (store, clock) = fresh().await;
        let one = incident(&clock, "one");
        store.create(&one, "delivery").await.unwrap();
        let mine = store.lease(one.id, &worker::this_process(), TTL).await.unwrap();
        assert!(matches!(
            store.lease(one.id, "b", TTL).await,
            Err(StoreError::LeaseLost)
        ));
        clock.advance(TTL / 2);
        store.heartbeat(&mine, TTL).await.unwrap();
        clock.advance(TTL / 2);
        assert!(matches!(
            store.lease(one.id, "b", TTL).await,
            Err(StoreError::LeaseLost)
        ));
        store.release(mine.clone()).await.unwrap();
        assert!(matches!(store.save(&mine, &one, &[]).await, Err(StoreError::LeaseLost)));
        store.lease(one.id, "b", TTL).await.unwrap();
    }

    #[tokio::test]
    async fn there_is_no_lease_on_an_incident_that_does_not_exist() {
        let (store, clock) = fresh().await;
        let one = incident(&clock, "one");
        assert!(matches!(
            store.lease(one.id, "a", TTL).await,
            Err(StoreError::NoSuchIncident(id)) if id == one.id
        ));
    }
}
