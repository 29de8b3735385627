//! The port of the strategies, recording: every call with its input and answer, and what it read on the way.

use crate::folder::Recording;
use crate::line::{Answered, Failure, Line, Question};
use async_trait::async_trait;
use dreamops_domain::finding::{Assessment, Finding, Verdict};
use dreamops_domain::manifest::{StrategyInfo, StrategyRef};
use dreamops_domain::plan::Plan;
use dreamops_domain::ports::{CallContext, CallError, Clock, ClusterRead, Execution, Strategies};
use dreamops_domain::read::{ReadError, ReadRequest, ReadResponse, Scope};
use dreamops_domain::time::Timestamp;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Strategies whose every exchange is recorded.
pub struct Recorded {
    inner: Arc<dyn Strategies>,
    recording: Arc<Recording>,
    /// What was brought back and is not among the installed.
    revived: Mutex<Vec<StrategyInfo>>,
}

impl Recorded {
    /// Records what `inner` is asked and answers.
    pub fn new(inner: Arc<dyn Strategies>, recording: Arc<Recording>) -> Self {
        Self {
            inner,
            recording,
            revived: Mutex::default(),
        }
    }

    /// Asks with a context that records.
    async fn call<T, W>(
        &self,
        digest: &str,
        context: &CallContext,
        question: Question,
        answered: fn(T) -> Answered,
        ask: impl FnOnce(CallContext) -> W,
    ) -> Result<T, CallError>
    where
        T: Clone,
        W: Future<Output = Result<T, CallError>>,
    {
        let name = question.name();
        let component = self.component(digest);
        let call = self
            .recording
            .begin(&component, name, self.inner.file(digest).as_deref());
        self.recording.line(&Line::Asked {
            call,
            at: context.clock.now(),
            component,
            question,
            incident: Box::new((*context.incident).clone()),
            scope: context.scope.clone(),
            known: context.known.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        });
        let result = ask(self.watched(call, context)).await;
        let answer = match &result {
            Ok(answer) => Ok(answered(answer.clone())),
            Err(error) => Err(Failure::from(error)),
        };
        let at = context.clock.now();
        let answer = answer.into();
        self.recording.end(digest, name, &Line::Answered { call, at, answer });
        result
    }

    fn component(&self, digest: &str) -> StrategyRef {
        let mut all = self.inner.installed();
        all.extend_from_slice(&self.revived.lock().unwrap_or_else(PoisonError::into_inner));
        let found = all.iter().find(|info| info.digest == digest);
        found.map_or_else(
            || StrategyRef {
                name: String::new(),
                version: String::new(),
                digest: digest.to_owned(),
            },
            StrategyRef::from,
        )
    }

    fn watched(&self, call: u64, context: &CallContext) -> CallContext {
        let (recording, log) = (Arc::clone(&self.recording), Arc::clone(&context.log));
        CallContext {
            reads: Arc::new(Reads {
                call,
                inner: Arc::clone(&context.reads),
                recording: Arc::clone(&self.recording),
            }),
            clock: Arc::new(Watch {
                call,
                inner: Arc::clone(&context.clock),
                recording: Arc::clone(&self.recording),
            }),
            log: Arc::new(move |text: String| {
                let line = Line::Logged {
                    call,
                    text: text.clone(),
                };
                recording.line(&line);
                log(text);
            }),
            ..context.clone()
        }
    }
}

#[async_trait]
impl Strategies for Recorded {
    fn installed(&self) -> Vec<StrategyInfo> {
        self.inner.installed()
    }

    fn confidence_cap(&self, digest: &str) -> f64 {
        self.inner.confidence_cap(digest)
    }

    fn file(&self, digest: &str) -> Option<Arc<[u8]>> {
        self.inner.file(digest)
    }

    fn at_hand(&self, digest: &str) -> bool {
        self.inner.at_hand(digest)
    }

    async fn revive(&self, bytes: Vec<u8>) -> Result<StrategyInfo, CallError> {
        let revived = self.inner.revive(bytes).await?;
        let mut all = self.revived.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(revived.clone());
        Ok(revived)
    }

    async fn assess(&self, digest: &str, context: &CallContext) -> Result<Assessment, CallError> {
        let ask = async |context| self.inner.assess(digest, &context).await;
        self.call(digest, context, Question::Assess, Answered::Assessment, ask)
            .await
    }

    async fn diagnose(&self, digest: &str, context: &CallContext) -> Result<Finding, CallError> {
        let ask = async |context| self.inner.diagnose(digest, &context).await;
        self.call(digest, context, Question::Diagnose, Answered::Finding, ask)
            .await
    }

    async fn plan(&self, digest: &str, context: &CallContext, finding: &Finding) -> Result<Plan, CallError> {
        let question = Question::Plan {
            finding: Box::new(finding.clone()),
        };
        let ask = async |context| self.inner.plan(digest, &context, finding).await;
        self.call(digest, context, question, Answered::Plan, ask).await
    }

    async fn verify(&self, digest: &str, context: &CallContext, execution: &Execution) -> Result<Verdict, CallError> {
        let question = Question::Verify {
            execution: Box::new(execution.clone()),
        };
        let ask = async |context| self.inner.verify(digest, &context, execution).await;
        self.call(digest, context, question, Answered::Verdict, ask).await
    }
}

/// Reads of one call, recorded.
struct Reads {
    call: u64,
    inner: Arc<dyn ClusterRead>,
    recording: Arc<Recording>,
}

#[async_trait]
impl ClusterRead for Reads {
    async fn read(&self, scope: &Scope, request: ReadRequest) -> Result<ReadResponse, ReadError> {
        let answer = self.inner.read(scope, request.clone()).await;
        self.recording.line(&Line::Read {
            call: self.call,
            request,
            answer: answer.clone().into(),
        });
        answer
    }
}

/// The clock of one call, recorded.
struct Watch {
    call: u64,
    inner: Arc<dyn Clock>,
    recording: Arc<Recording>,
}

#[async_trait]
impl Clock for Watch {
    fn now(&self) -> Timestamp {
        let now = self.inner.now();
        self.recording.line(&Line::Clock { call: self.call, now });
        now
    }

    fn monotonic(&self) -> Duration {
        self.inner.monotonic()
    }

    async fn sleep_until(&self, deadline: Duration) {
        self.inner.sleep_until(deadline).await;
    }
}
