//! Teams and their tokens.
//!
//! The team of a program that serves a single one has the name [`DEFAULT_TENANT`], stored or not. A token is known by its SHA-256 only; a
//! revoked one stays as a row, so that the audit's references mean something, and is in no list. A token or
//! source of another team is not there: no answer tells it from one that never was.

use crate::audit;
use crate::column::{from_millis, from_name, read_id, to_millis};
use crate::error::Fault;
use crate::open::SqlStore;
use crate::page::{page_of, rows_of};
use crate::scope::Scope;
use async_trait::async_trait;
use dreamops_domain::access::{Access, Page, PageRequest, Principal, SourceRecord, TokenRecord};
use dreamops_domain::alert::Source;
use dreamops_domain::id::{SourceId, TenantId, TokenId};
use dreamops_domain::ports::StoreError;
use zeroize::Zeroizing;

/// The name of [`TenantId::DEFAULT`].
pub const DEFAULT_TENANT: &str = "default";

pub(crate) const PRINCIPAL: &str = "SELECT id, tenant, user_name, role FROM tokens \
     WHERE sha256 = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)";
pub(crate) const TOKENS: &str = "SELECT id, user_name, role, created_at, expires_at FROM tokens \
     WHERE tenant = $1 AND id < $2 AND revoked_at IS NULL ORDER BY id DESC LIMIT $3";

/// After every id, as text.
pub(crate) const LAST: &str = "g";

#[async_trait]
impl Access for SqlStore {
    async fn principal(&self, token_sha256: &str) -> Result<Option<Principal>, StoreError> {
        Ok(self.principal_of(token_sha256).await?)
    }

    async fn tenant_create(&self, name: &str, by: &str) -> Result<Option<TenantId>, StoreError> {
        Ok(self.create_tenant(name, by).await?)
    }

    async fn tenant(&self, name: &str) -> Result<Option<TenantId>, StoreError> {
        Ok(self.tenant_of(name).await?)
    }

    async fn token_create(
        &self,
        tenant: TenantId,
        token: &TokenRecord,
        token_sha256: &str,
        by: &str,
    ) -> Result<(), StoreError> {
        Ok(self.create_token(tenant, token, token_sha256, by).await?)
    }

    async fn tokens(&self, tenant: TenantId, page: &PageRequest) -> Result<Page<TokenRecord>, StoreError> {
        Ok(self.list_tokens(tenant, page).await?)
    }

    async fn token_revoke(&self, tenant: TenantId, token: TokenId, by: &str) -> Result<bool, StoreError> {
        Ok(self.revoke_token(tenant, token, by).await?)
    }

    async fn source_create(
        &self,
        source: &SourceRecord,
        secrets: &[Zeroizing<String>],
        by: &str,
    ) -> Result<bool, StoreError> {
        Ok(self.create_source(source, secrets, by).await?)
    }

    async fn sources(&self, tenant: TenantId, page: &PageRequest) -> Result<Page<SourceRecord>, StoreError> {
        Ok(self.list_sources(tenant, page).await?)
    }

    async fn source(
        &self,
        kind: Source,
        name: &str,
    ) -> Result<Option<(SourceRecord, Vec<Zeroizing<String>>)>, StoreError> {
        Ok(self.source_of(kind, name).await?)
    }

    async fn source_remove(&self, tenant: TenantId, source: SourceId, by: &str) -> Result<bool, StoreError> {
        Ok(self.remove_source(tenant, source, by).await?)
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    user_name: String,
    role: String,
    created_at: i64,
    expires_at: Option<i64>,
}

impl Row {
    fn record(self) -> Result<TokenRecord, StoreError> {
        Ok(TokenRecord {
            id: TokenId(read_id(&self.id)?),
            user: self.user_name,
            role: from_name(&self.role, "the role of a token")?,
            created_at: from_millis(self.created_at),
            expires_at: self.expires_at.map(from_millis),
        })
    }
}

impl SqlStore {
    async fn principal_of(&self, token_sha256: &str) -> Result<Option<Principal>, Fault> {
        let mut tx = self.read(Scope::Token(token_sha256)).await?;
        let found: Option<(String, String, String, String)> = sqlx::query_as(PRINCIPAL)
            .bind(token_sha256)
            .bind(self.now())
            .fetch_optional(&mut *tx)
            .await?;
        let Some((token, tenant, user, role)) = found else {
            return Ok(None);
        };
        Ok(Some(Principal {
            tenant: TenantId(read_id(&tenant)?),
            user,
            role: from_name(&role, "the role of a token")?,
            token: TokenId(read_id(&token)?),
        }))
    }

