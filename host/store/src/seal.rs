//! Sealing the audit: events get their place in the chain of their team, and the chain value.
//!
//! The value of an event is an HMAC over the value before it and the bytes that are stored; each part is preceded by its length, so
//! that no two events give the same bytes. Events are sealed in the order of their numbers among those that are committed; one that
//! commits late gets a later position. Whoever can write to the database and has no key can cut the end off, which
//! a head that is kept elsewhere shows, and nothing else without its being seen (see `verify`).

use crate::error::Fault;
use crate::open::SqlStore;
use crate::rows;
use crate::scope::{SEALER_LOCK, Scope};
use dreamops_domain::audit::{AuditHead, Signer};
use dreamops_domain::id::TenantId;
use dreamops_domain::ports::StoreError;
use sqlx::{AnyConnection, AssertSqlSafe};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the bytes of an event begin with.
const LABEL: &str = "dreamops audit 1";

pub(crate) const UNSEALED: &str = "SELECT number_all, tenant, incident, at, phase, event, body_json FROM audit \
     WHERE position IS NULL ORDER BY number_all LIMIT $1";
pub(crate) const HEAD: &str = "SELECT position, chain FROM audit WHERE tenant = $1 AND position IS NOT NULL \
     ORDER BY position DESC LIMIT 1";

/// The stored bytes of an event.
#[derive(sqlx::FromRow)]
pub(crate) struct Stored {
    pub(crate) number_all: i64,
    pub(crate) tenant: String,
    pub(crate) incident: Option<String>,
    pub(crate) at: i64,
    pub(crate) phase: Option<String>,
    pub(crate) event: String,
    pub(crate) body_json: String,
}

impl Stored {
    /// What is signed of the event, at its position after the link before it.
    pub(crate) fn link(&self, before: &str, position: i64) -> Vec<u8> {
        let (position, at) = (position.to_string(), self.at.to_string());
        let parts = [
            Some(LABEL),
            Some(before),
            Some(&position),
            Some(&self.tenant),
            Some(&at),
            self.phase.as_deref(),
            Some(&self.event),
            Some(&self.body_json),
            self.incident.as_deref(),
        ];
        let mut bytes = Vec::with_capacity(self.body_json.len() + 256);
        for part in parts {
            // what is not there differs from what is empty
            let length = part.map_or(u64::MAX, |p| p.len() as u64);
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(part.unwrap_or_default().as_bytes());
        }
        bytes
    }
}

/// An event's place in the chain.
struct Sealed {
    number_all: i64,
    position: i64,
    key: String,
    chain: String,
}

impl SqlStore {
    pub(crate) fn signer(&self) -> Result<Arc<dyn Signer>, StoreError> {
        self.signer
            .clone()
            .ok_or_else(|| StoreError::Database("it was opened without the keys of the audit's chain".to_owned()))
    }

    pub(crate) async fn seal_events(&self, limit: u32) -> Result<u64, Fault> {
        let signer = self.signer()?;
        let mut tx = self.write(Scope::Sealer).await?;
        if !self.only_one(&mut tx, SEALER_LOCK).await? {
            return Ok(0);
        }
        let unsealed: Vec<Stored> = sqlx::query_as(UNSEALED)
            .bind(i64::from(limit))
            .fetch_all(&mut *tx)
            .await?;
        let mut heads: BTreeMap<String, AuditHead> = BTreeMap::new();
        let mut sealed = Vec::with_capacity(unsealed.len());
        for event in &unsealed {
            if !heads.contains_key(&event.tenant) {
                heads.insert(event.tenant.clone(), head(&mut tx, &event.tenant).await?);
            }
            let Some(head) = heads.get_mut(&event.tenant) else {
                continue;
            };
            head.position += 1;
            let (key, chain) = signer.sign(&event.link(&head.chain, head.position));
            head.chain.clone_from(&chain);
            sealed.push(Sealed {
                number_all: event.number_all,
                position: head.position,
                key,
                chain,
            });
        }
        for chunk in sealed.chunks(rows::CHUNK) {
            write(&mut tx, chunk).await?;
        }
        tx.commit().await?;
        Ok(sealed.len() as u64)
    }

    pub(crate) async fn audit_head(&self, tenant: TenantId) -> Result<AuditHead, Fault> {
        let mut tx = self.read(Scope::Team(tenant)).await?;
        head(&mut tx, &tenant.to_string()).await
    }
}

/// The end of a team's chain.
pub(crate) async fn head(conn: &mut AnyConnection, tenant: &str) -> Result<AuditHead, Fault> {
    let found: Option<(i64, Option<String>)> = sqlx::query_as(HEAD).bind(tenant).fetch_optional(conn).await?;
    let (position, chain) = found.unwrap_or_default();
    Ok(AuditHead {
        position,
        chain: chain.unwrap_or_default(),
    })
}

async fn write(conn: &mut AnyConnection, sealed: &[Sealed]) -> Result<(), Fault> {
    let sql = format!(
        "UPDATE audit SET position = sealed.column2, chain_key = sealed.column3, chain = sealed.column4 \
         FROM (VALUES {}) AS sealed WHERE audit.number_all = sealed.column1",
        rows::groups(4, sealed.len())
    );
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for one in sealed {
        query = query
            .bind(one.number_all)
            .bind(one.position)
            .bind(&one.key)
            .bind(&one.chain);
    }
    query.execute(conn).await?;
    Ok(())
}
