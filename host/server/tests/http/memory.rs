//! The store, which can be told to be away; and an audit in memory, whose events are sealed when they happen.

use async_trait::async_trait;
use dreamops_domain::access::{Page, PageRequest};
use dreamops_domain::audit::{Audit, AuditCheck, AuditEvent, AuditFilter, AuditHead};
use dreamops_domain::id::TenantId;
use dreamops_domain::intake::{AlertFilter, AlertRecord, Claimed, Intake, NewDelivery, Queue, Taken};
use dreamops_domain::ports::{Clock, Lease, StoreError};
use dreamops_domain::time::Timestamp;
use dreamops_store::SqliteStore;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
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

/// An audit in memory.
pub(crate) struct Memory {
    events: Mutex<Vec<(TenantId, AuditEvent)>>,
    clock: Arc<dyn Clock>,
}

impl Memory {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            events: Mutex::default(),
            clock,
        })
    }

    /// An event happens and is sealed.
    pub(crate) fn happen(&self, tenant: TenantId, event: &str) {
        let mut events = self.events.lock().unwrap();
        let position = i64::try_from(events.iter().filter(|(t, _)| *t == tenant).count()).unwrap() + 1;
        let event = AuditEvent {
            position,
            at: self.clock.now(),
            incident_id: None,
            phase: None,
            event: event.into(),
            body: serde_json::json!({}),
        };
        events.push((tenant, event));
    }
}

fn page<T>(items: Vec<T>, part: &PageRequest) -> Page<T> {
    let from: usize = part.after.as_deref().map_or(0, |a| a.parse().unwrap_or(0));
    let to = from + part.size() as usize;
    let next_cursor = (to < items.len()).then(|| to.to_string());
    Page {
        items: items.into_iter().skip(from).take(part.size() as usize).collect(),
        next_cursor,
    }
}

#[async_trait]
impl Audit for Memory {
    async fn seal(&self, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn events(
        &self,
        tenant: TenantId,
        filter: &AuditFilter,
        part: &PageRequest,
    ) -> Result<Page<AuditEvent>, StoreError> {
        let events = self.events.lock().unwrap();
        let own = events.iter().rev().filter(|(t, _)| *t == tenant).map(|(_, e)| e);
        let wanted = own.filter(|e| filter.event.as_ref().is_none_or(|name| *name == e.event));
        Ok(page(wanted.cloned().collect(), part))
    }

    async fn events_after(&self, tenant: TenantId, position: i64, limit: u32) -> Result<Vec<AuditEvent>, StoreError> {
        let events = self.events.lock().unwrap();
        let own = events.iter().filter(|(t, e)| *t == tenant && e.position > position);
        Ok(own.map(|(_, e)| e.clone()).take(limit as usize).collect())
    }

    async fn head(&self, tenant: TenantId) -> Result<AuditHead, StoreError> {
        let events = self.events.lock().unwrap();
        let own = events.iter().filter(|(t, _)| *t == tenant);
        Ok(AuditHead {
            position: own.map(|(_, e)| e.position).max().unwrap_or(0),
            chain: "c0".into(),
        })
    }

    async fn verify(&self, tenant: TenantId, anchor: Option<&AuditHead>) -> Result<AuditCheck, StoreError> {
        let head = self.head(tenant).await?;
        let cut = anchor.filter(|a| a.position > head.position);
        Ok(AuditCheck {
            checked: u64::try_from(head.position).unwrap(),
            problems: cut
                .map(|_| "events are missing at the end".into())
                .into_iter()
                .collect(),
            head,
            unsealed: 0,
        })
    }
}
