//! The clusters that a team has connected. The credential is stored only sealed, as the document that it is; a
//! cluster of another team is not there.

use crate::audit;
use crate::column::{from_json, from_millis, from_name, name_of, read_id, read_mode, to_json, to_millis};
use crate::error::{Fault, unreadable};
use crate::open::SqlStore;
use crate::page::{page_of, rows_of};
use crate::rows;
use crate::scope::Scope;
use async_trait::async_trait;
use dreamops_domain::access::{Page, PageRequest};
use dreamops_domain::fleet::{ClusterRecord, ConnectionStatus, Fleet};
use dreamops_domain::id::{ClusterRecordId, TenantId};
use dreamops_domain::phase::Mode;
use dreamops_domain::ports::{SealPlace, StoreError};
use dreamops_domain::time::Timestamp;
use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe};
use zeroize::Zeroizing;

/// The columns of a record.
const RECORD: &str = "SELECT id, tenant, name, auth_method, namespace, status, status_reason, version, platform, \
     cluster_json, mode, expires_at, created_at, updated_at, last_used_at FROM clusters";

/// The columns that connecting and rotating write alike, in the order in which [`described`] binds them.
const DESCRIBED: &str = "id, tenant, auth_method, namespace, status, status_reason, version, platform, \
     cluster_key, cluster_json, expires_at, updated_at";
/// The columns of the credential.
const SEALED: &str = "credential_key, credential_sealed";

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    tenant: String,
    name: String,
    auth_method: String,
    namespace: String,
    status: String,
    status_reason: String,
    version: String,
    platform: String,
    cluster_json: String,
    mode: Option<String>,
    expires_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
    last_used_at: Option<i64>,
}

impl Row {
    fn record(self) -> Result<ClusterRecord, StoreError> {
        Ok(ClusterRecord {
            id: ClusterRecordId(read_id(&self.id)?),
            tenant: TenantId(read_id(&self.tenant)?),
            auth_method: from_name(&self.auth_method, "the method of a cluster")?,
            namespace: self.namespace,
            status: from_name(&self.status, "the status of a cluster")?,
            status_reason: self.status_reason,
            version: self.version,
            platform: self.platform,
            cluster: from_json(&self.cluster_json, &format!("the identity of cluster {}", self.name))?,
            name: self.name,
            mode: self.mode.as_deref().map(read_mode).transpose()?,
            expires_at: self.expires_at.map(from_millis),
            created_at: from_millis(self.created_at),
            updated_at: from_millis(self.updated_at),
            last_used_at: self.last_used_at.map(from_millis),
        })
    }
}

#[async_trait]
impl Fleet for SqlStore {
    async fn add(&self, record: &ClusterRecord, credential: &Zeroizing<String>, by: &str) -> Result<bool, StoreError> {
        Ok(self.add_cluster(record, credential, by).await?)
    }

    async fn clusters(&self, tenant: TenantId, page: &PageRequest) -> Result<Page<ClusterRecord>, StoreError> {
        Ok(self.list_clusters(tenant, page).await?)
    }

    async fn cluster(&self, tenant: TenantId, name: &str) -> Result<Option<ClusterRecord>, StoreError> {
        Ok(self.find_cluster(tenant, "name", name).await?)
    }

    async fn cluster_by_key(&self, tenant: TenantId, key: &str) -> Result<Option<ClusterRecord>, StoreError> {
        Ok(self.find_cluster(tenant, "cluster_key", key).await?)
    }

    async fn credential(&self, tenant: TenantId, id: ClusterRecordId) -> Result<Option<Zeroizing<String>>, StoreError> {
        Ok(self.cluster_credential(tenant, id).await?)
    }

    async fn rotate(
        &self,
        record: &ClusterRecord,
        credential: &Zeroizing<String>,
        by: &str,
    ) -> Result<bool, StoreError> {
        Ok(self.rotate_cluster(record, credential, by).await?)
    }

