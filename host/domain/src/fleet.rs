//! The clusters that a tenant has connected.

use crate::access::{Page, PageRequest};
use crate::id::{ClusterRecordId, TenantId};
use crate::incident::ClusterId;
use crate::phase::Mode;
use crate::ports::StoreError;
use crate::time::Timestamp;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// How the host proves itself to a cluster.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// A service account's token.
    ServiceAccount,
    /// An uploaded kubeconfig, inline fields only.
    Kubeconfig,
    /// A client certificate and its key.
    #[serde(alias = "client_certificate")]
    ClientCert,
    /// A kubeconfig file on the host, which an operator registered as local.
    Local,
}

/// How a cluster is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectionStatus {
    /// Not reached yet.
    Pending,
    /// It accepts the credential.
    Connected,
    /// It cannot be reached, or refuses the credential.
    Failed,
    /// The certificate or token has run out.
    Expired,
}

/// A cluster, as lists show it; without credentials.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ClusterRecord {
    /// Its id.
    pub id: ClusterRecordId,
    /// The team.
    pub tenant: TenantId,
    /// The name, unique in the team.
    pub name: String,
    /// How the host proves itself.
    pub auth_method: AuthMethod,
    /// The namespace where alerts name none.
    pub namespace: String,
    /// How it is doing.
    pub status: ConnectionStatus,
    /// Why it failed or expired; empty otherwise.
    pub status_reason: String,
    /// The API server's version.
    pub version: String,
    /// The platform it says it runs on: `linux/amd64`.
    pub platform: String,
    /// Which cluster it is, as incidents bind it.
    pub cluster: ClusterId,
    /// How far the host may go there; `None` for the server's mode.
    pub mode: Option<Mode>,
    /// When certificate or token run out, where that is known.
    pub expires_at: Option<Timestamp>,
    /// When it was connected.
    pub created_at: Timestamp,
    /// When record or status changed last.
    pub updated_at: Timestamp,
    /// When it was used last.
    pub last_used_at: Option<Timestamp>,
}

impl ClusterRecord {
    /// How the cluster is doing at a moment, and why: what was noted of it, unless its credential has run out since.
    pub fn standing(&self, now: Timestamp) -> (ConnectionStatus, String) {
        match self.expires_at.filter(|end| *end <= now) {
            Some(end) if self.status != ConnectionStatus::Failed => (
                ConnectionStatus::Expired,
                format!("the credential ran out on {end}; have it renewed and connect the cluster again"),
            ),
            _ => (self.status, self.status_reason.clone()),
        }
    }
}

/// Connected clusters. Every method is one transaction, with its audit event.
#[async_trait]
pub trait Fleet: Send + Sync {
    /// Stores a cluster with its credential (sealed as the document that it is); false if the name is taken.
    async fn add(&self, record: &ClusterRecord, credential: &Zeroizing<String>, by: &str) -> Result<bool, StoreError>;
    /// A tenant's clusters, by name.
    async fn clusters(&self, tenant: TenantId, page: &PageRequest) -> Result<Page<ClusterRecord>, StoreError>;
    /// The cluster of that name.
    async fn cluster(&self, tenant: TenantId, name: &str) -> Result<Option<ClusterRecord>, StoreError>;
    /// The cluster whose [`ClusterId::key`] this is.
    async fn cluster_by_key(&self, tenant: TenantId, key: &str) -> Result<Option<ClusterRecord>, StoreError>;
    /// Its credential document.
    async fn credential(&self, tenant: TenantId, id: ClusterRecordId) -> Result<Option<Zeroizing<String>>, StoreError>;
    /// Puts a proved credential and what was learned with it in place of the old ones, at once.
    async fn rotate(
        &self,
        record: &ClusterRecord,
        credential: &Zeroizing<String>,
        by: &str,
    ) -> Result<bool, StoreError>;
    /// Notes how the cluster is doing, and that it was used.
    async fn note(
        &self,
        tenant: TenantId,
        id: ClusterRecordId,
        status: ConnectionStatus,
        reason: &str,
        used: bool,
    ) -> Result<(), StoreError>;
    /// Sets how far the host may go there.
    async fn set_mode(&self, tenant: TenantId, name: &str, mode: Option<Mode>, by: &str) -> Result<bool, StoreError>;
    /// Removes a cluster; false if there is none of that name.
    async fn remove(&self, tenant: TenantId, name: &str, by: &str) -> Result<bool, StoreError>;
}
