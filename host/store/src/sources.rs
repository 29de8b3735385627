//! Where alerts come from, with the secrets that prove it. The secrets are stored only sealed, as one list.

use crate::access::LAST;
use crate::audit;
use crate::column::{from_millis, from_name, name_of, read_id, to_millis};
use crate::error::{Fault, unreadable};
use crate::open::SqlStore;
use crate::page::{page_of, rows_of};
use crate::scope::Scope;
use dreamops_domain::access::{Page, PageRequest, SourceRecord};
use dreamops_domain::alert::Source;
use dreamops_domain::id::{SourceId, TenantId};
use dreamops_domain::ports::{SealPlace, StoreError};
use zeroize::Zeroizing;

pub(crate) const OF_ROUTE: &str = "SELECT id, tenant, kind, name, cluster, created_at, secrets_sealed FROM sources \
     WHERE kind = $1 AND name = $2";
pub(crate) const SOURCES: &str = "SELECT id, tenant, kind, name, cluster, created_at, secrets_sealed FROM sources \
     WHERE tenant = $1 AND id < $2 ORDER BY id DESC LIMIT $3";

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    tenant: String,
    kind: String,
    name: String,
    cluster: Option<String>,
    created_at: i64,
    secrets_sealed: String,
}

impl Row {
    fn record(self) -> Result<SourceRecord, StoreError> {
        Ok(SourceRecord {
            id: SourceId(read_id(&self.id)?),
            tenant: TenantId(read_id(&self.tenant)?),
            name: self.name,
            kind: from_name(&self.kind, "the kind of a source")?,
            cluster: self.cluster,
            created_at: from_millis(self.created_at),
        })
    }
}

