//! One call into a component: a fresh store and instance, metered.
//!
//! A call begins on the thread that asks. Most calls end within their first tick, and are spared the way to another
//! thread and back, which would cost as much as the call. At its first tick, or when it waits for the cluster, it moves to
//! the guests' runtime and stays there: no component holds another thread for longer than a tick.

use crate::bindings::exports::dreamops::strategy::strategy as wit;
use crate::bindings::{Draft, Execution, Incident, Strategy};
use crate::catalogue::Plugin;
use crate::convert::{BadOutput, strategy};
use crate::guest::{Call, Guest, on_tick};
use crate::sandbox::Sandbox;
use crate::stop;
use dreamops_domain::finding::{Assessment, Finding, Verdict};
use dreamops_domain::plan::Plan;
use dreamops_domain::ports::{self, CallContext, CallError};
use futures::FutureExt;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout_at;
use tracing::Instrument;
use wasmtime::Store;
use wasmtime::component::Resource;

/// Bytes that may cross from a component in one call of either side: 16 MiB.
const HOSTCALL_FUEL: usize = 16 * 1024 * 1024;

/// There is one incident, execution and draft in a call.
const ONLY: u32 = 0;

/// What a component answers: the engine's error, its own failure, or a value.
type Asked<'s, R> = Pin<Box<dyn Future<Output = wasmtime::Result<Result<R, wit::Failure>>> + Send + 's>>;

/// A call on its way to its end.
type Ended<D> = Pin<Box<dyn Future<Output = Result<D, CallError>> + Send>>;

