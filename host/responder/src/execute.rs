//! Executing: the plan's writes are made from the journal, in order, each once.

use crate::RespondError;
use crate::session::Session;
use dreamops_domain::id::EntryId;
use dreamops_domain::incident::StepOutcome;
use dreamops_domain::journal::{Direction, JournalEntry, WriteOutcome};
use dreamops_domain::phase::Phase;

/// A step that was not carried out, or not taken back.
pub(crate) struct Broken {
    /// Which, from 0.
    pub(crate) step: u32,
    /// Why.
    pub(crate) why: String,
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
        let idle = StepOutcome {
            outcome: "not-run".into(),
            detail: String::new(),
            reverted: false,
        };
        case.outcomes = vec![idle; steps];
        self.responder.ports.store.journal_plan(&self.lease, &entries).await?;
        self.enter(Phase::Executing).await
    }

    /// Makes the writes that are not made yet.
    pub(crate) async fn execute(&mut self) -> Result<(), RespondError> {
        if let Some(why) = self.drafter_is_gone().await? {
            return self.turn_back(&why, None).await;
        }
        let Some(Broken { step, why }) = self.run_forward().await? else {
            self.note_words_to_persons();
            return self.enter(Phase::Verifying).await;
        };
        let name = self.step_name(step);
        self.turn_back(&format!("step {} ({name}) was not carried out: {why}", step + 1), None)
            .await
    }

    /// Runs this attempt's entries in order, skipping those that are settled; the rest is not tried after one that was
    /// not carried out.
    async fn run_forward(&mut self) -> Result<Option<Broken>, RespondError> {
        for entry in self.entries(Direction::Forward).await? {
            let outcome = self.outcome_of(&entry).await?;
            self.note_forward(&entry, &outcome);
            if let Some(why) = not_done(&outcome) {
                return Ok(Some(Broken {
                    step: entry.step,
                    why: why.to_owned(),
                }));
            }
        }
        Ok(None)
    }

    /// The entries of this attempt in one direction.
    pub(crate) async fn entries(&self, direction: Direction) -> Result<Vec<JournalEntry>, RespondError> {
        let attempt = self.incident.case.attempt;
        let all = self.journal().await?;
        Ok(all
            .into_iter()
            .filter(|e| e.direction == direction && e.attempt == attempt)
            .collect())
    }

    fn note_forward(&mut self, entry: &JournalEntry, outcome: &WriteOutcome) {
        let Some(noted) = self.incident.case.outcomes.get_mut(entry.step as usize) else {
            return;
        };
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

    fn step_name(&self, step: u32) -> &'static str {
        let plan = self.incident.case.plan.as_ref();
        plan.and_then(|p| p.steps.get(step as usize))
            .map_or("unknown", |s| s.action.name())
    }
}

/// Why a write was not made, if it was not.
pub(crate) fn not_done(outcome: &WriteOutcome) -> Option<&str> {
    match outcome {
        WriteOutcome::Applied { .. } | WriteOutcome::AlreadySo => None,
        WriteOutcome::Conflict { why } | WriteOutcome::Refused { why } => Some(why),
    }
}

fn index(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
