//! Reverting: writes are taken back in reverse order; then the fallback strategy, or a person.
//!
//! Within a step the first write that cannot be taken back ends it (a pull secret stays while a workload refers to it);
//! other steps change other objects and are taken back all the same. The host takes back the present attempt, and tries
//! each write once; a person takes back all that still stands, also what the host failed at.

use crate::RespondError;
use crate::execute::{Broken, not_done};
use crate::session::Session;
use dreamops_domain::id::EntryId;
use dreamops_domain::incident::Revert;
use dreamops_domain::journal::{Direction, JournalEntry, WriteOutcome};
use dreamops_domain::phase::Phase;
use dreamops_domain::time::Timestamp;

/// How many plans one incident may try.
const MAX_ATTEMPTS: u32 = 2;

/// Attempt, step and number of a write.
type Key = (u32, u32, u32);

impl Session<'_> {
    /// Begins to take back what this attempt wrote, or all attempts on a person's word. Where there is nothing, goes straight on.
    pub(crate) async fn turn_back(&mut self, because: &str, by: Option<String>) -> Result<(), RespondError> {
        self.settle_doubts().await?;
        let by_person = by.is_some();
        let case = &mut self.incident.case;
        case.last_word = Some(because.to_owned());
        case.healed_at = None;
        case.revert = Some(Revert {
            because: because.to_owned(),
            by,
        });
        let journal = self.journal_to_revert(by_person).await?;
        let back = self.ways_back(&journal, by_person);
        self.responder.ports.store.journal_plan(&self.lease, &back).await?;
        self.enter(Phase::Reverting).await
    }

    /// The journal as far as it is to be taken back: this attempt's; all of it on a person's word.
    async fn journal_to_revert(&self, by_person: bool) -> Result<Vec<JournalEntry>, RespondError> {
        let mut journal = self.journal().await?;
        if !by_person {
            let attempt = self.incident.case.attempt;
            journal.retain(|e| e.attempt == attempt);
        }
        Ok(journal)
    }

    /// The writes that take back what still stands, newest first. Those planned before and never sent are planned
    /// anew, so that all are in order.
    fn ways_back(&self, journal: &[JournalEntry], by_person: bool) -> Vec<JournalEntry> {
        let now = self.responder.ports.clock.now();
        let standing = journal
            .iter()
            .rev()
            .filter(|e| e.direction == Direction::Forward && e.took_effect());
        standing
            .filter(
                |e| match latest_back(journal, key(e)).map(|back| (back.started_at, &back.outcome)) {
                    None | Some((None, None)) => true,
                    // in doubt: it is settled when its turn comes
                    Some((Some(_), None)) => false,
                    Some((_, Some(outcome))) => by_person && not_done(outcome).is_some(),
                },
            )
            .filter_map(|e| self.way_back(e, now))
            .collect()
    }

    fn way_back(&self, entry: &JournalEntry, now: Timestamp) -> Option<JournalEntry> {
        let write = self
            .responder
            .ports
            .writes
            .inverse(&entry.write, entry.outcome.as_ref()?)?;
        Some(JournalEntry {
            id: EntryId::new(now),
            direction: Direction::Revert,
            write,
            started_at: None,
            outcome: None,
            finished_at: None,
            ..entry.clone()
        })
    }

    /// Makes the writes back, then ends the incident or begins the fallback's attempt.
    pub(crate) async fn revert(&mut self) -> Result<(), RespondError> {
        let revert = self.incident.case.revert.clone();
        let because = revert.as_ref().map(|r| r.because.clone()).unwrap_or_default();
        let by_person = revert.as_ref().is_some_and(|r| r.by.is_some());
        let broken = self.run_back(by_person).await?;
        if !broken.is_empty() {
            let failed: Vec<String> = broken
                .iter()
                .map(|b| format!("taking step {} back failed: {}", b.step + 1, b.why))
                .collect();
            let proposal = "compare the object with the incident's diff and set the fields back by hand";
            return self
                .escalate(&format!("{because}; {}", failed.join("; ")), proposal)
                .await;
        }
        match revert.and_then(|r| r.by) {
            Some(person) => self.close(Phase::Reverted, &format!("taken back by {person}")).await,
            None => self.after_revert(&because).await,
        }
    }

    /// Runs the writes back in order; returns the steps that could not be taken back.
    async fn run_back(&mut self, by_person: bool) -> Result<Vec<Broken>, RespondError> {
        let journal = self.journal_to_revert(by_person).await?;
        let is_latest = |e: &&JournalEntry| latest_back(&journal, key(e)).is_some_and(|latest| latest.id == e.id);
        let mut broken: Vec<(u32, Broken)> = Vec::new();
        for entry in journal
            .iter()
            .filter(|e| e.direction == Direction::Revert)
            .filter(is_latest)
        {
            if broken
                .iter()
                .any(|(attempt, b)| (*attempt, b.step) == (entry.attempt, entry.step))
            {
                continue;
            }
            let outcome = self.outcome_of(entry).await?;
            self.note_back(entry, &outcome);
            if let Some(why) = not_done(&outcome) {
                broken.push((
                    entry.attempt,
                    Broken {
                        step: entry.step,
                        why: why.to_owned(),
                    },
                ));
            }
        }
        Ok(broken.into_iter().map(|(_, b)| b).collect())
    }

    fn note_back(&mut self, entry: &JournalEntry, outcome: &WriteOutcome) {
        // the outcomes are those of the present attempt's steps
        if entry.attempt == self.incident.case.attempt
            && let Some(noted) = self.incident.case.outcomes.get_mut(entry.step as usize)
        {
            noted.reverted = not_done(outcome).is_none();
        }
    }

    /// The fallback strategy gets one try; then a person. Somebody else's change ends it: the fallback would fight as well.
    async fn after_revert(&mut self, because: &str) -> Result<(), RespondError> {
        let journal = self.journal_to_revert(false).await?;
        self.incident.case.revert = None;
        let contested = journal
            .iter()
            .any(|e| matches!(e.outcome, Some(WriteOutcome::Conflict { .. })));
        let left = self.next_in_ranking().is_some() && self.incident.case.attempt < MAX_ATTEMPTS;
        if left && !contested && !self.out_of_time() {
            self.incident.case.attempt += 1;
            return self.give_to_next(&format!("fallback: {because}")).await;
        }
        let reason = format!("{because}; {}", what_stands(&journal));
        let cause = self.cause();
        let proposal = if contested {
            format!("agree with whoever else changes it, then run it again; the diagnosis was: {cause}")
        } else {
            format!("the diagnosis was: {cause}; the plan did not help, so look for another cause")
        };
        self.escalate(&reason, &proposal).await
    }

    /// Takes everything back that the incident wrote, on a person's word.
    pub(crate) async fn rollback(&mut self, by: &str) -> Result<(), RespondError> {
        self.take_rollback(by).await?;
        self.walk().await
    }

    /// Plans to take back what was written, on a person's word: whoever walks next does it.
    pub(crate) async fn take_rollback(&mut self, by: &str) -> Result<(), RespondError> {
        let (id, phase) = (self.incident.id, self.incident.phase);
        if phase != Phase::Reverting && !phase.may_become(Phase::Reverting) {
            return Err(RespondError::NothingToRollBack { id, phase });
        }
        self.settle_doubts().await?;
        let journal = self.journal_to_revert(true).await?;
        let unfinished = journal
            .iter()
            .any(|e| e.direction == Direction::Revert && e.outcome.is_none());
        if self.ways_back(&journal, true).is_empty() && !unfinished {
            return Err(RespondError::NothingToRollBack { id, phase });
        }
        self.incident.closed_at = None;
        self.incident.case.escalation = None;
        self.note("host", format!("{by} takes back what was done"));
        self.turn_back(&format!("rolled back by {by}"), Some(by.to_owned()))
            .await
    }
}

fn key(entry: &JournalEntry) -> Key {
    (entry.attempt, entry.step, entry.number)
}

/// The newest entry that takes back the write of that key.
fn latest_back(journal: &[JournalEntry], of: Key) -> Option<&JournalEntry> {
    journal
        .iter()
        .rev()
        .find(|e| e.direction == Direction::Revert && key(e) == of)
}

/// What is left of an attempt after it was taken back.
fn what_stands(journal: &[JournalEntry]) -> &'static str {
    let taken_back = |e: &JournalEntry| {
        let back = latest_back(journal, key(e)).and_then(|b| b.outcome.as_ref());
        back.is_some_and(|outcome| not_done(outcome).is_none())
    };
    let done: Vec<&JournalEntry> = journal
        .iter()
        .filter(|e| e.direction == Direction::Forward && e.took_effect())
        .collect();
    match done.iter().filter(|e| taken_back(e)).count() {
        _ if done.is_empty() => "nothing was changed",
        0 => "what was done cannot be taken back",
        n if n == done.len() => "what was done is taken back",
        _ => "what can be taken back is taken back",
    }
}
