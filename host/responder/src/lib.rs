//! The pipeline that takes an incident from alert to closed.
//!
//! | file | what it does |
//! | --- | --- |
//! | [`locate`] | from an alert's hints to an object and its owner |
//! | `session` | one worker's hold on one incident: lease, saving, ending |
//! | `walk` | from phase to phase; the emergency stop, the run's time, errors |
//! | `correlate`, `withdraw`, `news` | received, correlating; what a resolution from the source ends, what a person's acknowledgement changes |
//! | `desk` | what a worker of a server does, and how a person's word reaches it |
//! | `assess`, `diagnose`, `hand_over` | which strategy gets the case, what it finds, whose it is |
//! | `component` | the file of the strategy in charge, kept and brought back |
//! | `view`, `rights` | what a component gets to see; the rights that it lacked |
//! | `plan`, `watch` | planning; waiting where nothing is to be written |
//! | `rehearse`, `approval` | rehearsing, policy; awaiting approval |
//! | `execute`, `write` | executing: the journal; one write |
//! | `verify`, `look`, `window` | verifying: one look; the healthy window, and how long it is waited for |
//! | `revert` | reverting, then fallback or a person; rollback on a person's word |
//!
//! Invariants: the responder reaches the world only through ports; every change of phase is saved
//! before the work of the next begins; nothing is written that is not in the journal first; what is
//! told to a [`Story`](dreamops_domain::ports::Story) has been committed.

mod approval;
mod assess;
mod component;
mod correlate;
mod desk;
mod diagnose;
mod error;
mod execute;
mod hand_over;
pub mod locate;
mod look;
mod news;
mod plan;
mod rehearse;
mod revert;
mod rights;
mod session;
mod settings;
mod verify;
mod view;
mod walk;
mod watch;
mod window;
mod withdraw;
mod write;

pub use error::RespondError;
pub use settings::Settings;

use dreamops_domain::alert::{Alert, AlertStatus};
use dreamops_domain::id::{IncidentId, TenantId};
use dreamops_domain::incident::{ClusterId, Incident};
use dreamops_domain::phase::Mode;
use dreamops_domain::ports::{Clock, ClusterRead, ClusterWrite, Policy, Store, StoreError, Story, Strategies};
use dreamops_domain::read::Scope;
use locate::{Located, Locator};
use session::{Session, cannot_be_retried};
use std::sync::Arc;

/// Everything the responder needs from the world, for one cluster.
#[derive(Clone)]
pub struct Ports {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Incidents, journal and audit.
    pub store: Arc<dyn Store>,
    /// Reads of the cluster.
    pub reads: Arc<dyn ClusterRead>,
    /// Writes to the cluster.
    pub writes: Arc<dyn ClusterWrite>,
    /// Calls into components.
    pub strategies: Arc<dyn Strategies>,
    /// What may run.
    pub policy: Arc<dyn Policy>,
    /// Who watches.
    pub story: Arc<dyn Story>,
}

/// Takes incidents of one cluster from alert to closed.
#[derive(Clone)]
pub struct Responder {
    ports: Ports,
    cluster: ClusterId,
    settings: Settings,
    tenant: TenantId,
}

/// Alerts that are about the same owner.
#[derive(Clone, Debug)]
pub struct Group {
    /// The place; `None` where nothing that the alerts name exists.
    pub located: Option<Located>,
    /// The alerts.
    pub alerts: Vec<Alert>,
}

impl Responder {
    /// A responder for a cluster.
    pub fn new(ports: Ports, cluster: ClusterId, settings: Settings) -> Self {
        Self {
            ports,
            cluster,
            settings,
            tenant: TenantId::DEFAULT,
        }
    }

    /// The same for incidents of another tenant.
    #[must_use]
    pub fn for_tenant(self, tenant: TenantId) -> Self {
        Self { tenant, ..self }
    }

    /// Sorts firing alerts by the owner they are about. What cannot be looked up for good (a missing right) counts as
    /// not there: the incident that is opened for it says why.
    pub async fn group(&self, namespace: &str, alerts: &[Alert]) -> Result<Vec<Group>, RespondError> {
        let mut groups: Vec<Group> = Vec::new();
        for alert in alerts.iter().filter(|a| a.status == AlertStatus::Firing) {
            let located = match self.locator(namespace_of(alert, namespace)).locate(alert).await {
                Ok(located) => located,
                Err(error) if cannot_be_retried(&error) => None,
                Err(error) => return Err(error.into()),
            };
            let known = groups.iter_mut().find(|g| match (&g.located, &located) {
                (Some(a), Some(b)) => a.owner.same(&b.owner),
                (None, None) => true,
                _ => false,
            });
            match known {
                Some(group) => group.alerts.push(alert.clone()),
                None => groups.push(Group {
                    located,
                    alerts: vec![alert.clone()],
                }),
            }
        }
        Ok(groups)
    }

