//! The ports of the domain, on this store. Each method is one transaction; its rules are in the module that it calls.

use crate::open::SqlStore;
use async_trait::async_trait;
use dreamops_domain::decision::{EmergencyStop, PastAction, ScopedStop, StopScope, Surroundings};
use dreamops_domain::event::TimelineEntry;
use dreamops_domain::id::{EntryId, IncidentId, TenantId};
use dreamops_domain::incident::{ClusterId, Incident};
use dreamops_domain::journal::{JournalEntry, WriteOutcome};
use dreamops_domain::object::ObjectRef;
use dreamops_domain::ports::{
    Correlated, IncidentFilter, Lease, RegistryCredential, RegistryCredentials, Store, StoreError,
};
use dreamops_domain::time::Timestamp;
use std::time::Duration;

#[async_trait]
impl Store for SqlStore {
    async fn create(&self, incident: &Incident, delivery_key: &str) -> Result<(), StoreError> {
        Ok(self.create_incident(incident, delivery_key).await?)
    }

    async fn lease(&self, incident: IncidentId, worker: &str, ttl: Duration) -> Result<Lease, StoreError> {
        Ok(self.take_lease(incident, worker, ttl).await?)
    }

    async fn heartbeat(&self, lease: &Lease, ttl: Duration) -> Result<(), StoreError> {
        Ok(self.extend_lease(lease, ttl).await?)
    }

    async fn release(&self, lease: Lease) -> Result<(), StoreError> {
        Ok(self.give_lease_back(&lease).await?)
    }

    async fn correlate(&self, lease: &Lease, incident: &Incident, owner: &ObjectRef) -> Result<Correlated, StoreError> {
        Ok(self.correlate_incident(lease, incident, owner).await?)
    }

    async fn save(&self, lease: &Lease, incident: &Incident, events: &[TimelineEntry]) -> Result<(), StoreError> {
        Ok(self.save_incident(lease, incident, events).await?)
    }

    async fn load(&self, tenant: TenantId, incident: IncidentId) -> Result<Incident, StoreError> {
        Ok(self.load_incident(tenant, incident).await?)
    }

    async fn list(&self, tenant: TenantId, filter: &IncidentFilter) -> Result<Vec<Incident>, StoreError> {
        Ok(self.list_incidents(tenant, filter).await?)
    }

    async fn history(
        &self,
        tenant: TenantId,
        cluster: &ClusterId,
        owner: &ObjectRef,
        since: Timestamp,
    ) -> Result<Vec<PastAction>, StoreError> {
        Ok(self.past_actions(tenant, cluster, owner, since).await?)
    }

    async fn surroundings(
        &self,
        tenant: TenantId,
        cluster: &ClusterId,
        strategy: &str,
        now: Timestamp,
    ) -> Result<Surroundings, StoreError> {
        Ok(self.surroundings_of(tenant, cluster, strategy, now).await?)
    }

    async fn journal_plan(&self, lease: &Lease, entries: &[JournalEntry]) -> Result<(), StoreError> {
        Ok(self.plan_entries(lease, entries).await?)
    }

    async fn journal_start(
        &self,
        lease: &Lease,
        entry: EntryId,
        now: Timestamp,
        by_person: bool,
    ) -> Result<(), StoreError> {
        Ok(self.start_entry(lease, entry, now, by_person).await?)
    }

    async fn journal_finish(
        &self,
        lease: &Lease,
        entry: EntryId,
        outcome: &WriteOutcome,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        Ok(self.finish_entry(lease, entry, outcome, now).await?)
    }

    async fn journal(&self, tenant: TenantId, incident: IncidentId) -> Result<Vec<JournalEntry>, StoreError> {
        Ok(self.journal_of(tenant, incident).await?)
    }

    async fn pin(&self, lease: &Lease, digest: &str, bytes: &[u8]) -> Result<(), StoreError> {
        Ok(self.pin_component(lease, digest, bytes).await?)
    }

    async fn pinned(&self, digest: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.pinned_component(digest).await?)
    }

    async fn emergency_stop(&self) -> Result<Option<EmergencyStop>, StoreError> {
        Ok(self.stop_everywhere().await?)
    }

    async fn set_emergency_stop(&self, stop: Option<EmergencyStop>) -> Result<(), StoreError> {
        match stop {
            Some(stop) => {
                let scope = StopScope::Everywhere;
                self.pull(&ScopedStop { scope, stop }).await?;
            }
            None => {
                self.release_scope(&StopScope::Everywhere, "host").await?;
            }
        }
        Ok(())
    }

    async fn stop_over(&self, tenant: TenantId, cluster_key: &str) -> Result<Option<ScopedStop>, StoreError> {
        Ok(self.stop_over_cluster(tenant, cluster_key).await?)
    }

    async fn stops(&self, tenant: TenantId) -> Result<Vec<ScopedStop>, StoreError> {
        Ok(self.stops_of(tenant).await?)
    }

    async fn pull_stop(&self, stop: &ScopedStop) -> Result<bool, StoreError> {
        Ok(self.pull(stop).await?)
    }

    async fn release_stop(&self, scope: &StopScope, by: &str) -> Result<bool, StoreError> {
        Ok(self.release_scope(scope, by).await?)
    }
}

#[async_trait]
impl RegistryCredentials for SqlStore {
    async fn credential(&self, registry: &str, namespace: &str) -> Result<Option<RegistryCredential>, StoreError> {
        Ok(self.credential_for(TenantId::DEFAULT, registry, namespace).await?)
    }
}

/// The pull credentials of one team, and of no other.
pub struct TenantCredentials {
    /// Where they are.
    pub store: SqlStore,
    /// Whose they are.
    pub tenant: TenantId,
}

#[async_trait]
impl RegistryCredentials for TenantCredentials {
    async fn credential(&self, registry: &str, namespace: &str) -> Result<Option<RegistryCredential>, StoreError> {
        Ok(self.store.credential_for(self.tenant, registry, namespace).await?)
    }
}
