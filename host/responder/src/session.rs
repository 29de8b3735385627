//! One worker's hold on one incident: the lease, what is saved, and the walk through the phases.

use crate::{RespondError, Responder};
use dreamops_domain::event::{Event, TimelineEntry};
use dreamops_domain::finding::Evidence;
use dreamops_domain::id::IncidentId;
use dreamops_domain::incident::{Escalation, Incident};
use dreamops_domain::object::ObjectRef;
use dreamops_domain::phase::{Mode, Phase};
use dreamops_domain::ports::{CallContext, IncidentView, Lease, StoreError};
use dreamops_domain::read::{Health, ReadError, Scope};
use dreamops_domain::time::Timestamp;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How far back earlier actions on an owner are told to components and policy.
const HISTORY: Duration = Duration::from_secs(24 * 3600);
/// How many of them.
const HISTORY_ITEMS: usize = 20;

/// One incident under one lease.
pub(crate) struct Session<'a> {
    pub(crate) responder: &'a Responder,
    pub(crate) incident: Incident,
    pub(crate) lease: Lease,
    /// Events that are not saved yet.
    pending: Vec<TimelineEntry>,
    /// Objects whose uid was returned to a component.
    known: Arc<Mutex<Vec<ObjectRef>>>,
    /// Lines that components logged and that are not in the timeline yet.
    lines: Arc<Mutex<Vec<String>>>,
    /// When this run gives up, by the monotonic clock.
    pub(crate) deadline: Duration,
    /// The incident that this one joined.
    pub(crate) joined: Option<IncidentId>,
}

impl<'a> Session<'a> {
    /// Takes the lease and loads the incident; refuses one of another cluster.
    pub(crate) async fn take(responder: &'a Responder, id: IncidentId) -> Result<Self, RespondError> {
        let ports = &responder.ports;
        let tenant = dreamops_domain::id::TenantId::DEFAULT;
        let incident = ports.store.load(tenant, id).await?;
        if incident.cluster.key != responder.cluster.key || incident.cluster.ca_digest != responder.cluster.ca_digest {
            return Err(RespondError::OtherCluster {
                id,
                recorded: format!("{} ({})", incident.cluster.name, incident.cluster.address),
                given: format!("{} ({})", responder.cluster.name, responder.cluster.address),
            });
        }
        let lease = ports.store.lease(id, &responder.settings.worker, responder.settings.lease).await?;
        // what was read before the lease was ours may have changed since
        let incident = ports.store.load(tenant, id).await?;
        Ok(Self {
            known: Arc::new(Mutex::new(incident.case.known.clone())),
            lines: Arc::default(),
            pending: Vec::new(),
            deadline: ports.clock.monotonic() + responder.settings.timeout,
            joined: None,
            incident,
            lease,
            responder,
        })
    }

    /// Gives the lease back, whatever came of the work.
    pub(crate) async fn give_back(
        self,
        outcome: Result<(), RespondError>,
    ) -> Result<(Incident, Option<IncidentId>), RespondError> {
        let released = self.responder.ports.store.release(self.lease).await;
        outcome?;
        released?;
        Ok((self.incident, self.joined))
    }

    /// Goes from phase to phase until the incident is closed or waits for a person.
    pub(crate) async fn walk(&mut self) -> Result<(), RespondError> {
        while !self.incident.phase.closed() && !self.waits().await? {
            self.heartbeat().await?;
            if self.stopped().await? {
                break;
            }
            match self.work().await {
                Err(RespondError::Read(error)) if cannot_be_retried(&error) => {
                    let proposal = "give the credential the named right, or look at the object by hand";
                    self.escalate(&error.to_string(), proposal).await?;
                }
                Err(RespondError::Store(StoreError::Stopped(stop))) => {
                    let because = format!("the emergency stop is on since {} ({})", stop.since, stop.reason);
                    self.close(Phase::Stopped, &because).await?;
                }
                other => other?,
            }
        }
        Ok(())
    }

