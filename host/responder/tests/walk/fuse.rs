//! A fuse in every port: the walk ends at a chosen call as by `kill -9`, before it or after it, without any code of ours
//! running.

use async_trait::async_trait;
use dreamops_domain::decision::{EmergencyStop, PastAction, ScopedStop, StopScope, Surroundings};
use dreamops_domain::event::TimelineEntry;
use dreamops_domain::finding::{Assessment, Finding, Verdict};
use dreamops_domain::id::{EntryId, IncidentId, TenantId};
use dreamops_domain::incident::{ClusterId, Incident};
use dreamops_domain::journal::{JournalEntry, WriteOutcome};
use dreamops_domain::manifest::StrategyInfo;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::plan::{Plan, Step};
use dreamops_domain::ports::{
    ActError, CallContext, CallError, ClusterRead, ClusterWrite, Correlated, Execution, IncidentFilter, Lease, Store,
    StoreError, Strategies,
};
use dreamops_domain::read::{Health, ReadError, ReadRequest, ReadResponse, Scope};
use dreamops_domain::rehearsal::{Rehearsal, Write};
use dreamops_domain::time::Timestamp;
use dreamops_responder::Ports;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

/// A fuse that holds.
pub const NEVER: usize = usize::MAX;

pub struct Fuse {
    left: AtomicUsize,
    named: Mutex<Option<&'static str>>,
    blown: Notify,
    /// The call at which it blew.
    pub at: Mutex<String>,
}

impl Fuse {
    /// Blows at point number `left`; each call has one before and one after it.
    pub fn new(left: usize) -> Arc<Self> {
        Arc::new(Self {
            left: AtomicUsize::new(left),
            named: Mutex::default(),
            blown: Notify::new(),
            at: Mutex::default(),
        })
    }

    /// Blows before the next call of that name.
    pub fn blow_in(&self, name: &'static str) {
        *self.named.lock().unwrap() = Some(name);
    }

    /// Runs work; `None` if the fuse ended it.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = self.blown.notified() => None,
        }
    }

    async fn point(&self, name: &str) {
        let named = self.named.lock().unwrap().is_some_and(|n| n == name);
        if named || self.left.fetch_sub(1, Ordering::SeqCst) == 0 {
            name.clone_into(&mut self.at.lock().unwrap());
            self.blown.notify_one();
            std::future::pending::<()>().await;
        }
    }

    async fn call<T>(&self, name: &str, call: impl Future<Output = T>) -> T {
        self.point(name).await;
        let answer = call.await;
        self.point(&format!("after {name}")).await;
        answer
    }
}

/// The same ports, each call through the fuse.
pub fn ports(ports: Ports, fuse: &Arc<Fuse>) -> Ports {
    Ports {
        store: Arc::new(Fused(ports.store, Arc::clone(fuse))),
        reads: Arc::new(Fused(ports.reads, Arc::clone(fuse))),
        writes: Arc::new(Fused(ports.writes, Arc::clone(fuse))),
        strategies: Arc::new(Fused(ports.strategies, Arc::clone(fuse))),
        ..ports
    }
}

struct Fused<P: ?Sized>(Arc<P>, Arc<Fuse>);

#[async_trait]
impl ClusterRead for Fused<dyn ClusterRead> {
    async fn read(&self, scope: &Scope, request: ReadRequest) -> Result<ReadResponse, ReadError> {
        self.1.call("read", self.0.read(scope, request)).await
    }
}

#[async_trait]
impl ClusterWrite for Fused<dyn ClusterWrite> {
    async fn rehearse(&self, scope: &Scope, step: &Step) -> Result<Rehearsal, ActError> {
        self.1.call("rehearse", self.0.rehearse(scope, step)).await
    }
    async fn apply(&self, scope: &Scope, write: &Write) -> Result<WriteOutcome, ActError> {
        self.1.call("apply", self.0.apply(scope, write)).await
    }
    async fn settle(&self, scope: &Scope, write: &Write) -> Result<Option<WriteOutcome>, ActError> {
        self.1.call("settle", self.0.settle(scope, write)).await
    }
    async fn obstacle(&self, scope: &Scope, write: &Write) -> Result<Option<String>, ActError> {
        self.1.call("obstacle", self.0.obstacle(scope, write)).await
    }
    fn inverse(&self, done: &Write, outcome: &WriteOutcome) -> Option<Write> {
        self.0.inverse(done, outcome)
    }
    async fn breach(&self, scope: &Scope, write: &Write) -> Result<Option<String>, ActError> {
        self.1.call("breach", self.0.breach(scope, write)).await
    }
    async fn health(&self, scope: &Scope, object: &ObjectRef) -> Result<Health, ReadError> {
        self.1.call("health", self.0.health(scope, object)).await
    }
}

