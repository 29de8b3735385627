//! What belongs to a team as a whole: the secret under which redacted values get their handles.

use crate::error::Fault;
use crate::open::SqlStore;
use crate::scope::Scope;
use dreamops_domain::id::TenantId;
use dreamops_domain::ports::{SealPlace, StoreError};
use sqlx::AnyConnection;
use zeroize::Zeroizing;

/// Bytes of a redaction key.
const KEY_BYTES: usize = 32;

const REDACTION: &str = "SELECT redaction_sealed FROM tenants WHERE id = $1";

impl SqlStore {
    /// The team's secret for [`Redactor`](dreamops_domain::redact::Redactor), made on first use and stored sealed: "same
    /// value as before" stays visible from one run to the next.
    pub async fn redaction_key(&self, tenant: TenantId) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        Ok(self.redaction_key_of(tenant).await?)
    }

    async fn redaction_key_of(&self, tenant: TenantId) -> Result<Zeroizing<Vec<u8>>, Fault> {
        // asked with each delivery: whoever only reads does not queue up with those who write
        let mut tx = self.read(Scope::Team(tenant)).await?;
        let stored: Option<String> = sqlx::query_scalar(REDACTION)
            .bind(tenant.to_string())
            .fetch_optional(&mut *tx)
            .await?;
        drop(tx);
        if let Some(token) = stored {
            return Ok(self.unseal(&place(tenant), &token)?);
        }
        let mut tx = self.write(Scope::Team(tenant)).await?;
        self.insert_tenant(&mut tx, tenant, None).await?;
        let token: String = sqlx::query_scalar(REDACTION)
            .bind(tenant.to_string())
            .fetch_one(&mut *tx)
            .await?;
        let key = self.unseal(&place(tenant), &token)?;
        tx.commit().await?;
        Ok(key)
    }

    /// Stores a team with a new secret of its own; false where it, or one of that name, is stored already.
    pub(crate) async fn insert_tenant(
        &self,
        conn: &mut AnyConnection,
        tenant: TenantId,
        name: Option<&str>,
    ) -> Result<bool, Fault> {
        let mut key = Zeroizing::new(vec![0; KEY_BYTES]);
        getrandom::fill(&mut key)
            .map_err(|error| StoreError::Sealed(format!("the system gives no random numbers ({error})")))?;
        let (id, sealed) = self.seal_value(&place(tenant), &key)?;
        let done = sqlx::query(
            "INSERT INTO tenants (id, name, created_at, redaction_key, redaction_sealed) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT DO NOTHING",
        )
        .bind(tenant.to_string())
        .bind(name)
        .bind(self.now())
        .bind(id)
        .bind(sealed)
        .execute(conn)
        .await?;
        Ok(done.rows_affected() > 0)
    }
}

fn place(tenant: TenantId) -> SealPlace<'static> {
    SealPlace {
        tenant,
        table: "tenants",
        row: tenant.to_string(),
        column: "redaction",
    }
}
