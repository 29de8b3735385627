//! The workers: take due incidents from the queue, walk them on their clusters, and carry a person's word to them.
//!
//! | part | what it does |
//! | --- | --- |
//! | [`Engine::run`] | claims and walks, as many at a time as [`Settings::workers`] says, until it is told to stop |
//! | [`Engine`] as [`Desk`] | records a person's word under a short lease; the walk that follows is a worker's |
//! | [`Engine::seal`] | gives committed audit events their places in the chain |
//!
//! Promises: an incident is worked on by one worker at a time, also with several processes on one store; what is broken off at
//! the end is given back, so that another process goes on at once; an incident whose cluster cannot be reached is tried
//! again, and one whose cluster is not registered is a person's.

use crate::ports::{Desk, DeskError};
use async_trait::async_trait;
use dreamops_domain::audit::Audit;
use dreamops_domain::id::{IncidentId, TenantId};
use dreamops_domain::incident::{ClusterId, Incident};
use dreamops_domain::intake::{Claimed, Queue};
use dreamops_domain::ports::{Clock, Lease, Store, StoreError};
use dreamops_responder::{RespondError, Responder};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

/// Why there is no responder for a cluster.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoResponder {
    /// The tenant has no such cluster, or took its credential away: a person has to connect it.
    #[error("{0}")]
    Unknown(String),
    /// It does not answer now.
    #[error("{0}")]
    Unreachable(String),
}

/// Makes responders for the clusters that tenants connected.
#[async_trait]
pub trait Responders: Send + Sync {
    /// A responder on the tenant's cluster with this identity, by that cluster's own credential and no other.
    async fn on(&self, tenant: TenantId, cluster: &ClusterId) -> Result<Responder, NoResponder>;
    /// A responder that can record and close, and that no cluster answers.
    fn offline(&self, tenant: TenantId, cluster: &ClusterId) -> Responder;
}

/// How the workers work.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who holds the leases.
    pub worker: String,
    /// How many incidents are worked on at the same time.
    pub workers: usize,
    /// How long a claim holds without a sign of life.
    pub lease: Duration,
}

/// How often the queue is looked at where nobody said that there is something new.
const POLL: Duration = Duration::from_secs(2);
/// How often events are sealed.
const SEAL: Duration = Duration::from_millis(500);
/// How many events are sealed in one transaction.
const SEALED_AT_ONCE: u32 = 500;
/// How long work at hand may go on after the server was told to stop.
pub const GRACE: Duration = Duration::from_secs(15);
/// After how long a cluster that did not answer is tried again.
const AGAIN: Duration = Duration::from_secs(15);
/// How long a cluster may stay away before an incident on it is a person's.
const PATIENCE: Duration = Duration::from_mins(10);
/// How long a person's word waits for a worker that has the incident.
const TURN: Duration = Duration::from_secs(5);
/// How often it asks.
const ASK: Duration = Duration::from_millis(100);

/// The workers of one process.
pub struct Engine {
    store: Arc<dyn Store>,
    queue: Arc<dyn Queue>,
    audit: Arc<dyn Audit>,
    clock: Arc<dyn Clock>,
    responders: Arc<dyn Responders>,
    settings: Settings,
    news: Notify,
    /// What is worked on here, to be given back where it is broken off.
    held: Mutex<BTreeMap<IncidentId, Lease>>,
}

impl Engine {
    /// Workers on a store.
    pub fn new(
        store: Arc<dyn Store>,
        queue: Arc<dyn Queue>,
        audit: Arc<dyn Audit>,
        clock: Arc<dyn Clock>,
        responders: Arc<dyn Responders>,
        settings: Settings,
    ) -> Arc<Self> {
        Arc::new(Self {
            store,
            queue,
            audit,
            clock,
            responders,
            settings,
            news: Notify::new(),
            held: Mutex::default(),
        })
    }

