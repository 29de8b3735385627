//! Watching what components and the host say to each other.

use serde_json::Value;
use std::time::Duration;

/// How a host call ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It was answered; the answer may say that there is nothing.
    Answered,
    /// A grant was missing.
    Denied,
    /// A budget was used up.
    Exhausted,
    /// It took longer than the call had left, or made no sense at this point.
    Stopped,
}

/// One host call of a component. Everything in it has passed redaction.
#[derive(Clone, PartialEq, Debug)]
pub struct Exchange {
    /// The component's name.
    pub component: String,
    /// SHA-256 of its file.
    pub digest: String,
    /// What it was asked when it made the call: `assess`, `diagnose`, `plan`, `verify` or `describe`.
    pub call: &'static str,
    /// The interface, without its version: `dreamops:kubernetes/read`.
    pub interface: &'static str,
    /// The function, as the contract writes it: `logs`, `[method]draft.scale`.
    pub function: &'static str,
    /// The grant that it needed.
    pub grant: Option<String>,
    /// The arguments.
    pub asked: Value,
    /// The answer; null where there is none.
    pub answered: Value,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
}

/// Gets every exchange, in order within a call. Called on the threads that run components: it must be quick.
pub trait Recorder: Send + Sync {
    /// One host call ended.
    fn record(&self, exchange: Exchange);
}
