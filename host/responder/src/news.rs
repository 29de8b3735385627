//! What sources and persons said while an incident was worked on or waited: heeded before anything is written.

use crate::RespondError;
use crate::session::Session;
use crate::walk::has_begun;
use dreamops_domain::phase::{Mode, Phase};

impl Session<'_> {
    /// Ends an incident that has not begun to act and whose every alert is over, and asks a person where one took it.
    /// True where it ended.
    pub(crate) async fn heed(&mut self) -> Result<bool, RespondError> {
        let phase = self.incident.phase;
        if phase.closed() || has_begun(phase) || phase == Phase::Received {
            return Ok(false);
        }
        if self.active_alerts().next().is_none() {
            self.end_resolved().await?;
            return Ok(true);
        }
        self.heed_acknowledgement();
        Ok(false)
    }

    /// As [`Session::heed`], with what came in since the incident was loaded.
    pub(crate) async fn heed_anew(&mut self) -> Result<bool, RespondError> {
        let store = &self.responder.ports.store;
        self.incident.case.alerts = store.load(self.incident.tenant, self.incident.id).await?.case.alerts;
        self.heed().await
    }

    /// A person who took the alert or the incident is asked before anything is done.
    pub(crate) fn heed_acknowledgement(&mut self) {
        let mode = self.bounded(self.incident.mode);
        if mode != self.incident.mode {
            self.incident.mode = mode;
            self.note("host", format!("a person has acknowledged it: mode {}", Mode::Approval));
        }
    }
}