impl SqlStore {
    pub(crate) async fn create_source(
        &self,
        source: &SourceRecord,
        secrets: &[Zeroizing<String>],
        by: &str,
    ) -> Result<bool, Fault> {
        let bare: Vec<&str> = secrets.iter().map(|secret| secret.as_str()).collect();
        let list = serde_json::to_vec(&bare)
            .map(Zeroizing::new)
            .map_err(|_| unreadable("the secrets of a source"))?;
        let tenant = source.tenant;
        let (key, sealed) = self.seal_value(&place(tenant, source.id), &list)?;
        let mut tx = self.write(Scope::Team(tenant)).await?;
        let done = sqlx::query(
            "INSERT INTO sources (id, tenant, kind, name, cluster, secrets_key, secrets_sealed, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        )
        .bind(source.id.to_string())
        .bind(tenant.to_string())
        .bind(name_of(&source.kind)?)
        .bind(&source.name)
        .bind(&source.cluster)
        .bind(key)
        .bind(sealed)
        .bind(to_millis(source.created_at))
        .execute(&mut *tx)
        .await?;
        let body = serde_json::json!({
            "source": source.id, "kind": source.kind, "name": source.name, "cluster": source.cluster,
            "secrets": secrets.len(), "by": by,
        });
        self.told(tx, done.rows_affected(), tenant, "source-created", &body)
            .await
    }

    pub(crate) async fn list_sources(&self, tenant: TenantId, page: &PageRequest) -> Result<Page<SourceRecord>, Fault> {
        let mut tx = self.read(Scope::Team(tenant)).await?;
        let rows: Vec<Row> = sqlx::query_as(SOURCES)
            .bind(tenant.to_string())
            .bind(page.after.as_deref().unwrap_or(LAST))
            .bind(rows_of(page))
            .fetch_all(&mut *tx)
            .await?;
        Ok(page_of(rows, page, |row| row.id.clone(), Row::record)?)
    }

    pub(crate) async fn source_of(
        &self,
        kind: Source,
        name: &str,
    ) -> Result<Option<(SourceRecord, Vec<Zeroizing<String>>)>, Fault> {
        let kind = name_of(&kind)?;
        let mut tx = self.read(Scope::Route(&kind, name)).await?;
        let found: Option<Row> = sqlx::query_as(OF_ROUTE)
            .bind(&kind)
            .bind(name)
            .fetch_optional(&mut *tx)
            .await?;
        let Some(row) = found else {
            return Ok(None);
        };
        let sealed = row.secrets_sealed.clone();
        let record = row.record()?;
        let list = self.unseal(&place(record.tenant, record.id), &sealed)?;
        let secrets: Vec<String> = serde_json::from_slice(&list).map_err(|_| unreadable("the secrets of a source"))?;
        Ok(Some((record, secrets.into_iter().map(Zeroizing::new).collect())))
    }

    pub(crate) async fn remove_source(&self, tenant: TenantId, source: SourceId, by: &str) -> Result<bool, Fault> {
        let mut tx = self.write(Scope::Team(tenant)).await?;
        let name: Option<String> =
            sqlx::query_scalar("DELETE FROM sources WHERE id = $1 AND tenant = $2 RETURNING name")
                .bind(source.to_string())
                .bind(tenant.to_string())
                .fetch_optional(&mut *tx)
                .await?;
        let Some(name) = name else {
            return Ok(false);
        };
        let body = serde_json::json!({ "source": source, "name": name, "by": by });
        audit::append_act(&mut tx, tenant, self.now(), "source-removed", &body).await?;
        tx.commit().await?;
        Ok(true)
    }
}

fn place(tenant: TenantId, source: SourceId) -> SealPlace<'static> {
    SealPlace {
        tenant,
        table: "sources",
        row: source.to_string(),
        column: "secrets",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::testing::{SECRET, StillClock, fresh, raw};
    use dreamops_domain::access::{Access, PageRequest, SourceRecord};
    use dreamops_domain::alert::Source;
    use dreamops_domain::id::{SourceId, TenantId};
    use dreamops_domain::ports::{Clock, StoreError};
    use zeroize::Zeroizing;

    fn source(clock: &StillClock, tenant: TenantId, name: &str) -> SourceRecord {
        SourceRecord {
            id: SourceId::new(clock.now()),
            tenant,
            name: name.into(),
            kind: Source::PagerDuty,
            cluster: Some("production".into()),
            created_at: clock.now(),
        }
    }

    fn secrets() -> Vec<Zeroizing<String>> {
        [SECRET, "the one before"].map(|s| Zeroizing::new(s.to_owned())).into()
    }

    #[tokio::test]
    async fn a_source_is_found_by_its_route_with_its_secrets() {
        let (store, clock) = fresh().await;
        let made = source(&clock, TenantId::DEFAULT, "payments");
        assert!(store.source_create(&made, &secrets(), "admin").await.unwrap());
        let (found, opened) = store.source(Source::PagerDuty, "payments").await.unwrap().unwrap();
        assert_eq!((found, opened), (made.clone(), secrets()));
        assert!(store.source(Source::Alertmanager, "payments").await.unwrap().is_none());
        let told = store.audit_list(TenantId::DEFAULT, None).await.unwrap();
        assert_eq!(told[0].event, "source-created");
        assert!(!told[0].body.to_string().contains(SECRET));
        let row: String = sqlx::query_scalar("SELECT secrets_sealed FROM sources")
            .fetch_one(&raw(&store).await)
            .await
            .unwrap();
        assert!(!row.contains(SECRET));
    }

    #[tokio::test]
    async fn a_name_that_is_taken_is_taken_for_every_team() {
        let (store, clock) = fresh().await;
        let other = TenantId::new(clock.now());
        let first = source(&clock, TenantId::DEFAULT, "payments");
        assert!(store.source_create(&first, &secrets(), "admin").await.unwrap());
        let second = source(&clock, other, "payments");
        assert!(!store.source_create(&second, &secrets(), "eve").await.unwrap());
        assert!(
            store
                .sources(other, &PageRequest::default())
                .await
                .unwrap()
                .items
                .is_empty()
        );

        assert!(!store.source_remove(other, first.id, "eve").await.unwrap());
        let listed = store.sources(TenantId::DEFAULT, &PageRequest::default()).await.unwrap();
        assert_eq!(listed.items, std::slice::from_ref(&first));
        assert!(store.source_remove(TenantId::DEFAULT, first.id, "admin").await.unwrap());
        assert!(!store.source_remove(TenantId::DEFAULT, first.id, "admin").await.unwrap());
        assert!(store.source_create(&second, &secrets(), "eve").await.unwrap());
    }

    #[tokio::test]
    async fn secrets_that_were_moved_to_another_source_do_not_open() {
        let (store, clock) = fresh().await;
        for name in ["mine", "theirs"] {
            let made = source(&clock, TenantId::DEFAULT, name);
            store.source_create(&made, &secrets(), "admin").await.unwrap();
        }
        sqlx::query("UPDATE sources SET secrets_sealed = (SELECT secrets_sealed FROM sources WHERE name = 'theirs')")
            .execute(&raw(&store).await)
            .await
            .unwrap();
        let refusal = store.source(Source::PagerDuty, "mine").await.unwrap_err();
        assert!(matches!(refusal, StoreError::Sealed(_)), "{refusal}");
    }
}
