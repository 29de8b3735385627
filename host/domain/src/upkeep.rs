//! What keeps a server in order that runs for years: values are sealed anew after a change of keys, credentials are watched until
//! they run out, and what is older than its time is removed.

use crate::id::TenantId;
use crate::ports::StoreError;
use crate::time::Timestamp;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How far a change of keys has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Resealed {
    /// Values that were sealed anew under the newest key.
    pub resealed: u64,
    /// Values that are still sealed under another one. Where nothing was resealed and some are left, no key of the ring opens
    /// those.
    pub left: u64,
}

/// A credential of a cluster that runs out soon, or has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expiring {
    /// The team.
    pub tenant: TenantId,
    /// The cluster's name.
    pub cluster: String,
    /// When it runs out.
    pub expires_at: Timestamp,
    /// Whether it has.
    pub over: bool,
}

/// How long things are kept; `None` for ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retention {
    /// Incidents, from their end. 90 days.
    pub incidents: Option<Duration>,
    /// Deliveries and what tells a repeated one, from when they came. 30 days. A delivery stays as long as an incident shows
    /// an alert of it; a repeat is told no longer than its incident is kept.
    pub deliveries: Option<Duration>,
    /// The audit, from when things happened. 365 days. Events of an incident stay as long as it does.
    pub audit: Option<Duration>,
}

impl Default for Retention {
    fn default() -> Self {
        let days = |n: u64| Some(Duration::from_hours(24 * n));
        Self {
            incidents: days(90),
            deliveries: days(30),
            audit: days(365),
        }
    }
}

/// What one call has removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Removed {
    /// Incidents, each with its alerts and its journal.
    pub incidents: u64,
    /// Deliveries, and keys of deliveries.
    pub deliveries: u64,
    /// Events of the audit.
    pub events: u64,
}

/// Work on the store as a whole, for every team.
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// Seals at most `batch` values anew that an older key of the ring has sealed, in short transactions beside everything else.
    /// May be broken off and called again at any time, also by several processes. When nothing is left, the older keys may
    /// leave the ring.
    async fn reseal(&self, batch: u32) -> Result<Resealed, StoreError>;
    /// Notes credentials of clusters that run out, 14, 3 and 1 days before and when they have: status and audit. Each is
    /// returned once, whichever process asks.
    async fn watch_credentials(&self) -> Result<Vec<Expiring>, StoreError>;
    /// Removes at most `batch` of each kind and team that are older than their time. Nothing removed: there is nothing more.
    /// One process does it at a time; the others remove nothing.
    async fn retain(&self, retention: &Retention, batch: u32) -> Result<Removed, StoreError>;
}
