//! One worker's hold on one incident: the lease, what is saved, and how an incident ends.

use crate::rights::MissingRights;
use crate::{RespondError, Responder};
use dreamops_domain::event::{Event, TimelineEntry};
use dreamops_domain::finding::Evidence;
use dreamops_domain::id::IncidentId;
use dreamops_domain::incident::{ClusterId, Escalation, Incident};
use dreamops_domain::journal::JournalEntry;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::phase::Phase;
use dreamops_domain::ports::Lease;
use dreamops_domain::read::{Health, ReadError, Scope};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Lines that components logged, each with the component's name.
pub(crate) type Lines = Arc<Mutex<Vec<(String, String)>>>;

/// One incident under one lease.
pub(crate) struct Session<'a> {
    pub(crate) responder: &'a Responder,
    pub(crate) incident: Incident,
    pub(crate) lease: Lease,
    /// Objects whose uid was returned to a component.
    pub(crate) known: Arc<Mutex<Vec<ObjectRef>>>,
    /// Lines that components logged and that are not in the timeline yet.
    pub(crate) lines: Lines,
    /// Rights that reads by components lacked.
    pub(crate) missing: MissingRights,
    /// How a strategy failed to verify, as far as it is told already.
    pub(crate) verify_failure: Option<String>,
    /// The incident that this one joined.
    pub(crate) joined: Option<IncidentId>,
    /// When this run gives up, by the monotonic clock.
    deadline: Duration,
    /// When the lease was extended last, by the monotonic clock.
    renewed: Duration,
    /// Events that are not saved yet.
    pending: Vec<TimelineEntry>,
}

impl<'a> Session<'a> {
    /// Takes the lease and loads the incident; refuses a cluster with another key, address or CA than recorded.
    pub(crate) async fn take(responder: &'a Responder, id: IncidentId) -> Result<Self, RespondError> {
        Self::take_if(responder, id, |recorded, given| {
            recorded.key == given.key && recorded.address == given.address && recorded.ca_digest == given.ca_digest
        })
        .await
    }

    /// As [`Session::take`], for an incident that another one joined: the store found it by the cluster's key, so
    /// it may have been opened through another address.
    pub(crate) async fn take_joined(responder: &'a Responder, id: IncidentId) -> Result<Self, RespondError> {
        Self::take_if(responder, id, |recorded, given| recorded.key == given.key).await
    }

    async fn take_if(
        responder: &'a Responder,
        id: IncidentId,
        is_same: impl Fn(&ClusterId, &ClusterId) -> bool,
    ) -> Result<Self, RespondError> {
        let ports = &responder.ports;
        let incident = ports.store.load(responder.tenant, id).await?;
        if !is_same(&incident.cluster, &responder.cluster) {
            return Err(RespondError::OtherCluster {
                id,
                recorded: format!("{} ({})", incident.cluster.name, incident.cluster.address),
                given: format!("{} ({})", responder.cluster.name, responder.cluster.address),
            });
        }
        let lease = ports
            .store
            .lease(id, &responder.settings.worker, responder.settings.lease)
            .await?;
        // what was read before the lease was ours may have changed since
        let incident = ports.store.load(responder.tenant, id).await?;
        Ok(Self::under(responder, lease, incident))
    }

