//! The state of one call: what the component may do, what it has used up, what it has drafted.

use crate::bindings::exports::dreamops::strategy::strategy as wit;
use crate::catalogue::Plugin;
use crate::settings::Budgets;
use crate::stop::Stop;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::plan::Step;
use dreamops_domain::ports::{CallContext, Execution};
use dreamops_domain::time::Timestamp;
use std::collections::HashSet;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::Instant;
use wasmtime::{ResourceLimiter, StoreContextMut, UpdateDeadline};

/// What a component is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Call {
    Describe,
    Assess,
    Diagnose,
    Plan,
    Verify,
}

impl Call {
    /// Its name, as the contract and the timeline write it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::Assess => "assess",
            Self::Diagnose => "diagnose",
            Self::Plan => "plan",
            Self::Verify => "verify",
        }
    }
}

/// Processor time in ticks.
pub(crate) struct Cpu {
    used: u64,
    budget: u64,
    /// Whether a host call made the guest wait since the last tick: that tick is the host's.
    pub(crate) waited: bool,
    /// Whether the budget is used up.
    pub(crate) spent: bool,
}

/// Memory and tables; notes what it refused, because a guest shows it only as a crash.
pub(crate) struct Memory {
    bytes: usize,
    elements: usize,
    pub(crate) refused: bool,
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let fits = desired <= self.bytes;
        self.refused |= !fits;
        Ok(fits)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let fits = desired <= self.elements;
        self.refused |= !fits;
        Ok(fits)
    }
}

/// The state of one call.
pub(crate) struct Guest {
    pub(crate) plugin: Arc<Plugin>,
    pub(crate) call: Call,
    pub(crate) budgets: Budgets,
    /// The incident; none while the component is loaded.
    pub(crate) context: Option<CallContext>,
    /// What was done, in `verify`.
    pub(crate) execution: Option<Execution>,
    /// What was drafted so far, in `plan`.
    pub(crate) steps: Vec<Step>,
    /// Uids that the host has returned in this incident.
    known: Option<HashSet<String>>,
    /// Grants that were refused in this call, with the line that would add them.
    pub(crate) refused: Vec<(String, String)>,
    pub(crate) host_calls: u32,
    pub(crate) host_bytes: usize,
    pub(crate) log_lines: u32,
    /// The last warning it logged; its panic hook writes one before the trap.
    pub(crate) last_words: Option<String>,
    pub(crate) cpu: Cpu,
    pub(crate) memory: Memory,
    /// When its wall time is over.
    pub(crate) deadline: Instant,
    /// Where the host's own input and output happen, so that no guest can starve them.
    pub(crate) outside: Handle,
}

impl Guest {
    pub(crate) fn new(plugin: Arc<Plugin>, call: Call, budgets: Budgets, tick: Duration, outside: Handle) -> Self {
        let ticks = budgets.cpu.as_micros() / tick.as_micros().max(1);
        Self {
            plugin,
            call,
            context: None,
            execution: None,
            steps: Vec::new(),
            known: None,
            refused: Vec::new(),
            host_calls: 0,
            host_bytes: 0,
            log_lines: 0,
            last_words: None,
            cpu: Cpu {
                used: 0,
                budget: u64::try_from(ticks).unwrap_or(u64::MAX).max(1),
                waited: false,
                spent: false,
            },
            memory: Memory {
                bytes: budgets.memory,
                elements: budgets.table_elements,
                refused: false,
            },
            deadline: Instant::now() + budgets.wall,
            outside,
            budgets,
        }
    }

    /// The incident.
    pub(crate) fn context(&self) -> Result<&CallContext, Stop> {
        self.context.as_ref().ok_or(Stop::NoIncident)
    }

    /// The present time, by the incident's clock.
    pub(crate) fn now(&self) -> Result<Timestamp, Stop> {
        Ok(self.context()?.clock.now())
    }

    /// Notes objects that the host is about to show, so that drafts may name them.
    pub(crate) fn learn<'o>(&mut self, objects: impl IntoIterator<Item = &'o ObjectRef>) {
        let Some(context) = &self.context else {
            return;
        };
        let mut list = context.known.lock().unwrap_or_else(PoisonError::into_inner);
        let uids = self
            .known
            .get_or_insert_with(|| list.iter().map(|known| known.uid.clone()).collect());
        for object in objects {
            if !object.uid.is_empty() && uids.insert(object.uid.clone()) {
                list.push(object.clone());
            }
        }
    }

    /// Takes the incident in. Its own objects are known from the start.
    pub(crate) fn begin(&mut self, context: CallContext) {
        let mut list = context.known.lock().unwrap_or_else(PoisonError::into_inner);
        for own in [&context.incident.target, &context.incident.owner] {
            if !own.uid.is_empty() && !list.iter().any(|known| known.uid == own.uid) {
                list.push(own.clone());
            }
        }
        drop(list);
        self.context = Some(context);
    }

    /// The object of the incident that a component names, exactly as the host returned it.
    pub(crate) fn recall(&self, object: &ObjectRef) -> Option<ObjectRef> {
        let context = self.context.as_ref()?;
        let list = context.known.lock().unwrap_or_else(PoisonError::into_inner);
        list.iter()
            .find(|known| !object.uid.is_empty() && *known == object)
            .cloned()
    }

    /// Whether a uid is a revision that the host returned.
    pub(crate) fn has_revision(&self, uid: &str) -> bool {
        self.context.as_ref().is_some_and(|context| {
            let list = context.known.lock().unwrap_or_else(PoisonError::into_inner);
            list.iter()
                .any(|known| known.uid == uid && matches!(known.kind.as_str(), "ReplicaSet" | "ControllerRevision"))
        })
    }

    /// Whether a component names the incident's own target or owner. They are the host's word even where the object
    /// is gone and has no uid.
    pub(crate) fn is_own(&self, object: &ObjectRef) -> bool {
        self.context
            .as_ref()
            .is_some_and(|context| context.incident.target == *object || context.incident.owner == *object)
    }

    /// Takes a guest's failure for what it is: a refusal only if the host did refuse.
    pub(crate) fn failure(&self, failure: wit::Failure) -> dreamops_domain::ports::CallError {
        crate::convert::strategy::failure(failure, &self.refused)
    }
}

/// Counts ticks. Gives way to others after each one and ends the guest when its budget is used up.
pub(crate) fn on_tick(mut store: StoreContextMut<'_, Guest>) -> UpdateDeadline {
    let cpu = &mut store.data_mut().cpu;
    if std::mem::take(&mut cpu.waited) {
        return UpdateDeadline::Continue(1);
    }
    cpu.used += 1;
    if cpu.used > cpu.budget {
        cpu.spent = true;
        return UpdateDeadline::Interrupt;
    }
    UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now()))
}