    async fn note(
        &self,
        tenant: TenantId,
        id: ClusterRecordId,
        status: ConnectionStatus,
        reason: &str,
        used: bool,
    ) -> Result<(), StoreError> {
        Ok(self.note_cluster(tenant, id, status, reason, used).await?)
    }

    async fn set_mode(&self, tenant: TenantId, name: &str, mode: Option<Mode>, by: &str) -> Result<bool, StoreError> {
        Ok(self.set_cluster_mode(tenant, name, mode, by).await?)
    }

    async fn remove(&self, tenant: TenantId, name: &str, by: &str) -> Result<bool, StoreError> {
        Ok(self.remove_cluster(tenant, name, by).await?)
    }
}

impl SqlStore {
    async fn add_cluster(
        &self,
        record: &ClusterRecord,
        credential: &Zeroizing<String>,
        by: &str,
    ) -> Result<bool, Fault> {
        let tenant = record.tenant;
        let (key, sealed) = self.seal_value(&place(tenant, record.id), credential.as_bytes())?;
        let mut tx = self.write(Scope::Team(tenant)).await?;
        let sql = format!(
            "INSERT INTO clusters ({DESCRIBED}, {SEALED}, name, mode, created_at, last_used_at) \
             VALUES ({}) ON CONFLICT DO NOTHING",
            rows::list(18, 0)
        );
        let done = described(sqlx::query(AssertSqlSafe(sql)), record, record.updated_at)?
            .bind(key)
            .bind(sealed)
            .bind(&record.name)
            .bind(record.mode.map(Mode::name))
            .bind(to_millis(record.created_at))
            .bind(record.last_used_at.map(to_millis))
            .execute(&mut *tx)
            .await?;
        let told = connection(record, by);
        self.told(tx, done.rows_affected(), record.tenant, "cluster-added", &told)
            .await
    }

    async fn list_clusters(&self, tenant: TenantId, page: &PageRequest) -> Result<Page<ClusterRecord>, Fault> {
        let sql = format!("{RECORD} WHERE tenant = $1 AND name > $2 ORDER BY name LIMIT $3");
        let mut tx = self.read(Scope::Team(tenant)).await?;
        let rows: Vec<Row> = sqlx::query_as(AssertSqlSafe(sql))
            .bind(tenant.to_string())
            .bind(page.after.as_deref().unwrap_or_default())
            .bind(rows_of(page))
            .fetch_all(&mut *tx)
            .await?;
        Ok(page_of(rows, page, |row| row.name.clone(), Row::record)?)
    }

    /// The cluster with this value in this column; of several, the one that was connected first.
    async fn find_cluster(&self, tenant: TenantId, column: &str, value: &str) -> Result<Option<ClusterRecord>, Fault> {
        let sql = format!("{RECORD} WHERE tenant = $1 AND {column} = $2 ORDER BY id LIMIT 1");
        let mut tx = self.read(Scope::Team(tenant)).await?;
        let row: Option<Row> = sqlx::query_as(AssertSqlSafe(sql))
            .bind(tenant.to_string())
            .bind(value)
            .fetch_optional(&mut *tx)
            .await?;
        Ok(row.map(Row::record).transpose()?)
    }

