//! A change of keys: what older keys of the ring have sealed is sealed anew under the newest one.
//!
//! | step | why in this order |
//! | --- | --- |
//! | what the older keys sign with is kept, sealed under the newest | the audit's chain is checked when they have left the ring |
//! | every sealed column of every table, team by team | a transaction is as short as its batch, and a row is written only if its value is still the one that was read |
//! | the key check, when nothing else is left | until then a start without the older keys is refused |
//!
//! A run that is broken off goes on where it ended: what is left is told by the key's name beside each value.

use crate::audit;
use crate::error::Fault;
use crate::open::{KNOWN, SqlStore, key_check};
use crate::scope::Scope;
use async_trait::async_trait;
use dreamops_domain::id::TenantId;
use dreamops_domain::ports::{SealPlace, StoreError};
use dreamops_domain::upkeep::{Expiring, Removed, Resealed, Retention, Upkeep};
use sqlx::{AnyConnection, AssertSqlSafe};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// A sealed column of a table of teams: the token is in `COLUMN_sealed`, the name of its key in `COLUMN_key`.
pub(crate) struct Sealed {
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
    /// The column that says whose row it is.
    tenant: &'static str,
}

/// Every one there is; a test holds the schema against it.
pub(crate) const SEALED: [Sealed; 5] = [
    of_team("sources", "secrets"),
    of_team("clusters", "credential"),
    of_team("registry_credentials", "password"),
    of_team("journal", "write"),
    Sealed {
        table: "tenants",
        column: "redaction",
        tenant: "id",
    },
];

const fn of_team(table: &'static str, column: &'static str) -> Sealed {
    Sealed {
        table,
        column,
        tenant: "tenant",
    }
}

impl Sealed {
    /// Values of a team that another key than the newest has sealed, by id.
    pub(crate) fn older(&self) -> String {
        let Self { table, column, tenant } = self;
        format!(
            "SELECT id, {column}_sealed FROM {table} WHERE {tenant} = $1 AND {column}_key <> $2 AND id > $3 \
             ORDER BY id LIMIT $4"
        )
    }

    fn count(&self) -> String {
        let Self { table, column, tenant } = self;
        format!("SELECT count(*) FROM {table} WHERE {tenant} = $1 AND {column}_key <> $2")
    }

    fn replace(&self) -> String {
        let Self { table, column, tenant } = self;
        format!(
            "UPDATE {table} SET {column}_key = $4, {column}_sealed = $5 WHERE {tenant} = $1 AND id = $2 AND {column}_sealed = $3"
        )
    }
}

#[async_trait]
impl Upkeep for SqlStore {
    async fn reseal(&self, batch: u32) -> Result<Resealed, StoreError> {
        Ok(self.reseal_some(batch).await?)
    }

    async fn watch_credentials(&self) -> Result<Vec<Expiring>, StoreError> {
        Ok(SqlStore::watch_expiry(self).await?)
    }

    async fn retain(&self, retention: &Retention, batch: u32) -> Result<Removed, StoreError> {
        Ok(self.retain_some(retention, batch).await?)
    }
}

impl SqlStore {
    /// See [`Upkeep::reseal`].
    pub async fn reseal(&self, batch: u32) -> Result<Resealed, StoreError> {
        Ok(self.reseal_some(batch).await?)
    }

    async fn reseal_some(&self, batch: u32) -> Result<Resealed, Fault> {
        let newest = self.sealer.newest();
        self.keep_chain_keys().await?;
        let mut done = Resealed::default();
        let teams = self.teams().await?;
        for team in &teams {
            for sealed in &SEALED {
                let room = u64::from(batch).saturating_sub(done.resealed);
                done.resealed += self.reseal_column(*team, sealed, &newest, room).await?;
                done.left += self.count_older(*team, sealed, &newest).await?;
            }
        }
        done.left += self.reseal_chain_keys(&newest).await?;
        if done.left == 0 {
            self.reseal_key_check(&newest, &teams).await?;
        }
        Ok(done)
    }

    /// Every team, the default one included: it may have rows before it has one of its own.
    pub(crate) async fn teams(&self) -> Result<Vec<TenantId>, Fault> {
        let mut tx = self.read(Scope::Keeper).await?;
        let ids: Vec<String> = sqlx::query_scalar("SELECT id FROM tenants ORDER BY id")
            .fetch_all(&mut *tx)
            .await?;
        let mut teams = vec![TenantId::DEFAULT];
        for id in ids {
            let id = TenantId(crate::column::read_id(&id)?);
            if id != TenantId::DEFAULT {
                teams.push(id);
            }
        }
        Ok(teams)
    }

    /// Seals at most `room` values of a column anew. One that no key opens is passed over.
    async fn reseal_column(&self, team: TenantId, sealed: &Sealed, newest: &str, room: u64) -> Result<u64, Fault> {
        let (mut after, mut done) = (String::new(), 0);
        while done < room {
            let wanted = i64::try_from(room - done).unwrap_or(i64::MAX);
            let mut tx = self.write(Scope::Team(team)).await?;
            let found: Vec<(String, String)> = sqlx::query_as(AssertSqlSafe(sealed.older()))
                .bind(team.to_string())
                .bind(newest)
                .bind(&after)
                .bind(wanted)
                .fetch_all(&mut *tx)
                .await?;
            let Some((last, _)) = found.last() else {
                break;
            };
            after.clone_from(last);
            for (id, token) in &found {
                done += self.reseal_value(&mut tx, team, sealed, (id, token)).await?;
            }
            tx.commit().await?;
        }
        Ok(done)
    }

