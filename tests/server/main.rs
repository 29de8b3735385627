//! The program as a server, on real databases.

#![allow(missing_docs, reason = "tests are named by what they promise")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test ends where it fails")]
#![allow(clippy::disallowed_methods, reason = "a test of a real program waits in real time")]

mod bad_input;
mod crashes;
mod database;
mod deliveries;
mod description;
mod outages;
mod readme;
mod shell;
mod stage;
mod tenants;
