//! Loads, checks, grants, meters and calls components.
//!
//! Invariants:
//! - every call has a store and an instance of its own; nothing a component leaves behind reaches the next call;
//! - every host function passes `dispatch`, which checks the grant, charges the budget, caps the time and records;
//! - processor time, wall time, memory, tables, host calls and bytes are bounded, and what was exceeded is told by a
//!   typed value, never read from a message;
//! - components give way after each tick and go on on threads of their own: they cannot hold up the rest of the program;
//! - a component sees the incident's cluster and namespaces, names only objects that the host returned, and writes nothing;
//! - a bad file is refused with a reason before an engine sees it, and never stops the host.
//!
//! | module | subject |
//! | --- | --- |
//! | `engine`, `ticker` | the engine, its pool and artefact cache; the epoch |
//! | `load`, `catalogue` | from bytes to callable; what is loaded |
//! | `call`, `guest`, `stop` | one call, its state, how it ended |
//! | `dispatch`, `host` | the host's functions |
//! | `convert` | WIT ↔ domain, one module per WIT package |

mod bindings;
mod call;
mod catalogue;
mod convert;
mod dispatch;
mod engine;
mod guest;
mod host;
mod load;
mod record;
mod sandbox;
mod settings;
mod stop;
mod ticker;

pub use catalogue::{Installed, Origin};
pub use engine::EngineError;
pub use load::{LoadError, LoadProblem};
pub use record::{Exchange, Outcome, Recorder};
pub use sandbox::Sandbox;
pub use settings::{Budgets, MEMORY_CAP, PluginSettings, Settings};
