//! The walk from phase to phase, and what may end it early: the emergency stop, the run's time, a failed read.
//!
//! An error that trying again may cure leaves the incident open where it was saved last, for `resume` or for the next
//! alert about the same owner.

use crate::RespondError;
use crate::session::{Session, cannot_be_retried};
use dreamops_domain::alert::AlertStatus;
use dreamops_domain::decision::{EmergencyStop, ScopedStop};
use dreamops_domain::event::Event;
use dreamops_domain::phase::{Mode, Phase};
use dreamops_domain::ports::StoreError;
use dreamops_domain::read::ReadError;
use std::time::Duration;

/// What was found longer ago is looked at again before it is planned from.
const STALE: Duration = Duration::from_mins(2);

impl Session<'_> {
    /// Goes from phase to phase until the incident is closed or waits for a person.
    pub(crate) async fn walk(&mut self) -> Result<(), RespondError> {
        if self.heed().await? {
            return Ok(());
        }
        self.freshen().await?;
        while !self.incident.phase.closed() && !self.waits().await? {
            self.heartbeat().await?;
            if self.stopped().await? || self.too_late().await? {
                break;
            }
            // boxed: the work of all phases in one future would be large wherever a walk is held
            let worked = Box::pin(self.work()).await;
            self.cope(worked).await?;
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

    /// Ends the incident where an error is a person's to remove; hands on what may be tried again.
    async fn cope(&mut self, worked: Result<(), RespondError>) -> Result<(), RespondError> {
        match worked {
            Err(RespondError::Read(error)) if cannot_be_retried(&error) => {
                self.escalate(&error.to_string(), remedy_for(&error)).await
            }
            Err(RespondError::Store(StoreError::Stopped(stop))) => self.halt(&stop).await,
            other => other,
        }
    }

    /// Goes on with an incident that another alert joined, as far as `mode` lets it.
    pub(crate) async fn go_on_in(&mut self, mode: Mode) -> Result<(), RespondError> {
        if self.incident.phase.closed() {
            return Ok(());
        }
        let mode = self.bounded(mode);
        let (id, phase, present) = (self.incident.id, self.incident.phase, self.incident.mode);
        if has_begun(phase) && freedom(mode) < freedom(present) {
            return Err(RespondError::Acting {
                id,
                phase,
                present,
                asked: mode,
            });
        }
        if phase == Phase::AwaitingApproval && mode == Mode::Observe {
            return Ok(());
        }
        self.note(
            "host",
            format!("another alert joined incident {id}, which goes on from phase {phase} in mode {mode}"),
        );
        if !has_begun(phase) {
            self.incident.mode = mode;
        }
        if phase == Phase::AwaitingApproval && (mode != present || self.overdue()) {
            self.enter(Phase::Rehearsing).await?;
            if self.overdue() {
                self.enter(Phase::Diagnosing).await?;
            }
        } else {
            self.commit().await?;
        }
        self.walk().await
    }

    /// A mode, bounded by the word of a person who took the alert: what would run alone waits for approval then.
    pub(crate) fn bounded(&self, mode: Mode) -> Mode {
        let case = &self.incident.case;
        let acknowledged =
            case.acknowledged_by.is_some() || case.alerts.iter().any(|a| a.status == AlertStatus::Acknowledged);
        if mode == Mode::Yolo && acknowledged {
            Mode::Approval
        } else {
            mode
        }
    }

    /// Looks again where a run broke off so long ago that what it found may be over. Not under an approval:
    /// that binds what was found.
    async fn freshen(&mut self) -> Result<(), RespondError> {
        let age = self.responder.ports.clock.now().since(self.incident.updated_at);
        let drafted = matches!(self.incident.phase, Phase::Planning | Phase::Rehearsing);
        if drafted && age > STALE && self.incident.case.approval.is_none() {
            self.note(
                "host",
                format!(
                    "what was found is {} minutes old: it is looked at again",
                    age.as_secs() / 60
                ),
            );
            self.enter(Phase::Diagnosing).await?;
        }
        Ok(())
    }

    /// Closes the incident if the emergency stop is on, unless a person takes writes back or nothing would be written.
    pub(crate) async fn stopped(&mut self) -> Result<bool, RespondError> {
        let by_person = self.incident.case.revert.as_ref().is_some_and(|r| r.by.is_some());
        let only_looks = self.incident.mode == Mode::Observe && !has_begun(self.incident.phase);
        if by_person || only_looks {
            return Ok(false);
        }
        let store = &self.responder.ports.store;
        match store
            .stop_over(self.incident.tenant, &self.incident.cluster.key)
            .await?
        {
            Some(stop) => self.halt(&stop).await.map(|()| true),
            None => Ok(false),
        }
    }

    async fn halt(&mut self, on: &ScopedStop) -> Result<(), RespondError> {
        let EmergencyStop { since, by, reason } = &on.stop;
        let because = format!("{} is on since {since} by {by} ({reason})", on.scope);
        self.record(Event::Halted {
            because: because.clone(),
        });
        self.close(Phase::Stopped, &because).await
    }

    /// Hands the incident to a person where the run's time is over before anything was written.
    async fn too_late(&mut self) -> Result<bool, RespondError> {
        let phase = self.incident.phase;
        if !self.out_of_time() || has_begun(phase) || phase == Phase::Received {
            return Ok(false);
        }
        let limit = self.responder.settings.timeout.as_secs();
        let reason = match self.diagnosis() {
            Some(cause) => format!("{}; the run's {limit} s were over in phase {phase}", cause.root_cause),
            None => format!("the run's {limit} s were over in phase {phase}, before a cause was found"),
        };
        self.escalate(
            &reason,
            "give it more time with --timeout, or look at the object by hand",
        )
        .await?;
        Ok(true)
    }
}

/// Whether writes may have been made under the present plan.
pub(crate) fn has_begun(phase: Phase) -> bool {
    matches!(phase, Phase::Executing | Phase::Verifying | Phase::Reverting)
}

/// How much a mode leaves to the host.
fn freedom(mode: Mode) -> u8 {
    match mode {
        Mode::Observe => 0,
        Mode::Approval => 1,
        Mode::Yolo => 2,
    }
}

/// What a person does about a read that cannot succeed.
fn remedy_for(error: &ReadError) -> &'static str {
    match error {
        ReadError::Forbidden { .. } => "give the credential the named right, then run it again",
        ReadError::NotFound { .. } => "find out who removed it and whether it is meant to come back",
        _ => "look at the object by hand",
    }
}
