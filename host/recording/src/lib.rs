//! What components and the host said to each other in one run, kept in a folder, and played again.
//!
//! | file of a recording | what it holds |
//! | --- | --- |
//! | `recording.json` | the [`Manifest`]: format, program, components, alerts, the incident as it ended |
//! | `exchanges.jsonl` | one [`Line`] per exchange, in the order in which they happened |
//! | `components/DIGEST.wasm` | the components that were called |
//!
//! The folder is private (0700, its files 0600). Everything in it has passed redaction before components saw it, and passes
//! it once more on its way into the folder: also what an operator set for a component, and what a component says by itself.
//!
//! | module | subject |
//! | --- | --- |
//! | `line` | what a line says |
//! | `folder` | the folder: made, written, read |
//! | `recorded` | the port of the strategies, recording |
//! | `replay` | the same calls again, against the recorded answers |

mod error;
mod folder;
mod line;
mod recorded;
mod replay;

pub use error::RecordingError;
pub use folder::{Ended, FORMAT, Manifest, Recording};
pub use line::{Answer, Answered, HostCall, Line, Question};
pub use recorded::Recorded;
pub use replay::{Replay, Replayed};
