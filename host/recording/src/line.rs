//! What one line of a recording says.

use dreamops_domain::finding::{Assessment, Finding, Verdict};
use dreamops_domain::manifest::StrategyRef;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::plan::Plan;
use dreamops_domain::ports::{CallError, Execution, IncidentView};
use dreamops_domain::read::{ReadError, ReadRequest, ReadResponse, Scope};
use dreamops_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One line of `exchanges.jsonl`. `call` numbers the calls into components from 1; calls may overlap.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "line")]
pub enum Line {
    /// A component is asked something.
    Asked {
        /// The call's number.
        call: u64,
        /// When.
        at: Timestamp,
        /// Who.
        component: StrategyRef,
        /// What.
        question: Question,
        /// The incident as it sees it.
        incident: Box<IncidentView>,
        /// Where its reads may go.
        scope: Scope,
        /// The objects that it may name from the start.
        known: Vec<ObjectRef>,
    },
    /// A read of the cluster was answered.
    Read {
        /// The call.
        call: u64,
        /// What it asked for.
        request: ReadRequest,
        /// What it got.
        answer: Answer<ReadResponse, ReadError>,
    },
    /// The clock was read for the component.
    Clock {
        /// The call.
        call: u64,
        /// What it showed.
        now: Timestamp,
    },
    /// A host function of the contract was called, as the component sees it. Reads of the cluster and of the clock that answered
    /// it stand before it in lines of their own.
    Host {
        /// The call; none while a component is loaded.
        call: Option<u64>,
        /// The exchange.
        #[serde(flatten)]
        exchange: HostCall,
    },
    /// It logged something.
    Logged {
        /// The call.
        call: u64,
        /// The line.
        text: String,
    },
    /// It answered.
    Answered {
        /// The call.
        call: u64,
        /// When.
        at: Timestamp,
        /// What.
        answer: Answer<Answered, Failure>,
    },
}

/// What a component is asked.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "asked")]
pub enum Question {
    /// How sure is it?
    Assess,
    /// What is the cause?
    Diagnose,
    /// What should be done?
    Plan {
        /// What it found.
        finding: Box<Finding>,
    },
    /// Did it help?
    Verify {
        /// What was done.
        execution: Box<Execution>,
    },
}

impl Question {
    /// The question's name, as the contract writes it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Assess => "assess",
            Self::Diagnose => "diagnose",
            Self::Plan { .. } => "plan",
            Self::Verify { .. } => "verify",
        }
    }
}

/// What a component answered.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answered {
    /// How sure it is.
    Assessment(Assessment),
    /// What it found.
    Finding(Finding),
    /// What it drafted.
    Plan(Plan),
    /// What it says of the change.
    Verdict(Verdict),
}

/// An answer, or why there is none.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer<T, E> {
    /// The answer.
    Ok(T),
    /// Why there is none.
    Failed(E),
}

impl<T, E> From<Result<T, E>> for Answer<T, E> {
    fn from(result: Result<T, E>) -> Self {
        match result {
            Ok(answer) => Self::Ok(answer),
            Err(error) => Self::Failed(error),
        }
    }
}

/// How a call into a component ended, if not with an answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// The outcome's name: `failure`, `refused`, `cpu-limit`, ….
    pub outcome: String,
    /// In words.
    pub message: String,
}

impl From<&CallError> for Failure {
    fn from(error: &CallError) -> Self {
        Self {
            outcome: error.outcome().to_owned(),
            message: error.to_string(),
        }
    }
}

/// One call of a host function.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct HostCall {
    /// The component's name.
    pub component: String,
    /// SHA-256 of its file.
    pub digest: String,
    /// The question in which it was made: `assess`, …, or `describe` while it is loaded.
    pub during: String,
    /// The interface, without its version.
    pub interface: String,
    /// The function, as the contract writes it.
    pub function: String,
    /// The grant that it needed.
    pub grant: Option<String>,
    /// The arguments.
    pub asked: Value,
    /// The answer; null where there is none.
    pub answered: Value,
    /// `answered`, `denied`, `exhausted` or `stopped`.
    pub outcome: String,
    /// How long it took, in microseconds.
    pub took_us: u64,
}
