//! The pipeline that takes an incident from alert to closed.
//!
//! | file | phase |
//! | --- | --- |
//! | [`locate`] | from an alert's hints to an object and its owner |
//! | [`session`] | one worker's hold on one incident: lease, saving, the walk through the phases |
//! | `correlate` | received, correlating |
//! | `diagnose` | assessing, diagnosing, hand-overs and the next strategy |
//! | `plan` | planning, rehearsing, policy |
//! | `approval` | awaiting-approval: approve, reject |
//! | `execute` | executing: the journal, forward and back |
//! | `verify` | verifying: the healthy window, post-conditions |
//! | `revert` | reverting: undo in reverse order, then fallback or a person |
//!
//! Invariants: the responder reaches the world only through ports; every change of phase is saved
//! before the work of the next begins; nothing is written that is not in the journal first; what is
//! told to a [`Story`](dreamops_domain::ports::Story) has been committed.

mod approval;
mod correlate;
mod diagnose;
mod error;
mod execute;
pub mod locate;
mod plan;
mod revert;
mod session;
mod settings;
mod verify;

pub use error::RespondError;
pub use settings::Settings;

use dreamops_domain::alert::{Alert, AlertStatus};
use dreamops_domain::event::Event;
use dreamops_domain::id::{IncidentId, TenantId};
use dreamops_domain::incident::{Case, ClusterId, Incident};
use dreamops_domain::phase::{Mode, Phase};
use dreamops_domain::ports::{Clock, ClusterRead, ClusterWrite, Policy, Store, Story, Strategies};
use dreamops_domain::read::Scope;
use locate::{Located, Locator};
use session::Session;
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
        Self { ports, cluster, settings }
    }

    /// Sorts firing alerts by the owner they are about.
    pub async fn group(&self, namespace: &str, alerts: &[Alert]) -> Result<Vec<Group>, RespondError> {
        let mut groups: Vec<Group> = Vec::new();
        for alert in alerts.iter().filter(|a| a.status == AlertStatus::Firing) {
            let located = self.locator(namespace_of(alert, namespace)).locate(alert).await?;
            let known = groups.iter_mut().find(|g| match (&g.located, &located) {
                (Some(a), Some(b)) => a.owner.same(&b.owner),
                (None, None) => true,
                _ => false,
            });
            match known {
                Some(group) => group.alerts.push(alert.clone()),
                None => groups.push(Group { located, alerts: vec![alert.clone()] }),
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
        let mut incident = Incident {
            id: IncidentId::new(now),
            tenant: TenantId::DEFAULT,
            phase: Phase::Received,
            mode,
            cluster: self.cluster.clone(),
            created_at: now,
            updated_at: now,
            closed_at: None,
            case: Case::new(namespace, alerts.clone()),
        };
        for alert in alerts {
            let event = Event::AlertReceived { alert };
            let entry = dreamops_domain::event::TimelineEntry { at: now, phase: Phase::Received, event };
            incident.case.timeline.push(entry);
        }
        self.ports.store.create(&incident, delivery_key).await?;
        for entry in &incident.case.timeline {
            self.ports.story.tell(incident.id, entry);
        }
        Ok(incident.id)
    }

    /// Takes an incident as far as it goes now: to its end, or until a person has to approve.
    ///
    /// Where another incident is open for the same owner, this one joins it and that one is returned
    /// as it goes on, in the mode that was asked for this one.
    pub async fn run(&self, id: IncidentId) -> Result<Incident, RespondError> {
        let mut session = Session::take(self, id).await?;
        let outcome = session.walk().await;
        let (incident, joined) = session.give_back(outcome).await?;
        match joined {
            Some(other) => self.run_joined(other, incident.mode).await,
            None => Ok(incident),
        }
    }

    async fn run_joined(&self, id: IncidentId, mode: Mode) -> Result<Incident, RespondError> {
        let mut session = Session::take(self, id).await?;
        let outcome = session.go_on_in(mode).await;
        let (incident, _) = session.give_back(outcome).await?;
        Ok(incident)
    }

    /// Approves the plan with this digest and carries it out.
    pub async fn approve(&self, id: IncidentId, digest: &str, by: &str) -> Result<Incident, RespondError> {
        let mut session = Session::take(self, id).await?;
        let outcome = session.approve(digest, by).await;
        Ok(session.give_back(outcome).await?.0)
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
        let scope = Scope { namespaces: vec![namespace.to_owned()] };
        Locator { reads: self.ports.reads.as_ref(), scope, namespace: namespace.to_owned() }
    }
}

/// The namespace an alert names, else the one given.
fn namespace_of<'a>(alert: &'a Alert, given: &'a str) -> &'a str {
    if given.is_empty() { alert.hints.namespace.as_deref().unwrap_or_default() } else { given }
}
