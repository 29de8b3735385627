//! Everything a test needs: a clock, a cluster, strategies, the real store and the real rules.

use crate::clock::ManualClock;
use crate::cluster::{Cluster, NAMESPACE, good_is_healthy};
use crate::strategies::{Script, Scripts, set_image};
use dreamops_domain::alert::{Alert, AlertStatus, Hints, Source};
use dreamops_domain::decision::EmergencyStop;
use dreamops_domain::event::{Event, TimelineEntry};
use dreamops_domain::id::{IncidentId, TenantId};
use dreamops_domain::incident::{ClusterId, Incident};
use dreamops_domain::journal::JournalEntry;
use dreamops_domain::phase::Mode;
use dreamops_domain::ports::{Clock, IncidentFilter, Sealer, Store, Story};
use dreamops_policy::{BuiltIn, Rules};
use dreamops_responder::{Ports, RespondError, Responder, Settings};
use dreamops_store::SqliteStore;
use dreamops_vault::Keyring;
use std::sync::Arc;
use std::time::Duration;

pub struct Room {
    pub clock: Arc<ManualClock>,
    pub cluster: Arc<Cluster>,
    pub scripts: Arc<Scripts>,
    pub store: Arc<dyn Store>,
    pub settings: Settings,
    pub identity: ClusterId,
}

struct Nobody;

impl Story for Nobody {
    fn tell(&self, _: IncidentId, _: &TimelineEntry) {}
}

impl Room {
    pub async fn new() -> Self {
        let clock = ManualClock::new();
        let dynamic = Arc::clone(&clock) as Arc<dyn Clock>;
        let store = SqliteStore::in_memory(ring(), dynamic).await.unwrap();
        Self::around(clock, Arc::new(store))
    }

    pub fn around(clock: Arc<ManualClock>, store: Arc<dyn Store>) -> Self {
        let cluster = Cluster::new(Arc::clone(&clock));
        *cluster.journal.lock().unwrap() = Some(Arc::clone(&store));
        Self {
            cluster,
            scripts: Arc::default(),
            store,
            settings: Settings {
                worker: "test".into(),
                ..Settings::default()
            },
            identity: ClusterId {
                name: "test".into(),
                address: "https://127.0.0.1:6443".into(),
                ca_digest: "ca".into(),
                key: "cluster-1".into(),
            },
            clock,
        }
    }

    pub fn install(&self, script: Script) {
        self.scripts.installed.lock().unwrap().push(script);
    }

    pub fn ports(&self) -> Ports {
        Ports {
            clock: Arc::clone(&self.clock) as _,
            store: Arc::clone(&self.store),
            reads: Arc::clone(&self.cluster) as _,
            writes: Arc::clone(&self.cluster) as _,
            strategies: Arc::clone(&self.scripts) as _,
            policy: Arc::new(BuiltIn::new(Rules::default()).unwrap()),
            story: Arc::new(Nobody),
        }
    }

    pub fn responder(&self) -> Responder {
        Responder::new(self.ports(), self.identity.clone(), self.settings.clone())
    }

    pub async fn open(&self, mode: Mode, alert: Alert) -> IncidentId {
        let key = alert.fingerprint.clone();
        self.responder().open(NAMESPACE, mode, vec![alert], &key).await.unwrap()
    }

    /// Opens an incident and takes it as far as it goes.
    pub async fn respond_to(&self, mode: Mode, alert: Alert) -> Result<Incident, RespondError> {
        let id = self.open(mode, alert).await;
        self.responder().run(id).await
    }

    /// As above, for an alert about the Deployment `web`.
    pub async fn respond(&self, mode: Mode) -> Incident {
        self.respond_to(mode, about("Deployment", "web")).await.unwrap()
    }

    pub async fn load(&self, id: IncidentId) -> Incident {
        self.store.load(TenantId::DEFAULT, id).await.unwrap()
    }

    pub async fn open_incidents(&self) -> Vec<Incident> {
        let filter = IncidentFilter {
            open: true,
            ..IncidentFilter::default()
        };
        self.store.list(TenantId::DEFAULT, &filter).await.unwrap()
    }

    pub async fn journal(&self, id: IncidentId) -> Vec<JournalEntry> {
        self.store.journal(TenantId::DEFAULT, id).await.unwrap()
    }

    pub async fn pull_stop(&self) {
        self.store
            .set_emergency_stop(Some(stop(self.clock.as_ref())))
            .await
            .unwrap();
    }

    pub fn seconds(&self, n: u64) {
        self.clock.advance(Duration::from_secs(n));
    }
}

pub fn stop(clock: &ManualClock) -> EmergencyStop {
    EmergencyStop {
        since: clock.now(),
        by: "ana".into(),
        reason: "test".into(),
    }
}

pub fn ring() -> Arc<dyn Sealer> {
    let key = Keyring::generate();
    Arc::new(Keyring::parse(key.expose()).unwrap())
}

/// A firing alert that names an object.
pub fn about(kind: &str, name: &str) -> Alert {
    Alert {
        source: Source::Alertmanager,
        source_id: String::new(),
        fingerprint: format!("{kind}-{name}"),
        status: AlertStatus::Firing,
        title: format!("{name} fails"),
        description: String::new(),
        severity: "critical".into(),
        labels: [].into(),
        hints: Hints {
            objects: vec![(kind.into(), name.into())],
            ..Hints::default()
        },
        starts_at: None,
    }
}

pub fn with_status(status: AlertStatus, alert: Alert) -> Alert {
    Alert { status, ..alert }
}

pub fn count(incident: &Incident, what: impl Fn(&Event) -> bool) -> usize {
    incident.case.timeline.iter().filter(|e| what(&e.event)).count()
}

/// Reason and proposal of an escalation.
pub fn words(incident: &Incident) -> String {
    let escalation = incident.case.escalation.as_ref().expect("it was escalated");
    format!("{} | {}", escalation.reason, escalation.proposal)
}

pub fn outcomes(incident: &Incident) -> Vec<(&str, bool)> {
    incident
        .case
        .outcomes
        .iter()
        .map(|o| (o.outcome.as_str(), o.reverted))
        .collect()
}

/// A room with a broken Deployment `web` and a strategy that gives it the good image.
pub async fn broken() -> Room {
    let room = Room::new().await;
    let web = room.cluster.add("Deployment", "web", "bad", good_is_healthy());
    room.install(Script::new("crash-loop", vec![set_image(&web, "good")]));
    room
}
