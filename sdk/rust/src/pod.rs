//! Reading pods: what their containers do and why.

use crate::cluster::Object;
use crate::incident::ObjectRef;
use crate::json;
use crate::time;
use serde_json::Value;
use std::fmt;

/// A pod, read through its JSON.
#[derive(Clone, PartialEq, Debug)]
pub struct Pod(Object);

/// One container of a pod, with its status.
#[derive(Clone, PartialEq, Debug)]
pub struct Container {
    /// The name.
    pub name: String,
    /// Whether it is an init container that has to end (a sidecar, which stays, is not).
    pub init: bool,
    /// The image, as the spec names it.
    pub image: String,
    /// Whether it is ready; an init container is when it has ended well.
    pub ready: bool,
    /// How often it was started anew.
    pub restarts: u32,
    /// What it does now.
    pub state: State,
    /// How its run before the present state ended.
    pub last: Option<Termination>,
}

/// What a container does.
#[derive(Clone, PartialEq, Debug)]
pub enum State {
    /// Nothing is known yet.
    Absent,
    /// It has not been started, or waits to be started again.
    Waiting {
        /// `CrashLoopBackOff`, `ImagePullBackOff`, `CreateContainerConfigError`, `PodInitializing`, …
        reason: String,
        /// More; may be empty.
        message: String,
    },
    /// It runs.
    Running {
        /// Since when, in milliseconds since 1970.
        since_ms: u64,
    },
    /// It has ended.
    Terminated(Termination),
}

/// How a run of a container ended.
#[derive(Clone, PartialEq, Debug)]
pub struct Termination {
    /// `Error`, `Completed`, `OOMKilled`, `StartError`, `ContainerCannotRun`, …
    pub reason: String,
    /// The exit code.
    pub exit_code: i64,
    /// The signal; 0 where there was none (kubelet seldom fills it in: see [`Termination::killed_by`]).
    pub signal: i64,
    /// What the container or the runtime said; may be empty.
    pub message: String,
    /// When it began, in milliseconds since 1970; 0 where it never ran.
    pub started_ms: u64,
    /// When it ended, in milliseconds since 1970.
    pub finished_ms: u64,
}

/// Waiting reasons of a container whose image is not there.
pub const PULL_REASONS: [&str; 7] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
];

/// Waiting reasons of a container that cannot be made or keeps ending.
pub const CRASH_REASONS: [&str; 7] = [
    "CrashLoopBackOff",
    "Error",
    "RunContainerError",
    "CreateContainerConfigError",
    "CreateContainerError",
    "StartError",
    "PostStartHookError",
];

/// A container that ended more than once has calmed down when it has not ended for this long: the kubelet's longest
/// back-off is 5 minutes, and it forgets after 10.
pub const CALM_MS: u64 = 600_000;
/// A container that restarted once has recovered if it has run this long since.
const RECOVERED_MS: u64 = 60_000;

impl Pod {
    /// Reads an object as a pod.
    pub fn new(object: Object) -> Self {
        Self(object)
    }

    /// Its name, with the uid that drafts may use.
    pub fn reference(&self) -> &ObjectRef {
        &self.0.reference
    }

    /// Its JSON.
    pub fn body(&self) -> &Value {
        &self.0.body
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.reference.name
    }

    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
    pub fn phase(&self) -> &str {
        json::text(self.body(), "/status/phase")
    }

    /// `Evicted`, `NodeLost`, …; mostly empty.
    pub fn reason(&self) -> &str {
        json::text(self.body(), "/status/reason")
    }

    /// Whether its condition `Ready` is true.
    pub fn ready(&self) -> bool {
        self.condition("Ready")
            .is_some_and(|c| json::text(c, "/status") == "True")
    }

    /// Whether it is ready and stays so: none of its containers keeps ending.
    pub fn steady(&self, now_ms: u64) -> bool {
        self.ready() && !self.containers().iter().any(|c| !c.init && c.relapses(now_ms))
    }

    /// Whether it is being deleted.
    pub fn deleting(&self) -> bool {
        !json::text(self.body(), "/metadata/deletionTimestamp").is_empty()
    }

    /// The node; empty while it is not scheduled.
    pub fn node(&self) -> &str {
        json::text(self.body(), "/spec/nodeName")
    }