/// A task that ends when nobody waits for it any more.
struct Owned<T>(JoinHandle<T>);

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Sandbox {
    /// Calls one export, under the call's budgets, and converts what comes back.
    async fn run<R, D>(
        &self,
        plugin: Arc<Plugin>,
        call: Call,
        prepare: impl FnOnce(&mut Guest) + Send + 'static,
        ask: impl for<'s> FnOnce(&'s Strategy, &'s mut Store<Guest>) -> Asked<'s, R> + Send + 'static,
        convert: fn(R, &mut Guest) -> Result<D, BadOutput>,
    ) -> Result<D, CallError>
    where
        R: Send + 'static,
        D: Send + 'static,
    {
        let span = tracing::debug_span!(
            "component",
            plugin.name = %plugin.info.manifest.name,
            plugin.digest = %plugin.info.digest,
            call = call.name(),
        );
        let permit = self.permits.clone().acquire_owned().await;
        let permit = permit.map_err(|_| ending())?;
        let running = self.ticker.running();
        let budgets = match call {
            Call::Describe => self.settings.budgets.for_describe(),
            _ => self.settings.budgets.clone(),
        };
        let outside = Handle::try_current().or_else(|_| self.guests().cloned())?;
        let tick = self.settings.tick;
        let pre = Arc::clone(&plugin);
        let work = async move {
            let (_permit, _running) = (permit, running);
            let mut guest = Guest::new(plugin, call, budgets, tick, outside);
            prepare(&mut guest);
            let mut store = new_store(guest);
            let deadline = store.data().deadline;
            let asked = timeout_at(deadline, async {
                let strategy = pre.pre.instantiate_async(&mut store).await?;
                ask(&strategy, &mut store).await
            })
            .await;
            let guest = store.data_mut();
            match asked {
                Err(_) => Err(stop::wall_limit(guest.budgets.wall)),
                Ok(Err(error)) => Err(stop::outcome(&error, guest)),
                Ok(Ok(Err(failure))) => Err(guest.failure(failure)),
                Ok(Ok(Ok(value))) => convert(value, guest).map_err(|bad| CallError::BadOutput(bad.0)),
            }
        };
        // a panic in a host function is our defect; the incident goes on without this answer
        let work = AssertUnwindSafe(work.instrument(span)).catch_unwind();
        let work = work.map(|ended| ended.unwrap_or_else(|_| Err(CallError::Trap("the host failed".into()))));
        self.begin_here(Box::pin(work)).await
    }

    /// Polls once on this thread, and goes on among the guests if that is not enough.
    async fn begin_here<D: Send + 'static>(&self, mut work: Ended<D>) -> Result<D, CallError> {
        let guests = self.guests()?;
        let first = poll_fn(|cx| {
            // its timers belong to the guests' runtime from the start
            let _entered = guests.enter();
            Poll::Ready(work.as_mut().poll(cx))
        });
        if let Poll::Ready(ended) = first.await {
            return ended;
        }
        let mut task = Owned(guests.spawn(work));
        (&mut task.0).await.unwrap_or_else(|_| Err(ending()))
    }

    /// What a component says can be set; asked once, while it is loaded.
    pub(crate) async fn describe(&self, plugin: Arc<Plugin>) -> Result<Vec<(String, String)>, CallError> {
        self.run(
            plugin,
            Call::Describe,
            |_| {},
            |strategy, store| {
                Box::pin(async move {
                    let exports = strategy.dreamops_strategy_strategy();
                    exports.call_describe(store).await.map(Ok)
                })
            },
            |descriptor, _| strategy::settings(descriptor),
        )
        .await
    }

    pub(crate) async fn call_assess(&self, plugin: Arc<Plugin>, context: CallContext) -> Result<Assessment, CallError> {
        self.run(
            plugin,
            Call::Assess,
            move |guest| guest.begin(context),
            |strategy, store| {
                Box::pin(async move {
                    let exports = strategy.dreamops_strategy_strategy();
                    exports.call_assess(store, incident()).await
                })
            },
            |found, _| strategy::assessment(found),
        )
        .await
    }

    pub(crate) async fn call_diagnose(&self, plugin: Arc<Plugin>, context: CallContext) -> Result<Finding, CallError> {
        self.run(
            plugin,
            Call::Diagnose,
            move |guest| guest.begin(context),
            |strategy, store| {
                Box::pin(async move {
                    let exports = strategy.dreamops_strategy_strategy();
                    exports.call_diagnose(store, incident()).await
                })
            },
            |found, guest| strategy::finding(found, guest),
        )
        .await
    }

    pub(crate) async fn call_plan(
        &self,
        plugin: Arc<Plugin>,
        context: CallContext,
        finding: &Finding,
    ) -> Result<Plan, CallError> {
        let finding = wit::Finding::from(finding);
        self.run(
            plugin,
            Call::Plan,
            move |guest| guest.begin(context),
            move |strategy, store| {
                Box::pin(async move {
                    let exports = strategy.dreamops_strategy_strategy();
                    let draft = Resource::<Draft>::new_own(ONLY);
                    exports.call_plan(store, incident(), &finding, draft).await
                })
            },
            |(), guest| {
                Ok(Plan {
                    steps: std::mem::take(&mut guest.steps),
                })
            },
        )
        .await
    }

    pub(crate) async fn call_verify(
        &self,
        plugin: Arc<Plugin>,
        context: CallContext,
        execution: ports::Execution,
    ) -> Result<Verdict, CallError> {
        self.run(
            plugin,
            Call::Verify,
            move |guest| {
                guest.begin(context);
                guest.execution = Some(execution);
            },
            |strategy, store| {
                Box::pin(async move {
                    let exports = strategy.dreamops_strategy_strategy();
                    let execution = Resource::<Execution>::new_own(ONLY);
                    exports.call_verify(store, incident(), execution).await
                })
            },
            |verdict, _| strategy::verdict(verdict),
        )
        .await
    }
}

pub(crate) fn ending() -> CallError {
    CallError::Mismatch("the program is ending".into())
}

fn incident() -> Resource<Incident> {
    Resource::new_own(ONLY)
}

fn new_store(guest: Guest) -> Store<Guest> {
    let engine = guest.plugin.pre.engine().clone();
    let mut store = Store::new(&engine, guest);
    store.limiter(|guest| &mut guest.memory);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|store| Ok(on_tick(store)));
    store.set_hostcall_fuel(HOSTCALL_FUEL);
    store
}
