//! The store, which can be told to be away.

use async_trait::async_trait;
use dreamops_domain::access::{Page, PageRequest};
use dreamops_domain::id::TenantId;
use dreamops_domain::intake::{AlertFilter, AlertRecord, Claimed, Intake, NewDelivery, Queue, Taken};
use dreamops_domain::ports::{Lease, StoreError};
use dreamops_domain::time::Timestamp;
use dreamops_store::SqliteStore;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Takes alerts in as the real store, unless it is away.
pub(crate) struct Faulty {
    pub(crate) store: SqliteStore,
    /// Whether the database is away.
    pub(crate) away: AtomicBool,
}

impl Faulty {
    fn store(&self) -> Result<&SqliteStore, StoreError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(StoreError::Database("connection to 10.0.0.1 refused".into()));
        }
        Ok(&self.store)
    }
}

#[async_trait]
impl Intake for Faulty {
    async fn take_in(&self, delivery: &NewDelivery) -> Result<Taken, StoreError> {
        self.store()?.take_in(delivery).await
    }

    async fn alerts(
        &self,
        tenant: TenantId,
        filter: &AlertFilter,
        part: &PageRequest,
    ) -> Result<Page<AlertRecord>, StoreError> {
        self.store()?.alerts(tenant, filter, part).await
    }
}

#[async_trait]
impl Queue for Faulty {
    async fn claim(&self, worker: &str, ttl: Duration, limit: u32) -> Result<Vec<Claimed>, StoreError> {
        self.store()?.claim(worker, ttl, limit).await
    }

    async fn postpone(&self, lease: &Lease, until: Timestamp) -> Result<(), StoreError> {
        self.store()?.postpone(lease, until).await
    }

    async fn waiting(&self) -> Result<u64, StoreError> {
        self.store()?.waiting().await
    }
}
