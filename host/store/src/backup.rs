//! A copy of the database while it is in use.
//!
//! `PostgreSQL` brings its own: see this crate's README. The keys are in neither.

use crate::error::Fault;
use crate::open::{SqlStore, private_file};
use crate::scope::Dialect;
use dreamops_domain::ports::StoreError;
use std::path::Path;

impl SqlStore {
    /// Writes the `SQLite` database as it is at this moment to a new private file. Nobody who writes waits for it.
    pub async fn backup_to(&self, path: &Path) -> Result<(), StoreError> {
        Ok(self.vacuum_into(path).await?)
    }

    async fn vacuum_into(&self, path: &Path) -> Result<(), Fault> {
        if self.dialect == Dialect::Postgres {
            let why = "it is PostgreSQL, which pg_dump copies";
            return Err(StoreError::Database(why.to_owned()).into());
        }
        let said = |why: String| StoreError::Database(format!("no copy was made in {}: {why}", path.display()));
        if path.exists() {
            return Err(said("there is a file already; choose a new one".to_owned()).into());
        }
        // the database takes an empty file, which thus is private from its first byte
        private_file(path).map_err(|error| said(error.to_string()))?;
        let place = path.to_str().ok_or_else(|| said("its name is no text".to_owned()))?;
        sqlx::query("VACUUM INTO $1").bind(place).execute(&self.pool).await?;
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::testing::{StillClock, TTL, incident};
    use crate::{OpenError, SqlStore};
    use dreamops_domain::audit::Audit;
    use dreamops_domain::id::TenantId;
    use dreamops_domain::intake::Queue;
    use dreamops_domain::phase::Phase;
    use dreamops_domain::ports::{Clock, Store, StoreError};
    use dreamops_vault::Keyring;
    use std::sync::Arc;

    fn keys() -> Arc<Keyring> {
        Arc::new(Keyring::parse(Keyring::generate().expose()).unwrap())
    }

    #[tokio::test]
    async fn a_copy_goes_on_where_it_was_made_with_the_keys_and_not_without() {
        let folder = tempfile::tempdir().unwrap();
        let (clock, ring) = (StillClock::new(), keys());
        let open = async |name: &str, keys: Arc<Keyring>| {
            let clock = Arc::clone(&clock) as Arc<dyn Clock>;
            let store = SqlStore::open(&folder.path().join(name), Arc::clone(&keys) as _, clock).await;
            store.map(|store| store.with_signer(keys))
        };
        let store = open("dreamops.db", Arc::clone(&ring)).await.unwrap();
        let before = incident(&clock, "before");
        store.create(&before, "before").await.unwrap();
        let redaction = store.redaction_key(TenantId::DEFAULT).await.unwrap();
        store.seal(100).await.unwrap();
        let copy = folder.path().join("copies/dreamops.db");
        store.backup_to(&copy).await.unwrap();
        assert!(
            store
                .backup_to(&copy)
                .await
                .unwrap_err()
                .to_string()
                .contains("a file already")
        );
        let after = incident(&clock, "after");
        store.create(&after, "after").await.unwrap();
        store.close().await;

        let wrong = open("copies/dreamops.db", keys()).await;
        assert!(matches!(wrong, Err(OpenError::WrongKey { .. })));
        let restored = open("copies/dreamops.db", ring).await.unwrap();
        assert_eq!(restored.redaction_key(TenantId::DEFAULT).await.unwrap(), redaction);
        let gone = restored.load(TenantId::DEFAULT, after.id).await;
        assert!(matches!(gone, Err(StoreError::NoSuchIncident(_))));
        // the work goes on, and so does the chain
        let claimed = restored.claim("worker", TTL, 9).await.unwrap().remove(0);
        assert_eq!(claimed.lease.incident, before.id);
        let mut one = restored.load(TenantId::DEFAULT, before.id).await.unwrap();
        one.phase = Phase::NoAction;
        restored.save(&claimed.lease, &one, &[]).await.unwrap();
        restored.create(&incident(&clock, "later"), "later").await.unwrap();
        restored.seal(100).await.unwrap();
        let found = restored.verify(TenantId::DEFAULT, None).await.unwrap();
        assert_eq!((found.checked, found.problems.len()), (2, 0));
    }
}
