//! The audit, as it is read: events in the order of their commits, chained by one sealer.
//!
//! An event is committed with the act itself. A sealer gives it a position and a chain value afterwards: an HMAC over the chain
//! value before it and the stored bytes. Who changes, removes or reorders a row without the key breaks the chain.

use crate::access::{Page, PageRequest};
use crate::id::{IncidentId, TenantId};
use crate::ports::StoreError;
use crate::time::Timestamp;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// One event.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AuditEvent {
    /// Its place in the chain of the tenant, from 1.
    pub position: i64,
    /// When it happened.
    pub at: Timestamp,
    /// The incident; `None` for acts outside of one.
    pub incident_id: Option<IncidentId>,
    /// The phase that the incident was in.
    pub phase: Option<String>,
    /// The event's name.
    pub event: String,
    /// The event as it is stored.
    pub body: serde_json::Value,
}

/// Which events are wanted; empty fields match all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AuditFilter {
    /// Of this incident.
    pub incident: Option<IncidentId>,
    /// With this name.
    pub event: Option<String>,
}

/// The end of a chain, to be kept outside of the database.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AuditHead {
    /// The position of the last sealed event; 0 for none.
    pub position: i64,
    /// Its chain value, hexadecimal.
    pub chain: String,
}

/// What a check of a chain found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AuditCheck {
    /// How many events were checked.
    pub checked: u64,
    /// The head as it is.
    pub head: AuditHead,
    /// Events that are not sealed yet.
    pub unsealed: u64,
    /// What is wrong, in sentences; empty where the chain holds.
    pub problems: Vec<String>,
}

/// The audit.
#[async_trait]
pub trait Audit: Send + Sync {
    /// Gives at most `limit` unsealed events their positions and chain values, in commit order; how many it were. Safe to be called by
    /// several processes: one seals, the others do nothing.
    async fn seal(&self, limit: u32) -> Result<u64, StoreError>;
    /// A tenant's sealed events, newest first.
    async fn events(
        &self,
        tenant: TenantId,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<AuditEvent>, StoreError>;
    /// A tenant's sealed events after a position, oldest first.
    async fn events_after(&self, tenant: TenantId, position: i64, limit: u32) -> Result<Vec<AuditEvent>, StoreError>;
    /// The end of a tenant's chain.
    async fn head(&self, tenant: TenantId) -> Result<AuditHead, StoreError>;
    /// Checks the chain of a tenant, and against an `anchor` that was kept elsewhere.
    async fn verify(&self, tenant: TenantId, anchor: Option<&AuditHead>) -> Result<AuditCheck, StoreError>;
}

/// Signs links of a chain under the keyring.
pub trait Signer: Send + Sync {
    /// HMAC-SHA-256 of `bytes` under the newest key: the key's id and the value, hexadecimal.
    fn sign(&self, bytes: &[u8]) -> (String, String);
    /// Whether `value` is that of `bytes` under the key of that id; `None` where the ring has no such key.
    fn check(&self, key: &str, bytes: &[u8], value: &str) -> Option<bool>;
    /// What the older keys sign with, by their ids: kept sealed, it checks what they have signed when they have left the ring. Nothing
    /// that they sealed opens with it.
    fn older(&self) -> Vec<(String, Zeroizing<Vec<u8>>)>;
    /// Whether `value` is that of `bytes` under a key as [`Signer::older`] gives it.
    fn check_under(&self, key: &[u8], bytes: &[u8], value: &str) -> bool;
}