    /// Works until `stop` turns true, then for [`GRACE`] at most on what is at hand.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut at_work = JoinSet::new();
        while !*stop.borrow() {
            let free = self.settings.workers.saturating_sub(at_work.len());
            for claimed in self.claim(free).await {
                at_work.spawn(Arc::clone(&self).handle(claimed));
            }
            let poll = self.clock.monotonic() + POLL;
            tokio::select! {
                () = self.news.notified() => {}
                () = self.clock.sleep_until(poll) => {}
                Some(_) = at_work.join_next() => {}
                changed = stop.changed() => if changed.is_err() { break },
            }
        }
        self.wind_up(at_work).await;
    }

    async fn claim(&self, free: usize) -> Vec<Claimed> {
        let Ok(limit @ 1..) = u32::try_from(free) else {
            return Vec::new();
        };
        let claimed = self
            .queue
            .claim(&self.settings.worker, self.settings.lease, limit)
            .await;
        claimed.unwrap_or_else(|error| {
            tracing::warn!(%error, "the queue cannot be read; it is asked again");
            Vec::new()
        })
    }

    /// Lets work at hand end, and gives back what does not end in time.
    async fn wind_up(&self, mut at_work: JoinSet<()>) {
        let until = self.clock.monotonic() + GRACE;
        loop {
            tokio::select! {
                ended = at_work.join_next() => if ended.is_none() { break },
                () = self.clock.sleep_until(until) => break,
            }
        }
        at_work.shutdown().await;
        let held = std::mem::take(&mut *self.held.lock().unwrap_or_else(PoisonError::into_inner));
        for (incident, lease) in held {
            if let Err(error) = self.store.release(lease).await {
                tracing::warn!(%incident, %error, "an incident was not given back; it is free when its lease runs out");
            }
        }
    }

    async fn handle(self: Arc<Self>, claimed: Claimed) {
        let incident = claimed.lease.incident;
        self.keep(&claimed.lease);
        if let Err(error) = self.walk(claimed).await {
            tracing::warn!(incident.id = %incident, %error, "an incident was left as it is; it is tried again");
        }
        self.held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&incident);
    }

    fn keep(&self, lease: &Lease) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert(lease.incident, lease.clone());
    }

    async fn walk(&self, claimed: Claimed) -> Result<(), RespondError> {
        let Claimed { lease, tenant } = claimed;
        let incident = self.store.load(tenant, lease.incident).await?;
        match self.responders.on(tenant, &incident.cluster).await {
            Ok(responder) => responder.work(lease, incident, self.queue.as_ref()).await.map(|_| ()),
            Err(none) => self.without_cluster(incident, lease, &none).await,
        }
    }

    /// Tries again later, or hands the incident to a person.
    async fn without_cluster(&self, incident: Incident, lease: Lease, why: &NoResponder) -> Result<(), RespondError> {
        let age = self.clock.now().since(incident.updated_at);
        if matches!(why, NoResponder::Unreachable(_)) && age < PATIENCE {
            self.queue.postpone(&lease, self.clock.now() + AGAIN).await?;
            return Ok(self.store.release(lease).await?);
        }
        let offline = self.responders.offline(incident.tenant, &incident.cluster);
        let proposal =
            "connect the cluster (`dreamops cluster add`, or POST connect-cluster), then send the alert again";
        let given_up = offline.give_up(lease, incident, &why.to_string(), proposal).await;
        given_up.map(|_| ())
    }

    /// Seals committed events until `stop` turns true, at most a second behind.
    pub async fn seal(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            self.seal_all().await;
            let next = self.clock.monotonic() + SEAL;
            tokio::select! {
                () = self.clock.sleep_until(next) => {}
                changed = stop.changed() => if changed.is_err() { break },
            }
        }
        self.seal_all().await;
    }

    async fn seal_all(&self) {
        loop {
            match self.audit.seal(SEALED_AT_ONCE).await {
                Ok(sealed) if sealed < u64::from(SEALED_AT_ONCE) => return,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "audit events could not be sealed; it is tried again");
                    return;
                }
            }
        }
    }

    /// A responder that can record: on the cluster where it answers, else without it.
    async fn recorder(&self, incident: &Incident) -> Responder {
        match self.responders.on(incident.tenant, &incident.cluster).await {
            Ok(responder) => responder,
            Err(_) => self.responders.offline(incident.tenant, &incident.cluster),
        }
    }

    /// Records a word as soon as no worker has the incident, and lets a worker go on.
    async fn record<F>(&self, incident: IncidentId, word: impl Fn() -> F) -> Result<Incident, DeskError>
    where
        F: Future<Output = Result<Incident, RespondError>>,
    {
        let until = self.clock.monotonic() + TURN;
        loop {
            match word().await {
                Err(RespondError::Store(StoreError::LeaseLost)) if self.clock.monotonic() < until => {}
                Err(RespondError::Store(StoreError::LeaseLost)) => return Err(DeskError::Held(incident)),
                Err(error) => return Err(refusal(error)),
                Ok(after) => {
                    self.news.notify_one();
                    return Ok(after);
                }
            }
            self.clock.sleep_until(self.clock.monotonic() + ASK).await;
        }
    }
}

#[async_trait]
impl Desk for Engine {
    async fn approve(&self, tenant: TenantId, id: IncidentId, digest: &str, by: &str) -> Result<Incident, DeskError> {
        let incident = self.store.load(tenant, id).await?;
        let responder = self.recorder(&incident).await;
        self.record(id, || responder.take_approval(id, digest, by)).await
    }

    async fn reject(&self, tenant: TenantId, id: IncidentId, by: &str, reason: &str) -> Result<Incident, DeskError> {
        let incident = self.store.load(tenant, id).await?;
        let responder = self.recorder(&incident).await;
        self.record(id, || responder.reject(id, by, reason)).await
    }

    async fn rollback(&self, tenant: TenantId, id: IncidentId, by: &str) -> Result<Incident, DeskError> {
        let incident = self.store.load(tenant, id).await?;
        // what is in doubt is settled by reading: this word needs the cluster
        let responder = self.responders.on(tenant, &incident.cluster).await;
        let responder = responder.map_err(|none| DeskError::Unavailable(none.to_string()))?;
        self.record(id, || responder.take_rollback(id, by)).await
    }

    async fn acknowledge(&self, tenant: TenantId, id: IncidentId, by: &str) -> Result<Incident, DeskError> {
        let incident = self.store.load(tenant, id).await?;
        let responder = self.recorder(&incident).await;
        self.record(id, || responder.take_acknowledgement(id, by)).await
    }

    fn nudge(&self) {
        self.news.notify_one();
    }
}

/// Why a word was not taken, as the desk says it.
fn refusal(error: RespondError) -> DeskError {
    let wrong_phase = |incident, phase, act| DeskError::WrongPhase { incident, phase, act };
    match error {
        RespondError::Store(StoreError::NoSuchIncident(id)) => DeskError::NotFound(id),
        RespondError::Store(error) => DeskError::Store(error),
        RespondError::NotWaiting { id, phase } => wrong_phase(id, phase, "approved or rejected"),
        RespondError::Over { id, phase } => wrong_phase(id, phase, "acknowledged"),
        RespondError::NothingToRollBack { id, phase } => wrong_phase(id, phase, "rolled back"),
        RespondError::OtherDigest { waiting, .. } => DeskError::OtherPlan { waiting },
        other => DeskError::Unavailable(other.to_string()),
    }
}
