//! Verifying: is the fault gone, does it stay gone, and does what we wrote still stand?
//!
//! Healed means, for a whole unbroken window: the strategy says so, the host sees at least as many
//! ready pods as were wanted, nothing restarted, and the fields we set still hold. `healed_at` is the first
//! moment of that window. Scaling to zero or deleting the workload can never look healed.

use crate::RespondError;
use crate::plan::escalation_in;
use crate::session::Session;
use dreamops_domain::event::Event;
use dreamops_domain::finding::Verdict;
use dreamops_domain::journal::{Direction, JournalEntry};
use dreamops_domain::phase::Phase;
use dreamops_domain::ports::{ActError, CallError, Execution};
use dreamops_domain::read::{Health, ReadError};
use dreamops_domain::time::Timestamp;
use std::time::Duration;

/// One look at the workload.
struct Look {
    health: Health,
    verdict: Option<Verdict>,
    breach: Option<String>,
}

/// The healthy window so far.
struct Window {
    since: Timestamp,
    began: Duration,
    restarts: u32,
    last_restart: Option<Timestamp>,
}

impl Session<'_> {
    /// Watches until the fault was gone for a whole window, or there is no hope left.
    pub(crate) async fn verify(&mut self) -> Result<(), RespondError> {
        let applied: Vec<_> = self.entries(Direction::Forward).await?.into_iter().filter(JournalEntry::took_effect).collect();
        let clock = self.responder.ports.clock.clone();
        let began = clock.monotonic();
        let mut window: Option<Window> = None;
        let mut told: Option<(Health, Option<String>)> = None;
        let mut next_question = Duration::ZERO;
        loop {
            self.heartbeat().await?;
            if self.responder.ports.store.emergency_stop().await?.is_some() {
                return self.commit().await;
            }
            let ask = clock.monotonic() >= next_question;
            let look = match self.look(&applied, ask).await {
                Ok(look) => look,
                // the cluster hiccups while it heals: what cannot be seen is not healed
                Err(RespondError::Read(ReadError::Unavailable { .. })) if !self.out_of_time() => {
                    window = None;
                    self.pause(self.responder.settings.poll).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            if let Some(Verdict::Waiting { retry_after_ms }) = look.verdict {
                next_question = clock.monotonic() + Duration::from_millis(retry_after_ms.min(5_000));
            }
            self.tell_look(&look, &mut told).await?;
            if let Some(breach) = look.breach {
                return self.contested(&breach).await;
            }
            if let Some(Verdict::Worse { why }) = &look.verdict {
                let why = why.clone();
                return self.turn_back(&why, None).await;
            }
            window = self.judge(&look, window.take()).await?;
            if let Some(open) = &window {
                if clock.monotonic() >= open.began + self.window_length(&look.health) {
                    return self.healed(open.since).await;
                }
            } else if self.hopeless(began, &look.health) {
                return self.give_up(&look.health).await;
            }
            let poll = self.responder.settings.poll;
            clock.sleep_until(clock.monotonic() + poll).await;
        }
    }

    async fn look(&mut self, applied: &[JournalEntry], ask: bool) -> Result<Look, RespondError> {
        let subject = self.subject();
        let health = self.health(&subject).await?;
        self.incident.case.last_health = Some(health.clone());
        let breach = self.breach(applied).await?;
        let verdict = if ask { self.verdict(&health).await? } else { Some(Verdict::Waiting { retry_after_ms: 0 }) };
        Ok(Look { health, verdict, breach })
    }

    async fn breach(&self, applied: &[JournalEntry]) -> Result<Option<String>, RespondError> {
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

    /// The strategy's word; one that fails to answer has no say, and the host judges alone.
    async fn verdict(&mut self, present: &Health) -> Result<Option<Verdict>, RespondError> {
        let (Some(strategy), Some(execution)) = (self.incident.case.strategy.clone(), self.execution(present)) else {
            return Ok(None);
        };
        let context = self.context().await?;
        match self.responder.ports.strategies.verify(&strategy.digest, &context, &execution).await {
            Ok(verdict) => Ok(Some(verdict)),
            Err(error @ CallError::Mismatch(_)) => {
                self.strategy_failed(strategy, "verify", &error);
                Ok(None)
            }
            Err(error) => {
                if self.incident.case.last_word.as_deref() != Some(error.outcome()) {
                    self.strategy_failed(strategy, "verify", &error);
                    self.incident.case.last_word = Some(error.outcome().to_owned());
                }
                Ok(None)
            }
        }
    }

    fn execution(&self, present: &Health) -> Option<Execution> {
        let case = &self.incident.case;
        let plan = case.plan.as_ref()?;
        let outcomes = case.outcomes.iter().map(|o| o.outcome.clone());
        let now = self.responder.ports.clock.now();
        Some(Execution {
            steps: plan.steps.iter().cloned().zip(outcomes).collect(),
            started_at: self.first_write().unwrap_or(now),
            finished_at: case.last_write_at.unwrap_or(now),
            baseline: case.baseline.clone().unwrap_or_default(),
            present: present.clone(),
            finding: case.finding.clone()?,
        })
    }

    fn first_write(&self) -> Option<Timestamp> {
        let timeline = &self.incident.case.timeline;
        timeline.iter().find(|e| matches!(e.event, Event::Acting { .. })).map(|e| e.at)
    }

    /// Adds a look to the timeline where it shows something new.
    async fn tell_look(&mut self, look: &Look, told: &mut Option<(Health, Option<String>)>) -> Result<(), RespondError> {
        let now = (look.health.clone(), look.breach.clone());
        if told.as_ref() != Some(&now) {
            self.record(Event::Checked {
                health: look.health.clone(),
                verdict: look.verdict.clone(),
                breach: look.breach.clone(),
            });
            self.commit().await?;
            *told = Some(now);
        }
        Ok(())
    }

    /// Opens, keeps or breaks the healthy window.
    async fn judge(&mut self, look: &Look, window: Option<Window>) -> Result<Option<Window>, RespondError> {
        let sound = self.sound(&look.health)
            && match &look.verdict {
                Some(Verdict::Healed) | None => true,
                // between two questions the strategy's last word stands, and it opened the window
                Some(Verdict::Waiting { retry_after_ms: 0 }) => window.is_some(),
                Some(_) => false,
            };
        if !sound {
            self.incident.case.healed_at = None;
            return Ok(None);
        }
        match window {
            Some(open) if open.last_restart == look.health.last_restart && open.restarts >= look.health.restarts => {
                Ok(Some(open))
            }
            _ => {
                let clock = &self.responder.ports.clock;
                let (since, began) = (clock.now(), clock.monotonic());
                let (restarts, last_restart) = (look.health.restarts, look.health.last_restart);
                let window_ms = u64::try_from(self.window_length(&look.health).as_millis()).unwrap_or(u64::MAX);
                self.incident.case.healed_at = Some(since);
                self.record(Event::Healing { since, window_ms });
                self.commit().await?;
                Ok(Some(Window { since, began, restarts, last_restart }))
            }
        }
    }

    /// Whether the host itself sees the object well, with no fewer replicas than before.
    fn sound(&self, health: &Health) -> bool {
        let wanted = self.incident.case.baseline.as_ref().map_or(0, |b| b.desired);
        match self.subject().kind.as_str() {
            // a Service needs somebody behind it; how many is its workload's affair
            "Service" => health.ready > 0,
            _ => health.whole() && health.ready >= wanted,
        }
    }

    fn window_length(&self, health: &Health) -> Duration {
        self.responder.settings.stability.max(Duration::from_secs(u64::from(health.min_ready_seconds)))
    }

    /// Whether the time for an improvement is over. A rollout that makes progress gets its own deadline.
    fn hopeless(&self, began: Duration, health: &Health) -> bool {
        if self.out_of_time() {
            return true;
        }
        let patience = match health.progress_deadline_seconds {
            Some(seconds) if health.progressing && !health.settled => {
                self.responder.settings.heal_deadline.max(Duration::from_secs(u64::from(seconds)))
            }
            _ => self.responder.settings.heal_deadline,
        };
        self.responder.ports.clock.monotonic() >= began + patience
    }

    async fn healed(&mut self, since: Timestamp) -> Result<(), RespondError> {
        self.incident.case.healed_at = Some(since);
        let subject = self.subject();
        let plan = self.incident.case.plan.clone().unwrap_or_default();
        if let Some((reason, proposal)) = escalation_in(&plan) {
            return self.escalate(&format!("{subject} works for now; {reason}"), &proposal).await;
        }
        let cause = self.diagnosis().map_or_else(String::new, |d| d.root_cause.clone());
        self.close(Phase::Resolved, &format!("{subject} is healthy again; the cause was: {cause}")).await
    }

    /// Somebody else changed what we set: we do not fight.
    async fn contested(&mut self, breach: &str) -> Result<(), RespondError> {
        let reason = format!("what was changed here was changed back: {breach}");
        let proposal = format!("make the change where it is kept, or stop that writer: {breach}");
        self.escalate(&reason, &proposal).await
    }

    /// Out of time: more ready pods than before stay as they are, otherwise everything is taken back.
    async fn give_up(&mut self, health: &Health) -> Result<(), RespondError> {
        let before = self.incident.case.baseline.as_ref().map_or(0, |b| b.ready);
        let subject = self.subject();
        let state = format!("{subject} has {} of {} ready (before: {before})", health.ready, health.desired);
        if health.ready > before {
            let proposal = format!("the change is kept because it helped; look at the pods of {subject} that are not ready");
            return self.escalate(&format!("partly healed in time: {state}"), &proposal).await;
        }
        self.turn_back(&format!("no better in time: {state}"), None).await
    }
}