    async fn work(&mut self) -> Result<(), RespondError> {
        match self.incident.phase {
            Phase::Received | Phase::Correlating => self.correlate().await,
            Phase::Assessing => self.assess().await,
            Phase::Diagnosing => self.diagnose().await,
            Phase::Planning => self.plan().await,
            Phase::Rehearsing => self.rehearse().await,
            Phase::Executing => self.execute().await,
            Phase::Verifying => self.verify().await,
            Phase::Reverting => self.revert().await,
            _ => Ok(()),
        }
    }

    /// Goes on with an incident that another alert joined, as far as `mode` lets it.
    pub(crate) async fn go_on_in(&mut self, mode: Mode) -> Result<(), RespondError> {
        let changed = self.incident.mode != mode;
        self.incident.mode = mode;
        if changed && self.incident.phase == Phase::AwaitingApproval {
            self.enter(Phase::Rehearsing).await?;
        }
        self.walk().await
    }

    /// Closes the incident if the emergency stop is on, unless a person takes writes back.
    async fn stopped(&mut self) -> Result<bool, RespondError> {
        if self.incident.case.revert.as_ref().is_some_and(|r| r.by.is_some()) {
            return Ok(false);
        }
        let Some(stop) = self.responder.ports.store.emergency_stop().await? else { return Ok(false) };
        let because = format!("the emergency stop is on since {} by {} ({})", stop.since, stop.by, stop.reason);
        self.record(Event::Halted { because: because.clone() });
        self.close(Phase::Stopped, &because).await?;
        Ok(true)
    }

    /// Adds an event; it is told once it is saved.
    pub(crate) fn record(&mut self, event: Event) {
        let at = self.responder.ports.clock.now();
        let entry = TimelineEntry { at, phase: self.incident.phase, event };
        self.incident.case.timeline.push(entry.clone());
        self.pending.push(entry);
    }

    /// Saves the incident as it stands and tells what happened.
    pub(crate) async fn commit(&mut self) -> Result<(), RespondError> {
        self.collect_lines();
        self.incident.updated_at = self.responder.ports.clock.now();
        self.incident.case.known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let events = std::mem::take(&mut self.pending);
        self.responder.ports.store.save(&self.lease, &self.incident, &events).await?;
        for entry in &events {
            self.responder.ports.story.tell(self.incident.id, entry);
        }
        Ok(())
    }

    /// Enters a phase and saves.
    pub(crate) async fn enter(&mut self, phase: Phase) -> Result<(), RespondError> {
        self.incident.phase = phase;
        self.commit().await
    }

    /// Ends the incident.
    pub(crate) async fn close(&mut self, phase: Phase, summary: &str) -> Result<(), RespondError> {
        self.incident.phase = phase;
        self.incident.closed_at = Some(self.responder.ports.clock.now());
        self.incident.case.summary = Some(summary.to_owned());
        self.record(Event::Closed { phase, summary: summary.to_owned() });
        self.commit().await
    }

    /// Ends the incident by handing it to a person.
    pub(crate) async fn escalate(&mut self, reason: &str, proposal: &str) -> Result<(), RespondError> {
        let escalation = Escalation { reason: reason.to_owned(), proposal: proposal.to_owned() };
        self.incident.case.escalation = Some(escalation);
        self.record(Event::Escalated { reason: reason.to_owned(), proposal: proposal.to_owned() });
        self.close(Phase::Escalated, reason).await
    }

    /// Extends the lease, so that the next call ends before it does.
    pub(crate) async fn heartbeat(&self) -> Result<(), RespondError> {
        Ok(self.responder.ports.store.heartbeat(&self.lease, self.responder.settings.lease).await?)
    }

    /// Whether this run has used up its time.
    pub(crate) fn out_of_time(&self) -> bool {
        self.responder.ports.clock.monotonic() >= self.deadline
    }

    /// Waits, but not beyond the run's deadline.
    pub(crate) async fn pause(&self, how_long: Duration) {
        let clock = &self.responder.ports.clock;
        clock.sleep_until((clock.monotonic() + how_long).min(self.deadline)).await;
    }

