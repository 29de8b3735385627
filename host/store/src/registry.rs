//! Pull credentials that an operator gave, for `set-pull-secret`.
//!
//! | given as registry | kept as |
//! | --- | --- |
//! | `ghcr.io`, `GHCR.io/`, `https://ghcr.io/v2/` | `ghcr.io` |
//! | `registry.local:5000` | `registry.local:5000` |
//! | `docker.io`, `index.docker.io`, `registry-1.docker.io`, `https://index.docker.io/v1/` | `docker.io` |
//!
//! A credential is for one namespace or, without one, for all; the one for the namespace goes first. Passwords are stored only sealed.

use crate::audit;
use crate::column::from_millis;
use crate::error::{Fault, unreadable};
use crate::open::SqlStore;
use crate::scope::Scope;
use dreamops_domain::id::{AlertId, TenantId};
use dreamops_domain::ports::{RegistryCredential, SealPlace, StoreError};
use dreamops_domain::time::Timestamp;
use serde::Serialize;
use sqlx::{Any, Transaction};
use zeroize::Zeroizing;

/// A stored credential, as lists show it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CredentialEntry {
    /// The registry's host.
    pub registry: String,
    /// The namespace it may be used in; `None` for every one.
    pub namespace: Option<String>,
    /// The user.
    pub username: String,
    /// When it was given.
    pub created_at: Timestamp,
}

/// The registry's host as image names write it.
pub fn registry_host(text: &str) -> String {
    let text = text.trim();
    let bare = text.split_once("://").map_or(text, |(_, rest)| rest);
    let host = bare.split('/').next().unwrap_or_default();
    match host.to_ascii_lowercase().as_str() {
        "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => "docker.io".to_owned(),
        host => host.to_owned(),
    }
}

impl SqlStore {
    /// Stores a credential for a namespace, or for all. True if it took the place of an earlier one.
    pub async fn credential_add(
        &self,
        tenant: TenantId,
        credential: &RegistryCredential,
        namespace: Option<&str>,
    ) -> Result<bool, StoreError> {
        Ok(self.add_credential(tenant, credential, namespace).await?)
    }

    /// The credentials, without their passwords.
    pub async fn credential_list(&self, tenant: TenantId) -> Result<Vec<CredentialEntry>, StoreError> {
        Ok(self.list_credentials(tenant).await?)
    }

    /// Removes a credential. False if there was none.
    pub async fn credential_remove(
        &self,
        tenant: TenantId,
        registry: &str,
        namespace: Option<&str>,
    ) -> Result<bool, StoreError> {
        Ok(self.remove_credential(tenant, registry, namespace).await?)
    }

