//! One write: in the journal before it is sent, its outcome after; what is unknown is settled by reading; none is made twice.
//!
//! | the entry says | what is done |
//! | --- | --- |
//! | an outcome | nothing: that is what came of it |
//! | planned | started in the journal (which the emergency stop refuses), then sent |
//! | started, no outcome | the object is read; sent only if the cluster says that it never arrived |

use crate::RespondError;
use crate::session::{Session, cannot_be_retried};
use dreamops_domain::event::Event;
use dreamops_domain::journal::{Direction, JournalEntry, WriteOutcome};
use dreamops_domain::ports::ActError;
use dreamops_domain::read::ReadError;
use dreamops_domain::rehearsal::Write;
use std::time::Duration;

/// How often a cluster that does not answer is asked before the incident is left for `resume`.
const TRIES: u32 = 5;
/// The pause between.
const PAUSE: Duration = Duration::from_secs(1);

impl Session<'_> {
    /// What came of an entry's write, which is made if it was not yet.
    pub(crate) async fn outcome_of(&mut self, entry: &JournalEntry) -> Result<WriteOutcome, RespondError> {
        if let Some(outcome) = &entry.outcome {
            return Ok(outcome.clone());
        }
        let outcome = if entry.in_doubt() {
            let write = describe_write(&entry.write);
            self.note("journal", format!("it is not known what came of: {write}"));
            self.finish_doubtful(entry).await?
        } else {
            self.start(entry).await?;
            let write = describe_write(&entry.write);
            let (step, direction) = (entry.step as usize, entry.direction);
            self.record(Event::Acting { step, direction, write });
            self.commit().await?;
            self.send(entry).await?
        };
        self.finish(entry, &outcome).await?;
        if entry.direction == Direction::Forward {
            self.try_way_back(entry, &outcome).await?;
        }
        Ok(outcome)
    }

    /// Commits that the write is about to be sent, unless the emergency stop is on, under a lease that is as long as it gets:
    /// a write's deadline ends before its lease.
    async fn start(&mut self, entry: &JournalEntry) -> Result<(), RespondError> {
        self.renew().await?;
        let ports = &self.responder.ports;
        let by_person = self.incident.case.revert.as_ref().is_some_and(|r| r.by.is_some());
        let now = ports.clock.now();
        Ok(ports.store.journal_start(&self.lease, entry.id, now, by_person).await?)
    }

    async fn finish(&mut self, entry: &JournalEntry, outcome: &WriteOutcome) -> Result<(), RespondError> {
        let ports = &self.responder.ports;
        let now = ports.clock.now();
        ports.store.journal_finish(&self.lease, entry.id, outcome, now).await?;
        let (step, direction) = (entry.step as usize, entry.direction);
        self.record(Event::Acted {
            step,
            direction,
            outcome: outcome.clone(),
        });
        self.incident.case.last_write_at = Some(now);
        self.commit().await
    }

    async fn send(&mut self, entry: &JournalEntry) -> Result<WriteOutcome, RespondError> {
        match self.apply(entry).await {
            Err(RespondError::Act(ActError::InDoubt { .. })) => self.finish_doubtful(entry).await,
            other => other,
        }
    }

    /// Settles a write that may have arrived; sends it again where it did not, which is safe: its preconditions are
    /// part of it. If it arrived after all in between, what is found then is ours.
    async fn finish_doubtful(&mut self, entry: &JournalEntry) -> Result<WriteOutcome, RespondError> {
        if let Some(outcome) = self.settle(&entry.write).await? {
            return Ok(outcome);
        }
        self.start(entry).await?;
        let outcome = self.apply(entry).await?;
        if matches!(outcome, WriteOutcome::AlreadySo | WriteOutcome::Conflict { .. }) {
            return Ok(self.settle(&entry.write).await?.unwrap_or(outcome));
        }
        Ok(outcome)
    }

    /// Sends a write that was started. What keeps it from being sent for good is a refusal; a cluster that cannot be
    /// reached is asked again, each time as if for the first time: the emergency stop may be on by then.
    async fn apply(&mut self, entry: &JournalEntry) -> Result<WriteOutcome, RespondError> {
        let mut tries = 1;
        loop {
            match self.responder.ports.writes.apply(&self.scope(), &entry.write).await {
                Ok(outcome) => return Ok(outcome),
                Err(ActError::NotAllowed { why }) => return Ok(WriteOutcome::Refused { why }),
                Err(ActError::Read(error)) if cannot_be_retried(&error) => {
                    return Ok(WriteOutcome::Refused { why: error.to_string() });
                }
                Err(ActError::Read(ReadError::Unavailable { .. })) if tries < TRIES => tries += 1,
                Err(error) => return Err(error.into()),
            }
            self.pause(PAUSE).await;
            self.start(entry).await?;
        }
    }

    /// What came of a write, by reading. `None`: it did not happen.
    async fn settle(&self, write: &Write) -> Result<Option<WriteOutcome>, RespondError> {
        let mut tries = 1;
        loop {
            match self.responder.ports.writes.settle(&self.scope(), write).await {
                Ok(settled) => return Ok(settled),
                Err(error) if tries >= TRIES => return Err(error.into()),
                Err(_) => tries += 1,
            }
            self.pause(PAUSE).await;
        }
    }

    /// Settles what a crash or an error left in doubt, without sending anything: before writes are taken back, it has to be
    /// known which were made.
    pub(crate) async fn settle_doubts(&mut self) -> Result<(), RespondError> {
        let journal = self.journal().await?;
        for entry in journal.iter().filter(|e| e.in_doubt()) {
            if let Some(outcome) = self.settle(&entry.write).await? {
                self.finish(entry, &outcome).await?;
            }
        }
        Ok(())
    }

    /// Tries the way back against the object as it is now. One that is barred makes the step irreversible, which is said
    /// at once.
    async fn try_way_back(&mut self, entry: &JournalEntry, outcome: &WriteOutcome) -> Result<(), RespondError> {
        let writes = &self.responder.ports.writes;
        let Some(back) = writes.inverse(&entry.write, outcome) else {
            return Ok(());
        };
        let barred = match writes.obstacle(&self.scope(), &back).await {
            Ok(None) => return Ok(()),
            Ok(Some(why)) => {
                if let Some(rehearsal) = self.incident.case.rehearsals.get_mut(entry.step as usize) {
                    rehearsal.reversible = false;
                }
                format!("step {} can not be taken back any more: {why}", entry.step + 1)
            }
            Err(error) => format!(
                "whether step {} can be taken back could not be tried: {error}",
                entry.step + 1
            ),
        };
        self.note("way back", barred);
        self.commit().await
    }
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
