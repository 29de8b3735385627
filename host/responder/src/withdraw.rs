//! A resolution from the source: what waits for the same alert and has not begun to act ends with it.

use crate::RespondError;
use crate::session::Session;
use crate::walk::has_begun;
use dreamops_domain::alert::{Alert, AlertStatus};
use dreamops_domain::event::Event;
use dreamops_domain::incident::Incident;
use dreamops_domain::phase::Phase;
use dreamops_domain::ports::{IncidentFilter, StoreError};

/// How many open incidents are looked through.
const LOOKED_THROUGH: u32 = 500;

impl Session<'_> {
    /// Ends open incidents of this cluster whose every alert is resolved by one of ours. One that acts goes on to its
    /// end; one that another worker holds is left to it.
    pub(crate) async fn withdraw_resolved(&mut self) -> Result<(), RespondError> {
        let resolved: Vec<Alert> = self
            .incident
            .case
            .alerts
            .iter()
            .filter(|a| a.status == AlertStatus::Resolved)
            .cloned()
            .collect();
        if resolved.is_empty() {
            return Ok(());
        }
        let filter = IncidentFilter {
            open: true,
            limit: LOOKED_THROUGH,
            ..IncidentFilter::default()
        };
        let open = self.responder.ports.store.list(self.incident.tenant, &filter).await?;
        let mine = (self.incident.id, self.incident.cluster.key.clone());
        for other in open
            .iter()
            .filter(|o| o.id != mine.0 && o.cluster.key == mine.1 && is_over(o, &resolved))
        {
            self.withdraw(other, &resolved).await?;
        }
        Ok(())
    }

    async fn withdraw(&self, other: &Incident, resolved: &[Alert]) -> Result<(), RespondError> {
        let mut theirs = match Session::take_joined(self.responder, other.id).await {
            Ok(session) => session,
            Err(RespondError::Store(StoreError::LeaseLost)) => return Ok(()),
            Err(error) => return Err(error),
        };
        let outcome = if is_over(&theirs.incident, resolved) {
            theirs.end_resolved().await
        } else {
            Ok(())
        };
        theirs.give_back(outcome).await.map(|_| ())
    }

    /// Ends the incident because its source says so.
    pub(crate) async fn end_resolved(&mut self) -> Result<(), RespondError> {
        let because = "the source of the alert says that it is resolved";
        self.record(Event::Halted {
            because: because.to_owned(),
        });
        self.close(Phase::NoAction, because).await
    }
}

/// Whether an incident has not begun to act and nothing but `resolved` opened it.
fn is_over(incident: &Incident, resolved: &[Alert]) -> bool {
    let active: Vec<&Alert> = active(&incident.case.alerts).collect();
    !incident.phase.closed()
        && !has_begun(incident.phase)
        && !active.is_empty()
        && active.iter().all(|a| resolved.iter().any(|r| ends(r, a)))
}

/// The alerts whose source still sees the symptom: neither ended themselves nor by one that came later.
pub(crate) fn active(alerts: &[Alert]) -> impl Iterator<Item = &Alert> {
    let over = |one: &Alert| {
        one.status == AlertStatus::Resolved
            || alerts
                .iter()
                .any(|other| other.status == AlertStatus::Resolved && ends(other, one))
    };
    alerts.iter().filter(move |one| !over(one))
}

/// Whether `resolved` is the end of `firing`, not that of an earlier firing.
pub(crate) fn ends(resolved: &Alert, firing: &Alert) -> bool {
    let same_firing = match (resolved.starts_at, firing.starts_at) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    !firing.fingerprint.is_empty()
        && resolved.source == firing.source
        && resolved.fingerprint == firing.fingerprint
        && same_firing
}
