//! The journal: what is about to be written, committed before it is, and what came of it.

use crate::id::EntryId;
use crate::rehearsal::{ObjectVersion, Write};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Whether a write carries the plan out or takes it back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Carries a step out.
    Forward,
    /// Takes one back.
    Revert,
}

/// What came of a write.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum WriteOutcome {
    /// The cluster took it. For a create, the version names the uid of what was made.
    Applied {
        /// The object after the write; `None` for a delete or eviction.
        version: Option<ObjectVersion>,
    },
    /// It was already so; nothing was sent or nothing changed.
    AlreadySo,
    /// A precondition no longer held; nothing was changed.
    Conflict {
        /// What differs.
        why: String,
    },
    /// The cluster refused it; nothing was changed.
    Refused {
        /// What it said.
        why: String,
    },
}

/// One write of one incident.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct JournalEntry {
    /// Its id.
    pub id: EntryId,
    /// Which attempt of the incident it belongs to: 1 for the first plan, 2 for the fallback's.
    pub attempt: u32,
    /// Which step of the plan, from 0.
    pub step: u32,
    /// Which write of the step, from 0.
    pub number: u32,
    /// Forward or back.
    pub direction: Direction,
    /// The call; sealed in the store.
    pub write: Write,
    /// When the call was about to be made; `None` while only planned.
    pub started_at: Option<Timestamp>,
    /// What came of it; `None` after a start means unknown and is settled by reading the object.
    pub outcome: Option<WriteOutcome>,
    /// When that was known.
    pub finished_at: Option<Timestamp>,
}

impl JournalEntry {
    /// Whether it changed the cluster.
    pub fn took_effect(&self) -> bool {
        matches!(self.outcome, Some(WriteOutcome::Applied { .. }))
    }

    /// Whether the call was made and nobody knows what came of it.
    pub fn in_doubt(&self) -> bool {
        self.started_at.is_some() && self.outcome.is_none()
    }
}
