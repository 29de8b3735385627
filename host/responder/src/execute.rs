//! Executing: writes are made from the journal, forward or back.
//!
//! Promise: a write is in the journal before it is sent, its outcome after; one whose outcome is
//! unknown is settled by reading; none is made twice.

use crate::RespondError;
use crate::session::Session;
use dreamops_domain::event::Event;
use dreamops_domain::id::EntryId;
use dreamops_domain::incident::StepOutcome;
use dreamops_domain::journal::{Direction, JournalEntry, WriteOutcome};
use dreamops_domain::phase::Phase;
use dreamops_domain::ports::ActError;
use dreamops_domain::rehearsal::Write;
use std::time::Duration;

/// How often an unknown outcome is asked for before the incident is left for `resume`.
const SETTLE_TRIES: u32 = 5;

/// How a run through the journal ended.
pub(crate) enum Ran {
    /// Every write was made.
    Through,
    /// One was not; the rest was not tried.
    Broke {
        /// The step.
        step: usize,
        /// Why.
        why: String,
    },
}

impl Session<'_> {
    /// Puts the plan's writes into the journal and enters execution.
    pub(crate) async fn begin(&mut self) -> Result<(), RespondError> {
        let now = self.responder.ports.clock.now();
        let case = &mut self.incident.case;
        let mut entries = Vec::new();
        for (step, rehearsal) in case.rehearsals.iter().enumerate() {
            for (number, write) in rehearsal.writes.iter().enumerate() {
                entries.push(JournalEntry {
                    id: EntryId::new(now),
                    attempt: case.attempt,
                    step: index(step),
                    number: index(number),
                    direction: Direction::Forward,
                    write: write.clone(),
                    started_at: None,
                    outcome: None,
                    finished_at: None,
                });
            }
        }
        let steps = case.plan.as_ref().map(|p| p.steps.len()).unwrap_or_default();
        let idle = StepOutcome { outcome: "not-run".into(), detail: String::new(), reverted: false };
        case.outcomes = vec![idle; steps];
        self.responder.ports.store.journal_plan(&self.lease, &entries).await?;
        self.enter(Phase::Executing).await
    }

    /// Makes the writes that are not made yet.
    pub(crate) async fn execute(&mut self) -> Result<(), RespondError> {
        match self.run_journal(Direction::Forward).await? {
            Ran::Through => {
                self.note_words_to_persons();
                self.enter(Phase::Verifying).await
            }
            Ran::Broke { step, why } => {
                let name = self.step_name(step);
                self.turn_back(&format!("step {} ({name}) was not carried out: {why}", step + 1), None).await
            }
        }
    }

    /// Runs this attempt's entries of one direction in order, skipping those that are settled.
    pub(crate) async fn run_journal(&mut self, direction: Direction) -> Result<Ran, RespondError> {
        let entries = self.entries(direction).await?;
        for entry in entries {
            let outcome = match entry.outcome.clone() {
                Some(outcome) => outcome,
                None => self.make(&entry).await?,
            };
            let step = entry.step as usize;
            self.note_outcome(step, direction, &outcome);
            match outcome {
                WriteOutcome::Applied { .. } | WriteOutcome::AlreadySo => {}
                WriteOutcome::Conflict { why } | WriteOutcome::Refused { why } => {
                    return Ok(Ran::Broke { step, why });
                }
            }
        }
        Ok(Ran::Through)
    }

    /// The entries of this attempt in one direction; a person's rollback covers every attempt.
    pub(crate) async fn entries(&self, direction: Direction) -> Result<Vec<JournalEntry>, RespondError> {
        let all = self.responder.ports.store.journal(self.incident.tenant, self.incident.id).await?;
        let attempt = self.incident.case.attempt;
        let by_person = self.incident.case.revert.as_ref().is_some_and(|r| r.by.is_some());
        Ok(all
            .into_iter()
            .filter(|e| e.direction == direction && (by_person || e.attempt == attempt))
            .collect())
    }

    /// Makes one write, or finds out what came of it if it was made before a crash.
    async fn make(&mut self, entry: &JournalEntry) -> Result<WriteOutcome, RespondError> {
        let ports = &self.responder.ports;
        self.heartbeat().await?;
        let outcome = if entry.in_doubt() {
            match self.settle(&entry.write).await? {
                Some(outcome) => outcome,
                None => self.send(&entry.write).await?,
            }
        } else {
            let by_person = self.incident.case.revert.as_ref().is_some_and(|r| r.by.is_some());
            ports.store.journal_start(&self.lease, entry.id, ports.clock.now(), by_person).await?;
            let write = describe_write(&entry.write);
            self.record(Event::Acting { step: entry.step as usize, direction: entry.direction, write });
            self.send(&entry.write).await?
        };
        let ports = &self.responder.ports;
        ports.store.journal_finish(&self.lease, entry.id, &outcome, ports.clock.now()).await?;
        let direction = entry.direction;
        self.record(Event::Acted { step: entry.step as usize, direction, outcome: outcome.clone() });
        self.incident.case.last_write_at = Some(ports.clock.now());
        self.commit().await?;
        Ok(outcome)
    }

    async fn send(&self, write: &Write) -> Result<WriteOutcome, RespondError> {
        match self.responder.ports.writes.apply(&self.scope(), write).await {
            Ok(outcome) => Ok(outcome),
            Err(ActError::InDoubt { .. }) => match self.settle(write).await? {
                Some(outcome) => Ok(outcome),
                // it did not arrive: sending it again is safe, its preconditions are part of it
                None => Ok(self.responder.ports.writes.apply(&self.scope(), write).await?),
            },
            Err(ActError::NotAllowed { why }) => Ok(WriteOutcome::Refused { why }),
            Err(error) => Err(error.into()),
        }
    }

    /// What came of a write, by reading; a cluster that does not answer is asked again.
    async fn settle(&self, write: &Write) -> Result<Option<WriteOutcome>, RespondError> {
        let mut tries = 0;
        loop {
            match self.responder.ports.writes.settle(&self.scope(), write).await {
                Ok(settled) => return Ok(settled),
                Err(error) if tries + 1 >= SETTLE_TRIES => return Err(error.into()),
                Err(_) => tries += 1,
            }
            self.pause(Duration::from_secs(1)).await;
        }
    }

    fn note_outcome(&mut self, step: usize, direction: Direction, outcome: &WriteOutcome) {
        let Some(noted) = self.incident.case.outcomes.get_mut(step) else { return };
        match direction {
            Direction::Forward => {
                let (name, detail) = match outcome {
                    WriteOutcome::Applied { .. } => ("applied", ""),
                    // a step of several writes was carried out if any of them was
                    WriteOutcome::AlreadySo if noted.outcome == "applied" => ("applied", ""),
                    WriteOutcome::AlreadySo => ("already-so", ""),
                    WriteOutcome::Conflict { why } => ("conflict", why.as_str()),
                    WriteOutcome::Refused { why } => ("refused", why.as_str()),
                };
                name.clone_into(&mut noted.outcome);
                detail.clone_into(&mut noted.detail);
            }
            Direction::Revert => noted.reverted = matches!(outcome, WriteOutcome::Applied { .. } | WriteOutcome::AlreadySo),
        }
    }

    /// Steps that are words to a person count as proposed.
    fn note_words_to_persons(&mut self) {
        let case = &mut self.incident.case;
        let steps = case.plan.as_ref().map(|p| p.steps.as_slice()).unwrap_or_default();
        for (step, outcome) in steps.iter().zip(&mut case.outcomes) {
            if !step.action.writes() {
                "proposed".clone_into(&mut outcome.outcome);
            }
        }
    }

    fn step_name(&self, step: usize) -> &'static str {
        let plan = self.incident.case.plan.as_ref();
        plan.and_then(|p| p.steps.get(step)).map_or("unknown", |s| s.action.name())
    }
}

fn index(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// A write in a few words, without its values.
fn describe_write(write: &Write) -> String {
    match write {
        Write::Patch { target, touched, .. } => format!("patch {target}: {}", touched.join(", ")),
        Write::Delete { target } => format!("delete {target}"),
        Write::Evict { target } => format!("evict {target}"),
        Write::Create { target, .. } => format!("create {target}"),
    }
}
