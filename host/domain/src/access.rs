//! Who may do what: tenants, roles, tokens, and the sources that alerts come from.
//!
//! | role | may |
//! | --- | --- |
//! | `intake` | post alerts, nothing else |
//! | `viewer` | read |
//! | `responder` | read, post alerts, approve, reject, acknowledge, roll back, pull the emergency stop |
//! | `admin` | all of that, and change clusters, credentials, sources, tokens, modes, windows |

use crate::alert::Source;
use crate::id::{SourceId, TenantId, TokenId};
use crate::ports::StoreError;
use crate::time::Timestamp;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// What a member of a team may do.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// May only post alerts.
    Intake,
    /// May only read.
    Viewer,
    /// May act on incidents.
    Responder,
    /// May change what the host holds.
    Admin,
}

/// What a request needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Right {
    /// To post alerts.
    PostAlerts,
    /// To read what belongs to the tenant.
    Read,
    /// To act on incidents.
    Respond,
    /// To change what the host holds.
    Administer,
}

impl Role {
    /// Whether the role has the right.
    pub fn may(self, right: Right) -> bool {
        match right {
            Right::PostAlerts => self != Self::Viewer,
            Right::Read => self != Self::Intake,
            Right::Respond => matches!(self, Self::Responder | Self::Admin),
            Right::Administer => self == Self::Admin,
        }
    }

    /// The name, as every surface writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Intake => "intake",
            Self::Viewer => "viewer",
            Self::Responder => "responder",
            Self::Admin => "admin",
        }
    }

    /// The role of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Intake, Self::Viewer, Self::Responder, Self::Admin]
            .into_iter()
            .find(|r| r.name() == name)
    }
}

/// Whose request it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Principal {
    /// The team.
    pub tenant: TenantId,
    /// The user, for the audit.
    pub user: String,
    /// What the user may do.
    pub role: Role,
    /// The token that the request carried.
    pub token: TokenId,
}

/// What is stored of a token, and asked for: its SHA-256, lower-case hexadecimal.
pub fn token_sha256(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}

/// A token, as lists show it. The secret is shown once, when it is made; only its SHA-256 is stored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TokenRecord {
    /// Its id.
    pub id: TokenId,
    /// Whose it is.
    pub user: String,
    /// What it may do.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working; `None` for never.
    pub expires_at: Option<Timestamp>,
}

/// A place that sends alerts to a route of its own.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SourceRecord {
    /// Its id.
    pub id: SourceId,
    /// The team.
    pub tenant: TenantId,
    /// The name in its route, unique in the program.
    pub name: String,
    /// What it sends.
    pub kind: Source,
    /// The registered cluster its alerts are about, where they do not name one.
    pub cluster: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// How much of a list is wanted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PageRequest {
    /// At most so many; 0 means 50. More than 500 is read as 500.
    pub limit: u32,
    /// Begins after the item with this cursor.
    pub after: Option<String>,
}

impl PageRequest {
    /// The limit in force.
    pub fn size(&self) -> u32 {
        if self.limit == 0 { 50 } else { self.limit.min(500) }
    }
}

/// A part of a list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins; `None` on the last.
    pub next_cursor: Option<String>,
}

/// Tenants, tokens and sources. Every method is one transaction, with its audit event.
#[async_trait]
pub trait Access: Send + Sync {
    /// Whose token has this SHA-256 (lower-case hexadecimal); `None` where it is unknown, revoked or expired.
    async fn principal(&self, token_sha256: &str) -> Result<Option<Principal>, StoreError>;
    /// Makes a tenant; `None` if one of that name exists.
    async fn tenant_create(&self, name: &str, by: &str) -> Result<Option<TenantId>, StoreError>;
    /// The tenant of that name.
    async fn tenant(&self, name: &str) -> Result<Option<TenantId>, StoreError>;
    /// Stores a token.
    async fn token_create(
        &self,
        tenant: TenantId,
        token: &TokenRecord,
        token_sha256: &str,
        by: &str,
    ) -> Result<(), StoreError>;
    /// A tenant's tokens, newest first.
    async fn tokens(&self, tenant: TenantId, page: &PageRequest) -> Result<Page<TokenRecord>, StoreError>;
    /// Ends a token; false if the tenant has none of that id.
    async fn token_revoke(&self, tenant: TenantId, token: TokenId, by: &str) -> Result<bool, StoreError>;
    /// Stores a source with its secrets (sealed); false if the name is taken by any tenant.
    async fn source_create(
        &self,
        source: &SourceRecord,
        secrets: &[Zeroizing<String>],
        by: &str,
    ) -> Result<bool, StoreError>;
    /// A tenant's sources, newest first.
    async fn sources(&self, tenant: TenantId, page: &PageRequest) -> Result<Page<SourceRecord>, StoreError>;
    /// The source of a route, with its secrets. Not by tenant: a webhook brings none.
    async fn source(
        &self,
        kind: Source,
        name: &str,
    ) -> Result<Option<(SourceRecord, Vec<Zeroizing<String>>)>, StoreError>;
    /// Removes a source; false if the tenant has none of that id.
    async fn source_remove(&self, tenant: TenantId, source: SourceId, by: &str) -> Result<bool, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_its_rights_and_no_others() {
        let rights = [Right::PostAlerts, Right::Read, Right::Respond, Right::Administer];
        let of = |role: Role| rights.map(|right| role.may(right));
        assert_eq!(of(Role::Intake), [true, false, false, false]);
        assert_eq!(of(Role::Viewer), [false, true, false, false]);
        assert_eq!(of(Role::Responder), [true, true, true, false]);
        assert_eq!(of(Role::Admin), [true, true, true, true]);
    }
}