    async fn cluster_credential(
        &self,
        tenant: TenantId,
        id: ClusterRecordId,
    ) -> Result<Option<Zeroizing<String>>, Fault> {
        let mut tx = self.read(Scope::Team(tenant)).await?;
        let sealed: Option<String> =
            sqlx::query_scalar("SELECT credential_sealed FROM clusters WHERE id = $1 AND tenant = $2")
                .bind(id.to_string())
                .bind(tenant.to_string())
                .fetch_optional(&mut *tx)
                .await?;
        let Some(sealed) = sealed else {
            return Ok(None);
        };
        let bytes = self.unseal(&place(tenant, id), &sealed)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| unreadable("a cluster's credential"))?;
        Ok(Some(Zeroizing::new(text.to_owned())))
    }

    async fn rotate_cluster(
        &self,
        record: &ClusterRecord,
        credential: &Zeroizing<String>,
        by: &str,
    ) -> Result<bool, Fault> {
        let tenant = record.tenant;
        let (key, sealed) = self.seal_value(&place(tenant, record.id), credential.as_bytes())?;
        let mut tx = self.write(Scope::Team(tenant)).await?;
        let sql = format!(
            "UPDATE clusters SET ({DESCRIBED}, {SEALED}) = ({}) WHERE id = $1 AND tenant = $2",
            rows::list(14, 0)
        );
        let done = described(sqlx::query(AssertSqlSafe(sql)), record, self.clock.now())?
            .bind(key)
            .bind(sealed)
            .execute(&mut *tx)
            .await?;
        let told = connection(record, by);
        self.told(tx, done.rows_affected(), record.tenant, "cluster-rotated", &told)
            .await
    }

    /// What is noted often is told only when it changed.
    async fn note_cluster(
        &self,
        tenant: TenantId,
        id: ClusterRecordId,
        status: ConnectionStatus,
        reason: &str,
        used: bool,
    ) -> Result<(), Fault> {
        let (now, status) = (self.now(), name_of(&status)?);
        let mut tx = self.write(Scope::Team(tenant)).await?;
        if used {
            sqlx::query("UPDATE clusters SET last_used_at = $3 WHERE id = $1 AND tenant = $2")
                .bind(id.to_string())
                .bind(tenant.to_string())
                .bind(now)
                .execute(&mut *tx)
                .await?;
        }
        let changed: Option<String> = sqlx::query_scalar(
            "UPDATE clusters SET status = $3, status_reason = $4, updated_at = $5 \
             WHERE id = $1 AND tenant = $2 AND (status <> $3 OR status_reason <> $4) RETURNING name",
        )
        .bind(id.to_string())
        .bind(tenant.to_string())
        .bind(&status)
        .bind(reason)
        .bind(now)
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(name) = changed {
            let body = serde_json::json!({ "cluster": id, "name": name, "status": status, "reason": reason });
            audit::append_act(&mut tx, tenant, now, "cluster-noted", &body).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn set_cluster_mode(
        &self,
        tenant: TenantId,
        name: &str,
        mode: Option<Mode>,
        by: &str,
    ) -> Result<bool, Fault> {
        let mut tx = self.write(Scope::Team(tenant)).await?;
        let done = sqlx::query("UPDATE clusters SET mode = $3, updated_at = $4 WHERE tenant = $1 AND name = $2")
            .bind(tenant.to_string())
            .bind(name)
            .bind(mode.map(Mode::name))
            .bind(self.now())
            .execute(&mut *tx)
            .await?;
        let body = serde_json::json!({ "name": name, "mode": mode, "by": by });
        self.told(tx, done.rows_affected(), tenant, "cluster-mode-set", &body)
            .await
    }

    async fn remove_cluster(&self, tenant: TenantId, name: &str, by: &str) -> Result<bool, Fault> {
        let mut tx = self.write(Scope::Team(tenant)).await?;
        let done = sqlx::query("DELETE FROM clusters WHERE tenant = $1 AND name = $2")
            .bind(tenant.to_string())
            .bind(name)
            .execute(&mut *tx)
            .await?;
        let body = serde_json::json!({ "name": name, "by": by });
        self.told(tx, done.rows_affected(), tenant, "cluster-removed", &body)
            .await
    }
}

/// Binds what a record says of its cluster.
fn described<'q>(
    query: Query<'q, Any, AnyArguments>,
    record: &ClusterRecord,
    updated_at: Timestamp,
) -> Result<Query<'q, Any, AnyArguments>, StoreError> {
    Ok(query
        .bind(record.id.to_string())
        .bind(record.tenant.to_string())
        .bind(name_of(&record.auth_method)?)
        .bind(record.namespace.clone())
        .bind(name_of(&record.status)?)
        .bind(record.status_reason.clone())
        .bind(record.version.clone())
        .bind(record.platform.clone())
        .bind(record.cluster.key.clone())
        .bind(to_json(&record.cluster, "the cluster")?)
        .bind(record.expires_at.map(to_millis))
        .bind(to_millis(updated_at)))
}

