//! Reverting: writes are taken back in reverse order; then the fallback strategy, or a person.

use crate::RespondError;
use crate::execute::Ran;
use crate::session::Session;
use dreamops_domain::id::EntryId;
use dreamops_domain::incident::Revert;
use dreamops_domain::journal::{Direction, JournalEntry};
use dreamops_domain::phase::Phase;

/// How many plans one incident may try.
const MAX_ATTEMPTS: u32 = 2;

impl Session<'_> {
    /// Begins to take back what this attempt wrote. Where it wrote nothing, goes straight on.
    pub(crate) async fn turn_back(&mut self, because: &str, by: Option<String>) -> Result<(), RespondError> {
        self.incident.case.last_word = Some(because.to_owned());
        self.incident.case.healed_at = None;
        self.incident.case.revert = Some(Revert { because: because.to_owned(), by });
        let forward = self.entries(Direction::Forward).await?;
        let planned = self.entries(Direction::Revert).await?;
        let now = self.responder.ports.clock.now();
        let mut back: Vec<JournalEntry> = Vec::new();
        for entry in forward.iter().rev().filter(|e| e.took_effect()) {
            let there = planned.iter().chain(&back).any(|p| (p.attempt, p.step, p.number) == key(entry));
            let Some(outcome) = entry.outcome.as_ref().filter(|_| !there) else { continue };
            if let Some(write) = self.responder.ports.writes.inverse(&entry.write, outcome) {
                back.push(JournalEntry {
                    id: EntryId::new(now),
                    direction: Direction::Revert,
                    write,
                    started_at: None,
                    outcome: None,
                    finished_at: None,
                    ..entry.clone()
                });
            }
        }
        self.responder.ports.store.journal_plan(&self.lease, &back).await?;
        self.enter(Phase::Reverting).await
    }

    /// Makes the writes back.
    pub(crate) async fn revert(&mut self) -> Result<(), RespondError> {
        let revert = self.incident.case.revert.clone();
        let because = revert.as_ref().map(|r| r.because.clone()).unwrap_or_default();
        match self.run_journal(Direction::Revert).await? {
            Ran::Broke { step, why } => {
                let reason = format!("{because}; taking step {} back failed: {why}", step + 1);
                let proposal = "compare the object with the incident's diff and set the fields back by hand";
                self.escalate(&reason, proposal).await
            }
            Ran::Through => match revert.and_then(|r| r.by) {
                Some(person) => self.close(Phase::Reverted, &format!("taken back by {person}")).await,
                None => self.after_revert(&because).await,
            },
        }
    }

    /// The fallback strategy gets one try; then a person.
    async fn after_revert(&mut self, because: &str) -> Result<(), RespondError> {
        self.incident.case.revert = None;
        let case = &mut self.incident.case;
        let left = case.ranking.iter().any(|(s, _)| !case.tried.contains(&s.name));
        if case.attempt < MAX_ATTEMPTS && left {
            case.attempt += 1;
            case.approval = None;
            return self.give_to_next(&format!("fallback: {because}")).await;
        }
        let cause = self.diagnosis().map_or_else(String::new, |d| d.root_cause.clone());
        let reason = format!("{because}; what was done is taken back");
        let proposal = format!("the diagnosis was: {cause}; the plan did not help, so look for another cause");
        self.escalate(&reason, &proposal).await
    }

    /// Takes everything back that the incident wrote, on a person's word.
    pub(crate) async fn rollback(&mut self, by: &str) -> Result<(), RespondError> {
        let (id, phase) = (self.incident.id, self.incident.phase);
        let journal = self.responder.ports.store.journal(self.incident.tenant, id).await?;
        let wrote = journal.iter().any(|e| e.direction == Direction::Forward && e.took_effect());
        if !wrote || !phase.may_become(Phase::Reverting) {
            return Err(RespondError::NothingToRollBack { id, phase });
        }
        self.incident.closed_at = None;
        self.turn_back(&format!("rolled back by {by}"), Some(by.to_owned())).await?;
        self.walk().await
    }
}

fn key(entry: &JournalEntry) -> (u32, u32, u32) {
    (entry.attempt, entry.step, entry.number)
}
