//! Words and rules of incident response.
//!
//! Everything that more than one crate talks about has its name here: alerts, incidents, findings,
//! plans, rehearsals, the journal, the phases an incident passes, and the [`ports`] through which
//! the responder reaches the world.
//!
//! Invariants: nothing here does input or output, nothing here knows an adapter, and a value that
//! came from a cluster leaves a read port only as [`redact::Shown`].

pub mod access;
pub mod alert;
pub mod audit;
pub mod decision;
pub mod event;
pub mod finding;
pub mod fleet;
pub mod grant;
pub mod id;
pub mod incident;
pub mod inert;
pub mod intake;
pub mod journal;
pub mod maintenance;
pub mod manifest;
pub mod object;
mod pattern;
pub mod phase;
pub mod plan;
pub mod ports;
pub mod read;
pub mod redact;
pub mod rehearsal;
pub mod report;
pub mod time;
pub mod upkeep;
