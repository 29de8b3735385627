//! The one point through which every host call of a component passes.
//!
//! It charges the budget of host calls, checks the grant, caps the work to the wall time that is left, charges the
//! bytes of the answer and records the exchange. A function that is linked and does not pass here fails the test
//! `every_linked_function_is_gated`.

use crate::guest::Guest;
use crate::record::{Exchange, Outcome};
use crate::stop::Stop;
use serde::Serialize;
use serde_json::Value;
use std::borrow::Cow;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

/// Work that answers a host call.
pub(crate) type Work<'g, R> = Pin<Box<dyn Future<Output = wasmtime::Result<R>> + Send + 'g>>;

/// A host call as a component makes it.
pub(crate) struct HostCall<A> {
    /// The interface without its version.
    pub(crate) interface: &'static str,
    /// The function, as the contract writes it.
    pub(crate) function: &'static str,
    /// The grant it needs.
    pub(crate) grant: Option<Cow<'static, str>>,
    /// How many calls it takes off the budget: 1, or 0 for what has a cap of its own.
    pub(crate) cost: u32,
    /// The arguments.
    pub(crate) asked: A,
}

/// Why a call was not carried out, for functions that can say so.
pub(crate) enum Refused {
    /// A grant is missing: its name, and the line that would add it.
    Denied(String, String),
    /// A budget is used up; which.
    Exhausted(String),
}

/// How a host call ended, if not with an answer.
enum Ended {
    Refused(Refused),
    Stopped(wasmtime::Error),
}

impl Guest {
    /// Carries a host call out, if it may be, and records it. `refuse` says no in the words of the function; a component
    /// that calls one whose answer has no such words is ended instead.
    pub(crate) async fn dispatch<A, R, W>(
        &mut self,
        call: HostCall<A>,
        refuse: Option<fn(Refused) -> R>,
        work: W,
    ) -> wasmtime::Result<R>
    where
        A: Serialize + Send,
        R: Serialize + Send,
        W: for<'g> FnOnce(&'g mut Self, A) -> Work<'g, R> + Send,
    {
        let begun = Instant::now();
        let note = self.note(&call.asked);
        let HostCall {
            interface,
            function,
            grant,
            cost,
            asked,
        } = call;
        let (outcome, result) = match self.carry_out(grant.as_deref(), cost, asked, work).await {
            Ok(answer) => (Outcome::Answered, Ok(answer)),
            Err(Ended::Stopped(error)) => (Outcome::Stopped, Err(error)),
            Err(Ended::Refused(refused)) => {
                let (outcome, stop) = match refused {
                    Refused::Denied(..) => (Outcome::Denied, Stop::Denied),
                    Refused::Exhausted(_) => (Outcome::Exhausted, Stop::HostBudget),
                };
                let said = refuse.map(|refuse| refuse(refused));
                (outcome, said.ok_or_else(|| wasmtime::Error::new(stop)))
            }
        };
        tracing::trace!(interface, function, ?outcome, took = ?begun.elapsed(), "host call");
        if let Some(recorder) = &self.plugin.recorder {
            recorder.record(Exchange {
                component: self.plugin.info.manifest.name.clone(),
                digest: self.plugin.info.digest.clone(),
                call: self.call.name(),
                interface,
                function,
                grant: grant.map(Cow::into_owned),
                asked: note,
                answered: result.as_ref().map_or(Value::Null, |answer| self.note(answer)),
                outcome,
                took: begun.elapsed(),
            });
        }
        result
    }

    /// Budget, grant, time, budget.
    async fn carry_out<A, R, W>(&mut self, grant: Option<&str>, cost: u32, asked: A, work: W) -> Result<R, Ended>
    where
        A: Serialize + Send,
        R: Serialize + Send,
        W: for<'g> FnOnce(&'g mut Self, A) -> Work<'g, R> + Send,
    {
        self.charge(cost, weight(&asked))?;
        if let Some(grant) = grant.filter(|grant| !self.plugin.grants.allows(grant)) {
            let line = self.plugin.line_for(grant);
            self.refused.push((grant.to_owned(), line.clone()));
            return Err(Ended::Refused(Refused::Denied(grant.to_owned(), line)));
        }
        let deadline = self.deadline;
        let answer = match timeout_at(deadline, work(self, asked)).await {
            Ok(answer) => answer.map_err(Ended::Stopped)?,
            Err(_) => return Err(Ended::Stopped(wasmtime::Error::new(Stop::Wall))),
        };
        self.charge(0, weight(&answer))?;
        Ok(answer)
    }

    /// Takes calls and bytes off the budget, or says which of the two is used up.
    fn charge(&mut self, calls: u32, bytes: usize) -> Result<(), Ended> {
        self.host_calls = self.host_calls.saturating_add(calls);
        self.host_bytes = self.host_bytes.saturating_add(bytes);
        if self.host_calls > self.budgets.host_calls {
            let which = format!("{} host calls", self.budgets.host_calls);
            return Err(Ended::Refused(Refused::Exhausted(which)));
        }
        if self.host_bytes > self.budgets.host_bytes {
            let which = format!("{} bytes of host calls", self.budgets.host_bytes);
            return Err(Ended::Refused(Refused::Exhausted(which)));
        }
        Ok(())
    }

    /// A value for the record; null where nobody records.
    fn note(&self, value: &impl Serialize) -> Value {
        if self.plugin.recorder.is_none() {
            return Value::Null;
        }
        serde_json::to_value(value).unwrap_or_default()
    }
}

/// The size of a value as JSON, without making the text.
fn weight(value: &impl Serialize) -> usize {
    struct Scales(usize);
    impl io::Write for Scales {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut scales = Scales(0);
    match serde_json::to_writer(&mut scales, value) {
        Ok(()) => scales.0,
        Err(_) => usize::MAX,
    }
}

/// Work whose connections and timers belong to the runtime that asked for the call, not to the guests': connections
/// outlive the call, and guests that compute cannot starve them.
pub(crate) struct Outside<'f, R> {
    pub(crate) runtime: Handle,
    pub(crate) work: Pin<Box<dyn Future<Output = R> + Send + 'f>>,
    /// Set when the work had to wait.
    pub(crate) waited: &'f mut bool,
}

impl<R> Future for Outside<'_, R> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        let this = &mut *self;
        let _entered = this.runtime.enter();
        let polled = this.work.as_mut().poll(cx);
        *this.waited |= polled.is_pending();
        polled
    }
}
