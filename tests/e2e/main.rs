//! The program on a real Kubernetes with real containers.
//!
//! Each test has a namespace and a data directory of its own. An oracle compares what a namespace was when it was
//! healthy with what it is at the end: the fault is gone, and nothing changed that was not meant to.

#![allow(missing_docs, reason = "tests are named by what they promise")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test ends where it fails")]
#![allow(
    clippy::disallowed_methods,
    reason = "a test on a real cluster waits in real time and is told by its environment what to try"
)]

mod alerts;
mod bad_input;
mod crashes;
mod field;
mod healing;
mod modes;
mod obvious_but_wrong;
mod oracle;
mod rights;
mod room;