/// What the audit tells of a connection.
fn connection(record: &ClusterRecord, by: &str) -> serde_json::Value {
    serde_json::json!({
        "cluster": record.id, "name": record.name, "address": record.cluster.address,
        "auth-method": record.auth_method, "mode": record.mode, "expires-at": record.expires_at, "by": by,
    })
}

fn place(tenant: TenantId, cluster: ClusterRecordId) -> SealPlace<'static> {
    SealPlace {
        tenant,
        table: "clusters",
        row: cluster.to_string(),
        column: "credential",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::{SECRET, StillClock, cluster, fresh, raw};
    use dreamops_domain::fleet::AuthMethod;
    use dreamops_domain::ports::Clock;
    use std::time::Duration;

    fn record(clock: &StillClock, tenant: TenantId, name: &str) -> ClusterRecord {
        ClusterRecord {
            id: ClusterRecordId::new(clock.now()),
            tenant,
            name: name.into(),
            auth_method: AuthMethod::ServiceAccount,
            namespace: "shop".into(),
            status: ConnectionStatus::Connected,
            status_reason: String::new(),
            version: "v1.34.0".into(),
            platform: "linux/amd64".into(),
            cluster: cluster(),
            mode: Some(Mode::Approval),
            expires_at: Some(clock.now() + Duration::from_hours(1)),
            created_at: clock.now(),
            updated_at: clock.now(),
            last_used_at: None,
        }
    }

    fn secret(text: &str) -> Zeroizing<String> {
        Zeroizing::new(text.to_owned())
    }

    async fn acts(store: &SqlStore) -> Vec<String> {
        let rows = store.audit_list(TenantId::DEFAULT, None).await.unwrap();
        for row in &rows {
            assert!(!row.body.to_string().contains(SECRET), "{row:?}");
        }
        rows.into_iter().map(|row| row.event).collect()
    }

    #[tokio::test]
    async fn a_cluster_is_found_again_with_its_credential() {
        let (store, clock) = fresh().await;
        let tenant = TenantId::DEFAULT;
        let made = record(&clock, tenant, "production");
        assert!(store.add(&made, &secret(SECRET), "admin").await.unwrap());
        assert!(!store.add(&made, &secret("another"), "admin").await.unwrap());
        assert_eq!(store.cluster(tenant, "production").await.unwrap(), Some(made.clone()));
        let by_key = store.cluster_by_key(tenant, &made.cluster.key).await.unwrap();
        assert_eq!(by_key, Some(made.clone()));
        let opened = Fleet::credential(&store, tenant, made.id).await.unwrap();
        assert_eq!(opened, Some(secret(SECRET)));
        let row: String = sqlx::query_scalar("SELECT credential_sealed FROM clusters")
            .fetch_one(&raw(&store).await)
            .await
            .unwrap();
        assert!(!row.contains(SECRET));
        assert_eq!(acts(&store).await, ["cluster-added"]);
    }

    #[tokio::test]
    async fn a_rotation_replaces_credential_and_what_was_learned_at_once() {
        let (store, clock) = fresh().await;
        let tenant = TenantId::DEFAULT;
        let mut made = record(&clock, tenant, "production");
        store.add(&made, &secret("old"), "admin").await.unwrap();
        clock.advance(Duration::from_secs(1));
        made.auth_method = AuthMethod::ClientCert;
        made.version = "v1.35.0".into();
        made.expires_at = None;
        made.updated_at = clock.now();
        assert!(store.rotate(&made, &secret(SECRET), "admin").await.unwrap());
        assert_eq!(store.cluster(tenant, "production").await.unwrap(), Some(made.clone()));
        let opened = Fleet::credential(&store, tenant, made.id).await.unwrap();
        assert_eq!(opened, Some(secret(SECRET)));
        assert_eq!(acts(&store).await, ["cluster-added", "cluster-rotated"]);
    }

    #[tokio::test]
    async fn how_a_cluster_is_doing_is_told_when_it_changes() {
        let (store, clock) = fresh().await;
        let tenant = TenantId::DEFAULT;
        let made = record(&clock, tenant, "production");
        store.add(&made, &secret(SECRET), "admin").await.unwrap();
        clock.advance(Duration::from_secs(1));
        for _ in 0..2 {
            let failed = ConnectionStatus::Failed;
            store.note(tenant, made.id, failed, "refused", true).await.unwrap();
        }
        let found = store.cluster(tenant, "production").await.unwrap().unwrap();
        assert_eq!(
            (found.status, found.status_reason.as_str()),
            (ConnectionStatus::Failed, "refused")
        );
        assert_eq!(found.last_used_at, Some(clock.now()));
        assert!(store.set_mode(tenant, "production", None, "admin").await.unwrap());
        let found = store.cluster(tenant, "production").await.unwrap().unwrap();
        assert_eq!(found.mode, None);
        assert!(store.remove(tenant, "production", "admin").await.unwrap());
        assert!(!store.remove(tenant, "production", "admin").await.unwrap());
        let told = ["cluster-added", "cluster-noted", "cluster-mode-set", "cluster-removed"];
        assert_eq!(acts(&store).await, told);
    }

    #[tokio::test]
    async fn a_cluster_of_another_team_is_not_there() {
        let (store, clock) = fresh().await;
        let made = record(&clock, TenantId::DEFAULT, "production");
        store.add(&made, &secret(SECRET), "admin").await.unwrap();
        let other = TenantId::new(clock.now());
        assert_eq!(store.cluster(other, "production").await.unwrap(), None);
        assert_eq!(store.cluster_by_key(other, &made.cluster.key).await.unwrap(), None);
        assert_eq!(Fleet::credential(&store, other, made.id).await.unwrap(), None);
        let theirs = ClusterRecord {
            tenant: other,
            ..made.clone()
        };
        assert!(!store.rotate(&theirs, &secret("stolen"), "eve").await.unwrap());
        assert!(!store.set_mode(other, "production", None, "eve").await.unwrap());
        assert!(!store.remove(other, "production", "eve").await.unwrap());
        store
            .note(other, made.id, ConnectionStatus::Expired, "", true)
            .await
            .unwrap();
        assert_eq!(
            store.cluster(TenantId::DEFAULT, "production").await.unwrap(),
            Some(made.clone())
        );
        // the name is free in the other team
        let own = record(&clock, other, "production");
        assert!(store.add(&own, &secret("own"), "eve").await.unwrap());
        assert_eq!(acts(&store).await, ["cluster-added"]);
    }

    #[tokio::test]
    async fn clusters_are_listed_by_name_in_pages() {
        let (store, clock) = fresh().await;
        let tenant = TenantId::DEFAULT;
        for name in ["c", "a", "b"] {
            store
                .add(&record(&clock, tenant, name), &secret(SECRET), "admin")
                .await
                .unwrap();
        }
        let (mut names, mut after) = (Vec::new(), None);
        loop {
            let page = store.clusters(tenant, &PageRequest { limit: 2, after }).await.unwrap();
            names.extend(page.items.into_iter().map(|c| c.name));
            let Some(next) = page.next_cursor else { break };
            after = Some(next);
        }
        assert_eq!(names, ["a", "b", "c"]);
    }
}