    async fn add_credential(
        &self,
        tenant: TenantId,
        credential: &RegistryCredential,
        namespace: Option<&str>,
    ) -> Result<bool, Fault> {
        let now = self.clock.now();
        let registry = registry_host(&credential.registry);
        let mut tx = self.write(Scope::Team(tenant)).await?;
        let replaced = forget(&mut tx, tenant, &registry, namespace).await?;
        let id = AlertId::new(now).to_string();
        let (key, sealed) = self.seal_value(&place(tenant, &id), credential.password.as_bytes())?;
        sqlx::query(
            "INSERT INTO registry_credentials (id, tenant, registry, namespace, username, password_key, password_sealed, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(&id)
        .bind(tenant.to_string())
        .bind(&registry)
        .bind(namespace.unwrap_or_default())
        .bind(&credential.username)
        .bind(key)
        .bind(sealed)
        .bind(self.now())
        .execute(&mut *tx)
        .await?;
        let body = serde_json::json!({ "registry": registry, "namespace": namespace });
        audit::append_act(&mut tx, tenant, self.now(), "registry-credential-added", &body).await?;
        tx.commit().await?;
        Ok(replaced)
    }

    async fn list_credentials(&self, tenant: TenantId) -> Result<Vec<CredentialEntry>, Fault> {
        let mut tx = self.read(Scope::Team(tenant)).await?;
        let rows: Vec<(String, String, String, i64)> = sqlx::query_as(
            "SELECT registry, namespace, username, created_at FROM registry_credentials \
             WHERE tenant = $1 ORDER BY registry, namespace",
        )
        .bind(tenant.to_string())
        .fetch_all(&mut *tx)
        .await?;
        let entries = rows
            .into_iter()
            .map(|(registry, namespace, username, created_at)| CredentialEntry {
                registry,
                namespace: (!namespace.is_empty()).then_some(namespace),
                username,
                created_at: from_millis(created_at),
            });
        Ok(entries.collect())
    }

    async fn remove_credential(
        &self,
        tenant: TenantId,
        registry: &str,
        namespace: Option<&str>,
    ) -> Result<bool, Fault> {
        let registry = registry_host(registry);
        let mut tx = self.write(Scope::Team(tenant)).await?;
        let removed = forget(&mut tx, tenant, &registry, namespace).await?;
        let body = serde_json::json!({ "registry": registry, "namespace": namespace });
        self.told(tx, u64::from(removed), tenant, "registry-credential-removed", &body)
            .await
    }

    pub(crate) async fn credential_for(
        &self,
        tenant: TenantId,
        registry: &str,
        namespace: &str,
    ) -> Result<Option<RegistryCredential>, Fault> {
        let registry = registry_host(registry);
        let mut tx = self.read(Scope::Team(tenant)).await?;
        let found: Option<(String, String, String)> = sqlx::query_as(
            "SELECT id, username, password_sealed FROM registry_credentials \
             WHERE tenant = $1 AND registry = $2 AND namespace IN ($3, '') ORDER BY namespace DESC LIMIT 1",
        )
        .bind(tenant.to_string())
        .bind(&registry)
        .bind(namespace)
        .fetch_optional(&mut *tx)
        .await?;
        let Some((id, username, sealed)) = found else {
            return Ok(None);
        };
        let bytes = self.unseal(&place(tenant, &id), &sealed)?;
        let password = std::str::from_utf8(&bytes).map_err(|_| unreadable("a password"))?;
        Ok(Some(RegistryCredential {
            registry,
            username,
            password: Zeroizing::new(password.to_owned()),
        }))
    }
}

/// Removes the credential for a namespace, or the one for all. False if there was none.
async fn forget(
    tx: &mut Transaction<'_, Any>,
    tenant: TenantId,
    registry: &str,
    namespace: Option<&str>,
) -> Result<bool, Fault> {
    let done = sqlx::query("DELETE FROM registry_credentials WHERE tenant = $1 AND registry = $2 AND namespace = $3")
        .bind(tenant.to_string())
        .bind(registry)
        .bind(namespace.unwrap_or_default())
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

fn place(tenant: TenantId, id: &str) -> SealPlace<'static> {
    SealPlace {
        tenant,
        table: "registry_credentials",
        row: id.to_owned(),
        column: "password",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::registry_host;
    use crate::testing::{SECRET, fresh};
    use dreamops_domain::id::TenantId;
    use dreamops_domain::ports::{RegistryCredential, RegistryCredentials};
    use zeroize::Zeroizing;

    #[test]
    fn a_registry_has_one_name_however_it_is_written() {
        for (written, host) in [
            ("ghcr.io", "ghcr.io"),
            (" GHCR.io/ ", "ghcr.io"),
            ("https://ghcr.io/v2/", "ghcr.io"),
            ("registry.local:5000", "registry.local:5000"),
            ("https://index.docker.io/v1/", "docker.io"),
            ("registry-1.docker.io", "docker.io"),
            ("docker.io/library", "docker.io"),
        ] {
            assert_eq!(registry_host(written), host, "{written}");
        }
    }

    fn credential(username: &str, password: &str) -> RegistryCredential {
        RegistryCredential {
            registry: "ghcr.io".into(),
            username: username.into(),
            password: Zeroizing::new(password.into()),
        }
    }

    #[tokio::test]
    async fn the_credential_of_the_namespace_goes_before_the_one_for_all() {
        let (store, _) = fresh().await;
        let tenant = TenantId::DEFAULT;
        assert!(store.credential("ghcr.io", "shop").await.unwrap().is_none());
        let (all, shop) = (credential("all", "one"), credential("shop", SECRET));
        assert!(!store.credential_add(tenant, &all, None).await.unwrap());
        assert!(!store.credential_add(tenant, &shop, Some("shop")).await.unwrap());
        let found = store.credential("GHCR.io", "shop").await.unwrap().unwrap();
        assert_eq!((found.username.as_str(), found.password.as_str()), ("shop", SECRET));
        let found = store.credential("ghcr.io", "other").await.unwrap().unwrap();
        assert_eq!(found.username, "all");
        assert!(store.credential("quay.io", "shop").await.unwrap().is_none());

        let listed = store.credential_list(tenant).await.unwrap();
        let places: Vec<_> = listed.iter().map(|c| c.namespace.as_deref()).collect();
        assert_eq!(places, [None, Some("shop")]);
        assert!(store.credential_remove(tenant, "ghcr.io", Some("shop")).await.unwrap());
        assert!(!store.credential_remove(tenant, "ghcr.io", Some("shop")).await.unwrap());
        let found = store.credential("ghcr.io", "shop").await.unwrap().unwrap();
        assert_eq!(found.username, "all");
    }

    #[tokio::test]
    async fn a_new_password_takes_the_place_of_the_old() {
        let (store, _) = fresh().await;
        let tenant = TenantId::DEFAULT;
        for (password, replaced) in [("old", false), ("new", true)] {
            let given = credential("user", password);
            assert_eq!(store.credential_add(tenant, &given, None).await.unwrap(), replaced);
        }
        let found = store.credential("ghcr.io", "any").await.unwrap().unwrap();
        assert_eq!(found.password.as_str(), "new");
        assert_eq!(store.credential_list(tenant).await.unwrap().len(), 1);
    }
}
