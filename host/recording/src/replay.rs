//! The recorded calls again: the same bytes get the same questions and the same answers of the host, with no cluster at hand.
//!
//! A call came out the same where the component asked the same reads in the same order and gave the same answer. What
//! ended at a limit of time is not held against it: how far a component gets in a millisecond is not recorded.

use crate::error::RecordingError;
use crate::folder::{Ended, Kept, Manifest};
use crate::line::{Answer, Answered, Failure, Line, Question};
use async_trait::async_trait;
use dreamops_domain::manifest::StrategyRef;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::ports::{CallContext, CallError, Clock, ClusterRead, IncidentView, Strategies};
use dreamops_domain::read::{ReadError, ReadRequest, ReadResponse, Scope};
use dreamops_domain::redact::Redactor;
use dreamops_domain::time::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How the handle of a secret begins.
const HANDLE: &str = "‹secret:";

/// A recording that can be played.
pub struct Replay {
    kept: Kept,
}

/// What came of one call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Replayed {
    /// The call's number.
    pub call: u64,
    /// The component's name.
    pub component: String,
    /// What it was asked.
    pub asked: &'static str,
    /// What differs; none where it came out the same.
    pub differs: Option<String>,
}

/// One recorded call.
struct Call {
    number: u64,
    component: StrategyRef,
    question: Question,
    incident: IncidentView,
    scope: Scope,
    known: Vec<ObjectRef>,
    reads: VecDeque<(ReadRequest, Result<ReadResponse, ReadError>)>,
    clock: VecDeque<Timestamp>,
    at: Timestamp,
    answer: Option<Answer<Answered, Failure>>,
}

impl Replay {
    /// Opens a recording.
    pub fn open(folder: &Path) -> Result<Self, RecordingError> {
        Ok(Self {
            kept: Kept::open(folder)?,
        })
    }

    /// What it is about.
    pub fn manifest(&self) -> &Manifest {
        &self.kept.manifest
    }

    /// The incident as it ended.
    pub fn ended(&self) -> Option<&Ended> {
        self.kept.manifest.ended.as_ref()
    }

    /// The file of a component that was called.
    pub fn component(&self, digest: &str) -> Result<Vec<u8>, RecordingError> {
        self.kept.component(digest)
    }

    /// Asks every recorded question again, in order. The components must be at hand.
    pub async fn run(&self, strategies: &dyn Strategies) -> Vec<Replayed> {
        let mut all = Vec::new();
        for call in calls(&self.kept.lines) {
            let replayed = Replayed {
                call: call.number,
                component: call.component.name.clone(),
                asked: call.question.name(),
                differs: None,
            };
            let differs = call.play(strategies).await;
            all.push(Replayed { differs, ..replayed });
        }
        all
    }
}

/// The calls of a recording, each with what was read in it.
fn calls(lines: &[Line]) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    for line in lines.iter().cloned() {
        let of = |calls: &mut Vec<Call>, number| calls.iter_mut().position(|call| call.number == number);
        match line {
            Line::Asked {
                call,
                at,
                component,
                question,
                incident,
                scope,
                known,
            } => calls.push(Call {
                number: call,
                component,
                question,
                incident: *incident,
                scope,
                known,
                reads: VecDeque::new(),
                clock: VecDeque::new(),
                at,
                answer: None,
            }),
            Line::Read { call, request, answer } => {
                if let Some(at) = of(&mut calls, call) {
                    let answer = match answer {
                        Answer::Ok(found) => Ok(found),
                        Answer::Failed(error) => Err(error),
                    };
                    calls[at].reads.push_back((request, answer));
                }
            }
            Line::Clock { call, now } => {
                if let Some(at) = of(&mut calls, call) {
                    calls[at].clock.push_back(now);
                }
            }
            Line::Answered { call, answer, .. } => {
                if let Some(at) = of(&mut calls, call) {
                    calls[at].answer = Some(answer);
                }
            }
            Line::Host { .. } | Line::Logged { .. } => {}
        }
    }
    calls
}

