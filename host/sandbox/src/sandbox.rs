//! The sandbox as the rest of the program sees it.

use crate::catalogue::{Catalogue, Installed, Plugin};
use crate::engine::{EngineError, engine};
use crate::guest::Guest;
use crate::load::linker;
use crate::settings::Settings;
use crate::ticker::Ticker;
use arc_swap::ArcSwap;
use async_trait::async_trait;
use dreamops_domain::finding::{Assessment, Finding, Verdict};
use dreamops_domain::manifest::StrategyInfo;
use dreamops_domain::plan::Plan;
use dreamops_domain::ports::{CallContext, CallError, Execution, Strategies};
use std::sync::Arc;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::Linker;

/// Runs components. There is one in a process.
pub struct Sandbox {
    pub(crate) settings: Settings,
    pub(crate) engine: Engine,
    pub(crate) linker: Linker<Guest>,
    /// Counts processor time while components run.
    pub(crate) ticker: Ticker,
    /// Threads on which components run and nothing else does; `None` only while the sandbox is dropped.
    runtime: Option<Runtime>,
    /// One permit for each call that runs. A call awaits one before it holds anything, so none waits for itself.
    pub(crate) permits: Arc<Semaphore>,
    /// What is loaded.
    pub(crate) catalogue: ArcSwap<Catalogue>,
}

impl Sandbox {
    /// Starts the engine, its threads and its ticker. Nothing is loaded yet.
    pub fn new(settings: Settings) -> Result<Arc<Self>, EngineError> {
        let engine = engine(&settings)?;
        let linker = linker(&engine).map_err(|error| EngineError(format!("{error:#}")))?;
        let started = |error: std::io::Error| EngineError(error.to_string());
        let ticker = Ticker::start(&engine, settings.tick).map_err(started)?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(settings.workers.max(1))
            .thread_name("guests")
            .enable_time()
            .build()
            .map_err(started)?;
        let slots = usize::try_from(settings.slots).unwrap_or(usize::MAX);
        let permits = settings.concurrent.clamp(1, slots.max(1));
        Ok(Arc::new(Self {
            permits: Arc::new(Semaphore::new(permits)),
            runtime: Some(runtime),
            catalogue: ArcSwap::default(),
            settings,
            engine,
            linker,
            ticker,
        }))
    }

    /// What is loaded, with grants and settings, in the operator's order.
    pub fn list(&self) -> Vec<Installed> {
        self.catalogue.load().iter().map(|p| p.shown()).collect()
    }

    /// The runtime on which components run.
    pub(crate) fn guests(&self) -> Result<&Handle, CallError> {
        self.runtime
            .as_ref()
            .map(Runtime::handle)
            .ok_or_else(crate::call::ending)
    }

    fn plugin(&self, digest: &str) -> Result<Arc<Plugin>, CallError> {
        let catalogue = self.catalogue.load();
        catalogue.by_digest(digest).cloned().ok_or_else(|| {
            CallError::Mismatch(format!(
                "the component with digest {digest} is not loaded (any more); `dreamops plugin list` shows those that are"
            ))
        })
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // waiting for guests is not possible where the last holder is itself a task, and they hold nothing of value
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[async_trait]
impl Strategies for Sandbox {
    fn installed(&self) -> Vec<StrategyInfo> {
        let catalogue = self.catalogue.load();
        catalogue.iter().map(|plugin| plugin.info.clone()).collect()
    }

    fn confidence_cap(&self, digest: &str) -> f64 {
        let catalogue = self.catalogue.load();
        catalogue.by_digest(digest).map_or(0.0, |plugin| plugin.confidence_cap)
    }

    fn file(&self, digest: &str) -> Option<Arc<[u8]>> {
        let catalogue = self.catalogue.load();
        catalogue.by_digest(digest).map(|plugin| Arc::clone(&plugin.file))
    }

    fn at_hand(&self, digest: &str) -> bool {
        self.catalogue.load().by_digest(digest).is_some()
    }

    async fn revive(&self, bytes: Vec<u8>) -> Result<StrategyInfo, CallError> {
        let revived = self.load_kept(bytes).await;
        revived.map_err(|error| CallError::Mismatch(error.to_string()))
    }

    async fn assess(&self, digest: &str, context: &CallContext) -> Result<Assessment, CallError> {
        self.call_assess(self.plugin(digest)?, context.clone()).await
    }

    async fn diagnose(&self, digest: &str, context: &CallContext) -> Result<Finding, CallError> {
        self.call_diagnose(self.plugin(digest)?, context.clone()).await
    }

    async fn plan(&self, digest: &str, context: &CallContext, finding: &Finding) -> Result<Plan, CallError> {
        self.call_plan(self.plugin(digest)?, context.clone(), finding).await
    }

    async fn verify(&self, digest: &str, context: &CallContext, execution: &Execution) -> Result<Verdict, CallError> {
        self.call_verify(self.plugin(digest)?, context.clone(), execution.clone())
            .await
    }
}
