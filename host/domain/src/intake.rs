//! Taking alerts in: what is committed before a sender gets its 202, and what a worker finds to do.

use crate::access::{Page, PageRequest};
use crate::alert::{AlertStatus, Source};
use crate::id::{AlertId, DeliveryId, IncidentId, TenantId};
use crate::incident::Incident;
use crate::ports::{Lease, StoreError};
use crate::time::Timestamp;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One request of a source, as it is taken in.
#[derive(Clone, PartialEq, Debug)]
pub struct NewDelivery {
    /// The team.
    pub tenant: TenantId,
    /// What kind of source.
    pub kind: Source,
    /// The source's name; empty for `process-incident`.
    pub source: String,
    /// Tells a repeated delivery from a new one, within the source.
    pub key: String,
    /// How long a repeat of the key is the same delivery; `None` for ever.
    pub repeats_for: Option<Duration>,
    /// When it came.
    pub received_at: Timestamp,
    /// The incidents that it opens, each with its alerts, in phase `received`. Where one is open for the same alert or
    /// the same object as the alert names it, the alerts go to that one instead.
    pub incidents: Vec<Incident>,
}

/// What came of a delivery.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken {
    /// The delivery; the first one's, if it was repeated.
    pub delivery: DeliveryId,
    /// Whether it had come before: nothing was stored then.
    pub repeated: bool,
    /// The incidents that deal with its alerts, each once.
    pub incidents: Vec<IncidentId>,
}

/// An alert, as lists show it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AlertRecord {
    /// Its id.
    pub id: AlertId,
    /// The kind of source.
    pub source: Source,
    /// The source's own id of it.
    pub source_id: String,
    /// The delivery it came with.
    pub delivery_id: DeliveryId,
    /// What tells it from others.
    pub fingerprint: String,
    /// Firing, resolved or acknowledged.
    pub status: AlertStatus,
    /// The incident that deals with it.
    pub incident_id: IncidentId,
    /// When it came.
    pub received_at: Timestamp,
}

/// Which alerts are wanted; empty fields match all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AlertFilter {
    /// Of this delivery.
    pub delivery: Option<DeliveryId>,
    /// Of this kind of source.
    pub source: Option<Source>,
    /// Received at or after.
    pub since: Option<Timestamp>,
}

/// Takes deliveries in.
#[async_trait]
pub trait Intake: Send + Sync {
    /// Commits delivery, alerts, incidents and audit events in one transaction, or finds that the delivery had come
    /// before. No cluster is asked. Two equal deliveries at the same time: one is stored.
    async fn take_in(&self, delivery: &NewDelivery) -> Result<Taken, StoreError>;
    /// A tenant's alerts, newest first.
    async fn alerts(
        &self,
        tenant: TenantId,
        filter: &AlertFilter,
        page: &PageRequest,
    ) -> Result<Page<AlertRecord>, StoreError>;
}

/// An incident that a worker has taken from the queue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claimed {
    /// The right to write to it.
    pub lease: Lease,
    /// The team.
    pub tenant: TenantId,
}

/// What is to be worked on: every open incident has a moment at which it is due.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Leases at most `limit` incidents that are due and that nobody holds, those due longest first. Several workers, also in
    /// several processes, never get the same one.
    async fn claim(&self, worker: &str, ttl: Duration, limit: u32) -> Result<Vec<Claimed>, StoreError>;
    /// Makes a held incident due at another moment.
    async fn postpone(&self, lease: &Lease, until: Timestamp) -> Result<(), StoreError>;
    /// How many incidents are due and held by nobody.
    async fn waiting(&self) -> Result<u64, StoreError>;
}
