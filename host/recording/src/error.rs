//! Why a recording could not be made or played.

use std::io;
use std::path::PathBuf;

/// Why a recording could not be made or played.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// There is something in the folder.
    #[error("{} is not empty; a recording gets a folder of its own: name one that is empty or does not exist", .0.display())]
    NotEmpty(PathBuf),
    /// The folder or a file of it cannot be reached.
    #[error("the recording {} cannot be reached: {source}", path.display())]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of it is not what a recording has there.
    #[error("{} is no part of a recording that this dreamops reads: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// It was made by a newer program.
    #[error("the recording has format {found} and this dreamops reads {known}; use the dreamops that made it")]
    NewerFormat {
        /// Its format.
        found: u32,
        /// The newest that is known.
        known: u32,
    },
}
