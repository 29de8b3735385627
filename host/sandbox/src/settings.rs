//! What an operator can set.

use crate::record::Recorder;
use dreamops_domain::grant::Grants;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The most memory that one call may have, because the pool reserves this much for each slot: 64 MiB.
pub const MEMORY_CAP: usize = 64 * 1024 * 1024;

/// What one call may use up.
#[derive(Clone, Debug)]
pub struct Budgets {
    /// Processor time, counted in ticks in which the component ran; waiting for the cluster is not counted.
    pub cpu: Duration,
    /// Wall time from the moment the call begins to run, waiting for the cluster included.
    pub wall: Duration,
    /// Linear memory in bytes; never more than [`MEMORY_CAP`].
    pub memory: usize,
    /// Elements of its tables.
    pub table_elements: usize,
    /// Calls of host functions.
    pub host_calls: u32,
    /// Bytes that cross in arguments and answers of host functions, as JSON counts them.
    pub host_bytes: usize,
    /// Lines of log; more are dropped.
    pub log_lines: u32,
}

impl Default for Budgets {
    /// 1 s of processor time, 60 s of wall time, 64 MiB, 500 host calls with 16 MiB, 200 log lines.
    fn default() -> Self {
        Self {
            cpu: Duration::from_secs(1),
            wall: Duration::from_mins(1),
            memory: MEMORY_CAP,
            table_elements: 20_000,
            host_calls: 500,
            host_bytes: 16 * 1024 * 1024,
            log_lines: 200,
        }
    }
}

impl Budgets {
    /// What `describe` gets while a component is loaded: no host calls but a few, and little time.
    pub(crate) fn for_describe(&self) -> Self {
        Self {
            cpu: self.cpu.min(Duration::from_millis(200)),
            wall: self.wall.min(Duration::from_secs(2)),
            host_calls: self.host_calls.min(20),
            host_bytes: self.host_bytes.min(64 * 1024),
            ..self.clone()
        }
    }
}

/// What an operator set for one component, by its name.
#[derive(Clone, Debug)]
pub struct PluginSettings {
    /// Whether it is loaded.
    pub enabled: bool,
    /// What it may be granted; [`Settings::allowed`] where not given.
    pub allowed: Option<Grants>,
    /// The most confidence it is given, 0 to 1.
    pub confidence_cap: Option<f64>,
    /// What `config.get` returns.
    pub settings: BTreeMap<String, String>,
}

impl Default for PluginSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            allowed: None,
            confidence_cap: None,
            settings: BTreeMap::new(),
        }
    }
}

/// How the sandbox runs.
#[derive(Clone)]
pub struct Settings {
    /// What one call may use up.
    pub budgets: Budgets,
    /// Instances for which the pool reserves memory: 96 MiB of address space each, which is not memory in use.
    pub slots: u32,
    /// Calls that run at once; others wait their turn before their wall time begins.
    pub concurrent: usize,
    /// Threads that run components. One fewer than the machine's processors leaves one to the rest of the program.
    pub workers: usize,
    /// The unit in which processor time is counted, and the longest that one component runs before another may.
    pub tick: Duration,
    /// Where compiled components are kept, in a folder that only this user may open; `None` compiles in memory.
    pub artefact_cache: Option<PathBuf>,
    /// What components may be granted, if they ask for it. Empty means nothing.
    pub allowed: Grants,
    /// What is set for single components.
    pub plugins: BTreeMap<String, PluginSettings>,
    /// The most confidence that a component which did not come with the program is given.
    pub third_party_confidence: f64,
    /// Gets every exchange between a component and the host.
    pub recorder: Option<Arc<dyn Recorder>>,
}

impl Default for Settings {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            budgets: Budgets::default(),
            slots: 256,
            concurrent: 32,
            workers: processors.saturating_sub(1).max(1),
            tick: Duration::from_millis(1),
            artefact_cache: None,
            allowed: Grants::parse(["kubernetes/read/*", "plan/*"]).unwrap_or_default(),
            plugins: BTreeMap::new(),
            third_party_confidence: 0.7,
            recorder: None,
        }
    }
}