    /// When it was made, in milliseconds since 1970.
    pub fn created_ms(&self) -> u64 {
        time::millis(json::text(self.body(), "/metadata/creationTimestamp")).unwrap_or(0)
    }

    /// A condition of its status.
    pub fn condition(&self, kind: &str) -> Option<&Value> {
        json::condition(self.body(), kind)
    }

    /// A label's value; empty where it is not set.
    pub fn label(&self, name: &str) -> &str {
        json::pairs(self.body(), "/metadata/labels")
            .into_iter()
            .find_map(|(k, v)| (k == name).then_some(v))
            .unwrap_or("")
    }

    /// Whether it mirrors a file on its node; deleting it changes nothing.
    pub fn mirror(&self) -> bool {
        json::pairs(self.body(), "/metadata/annotations")
            .iter()
            .any(|(k, _)| *k == "kubernetes.io/config.mirror")
    }

    /// The kind, name and uid of the controller that made it; none for a bare pod.
    pub fn controller(&self) -> Option<(&str, &str, &str)> {
        json::items(self.body(), "/metadata/ownerReferences")
            .iter()
            .find(|o| json::is_true(o, "/controller"))
            .map(|o| (json::text(o, "/kind"), json::text(o, "/name"), json::text(o, "/uid")))
    }

    /// What tells its revision from others of the workload: the template's hash, or the ControllerRevision's
    /// name or hash. Empty for pods of other kinds.
    pub fn revision_hash(&self) -> &str {
        match self.label("pod-template-hash") {
            "" => self.label("controller-revision-hash"),
            hash => hash,
        }
    }

    /// Its containers with their status: init containers first, then the others, as the spec orders them.
    pub fn containers(&self) -> Vec<Container> {
        let lists = [
            ("/spec/initContainers", "/status/initContainerStatuses", true),
            ("/spec/containers", "/status/containerStatuses", false),
        ];
        let mut all = Vec::new();
        for (specs, statuses, init) in lists {
            for spec in json::items(self.body(), specs) {
                let status = json::named(self.body(), statuses, json::text(spec, "/name"));
                let sidecar = json::text(spec, "/restartPolicy") == "Always";
                all.push(Container::read(spec, status, init && !sidecar));
            }
        }
        all
    }

    /// One of its containers.
    pub fn container(&self, name: &str) -> Option<Container> {
        self.containers().into_iter().find(|c| c.name == name)
    }

    /// The container that keeps the pod from being ready: the first that is not ready and has something to tell
    /// (waits with a reason of its own, or has ended badly), else the first that is not ready.
    pub fn culprit(&self) -> Option<Container> {
        let mut unready: Vec<Container> = self.containers().into_iter().filter(|c| !c.ready).collect();
        let telling = unready.iter().position(Container::in_trouble);
        (!unready.is_empty()).then(|| unready.swap_remove(telling.unwrap_or(0)))
    }

    /// Restarts of all its containers.
    pub fn restarts(&self) -> u32 {
        self.containers().iter().map(|c| c.restarts).sum()
    }
}

impl Container {
    fn read(spec: &Value, status: Option<&Value>, init: bool) -> Self {
        let status = status.unwrap_or(&Value::Null);
        Self {
            name: json::text(spec, "/name").into(),
            init,
            image: json::text(spec, "/image").into(),
            ready: json::is_true(status, "/ready"),
            restarts: json::number(status, "/restartCount")
                .and_then(|n| u32::try_from(n).ok())
                .unwrap_or(0),
            state: State::read(status.pointer("/state")),
            last: status.pointer("/lastState/terminated").map(Termination::read),
        }
    }

    /// Why it waits; empty where it does not.
    pub fn waiting(&self) -> &str {
        match &self.state {
            State::Waiting { reason, .. } => reason,
            _ => "",
        }
    }

    /// What was said about why it waits; empty where it does not.
    pub fn waiting_message(&self) -> &str {
        match &self.state {
            State::Waiting { message, .. } => message,
            _ => "",
        }
    }

    /// How it ended last: the present state if it has ended, else the run before.
    pub fn last_end(&self) -> Option<&Termination> {
        match &self.state {
            State::Terminated(end) => Some(end),
            _ => self.last.as_ref(),
        }
    }

    /// Its image is not there.
    pub fn lacks_image(&self) -> bool {
        PULL_REASONS.contains(&self.waiting())
    }