    /// Opens an incident for alerts, durably. Makes no cluster call.
    pub async fn open(
        &self,
        namespace: &str,
        mode: Mode,
        alerts: Vec<Alert>,
        delivery_key: &str,
    ) -> Result<IncidentId, RespondError> {
        let now = self.ports.clock.now();
        let incident = Incident::received(self.tenant, self.cluster.clone(), namespace, mode, alerts, now);
        self.ports.store.create(&incident, delivery_key).await?;
        for entry in &incident.case.timeline {
            self.ports.story.tell(incident.id, entry);
        }
        Ok(incident.id)
    }

    /// Takes an incident as far as it goes now: to its end, or until a person has to approve.
    ///
    /// Where another incident is open for the same owner, this one joins it, and that one is returned as it goes on in
    /// the mode that was asked for this one. While a living worker has it, its end is waited for, no longer than
    /// [`Settings::timeout`].
    pub async fn run(&self, id: IncidentId) -> Result<Incident, RespondError> {
        let mut session = Session::take(self, id).await?;
        let outcome = session.walk().await;
        let walked = session.give_back(outcome).await?;
        Box::pin(self.follow(walked)).await
    }

    /// Goes on with the incident that one joined, if it did.
    async fn follow(&self, walked: (Incident, Option<IncidentId>)) -> Result<Incident, RespondError> {
        let (mut incident, mut joined) = walked;
        let mode = incident.mode;
        while let Some(other) = joined {
            let mut session = self.take_when_free(other).await?;
            let outcome = session.go_on_in(mode).await;
            (incident, joined) = session.give_back(outcome).await?;
        }
        Ok(incident)
    }

    /// The incident that was joined, as soon as no other worker has it.
    async fn take_when_free(&self, id: IncidentId) -> Result<Session<'_>, RespondError> {
        let clock = &self.ports.clock;
        let until = clock.monotonic() + self.settings.timeout;
        loop {
            match Session::take_joined(self, id).await {
                Err(RespondError::Store(StoreError::LeaseLost)) if clock.monotonic() < until => {}
                other => return other,
            }
            clock.sleep_until(clock.monotonic() + self.settings.poll).await;
        }
    }

    /// Approves the plan with this digest and carries it out.
    pub async fn approve(&self, id: IncidentId, digest: &str, by: &str) -> Result<Incident, RespondError> {
        let mut session = Session::take(self, id).await?;
        let outcome = session.approve(digest, by).await;
        let walked = session.give_back(outcome).await?;
        Box::pin(self.follow(walked)).await
    }

    /// Refuses the plan that waits; nothing is done.
    pub async fn reject(&self, id: IncidentId, by: &str, reason: &str) -> Result<Incident, RespondError> {
        let mut session = Session::take(self, id).await?;
        let outcome = session.reject(by, reason).await;
        Ok(session.give_back(outcome).await?.0)
    }

    /// Takes back what an incident wrote, in reverse order, on a person's word.
    pub async fn rollback(&self, id: IncidentId, by: &str) -> Result<Incident, RespondError> {
        let mut session = Session::take(self, id).await?;
        let outcome = session.rollback(by).await;
        Ok(session.give_back(outcome).await?.0)
    }

    /// The cluster that this responder acts on.
    pub fn cluster(&self) -> &ClusterId {
        &self.cluster
    }

    fn locator(&self, namespace: &str) -> Locator<'_> {
        let scope = Scope {
            namespaces: vec![namespace.to_owned()],
        };
        Locator {
            reads: self.ports.reads.as_ref(),
            scope,
            namespace: namespace.to_owned(),
        }
    }
}

/// The namespace an alert names, else the one given.
fn namespace_of<'a>(alert: &'a Alert, given: &'a str) -> &'a str {
    if given.is_empty() {
        alert.hints.namespace.as_deref().unwrap_or_default()
    } else {
        given
    }
}
