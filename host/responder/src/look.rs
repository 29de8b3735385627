//! One look at what has to become healthy: the host's own, the post-conditions', and the strategy's.

use crate::RespondError;
use crate::session::{Session, cannot_be_retried};
use dreamops_domain::event::Event;
use dreamops_domain::finding::Verdict;
use dreamops_domain::journal::JournalEntry;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::ports::{ActError, Execution};
use dreamops_domain::read::{Health, ReadError};
use dreamops_domain::time::Timestamp;

/// What the strategy says.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Word {
    /// It answered.
    Said(Verdict),
    /// It could not answer: the host judges alone.
    Silent,
    /// It was not asked this time: what it said last stands.
    NotAsked,
}

/// One look.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Look {
    /// How the subject does.
    pub(crate) health: Health,
    /// Whether what the alert was about is well, where that is something else.
    pub(crate) origin_is_well: bool,
    /// What the strategy says.
    pub(crate) word: Word,
    /// What was changed of what we set, and by whom.
    pub(crate) breach: Option<String>,
}

impl Look {
    /// Whether it shows something that the one told last did not.
    fn differs_from(&self, told: Option<&Self>) -> bool {
        told.is_none_or(|t| {
            t.health != self.health || t.breach != self.breach || t.origin_is_well != self.origin_is_well
        })
    }
}

impl Session<'_> {
    /// Looks at the subject and at what the alert was about.
    pub(crate) async fn look(&mut self) -> Result<Look, RespondError> {
        let health = self.health(&self.subject()).await?;
        self.incident.case.last_health = Some(health.clone());
        let origin_is_well = match self.origin() {
            Some(origin) => self.is_well(&origin).await?,
            None => true,
        };
        Ok(Look {
            health,
            origin_is_well,
            word: Word::Silent,
            breach: None,
        })
    }

    async fn is_well(&self, object: &ObjectRef) -> Result<bool, RespondError> {
        match self.health(object).await {
            Ok(health) => Ok(works(object, &health)),
            // what was deleted has not become well
            Err(error) if cannot_be_retried(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the host itself sees the subject well, with no fewer replicas than before.
    pub(crate) fn is_sound(&self, health: &Health) -> bool {
        let subject = self.subject();
        let wanted = self.incident.case.baseline.as_ref().map_or(0, |b| b.desired);
        // how many pods a Service has is its workload's affair
        works(&subject, health) && (subject.kind == "Service" || health.ready >= wanted)
    }

    /// What differs from what was set, for the writes that took effect.
    pub(crate) async fn breach(&self, applied: &[JournalEntry]) -> Result<Option<String>, RespondError> {
        for entry in applied {
            match self.responder.ports.writes.breach(&self.scope(), &entry.write).await {
                Ok(None) => {}
                Ok(Some(breach)) => return Ok(Some(breach)),
                Err(ActError::Read(error)) => return Err(error.into()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// The strategy's word. One that fails to answer has no say.
    pub(crate) async fn word(&mut self, execution: &Execution) -> Result<Word, RespondError> {
        let Some(strategy) = self.incident.case.strategy.clone() else {
            return Ok(Word::Silent);
        };
        let context = self.context(&strategy.name).await?;
        match self
            .responder
            .ports
            .strategies
            .verify(&strategy.digest, &context, execution)
            .await
        {
            Ok(verdict) => Ok(Word::Said(verdict)),
            Err(error) => {
                let failure = error.to_string();
                if self.verify_failure.as_ref() != Some(&failure) {
                    self.strategy_failed(strategy, "verify", &error);
                    self.verify_failure = Some(failure);
                }
                Ok(Word::Silent)
            }
        }
    }

    /// What was done, as the strategy sees it.
    pub(crate) fn execution(&self, applied: &[JournalEntry], since: Timestamp, present: Health) -> Option<Execution> {
        let case = &self.incident.case;
        let plan = case.plan.as_ref()?;
        let outcomes = case.outcomes.iter().map(|o| o.outcome.clone());
        Some(Execution {
            steps: plan.steps.iter().cloned().zip(outcomes).collect(),
            started_at: applied.iter().filter_map(|e| e.started_at).min().unwrap_or(since),
            finished_at: case.last_write_at.unwrap_or(since),
            baseline: case.baseline.clone().unwrap_or_default(),
            present,
            finding: case.finding.clone()?,
        })
    }

    /// Puts a look into the timeline where it shows something new.
    pub(crate) async fn tell(&mut self, look: &Look, told: &mut Option<Look>) -> Result<(), RespondError> {
        if look.differs_from(told.as_ref()) {
            let verdict = match &look.word {
                Word::Said(verdict) => Some(verdict.clone()),
                Word::Silent | Word::NotAsked => None,
            };
            self.record(Event::Checked {
                health: look.health.clone(),
                verdict,
                breach: look.breach.clone(),
            });
            self.commit().await?;
            *told = Some(look.clone());
        }
        Ok(())
    }
}

/// Whether an object does what it is there for. Scaled to zero it does not.
fn works(object: &ObjectRef, health: &Health) -> bool {
    match object.kind.as_str() {
        // a Service needs somebody behind it
        "Service" => health.ready > 0,
        _ => health.whole(),
    }
}

/// Whether a look failed for a reason that passes: the cluster hiccups while it heals.
pub(crate) fn passes(error: &RespondError) -> bool {
    matches!(error, RespondError::Read(ReadError::Unavailable { .. }))
}