    async fn reseal_value(
        &self,
        conn: &mut AnyConnection,
        team: TenantId,
        sealed: &Sealed,
        (id, token): (&str, &str),
    ) -> Result<u64, Fault> {
        let place = SealPlace {
            tenant: team,
            table: sealed.table,
            row: id.to_owned(),
            column: sealed.column,
        };
        let Ok(value) = self.unseal(&place, token) else {
            return Ok(0);
        };
        let (key, anew) = self.seal_value(&place, &value)?;
        let changed = sqlx::query(AssertSqlSafe(sealed.replace()))
            .bind(team.to_string())
            .bind(id)
            .bind(token)
            .bind(key)
            .bind(anew)
            .execute(conn)
            .await?;
        Ok(changed.rows_affected())
    }

    async fn count_older(&self, team: TenantId, sealed: &Sealed, newest: &str) -> Result<u64, Fault> {
        let mut tx = self.read(Scope::Team(team)).await?;
        let left: i64 = sqlx::query_scalar(AssertSqlSafe(sealed.count()))
            .bind(team.to_string())
            .bind(newest)
            .fetch_one(&mut *tx)
            .await?;
        Ok(u64::try_from(left).unwrap_or_default())
    }

    /// Keeps what the older keys of the ring sign the audit's chain with.
    async fn keep_chain_keys(&self) -> Result<(), Fault> {
        let older = self.signer()?.older();
        if older.is_empty() {
            return Ok(());
        }
        let mut tx = self.write(Scope::Program).await?;
        for (id, key) in older {
            let (by, sealed) = self.seal_value(&chain_key(&id), &key)?;
            sqlx::query(
                "INSERT INTO chain_keys (id, value_key, value_sealed) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            )
            .bind(id)
            .bind(by)
            .bind(sealed)
            .execute(&mut *tx)
            .await?;
        }
        Ok(tx.commit().await?)
    }

    /// Seals chain keys of earlier changes anew; how many no key opens.
    async fn reseal_chain_keys(&self, newest: &str) -> Result<u64, Fault> {
        let mut tx = self.write(Scope::Program).await?;
        let older: Vec<(String, String)> =
            sqlx::query_as("SELECT id, value_sealed FROM chain_keys WHERE value_key <> $1")
                .bind(newest)
                .fetch_all(&mut *tx)
                .await?;
        let mut left = 0;
        for (id, token) in older {
            let place = chain_key(&id);
            let Ok(key) = self.unseal(&place, &token) else {
                left += 1;
                continue;
            };
            let (by, anew) = self.seal_value(&place, &key)?;
            sqlx::query("UPDATE chain_keys SET value_key = $3, value_sealed = $4 WHERE id = $1 AND value_sealed = $2")
                .bind(id)
                .bind(token)
                .bind(by)
                .bind(anew)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(left)
    }

    /// What keys that may have left the ring have signed with, by their ids.
    pub(crate) async fn chain_keys(
        &self,
        conn: &mut AnyConnection,
    ) -> Result<BTreeMap<String, Zeroizing<Vec<u8>>>, Fault> {
        let rows: Vec<(String, String)> = sqlx::query_as("SELECT id, value_sealed FROM chain_keys")
            .fetch_all(conn)
            .await?;
        let mut keys = BTreeMap::new();
        for (id, token) in rows {
            // one that does not open is as one that is not there: the check says which key is missing
            if let Ok(key) = self.unseal(&chain_key(&id), &token) {
                keys.insert(id, key);
            }
        }
        Ok(keys)
    }

    /// The end of a change: told once, to every team, so that each chain goes on under the newest key.
    async fn reseal_key_check(&self, newest: &str, teams: &[TenantId]) -> Result<(), Fault> {
        let mut tx = self.write(Scope::Sealer).await?;
        let (key, token) = self.seal_value(&key_check(), KNOWN)?;
        let changed = sqlx::query("UPDATE key_check SET value_key = $1, value_sealed = $2 WHERE value_key <> $3")
            .bind(key)
            .bind(token)
            .bind(newest)
            .execute(&mut *tx)
            .await?;
        if changed.rows_affected() == 0 {
            return Ok(());
        }
        for team in teams {
            let body = serde_json::json!({ "key": newest });
            audit::append_act(&mut tx, *team, self.now(), "keys-rotated", &body).await?;
        }
        Ok(tx.commit().await?)
    }
}

fn chain_key(id: &str) -> SealPlace<'static> {
    SealPlace {
        tenant: TenantId::DEFAULT,
        table: "chain_keys",
        row: id.to_owned(),
        column: "value",
    }
}

#[cfg(test)]
mod tests;
