//! An incident as it happens, on a terminal.
//!
//! One line of a kind begins with the time since the alert and a label in a column of its own;
//! everything that belongs to it is indented below. Text that came from a cluster is made inert.

mod paint;
mod write;

use dreamops_domain::event::TimelineEntry;
use dreamops_domain::id::IncidentId;
use dreamops_domain::ports::Story;
use dreamops_domain::time::Timestamp;
use paint::Paint;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

/// Where the story goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// The document is elsewhere; the story is the output.
    Stdout,
    /// Standard output carries a document.
    Stderr,
    /// Nobody listens.
    Nowhere,
}

/// Tells incidents on a terminal.
pub(crate) struct Narrator {
    stream: Stream,
    paint: Paint,
    state: Mutex<State>,
}

/// What was told of an incident already.
#[derive(Default)]
struct State {
    incident: Option<IncidentId>,
    began: Option<Timestamp>,
    ready: Option<(u32, u32)>,
    assessed: Vec<(String, f64)>,
}

impl Narrator {
    /// A narrator; colour only where the stream is a terminal and nobody asked for none.
    pub(crate) fn new(stream: Stream, colour: bool) -> Self {
        Self {
            stream,
            paint: Paint { colour },
            state: Mutex::default(),
        }
    }

    /// Prints text as it is.
    pub(crate) fn say(&self, text: &str) {
        // a closed pipe is the reader's choice and must not end the incident
        let _ = match self.stream {
            Stream::Stdout => std::io::stdout().lock().write_all(text.as_bytes()),
            Stream::Stderr => std::io::stderr().lock().write_all(text.as_bytes()),
            Stream::Nowhere => Ok(()),
        };
    }

    /// Prints a headline.
    pub(crate) fn headline(&self, text: &str) {
        self.say(&format!("\n{}\n\n", self.paint.bold(text)));
    }

    /// Prints a labelled line outside of any incident.
    pub(crate) fn line(&self, label: &str, text: &str) {
        self.say(&write::labelled(&self.paint, "", label, text));
    }
}

impl Story for Narrator {
    fn tell(&self, incident: IncidentId, entry: &TimelineEntry) {
        let text = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.incident != Some(incident) {
                *state = State {
                    incident: Some(incident),
                    ..State::default()
                };
            }
            write::entry(&self.paint, &mut state, incident, entry)
        };
        self.say(&text);
    }
}