impl Call {
    /// Asks again; says what differs.
    async fn play(self, strategies: &dyn Strategies) -> Option<String> {
        let Some(recorded) = self.answer else {
            return Some("the recording was broken off before it answered".to_owned());
        };
        let script = Arc::new(Script {
            reads: Mutex::new(self.reads),
            clock: Mutex::new((self.clock, self.at)),
            strayed: Mutex::default(),
        });
        let context = CallContext {
            incident: Arc::new(self.incident),
            scope: self.scope,
            reads: Arc::clone(&script) as _,
            known: Arc::new(Mutex::new(self.known)),
            log: Arc::new(|_| {}),
            clock: Arc::clone(&script) as _,
        };
        let answer = ask(strategies, &self.component.digest, &context, &self.question).await;
        let timed = |outcome: &str| matches!(outcome, "cpu-limit" | "wall-limit");
        if matches!(&recorded, Answer::Failed(failure) if timed(&failure.outcome)) {
            return None;
        }
        if let Some(strayed) = script.strayed() {
            return Some(strayed);
        }
        (!same(&recorded, &answer)).then(|| format!("it answered {} and now {}", text(&recorded), text(&answer)))
    }
}

async fn ask(
    strategies: &dyn Strategies,
    digest: &str,
    context: &CallContext,
    question: &Question,
) -> Answer<Answered, Failure> {
    let answered: Result<Answered, CallError> = match question {
        Question::Assess => strategies.assess(digest, context).await.map(Answered::Assessment),
        Question::Diagnose => strategies.diagnose(digest, context).await.map(Answered::Finding),
        Question::Plan { finding } => strategies.plan(digest, context, finding).await.map(Answered::Plan),
        Question::Verify { execution } => strategies
            .verify(digest, context, execution)
            .await
            .map(Answered::Verdict),
    };
    answered.map_err(|error| Failure::from(&error)).into()
}

/// Whether two answers are the same. The recorded one was redacted on its way into the folder, so the other is, too; which
/// secret a handle stands for is not looked at, since the two have different keys.
fn same(recorded: &Answer<Answered, Failure>, answer: &Answer<Answered, Failure>) -> bool {
    let Ok(value) = serde_json::from_str::<Value>(&text(answer)) else {
        return false;
    };
    let shown = Redactor::new(&[]).object(&value).to_string();
    let again = serde_json::from_str::<Answer<Answered, Failure>>(&shown);
    again.is_ok_and(|again| levelled(&text(&again)) == levelled(&text(recorded)))
}

/// A text in which all handles of secrets are one.
fn levelled(text: &str) -> String {
    let mut parts = text.split(HANDLE);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(HANDLE);
        let rest = part.split_once('›').map_or(part, |(_, rest)| rest);
        out.push_str(rest);
    }
    out
}

fn text(answer: &Answer<Answered, Failure>) -> String {
    serde_json::to_string(answer).unwrap_or_default()
}

/// What the host answered, in order.
struct Script {
    reads: Mutex<VecDeque<(ReadRequest, Result<ReadResponse, ReadError>)>>,
    /// The readings, and the last one, which holds where more are asked for.
    clock: Mutex<(VecDeque<Timestamp>, Timestamp)>,
    /// The first read that was not made then.
    strayed: Mutex<Option<String>>,
}

impl Script {
    /// Where the component left the script, if it did.
    fn strayed(&self) -> Option<String> {
        let strayed = self.strayed.lock().unwrap_or_else(PoisonError::into_inner).take();
        let left = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        let unread = || {
            left.front()
                .map(|(request, _)| format!("it does not read {} any more", shown(request)))
        };
        strayed.or_else(unread)
    }
}

#[async_trait]
impl ClusterRead for Script {
    async fn read(&self, _: &Scope, request: ReadRequest) -> Result<ReadResponse, ReadError> {
        let next = self.reads.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let then = match next {
            Some((recorded, answer)) if recorded == request => return answer,
            Some((recorded, _)) => format!("it reads {} where it read {}", shown(&request), shown(&recorded)),
            None => format!("it reads {}, which it did not", shown(&request)),
        };
        let mut strayed = self.strayed.lock().unwrap_or_else(PoisonError::into_inner);
        let why = strayed.get_or_insert(then).clone();
        Err(ReadError::Unavailable { why })
    }
}

#[async_trait]
impl Clock for Script {
    fn now(&self) -> Timestamp {
        let mut clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(next) = clock.0.pop_front() {
            clock.1 = next;
        }
        clock.1
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    async fn sleep_until(&self, _: Duration) {}
}

fn shown(request: &ReadRequest) -> String {
    serde_json::to_string(request).unwrap_or_default()
}
