//! Retention: what is older than its time is removed, in batches that are short transactions.
//!
//! | what | goes when | with it |
//! | --- | --- | --- |
//! | an incident | it ended so long ago | its alerts, journal and place in the queue |
//! | a delivery key | it came so long ago | |
//! | a delivery | it came so long ago and no alert of it is left | |
//! | the beginning of a team's audit | its events are so old and their incidents are gone | |
//!
//! The beginning of an audit is checked before it goes, and a signed checkpoint with its last chain value takes its place: the
//! chain goes on from there. What does not hold is not removed, and neither is the newest event, which the next one follows.

use crate::column::to_millis;
use crate::error::Fault;
use crate::open::SqlStore;
use crate::scope::{KEEPER_LOCK, Scope};
use crate::verify::{Check, LINKS, Link};
use dreamops_domain::id::TenantId;
use dreamops_domain::upkeep::{Removed, Retention};
use sqlx::AnyConnection;
use std::time::Duration;

/// What the signed bytes of a checkpoint begin with.
const LABEL: &str = "dreamops audit checkpoint 1";

pub(crate) const INCIDENTS: &str = "DELETE FROM incidents WHERE tenant = $1 AND id IN \
     (SELECT id FROM incidents WHERE tenant = $1 AND closed = 1 AND closed_at < $2 ORDER BY closed_at LIMIT $3)";
const KEYS: &str = "DELETE FROM delivery_keys WHERE tenant = $1 AND (source, key) IN \
     (SELECT source, key FROM delivery_keys WHERE tenant = $1 AND received_at < $2 ORDER BY received_at LIMIT $3)";
const DELIVERIES: &str = "DELETE FROM deliveries WHERE tenant = $1 AND id IN \
     (SELECT d.id FROM deliveries d WHERE d.tenant = $1 AND d.received_at < $2 \
      AND NOT EXISTS (SELECT 1 FROM alerts a WHERE a.delivery = d.id) ORDER BY d.received_at LIMIT $3)";
const KEPT: &str = "SELECT count(*) FROM incidents WHERE id = $1 AND tenant = $2";

/// Where the audit of a team begins: everything up to this position was removed.
#[derive(sqlx::FromRow)]
pub(crate) struct Checkpoint {
    pub(crate) position: i64,
    pub(crate) chain: String,
    at: i64,
    key: String,
    signature: String,
}

impl Checkpoint {
    /// What is signed of it.
    fn bytes(tenant: &str, position: i64, chain: &str, at: i64) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in [LABEL, tenant, &position.to_string(), chain, &at.to_string()] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }

    /// Whether it is one that we have made; `None` where nothing is known of its key.
    pub(crate) fn holds(&self, check: &Check<'_>, tenant: &str) -> Option<bool> {
        let bytes = Self::bytes(tenant, self.position, &self.chain, self.at);
        check.holds(&self.key, &bytes, &self.signature)
    }
}

/// The checkpoint of a team's audit, if its beginning was removed.
pub(crate) async fn checkpoint(conn: &mut AnyConnection, tenant: &str) -> Result<Option<Checkpoint>, Fault> {
    let found = sqlx::query_as("SELECT position, chain, at, key, signature FROM audit_checkpoints WHERE tenant = $1");
    Ok(found.bind(tenant).fetch_optional(conn).await?)
}

impl SqlStore {
    /// Removes a batch of each kind, team by team.
    pub(crate) async fn retain_some(&self, retention: &Retention, batch: u32) -> Result<Removed, Fault> {
        let mut removed = Removed::default();
        for team in self.teams().await? {
            let (incidents, deliveries) = (retention.incidents, retention.deliveries);
            // a repeat is not told any more when the incident is gone that it would be a repeat for
            let keys = incidents.into_iter().chain(deliveries).min();
            removed.deliveries += self.remove(team, KEYS, keys, batch).await?;
            removed.incidents += self.remove(team, INCIDENTS, incidents, batch).await?;
            removed.deliveries += self.remove(team, DELIVERIES, deliveries, batch).await?;
            if let Some(age) = retention.audit {
                removed.events += self.remove_events(team, self.before(age), batch).await?;
            }
        }
        Ok(removed)
    }

    /// The moment so long ago.
    fn before(&self, age: Duration) -> i64 {
        let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        to_millis(self.clock.now()).saturating_sub(age)
    }

    async fn remove(&self, team: TenantId, sql: &'static str, age: Option<Duration>, batch: u32) -> Result<u64, Fault> {
        let Some(age) = age else {
            return Ok(0);
        };
        let mut tx = self.write(Scope::Team(team)).await?;
        if !self.only_one(&mut tx, KEEPER_LOCK).await? {
            return Ok(0);
        }
        let done = sqlx::query(sql)
            .bind(team.to_string())
            .bind(self.before(age))
            .bind(i64::from(batch))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(done.rows_affected())
    }

    /// Puts a checkpoint in the place of the audit's beginning.
    async fn remove_events(&self, team: TenantId, before: i64, batch: u32) -> Result<u64, Fault> {
        let signer = self.signer()?;
        let tenant = team.to_string();
        let mut tx = self.write(Scope::Team(team)).await?;
        if !self.only_one(&mut tx, KEEPER_LOCK).await? {
            return Ok(0);
        }
        let mut check = Check::begin(self, &*signer, &mut tx, &tenant).await?;
        let from = check.last();
        let links: Vec<Link> = sqlx::query_as(LINKS)
            .bind(&tenant)
            .bind(from)
            // one more than may go: the newest stays
            .bind(i64::from(batch) + 1)
            .fetch_all(&mut *tx)
            .await?;
        let mut end = None;
        let may_go = links.len().saturating_sub(1);
        for link in links.into_iter().take(may_go) {
            if link.at() >= before || is_kept(&mut tx, link.incident(), &tenant).await? {
                break;
            }
            let place = link.place();
            check.link(link);
            if check.found_any() {
                break;
            }
            end = Some(place);
        }
        let Some((position, chain)) = end else {
            return Ok(0);
        };
        let at = self.now();
        let (key, signature) = signer.sign(&Checkpoint::bytes(&tenant, position, &chain, at));
        sqlx::query(
            "INSERT INTO audit_checkpoints (tenant, position, chain, at, key, signature) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (tenant) DO UPDATE SET position = excluded.position, chain = excluded.chain, at = excluded.at, \
             key = excluded.key, signature = excluded.signature",
        )
        .bind(&tenant)
        .bind(position)
        .bind(chain)
        .bind(at)
        .bind(key)
        .bind(signature)
        .execute(&mut *tx)
        .await?;
        let done = sqlx::query("DELETE FROM audit WHERE tenant = $1 AND position <= $2")
            .bind(&tenant)
            .bind(position)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(done.rows_affected())
    }
}

/// Whether the incident of an event is still there, so that its timeline has to stay whole.
async fn is_kept(conn: &mut AnyConnection, incident: Option<&str>, tenant: &str) -> Result<bool, Fault> {
    let Some(incident) = incident else {
        return Ok(false);
    };
    let there: i64 = sqlx::query_scalar(KEPT)
        .bind(incident)
        .bind(tenant)
        .fetch_one(conn)
        .await?;
    Ok(there > 0)
}

#[cfg(test)]
mod tests;
