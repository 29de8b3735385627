//! What belongs to a team as a whole: the secret under which redacted values get their handles.

use crate::error::Fault;
use crate::open::SqliteStore;
use dreamops_domain::id::TenantId;
use dreamops_domain::ports::{SealPlace, StoreError};
use zeroize::Zeroizing;

/// Bytes of a redaction key.
const KEY_BYTES: usize = 32;

impl SqliteStore {
    /// The team's secret for [`Redactor`](dreamops_domain::redact::Redactor), made on first use and stored sealed: "same
    /// value as before" stays visible from one run to the next.
    pub async fn redaction_key(&self, tenant: TenantId) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        Ok(self.redaction_key_of(tenant).await?)
    }

    async fn redaction_key_of(&self, tenant: TenantId) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let place = SealPlace {
            tenant,
            table: "tenants",
            row: tenant.to_string(),
            column: "redaction",
        };
        let mut tx = self.write().await?;
        let stored: Option<String> = sqlx::query_scalar("SELECT redaction_sealed FROM tenants WHERE id = $1")
            .bind(tenant.to_string())
            .fetch_optional(&mut *tx)
            .await?;
        if let Some(token) = stored {
            return Ok(self.unseal(&place, &token)?);
        }
        let mut key = Zeroizing::new(vec![0; KEY_BYTES]);
        getrandom::fill(&mut key)
            .map_err(|error| StoreError::Sealed(format!("the system gives no random numbers ({error})")))?;
        let (id, sealed) = self.seal(&place, &key)?;
        sqlx::query("INSERT INTO tenants (id, created_at, redaction_key, redaction_sealed) VALUES ($1, $2, $3, $4)")
            .bind(tenant.to_string())
            .bind(self.now())
            .bind(id)
            .bind(sealed)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(key)
    }
}
