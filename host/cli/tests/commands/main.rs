//! The program itself, run on folders of a test: what it answers, on which stream, with which code.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod audit;
mod clusters;
mod configuration;
mod incidents;
mod keys;
mod place;
mod serving;
mod tokens;
