//! What a server's worker does with an incident that it was given, and how a person's word reaches it.
//!
//! A person's word is recorded durably and answered at once; the work that follows is a worker's. The command line does both in
//! one go, with [`Responder::approve`] and [`Responder::rollback`].

use crate::session::Session;
use crate::{RespondError, Responder};
use dreamops_domain::id::IncidentId;
use dreamops_domain::incident::Incident;
use dreamops_domain::intake::Queue;
use dreamops_domain::phase::Phase;
use dreamops_domain::ports::Lease;
use std::time::Duration;

/// After how long an incident is tried again whose walk ended with an error that may pass.
const AGAIN: Duration = Duration::from_secs(15);

impl Responder {
    /// Takes an incident, as it was read under this lease from the queue, as far as it goes now, and leaves it due when it has to be
    /// looked at again: when its approval runs out, or a while after an error that may pass.
    pub async fn work(&self, lease: Lease, incident: Incident, queue: &dyn Queue) -> Result<Incident, RespondError> {
        let mut session = Session::under(self, lease, incident);
        let outcome = session.walk().await;
        let now = self.ports.clock.now();
        let due = match (&outcome, session.incident.phase) {
            (Err(_), _) => Some(now + AGAIN),
            (Ok(()), Phase::AwaitingApproval) => Some(now + self.settings.approval_ttl),
            _ => None,
        };
        if let Some(due) = due {
            queue.postpone(&session.lease, due).await?;
        }
        Ok(session.give_back(outcome).await?.0)
    }

    /// Ends an incident that nothing can be done for, by handing it to a person. What it wrote stays in the journal, from
    /// which a rollback takes it back.
    pub async fn give_up(
        &self,
        lease: Lease,
        incident: Incident,
        reason: &str,
        proposal: &str,
    ) -> Result<Incident, RespondError> {
        let mut session = Session::under(self, lease, incident);
        let outcome = session.leave_to_a_person(reason, proposal).await;
        Ok(session.give_back(outcome).await?.0)
    }

    /// Records a person's yes to the plan with this digest.
    pub async fn take_approval(&self, id: IncidentId, digest: &str, by: &str) -> Result<Incident, RespondError> {
        let mut session = Session::take_joined(self, id).await?;
        let outcome = session.take_yes(digest, by).await;
        Ok(session.give_back(outcome).await?.0)
    }

    /// Records that a person took the incident.
    pub async fn take_acknowledgement(&self, id: IncidentId, by: &str) -> Result<Incident, RespondError> {
        let mut session = Session::take_joined(self, id).await?;
        let outcome = session.acknowledge(by).await;
        Ok(session.give_back(outcome).await?.0)
    }

    /// Records that a person wants taken back what was written.
    pub async fn take_rollback(&self, id: IncidentId, by: &str) -> Result<Incident, RespondError> {
        let mut session = Session::take_joined(self, id).await?;
        let outcome = session.take_rollback(by).await;
        Ok(session.give_back(outcome).await?.0)
    }
}

impl Session<'_> {
    async fn leave_to_a_person(&mut self, reason: &str, proposal: &str) -> Result<(), RespondError> {
        if self.incident.phase == Phase::Received {
            self.enter(Phase::Correlating).await?;
        }
        self.escalate(reason, proposal).await
    }
}
