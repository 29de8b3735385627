//! Awaiting approval: a plan waits for a person, and what the person says.
//!
//! An approval binds the digest of plan, component, object versions and policy. Before anything
//! runs the plan is rehearsed again; if the digest differs, the approval is void and the plan waits anew.

use crate::RespondError;
use crate::session::Session;
use crate::walk::has_begun;
use dreamops_domain::event::Event;
use dreamops_domain::phase::Phase;

impl Session<'_> {
    /// Puts the plan before a person.
    pub(crate) async fn ask(&mut self) -> Result<(), RespondError> {
        let digest = self.incident.case.plan_digest.clone().unwrap_or_default();
        if self.incident.case.approval.take().is_some() {
            self.note(
                "host",
                "what was approved is not what would run now: the approval is void",
            );
        }
        self.record(Event::ApprovalAsked { digest });
        self.enter(Phase::AwaitingApproval).await
    }

    /// Whether the plan as it was just rehearsed is the one that was approved.
    pub(crate) fn approved(&self) -> bool {
        let case = &self.incident.case;
        matches!((&case.approval, &case.plan_digest), (Some((_, approved)), Some(now)) if approved == now)
    }

    /// Whether the incident waits for a person; one that waited too long expires.
    pub(crate) async fn waits(&mut self) -> Result<bool, RespondError> {
        if self.incident.phase != Phase::AwaitingApproval {
            return Ok(false);
        }
        if self.overdue() {
            self.close(Phase::Expired, "nobody approved the plan in time").await?;
        }
        Ok(true)
    }

    /// Whether the plan was put before a person too long ago. Alerts that join in between do not prolong it.
    pub(crate) fn overdue(&self) -> bool {
        let asked = self.incident.case.timeline.iter().rev().find_map(|e| match e.event {
            Event::ApprovalAsked { .. } => Some(e.at),
            _ => None,
        });
        let asked = asked.unwrap_or(self.incident.updated_at);
        self.responder.ports.clock.now().since(asked) > self.responder.settings.approval_ttl
    }

    /// Takes a person's yes, rehearses again and carries the plan out if nothing has drifted.
    pub(crate) async fn approve(&mut self, digest: &str, by: &str) -> Result<(), RespondError> {
        self.take_yes(digest, by).await?;
        self.walk().await
    }

    /// Takes a person's yes: what is left to do is begun by whoever walks next.
    pub(crate) async fn take_yes(&mut self, digest: &str, by: &str) -> Result<(), RespondError> {
        self.must_wait()?;
        if self.waits().await? && self.incident.phase.closed() {
            return Ok(());
        }
        let waiting = self.incident.case.plan_digest.clone().unwrap_or_default();
        if waiting != digest {
            return Err(RespondError::OtherDigest {
                id: self.incident.id,
                waiting,
                given: digest.to_owned(),
            });
        }
        self.incident.case.approval = Some((by.to_owned(), digest.to_owned()));
        self.record(Event::Approved {
            by: by.to_owned(),
            digest: digest.to_owned(),
        });
        self.enter(Phase::Rehearsing).await
    }

    /// Takes note that a person took the incident. What has begun to act is not broken off.
    pub(crate) async fn acknowledge(&mut self, by: &str) -> Result<(), RespondError> {
        if self.incident.phase.closed() {
            return Err(RespondError::Over {
                id: self.incident.id,
                phase: self.incident.phase,
            });
        }
        self.incident.case.acknowledged_by = Some(by.to_owned());
        self.record(Event::Acknowledged { by: by.to_owned() });
        if !has_begun(self.incident.phase) {
            self.heed_acknowledgement();
        }
        self.commit().await
    }

    /// Takes a person's no.
    pub(crate) async fn reject(&mut self, by: &str, reason: &str) -> Result<(), RespondError> {
        self.must_wait()?;
        self.record(Event::Rejected {
            by: by.to_owned(),
            reason: reason.to_owned(),
        });
        self.close(Phase::Rejected, &format!("rejected by {by}: {reason}"))
            .await
    }

    fn must_wait(&self) -> Result<(), RespondError> {
        if self.incident.phase == Phase::AwaitingApproval {
            return Ok(());
        }
        Err(RespondError::NotWaiting {
            id: self.incident.id,
            phase: self.incident.phase,
        })
    }
}