    /// It cannot be made, keeps ending, or has just ended badly.
    pub fn crashes(&self) -> bool {
        CRASH_REASONS.contains(&self.waiting())
            || matches!(&self.state, State::Terminated(end) if !self.init || end.exit_code != 0)
            || (!self.ready && self.restarts > 0 && self.last_end().is_some())
    }

    /// It was killed for memory last.
    pub fn out_of_memory(&self) -> bool {
        self.last_end().is_some_and(|end| end.reason == "OOMKilled")
    }

    /// It may be ready at this moment, but it keeps ending: without a readiness probe a container counts as ready whenever
    /// it runs.
    pub fn relapses(&self, now_ms: u64) -> bool {
        let Some(end) = &self.last else {
            return false;
        };
        let since = now_ms.saturating_sub(end.finished_ms);
        match self.restarts {
            0 => false,
            1 => since < RECOVERED_MS,
            _ => since < CALM_MS,
        }
    }

    /// It has something to tell about why the pod is not ready.
    pub fn in_trouble(&self) -> bool {
        !self.ready && (self.lacks_image() || self.crashes())
    }
}

impl State {
    fn read(state: Option<&Value>) -> Self {
        let Some(state) = state else {
            return Self::Absent;
        };
        if let Some(waiting) = state.get("waiting") {
            return Self::Waiting {
                reason: json::text(waiting, "/reason").into(),
                message: json::text(waiting, "/message").into(),
            };
        }
        if let Some(end) = state.get("terminated") {
            return Self::Terminated(Termination::read(end));
        }
        match state.get("running") {
            Some(running) => Self::Running {
                since_ms: time::millis(json::text(running, "/startedAt")).unwrap_or(0),
            },
            None => Self::Absent,
        }
    }
}

impl Termination {
    fn read(end: &Value) -> Self {
        let at = |pointer| time::millis(json::text(end, pointer)).unwrap_or(0);
        Self {
            reason: json::text(end, "/reason").into(),
            exit_code: json::number(end, "/exitCode").unwrap_or(0),
            signal: json::number(end, "/signal").unwrap_or(0),
            message: json::text(end, "/message").into(),
            started_ms: at("/startedAt"),
            finished_ms: at("/finishedAt"),
        }
    }

    /// The signal that ended it, also where only the exit code tells (128 + signal).
    pub fn killed_by(&self) -> Option<i64> {
        match (self.signal, self.exit_code) {
            (0, code @ 129..=159) => Some(code - 128),
            (0, _) => None,
            (signal, _) => Some(signal),
        }
    }

    /// How long it ran, in milliseconds; none where it never did.
    pub fn lasted_ms(&self) -> Option<u64> {
        (self.started_ms > 0).then(|| self.finished_ms.saturating_sub(self.started_ms))
    }
}

/// `ended with exit code 1 (Error) after 3 s`.
impl fmt::Display for Termination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ended with exit code {}", self.exit_code)?;
        if !self.reason.is_empty() {
            write!(f, " ({})", self.reason)?;
        }
        if let Some(lasted) = self.lasted_ms() {
            write!(f, " after {}", time::span(lasted))?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message.trim())?;
        }
        Ok(())
    }
}

/// `container web waits: CrashLoopBackOff (back-off 10s …); last ended with exit code 1 (Error) after 3 s; 4 restarts`.
impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let init = if self.init { "init " } else { "" };
        write!(f, "{init}container {} ", self.name)?;
        match &self.state {
            State::Absent => f.write_str("has not been started")?,
            State::Waiting { reason, message } if message.is_empty() => {
                write!(f, "waits: {reason}")?;
            }
            State::Waiting { reason, message } => write!(f, "waits: {reason} ({message})")?,
            State::Running { .. } if self.ready => f.write_str("runs and is ready")?,
            State::Running { .. } => f.write_str("runs and is not ready")?,
            State::Terminated(end) => write!(f, "{end}")?,
        }
        if let (Some(last), false) = (&self.last, matches!(self.state, State::Terminated(_))) {
            write!(f, "; last {last}")?;
        }
        match self.restarts {
            0 => Ok(()),
            1 => f.write_str("; 1 restart"),
            n => write!(f, "; {n} restarts"),
        }
    }
}