    /// Where reads and writes of this incident may go.
    pub(crate) fn scope(&self) -> Scope {
        Scope { namespaces: vec![self.incident.case.namespace.clone()] }
    }

    /// The object that the strategy in charge looks at.
    pub(crate) fn focus(&self) -> Option<ObjectRef> {
        let case = &self.incident.case;
        case.handed_over.as_ref().map(|(_, object)| object.clone()).or_else(|| case.target.clone())
    }

    /// How an object does now.
    pub(crate) async fn health(&self, object: &ObjectRef) -> Result<Health, ReadError> {
        self.responder.ports.writes.health(&self.scope(), object).await
    }

    /// What a component may see and reach during one call.
    pub(crate) async fn context(&self) -> Result<CallContext, RespondError> {
        let ports = &self.responder.ports;
        let case = &self.incident.case;
        let nobody = || ObjectRef::new("", &case.namespace, "", "");
        let target = self.focus().unwrap_or_else(nobody);
        let owner = case.owner.clone().unwrap_or_else(|| target.clone());
        self.know([target.clone(), owner.clone()]);
        let first = case.alerts.first();
        let lines = Arc::clone(&self.lines);
        let view = IncidentView {
            id: self.incident.id.to_string(),
            cluster: self.incident.cluster.name.clone(),
            namespace: case.namespace.clone(),
            title: first.map(|a| a.title.clone()).unwrap_or_default(),
            description: first.map(|a| a.description.clone()).unwrap_or_default(),
            severity: first.map(|a| a.severity.clone()).unwrap_or_default(),
            labels: first.map(|a| a.labels.clone().into_iter().collect()).unwrap_or_default(),
            container: first.and_then(|a| a.hints.container.clone()),
            started_at: first.and_then(|a| a.starts_at),
            history: self.history(&owner).await?,
            managed_by: case.managed_by.clone(),
            handed_over: case.handed_over.as_ref().map(|(fault, _)| fault.clone()),
            target,
            owner,
        };
        Ok(CallContext {
            incident: Arc::new(view),
            scope: self.scope(),
            reads: Arc::clone(&ports.reads),
            known: Arc::clone(&self.known),
            log: Arc::new(move |line| lines.lock().unwrap_or_else(PoisonError::into_inner).push(line)),
            clock: Arc::clone(&ports.clock),
        })
    }

    /// Earlier actions on an owner, newest first.
    pub(crate) async fn history(
        &self,
        owner: &ObjectRef,
    ) -> Result<Vec<dreamops_domain::decision::PastAction>, RespondError> {
        let ports = &self.responder.ports;
        let now = ports.clock.now().millis();
        let since = Timestamp::from_millis(now.saturating_sub(u64::try_from(HISTORY.as_millis()).unwrap_or(0)));
        let mut past =
            ports.store.history(self.incident.tenant, &self.incident.cluster, owner, since).await?;
        past.truncate(HISTORY_ITEMS);
        Ok(past)
    }

    /// Adds objects that components may name in drafts.
    pub(crate) fn know(&self, objects: impl IntoIterator<Item = ObjectRef>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for object in objects {
            if !object.uid.is_empty() && !known.contains(&object) {
                known.push(object);
            }
        }
    }

    /// Turns what components logged into events.
    fn collect_lines(&mut self) {
        let lines = std::mem::take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner));
        let source = self.incident.case.strategy.as_ref().map_or_else(|| "component".to_owned(), |s| s.name.clone());
        for text in lines {
            self.record(Event::Seen { evidence: Evidence { source: source.clone(), text } });
        }
    }
}

/// Whether a read failed for a reason that a person has to remove.
fn cannot_be_retried(error: &ReadError) -> bool {
    matches!(
        error,
        ReadError::Forbidden { .. } | ReadError::NotFound { .. } | ReadError::Invalid { .. } | ReadError::NotAvailable { .. }
    )
}