    async fn create_tenant(&self, name: &str, by: &str) -> Result<Option<TenantId>, Fault> {
        if name == DEFAULT_TENANT {
            return Ok(None);
        }
        let tenant = TenantId::new(self.clock.now());
        let mut tx = self.write(Scope::Team(tenant)).await?;
        if !self.insert_tenant(&mut tx, tenant, Some(name)).await? {
            return Ok(None);
        }
        let body = serde_json::json!({ "name": name, "by": by });
        audit::append_act(&mut tx, tenant, self.now(), "tenant-created", &body).await?;
        tx.commit().await?;
        Ok(Some(tenant))
    }

    async fn tenant_of(&self, name: &str) -> Result<Option<TenantId>, Fault> {
        if name == DEFAULT_TENANT {
            return Ok(Some(TenantId::DEFAULT));
        }
        let mut tx = self.read(Scope::Name(name)).await?;
        let found: Option<String> = sqlx::query_scalar("SELECT id FROM tenants WHERE name = $1")
            .bind(name)
            .fetch_optional(&mut *tx)
            .await?;
        Ok(found.as_deref().map(read_id).transpose()?.map(TenantId))
    }

    async fn create_token(
        &self,
        tenant: TenantId,
        token: &TokenRecord,
        token_sha256: &str,
        by: &str,
    ) -> Result<(), Fault> {
        let mut tx = self.write(Scope::Team(tenant)).await?;
        sqlx::query(
            "INSERT INTO tokens (id, tenant, user_name, role, sha256, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(token.id.to_string())
        .bind(tenant.to_string())
        .bind(&token.user)
        .bind(token.role.name())
        .bind(token_sha256)
        .bind(to_millis(token.created_at))
        .bind(token.expires_at.map(to_millis))
        .execute(&mut *tx)
        .await?;
        let body = serde_json::json!({
            "token": token.id, "user": token.user, "role": token.role, "expires-at": token.expires_at, "by": by,
        });
        audit::append_act(&mut tx, tenant, self.now(), "token-created", &body).await?;
        Ok(tx.commit().await?)
    }

    async fn list_tokens(&self, tenant: TenantId, page: &PageRequest) -> Result<Page<TokenRecord>, Fault> {
        let mut tx = self.read(Scope::Team(tenant)).await?;
        let rows: Vec<Row> = sqlx::query_as(TOKENS)
            .bind(tenant.to_string())
            .bind(page.after.as_deref().unwrap_or(LAST))
            .bind(rows_of(page))
            .fetch_all(&mut *tx)
            .await?;
        Ok(page_of(rows, page, |row| row.id.clone(), Row::record)?)
    }

    async fn revoke_token(&self, tenant: TenantId, token: TokenId, by: &str) -> Result<bool, Fault> {
        let mut tx = self.write(Scope::Team(tenant)).await?;
        let done =
            sqlx::query("UPDATE tokens SET revoked_at = $3 WHERE id = $1 AND tenant = $2 AND revoked_at IS NULL")
                .bind(token.to_string())
                .bind(tenant.to_string())
                .bind(self.now())
                .execute(&mut *tx)
                .await?;
        let body = serde_json::json!({ "token": token, "by": by });
        self.told(tx, done.rows_affected(), tenant, "token-revoked", &body)
            .await
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::SqlStore;
    use crate::testing::{StillClock, fresh};
    use dreamops_domain::access::{Access, PageRequest, Role, TokenRecord};
    use dreamops_domain::id::{TenantId, TokenId};
    use dreamops_domain::ports::Clock;
    use std::time::Duration;

    fn token(clock: &StillClock, user: &str) -> TokenRecord {
        TokenRecord {
            id: TokenId::new(clock.now()),
            user: user.into(),
            role: Role::Responder,
            created_at: clock.now(),
            expires_at: None,
        }
    }

    async fn acts(store: &SqlStore, tenant: TenantId) -> Vec<String> {
        let rows = store.audit_list(tenant, None).await.unwrap();
        rows.into_iter().map(|row| row.event).collect()
    }

    #[tokio::test]
    async fn a_token_stands_for_its_user_until_it_is_revoked() {
        let (store, clock) = fresh().await;
        let tenant = store.tenant_create("shop", "admin").await.unwrap().unwrap();
        let ann = token(&clock, "ann");
        store.token_create(tenant, &ann, "aa", "admin").await.unwrap();
        let principal = store.principal("aa").await.unwrap().unwrap();
        assert_eq!((principal.tenant, principal.token), (tenant, ann.id));
        assert_eq!((principal.user.as_str(), principal.role), ("ann", Role::Responder));
        assert!(store.principal("bb").await.unwrap().is_none());

        assert!(store.token_revoke(tenant, ann.id, "admin").await.unwrap());
        assert!(!store.token_revoke(tenant, ann.id, "admin").await.unwrap());
        assert!(store.principal("aa").await.unwrap().is_none());
        let listed = store.tokens(tenant, &PageRequest::default()).await.unwrap();
        assert!(listed.items.is_empty());
        let told = acts(&store, tenant).await;
        assert_eq!(told, ["tenant-created", "token-created", "token-revoked"]);
    }

    #[tokio::test]
    async fn a_token_ends_when_it_says() {
        let (store, clock) = fresh().await;
        let mut short = token(&clock, "ann");
        short.expires_at = Some(clock.now() + Duration::from_mins(1));
        store
            .token_create(TenantId::DEFAULT, &short, "aa", "admin")
            .await
            .unwrap();
        assert!(store.principal("aa").await.unwrap().is_some());
        clock.advance(Duration::from_mins(1));
        assert!(store.principal("aa").await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_token_of_another_team_is_not_there() {
        let (store, clock) = fresh().await;
        let mine = store.tenant_create("mine", "admin").await.unwrap().unwrap();
        let ann = token(&clock, "ann");
        store
            .token_create(TenantId::DEFAULT, &ann, "aa", "admin")
            .await
            .unwrap();
        assert!(!store.token_revoke(mine, ann.id, "eve").await.unwrap());
        assert!(store.principal("aa").await.unwrap().is_some());
        let listed = store.tokens(mine, &PageRequest::default()).await.unwrap();
        assert!(listed.items.is_empty());
        assert_eq!(acts(&store, mine).await, ["tenant-created"]);
    }

    #[tokio::test]
    async fn a_name_belongs_to_one_team() {
        let (store, _) = fresh().await;
        let shop = store.tenant_create("shop", "admin").await.unwrap();
        assert!(shop.is_some());
        assert_eq!(store.tenant_create("shop", "admin").await.unwrap(), None);
        assert_eq!(store.tenant("shop").await.unwrap(), shop);
        assert_eq!(store.tenant("other").await.unwrap(), None);
        assert_eq!(store.tenant("default").await.unwrap(), Some(TenantId::DEFAULT));
        assert_eq!(store.tenant_create("default", "admin").await.unwrap(), None);
        // its redaction key is there from the first
        let key = store.redaction_key(shop.unwrap()).await.unwrap();
        assert_eq!(key.len(), 32);
    }

    #[tokio::test]
    async fn tokens_are_listed_newest_first_in_pages() {
        let (store, clock) = fresh().await;
        let tenant = TenantId::DEFAULT;
        let mut made = Vec::new();
        for user in ["a", "b", "c"] {
            clock.advance(Duration::from_secs(1));
            let new = token(&clock, user);
            store.token_create(tenant, &new, user, "admin").await.unwrap();
            made.insert(0, new);
        }
        let page = PageRequest { limit: 2, after: None };
        let first = store.tokens(tenant, &page).await.unwrap();
        assert_eq!(first.items, made[..2]);
        let rest = PageRequest {
            limit: 2,
            after: first.next_cursor,
        };
        let last = store.tokens(tenant, &rest).await.unwrap();
        assert_eq!((last.items.as_slice(), last.next_cursor), (&made[2..], None));
    }
}