    /// The work under a lease, on the incident as it was read since.
    pub(crate) fn under(responder: &'a Responder, lease: Lease, incident: Incident) -> Self {
        let now = responder.ports.clock.monotonic();
        Self {
            known: Arc::new(Mutex::new(incident.case.known.clone())),
            lines: Arc::default(),
            missing: MissingRights::default(),
            verify_failure: None,
            joined: None,
            deadline: now + responder.settings.timeout,
            renewed: now,
            pending: Vec::new(),
            incident,
            lease,
            responder,
        }
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

    /// Adds an event; it is told once it is saved.
    pub(crate) fn record(&mut self, event: Event) {
        let at = self.responder.ports.clock.now();
        let entry = TimelineEntry {
            at,
            phase: self.incident.phase,
            event,
        };
        self.incident.case.timeline.push(entry.clone());
        self.pending.push(entry);
    }

    /// Adds something that was seen or that the host has to say.
    pub(crate) fn note(&mut self, source: &str, text: impl Into<String>) {
        self.record(Event::Seen {
            evidence: Evidence {
                source: source.to_owned(),
                text: text.into(),
            },
        });
    }

    /// Saves the incident as it stands and tells what happened.
    pub(crate) async fn commit(&mut self) -> Result<(), RespondError> {
        self.collect_notes();
        self.incident.updated_at = self.responder.ports.clock.now();
        self.incident
            .case
            .known
            .clone_from(&self.known.lock().unwrap_or_else(PoisonError::into_inner));
        let events = std::mem::take(&mut self.pending);
        self.responder
            .ports
            .store
            .save(&self.lease, &self.incident, &events)
            .await?;
        for entry in &events {
            self.responder.ports.story.tell(self.incident.id, entry);
        }
        Ok(())
    }

    /// Turns what components logged and what they were not allowed to read into events.
    fn collect_notes(&mut self) {
        let lines = std::mem::take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner));
        for (component, text) in lines {
            self.note(&component, text);
        }
        for right in self.missing.take_news() {
            self.note("rights", right);
        }
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
        self.collect_notes();
        self.record(Event::Closed {
            phase,
            summary: summary.to_owned(),
        });
        self.commit().await
    }

    /// Ends the incident by handing it to a person. Names the rights that were missing on the way: in the reason where no
    /// cause was found, since they may be why, else beside the proposal.
    pub(crate) async fn escalate(&mut self, reason: &str, proposal: &str) -> Result<(), RespondError> {
        let (mut reason, mut proposal) = (reason.to_owned(), proposal.to_owned());
        if let Some(missing) = self.missing.beyond(&reason) {
            if self.diagnosis().is_none() {
                reason = format!("{reason}; {missing}");
            } else {
                proposal = format!("{proposal} (not looked at: {missing})");
            }
        }
        self.incident.case.escalation = Some(Escalation {
            reason: reason.clone(),
            proposal: proposal.clone(),
        });
        self.collect_notes();
        self.record(Event::Escalated {
            reason: reason.clone(),
            proposal,
        });
        self.close(Phase::Escalated, &reason).await
    }

    /// Makes sure that enough of the lease is left for the longest call into a component or the cluster. Not each look
    /// costs a commit for it.
    pub(crate) async fn heartbeat(&mut self) -> Result<(), RespondError> {
        let age = self.responder.ports.clock.monotonic().saturating_sub(self.renewed);
        if age < self.responder.settings.lease / 9 {
            Ok(())
        } else {
            self.renew().await
        }
    }

    /// The journal of this incident, every attempt and direction, in order.
    pub(crate) async fn journal(&self) -> Result<Vec<JournalEntry>, RespondError> {
        let store = &self.responder.ports.store;
        Ok(store.journal(self.incident.tenant, self.incident.id).await?)
    }

    /// Extends the lease to its full length, so that a write that is sent now ends before it does.
    pub(crate) async fn renew(&mut self) -> Result<(), RespondError> {
        let ports = &self.responder.ports;
        let now = ports.clock.monotonic();
        ports
            .store
            .heartbeat(&self.lease, self.responder.settings.lease)
            .await?;
        self.renewed = now;
        Ok(())
    }

    /// Whether this run has used up its time.
    pub(crate) fn out_of_time(&self) -> bool {
        self.responder.ports.clock.monotonic() >= self.deadline
    }

    /// Waits.
    pub(crate) async fn pause(&self, how_long: Duration) {
        let clock = &self.responder.ports.clock;
        clock.sleep_until(clock.monotonic() + how_long).await;
    }

    /// Where reads and writes of this incident may go.
    pub(crate) fn scope(&self) -> Scope {
        Scope {
            namespaces: vec![self.incident.case.namespace.clone()],
        }
    }

    /// How an object does now.
    pub(crate) async fn health(&self, object: &ObjectRef) -> Result<Health, ReadError> {
        self.responder.ports.writes.health(&self.scope(), object).await
    }
}

/// Whether a read failed for a reason that a person has to remove.
pub(crate) fn cannot_be_retried(error: &ReadError) -> bool {
    matches!(
        error,
        ReadError::Forbidden { .. }
            | ReadError::NotFound { .. }
            | ReadError::Invalid { .. }
            | ReadError::NotAvailable { .. }
    )
}