#[async_trait]
impl Strategies for Fused<dyn Strategies> {
    fn installed(&self) -> Vec<StrategyInfo> {
        self.0.installed()
    }
    fn confidence_cap(&self, digest: &str) -> f64 {
        self.0.confidence_cap(digest)
    }
    fn file(&self, digest: &str) -> Option<Arc<[u8]>> {
        self.0.file(digest)
    }
    fn at_hand(&self, digest: &str) -> bool {
        self.0.at_hand(digest)
    }
    async fn revive(&self, bytes: Vec<u8>) -> Result<StrategyInfo, CallError> {
        self.1.call("revive", self.0.revive(bytes)).await
    }
    async fn assess(&self, digest: &str, context: &CallContext) -> Result<Assessment, CallError> {
        self.1.call("assess", self.0.assess(digest, context)).await
    }
    async fn diagnose(&self, digest: &str, context: &CallContext) -> Result<Finding, CallError> {
        self.1.call("diagnose", self.0.diagnose(digest, context)).await
    }
    async fn plan(&self, digest: &str, context: &CallContext, finding: &Finding) -> Result<Plan, CallError> {
        self.1.call("plan", self.0.plan(digest, context, finding)).await
    }
    async fn verify(&self, digest: &str, context: &CallContext, execution: &Execution) -> Result<Verdict, CallError> {
        self.1.call("verify", self.0.verify(digest, context, execution)).await
    }
}

#[async_trait]
impl Store for Fused<dyn Store> {
    async fn create(&self, incident: &Incident, delivery_key: &str) -> Result<(), StoreError> {
        self.1.call("create", self.0.create(incident, delivery_key)).await
    }
    async fn lease(&self, incident: IncidentId, worker: &str, ttl: Duration) -> Result<Lease, StoreError> {
        self.1.call("lease", self.0.lease(incident, worker, ttl)).await
    }
    async fn heartbeat(&self, lease: &Lease, ttl: Duration) -> Result<(), StoreError> {
        self.1.call("heartbeat", self.0.heartbeat(lease, ttl)).await
    }
    async fn release(&self, lease: Lease) -> Result<(), StoreError> {
        self.1.call("release", self.0.release(lease)).await
    }
    async fn correlate(&self, lease: &Lease, incident: &Incident, owner: &ObjectRef) -> Result<Correlated, StoreError> {
        self.1.call("correlate", self.0.correlate(lease, incident, owner)).await
    }
    async fn save(&self, lease: &Lease, incident: &Incident, events: &[TimelineEntry]) -> Result<(), StoreError> {
        self.1.call("save", self.0.save(lease, incident, events)).await
    }
    async fn load(&self, tenant: TenantId, incident: IncidentId) -> Result<Incident, StoreError> {
        self.1.call("load", self.0.load(tenant, incident)).await
    }
    async fn list(&self, tenant: TenantId, filter: &IncidentFilter) -> Result<Vec<Incident>, StoreError> {
        self.1.call("list", self.0.list(tenant, filter)).await
    }
    async fn history(
        &self,
        tenant: TenantId,
        cluster: &ClusterId,
        owner: &ObjectRef,
        since: Timestamp,
    ) -> Result<Vec<PastAction>, StoreError> {
        self.1
            .call("history", self.0.history(tenant, cluster, owner, since))
            .await
    }
    async fn surroundings(
        &self,
        tenant: TenantId,
        cluster: &ClusterId,
        strategy: &str,
        now: Timestamp,
    ) -> Result<Surroundings, StoreError> {
        self.1
            .call("surroundings", self.0.surroundings(tenant, cluster, strategy, now))
            .await
    }
    async fn journal_plan(&self, lease: &Lease, entries: &[JournalEntry]) -> Result<(), StoreError> {
        self.1.call("journal_plan", self.0.journal_plan(lease, entries)).await
    }
    async fn journal_start(
        &self,
        lease: &Lease,
        entry: EntryId,
        now: Timestamp,
        person: bool,
    ) -> Result<(), StoreError> {
        self.1
            .call("journal_start", self.0.journal_start(lease, entry, now, person))
            .await
    }
    async fn journal_finish(
        &self,
        lease: &Lease,
        entry: EntryId,
        outcome: &WriteOutcome,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.1
            .call("journal_finish", self.0.journal_finish(lease, entry, outcome, now))
            .await
    }
    async fn journal(&self, tenant: TenantId, incident: IncidentId) -> Result<Vec<JournalEntry>, StoreError> {
        self.1.call("journal", self.0.journal(tenant, incident)).await
    }
    async fn pin(&self, lease: &Lease, digest: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.1.call("pin", self.0.pin(lease, digest, bytes)).await
    }
    async fn pinned(&self, digest: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.1.call("pinned", self.0.pinned(digest)).await
    }
    async fn emergency_stop(&self) -> Result<Option<EmergencyStop>, StoreError> {
        self.1.call("emergency_stop", self.0.emergency_stop()).await
    }
    async fn set_emergency_stop(&self, stop: Option<EmergencyStop>) -> Result<(), StoreError> {
        self.1.call("set_emergency_stop", self.0.set_emergency_stop(stop)).await
    }
    async fn stop_over(&self, tenant: TenantId, cluster_key: &str) -> Result<Option<ScopedStop>, StoreError> {
        self.1.call("stop_over", self.0.stop_over(tenant, cluster_key)).await
    }
    async fn stops(&self, tenant: TenantId) -> Result<Vec<ScopedStop>, StoreError> {
        self.1.call("stops", self.0.stops(tenant)).await
    }
    async fn pull_stop(&self, stop: &ScopedStop) -> Result<bool, StoreError> {
        self.1.call("pull_stop", self.0.pull_stop(stop)).await
    }
    async fn release_stop(&self, scope: &StopScope, by: &str) -> Result<bool, StoreError> {
        self.1.call("release_stop", self.0.release_stop(scope, by)).await
    }
}
