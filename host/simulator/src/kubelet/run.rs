//! What the kubelet remembers of a pod and its containers.

use crate::fields;
use crate::world::events::Told;
use serde_json::{Value, json};

/// The first delay before a container that ended is started again; doubled up to [`MOST`]. The kubelet's own figures.
pub(super) const FIRST_DELAY: u64 = 10_000;
/// The longest delay.
pub(super) const MOST: u64 = 300_000;
/// A container that ran so long begins with the first delay again.
pub(super) const LONG_RUN: u64 = 600_000;
/// So many lines of a log are kept.
const LOG_LINES: usize = 500;

/// One pod on a node.
#[derive(Clone, Debug)]
pub(crate) struct PodRun {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) address: String,
    pub(super) since: u64,
    pub(super) init: Vec<ContainerRun>,
    pub(super) main: Vec<ContainerRun>,
    /// When its containers will have ended, once it was deleted.
    pub(super) gone_at: Option<u64>,
    /// Whether a program in it needs peers, so that it has to be looked at when anything changes.
    pub(super) has_peers: bool,
    /// Its program spins: it takes all the processor time it is let, until it is started anew.
    pub(crate) spins: bool,
}

/// One container.
#[derive(Clone, Debug)]
pub(crate) struct ContainerRun {
    pub(super) name: String,
    /// Its place in the spec's list.
    pub(super) place: usize,
    pub(super) state: State,
    pub(super) last: Option<Ended>,
    pub(super) restarts: u32,
    /// The delay that comes after the next end.
    pub(super) delay: u64,
    pub(super) pull_delay: u64,
    /// Lines of the present or, while it waits, the latest run.
    pub(super) log: Vec<(u64, String)>,
    /// Lines of the run before.
    pub(super) earlier_log: Option<Vec<(u64, String)>>,
    pub(super) probes: Probes,
}

/// Where a container stands.
#[derive(Clone, Debug)]
pub(super) enum State {
    /// It does not run, for the reason; at the moment, the step is taken.
    Waiting {
        reason: &'static str,
        message: String,
        at: u64,
        step: Step,
    },
    /// It runs; at the moment it will end.
    Running { since: u64, end: Option<(u64, Ending)> },
    /// It has ended, and at the moment waits for its next start.
    Ended { ended: Ended, at: Option<u64> },
}

/// What the kubelet does next about a waiting container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Wait for the init containers.
    Nothing,
    /// Look whether the image is there.
    Pull,
    /// The registry answers.
    Pulled,
    /// Wait longer before asking the registry again.
    HoldPull,
    /// Make the container from its spec.
    Create,
}

/// Why a program ends.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ending {
    pub(super) code: i32,
    pub(super) reason: &'static str,
    /// Whether it does not end after all if its peers come back before.
    pub(super) for_peers: bool,
    /// What it logs last.
    pub(super) lines: Vec<String>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ended {
    pub(super) code: i32,
    pub(super) reason: &'static str,
    pub(super) message: String,
    /// Zero where it never started.
    pub(super) started: u64,
    pub(super) finished: u64,
    pub(super) number: u32,
}

/// What the probes have found so far in this run.
#[derive(Clone, Debug, Default)]
pub(super) struct Probes {
    pub(super) started: bool,
    pub(super) ready: bool,
    pub(super) startup: Count,
    pub(super) readiness: Count,
    pub(super) liveness: Count,
}

/// One probe: when it is tried next, and how it went in a row.
#[derive(Clone, Debug, Default)]
pub(super) struct Count {
    pub(super) at: Option<u64>,
    pub(super) failures: u64,
    pub(super) successes: u64,
}

impl ContainerRun {
    pub(super) fn new(name: &str, place: usize, now: u64, step: Step) -> Self {
        Self {
            name: name.to_owned(),
            place,
            state: State::Waiting {
                reason: if step == Step::Nothing {
                    "PodInitializing"
                } else {
                    "ContainerCreating"
                },
                message: String::new(),
                at: now + 100,
                step,
            },
            last: None,
            restarts: 0,
            delay: 0,
            pull_delay: FIRST_DELAY,
            log: Vec::new(),
            earlier_log: None,
            probes: Probes::default(),
        }
    }

    /// When something happens next.
    pub(super) fn due(&self) -> Option<u64> {
        match &self.state {
            State::Waiting {
                step: Step::Nothing, ..
            } => None,
            State::Waiting { at, .. } => Some(*at),
            State::Ended { at, .. } => *at,
            State::Running { end, .. } => {
                let probes = [&self.probes.startup, &self.probes.readiness, &self.probes.liveness];
                let probe = probes.iter().filter_map(|p| p.at).min();
                let end = end.as_ref().map(|(at, _)| *at);
                [probe, end].into_iter().flatten().min()
            }
        }
    }

    pub(super) fn say(&mut self, now: u64, line: impl Into<String>) {
        if self.log.len() >= LOG_LINES {
            self.log.remove(0);
        }
        self.log.push((now, line.into()));
    }

    pub(super) fn running(&self) -> bool {
        matches!(self.state, State::Running { .. })
    }

    /// Whether it has done its work.
    pub(super) fn succeeded(&self) -> bool {
        matches!(&self.state, State::Ended { ended, at: None } if ended.code == 0)
    }

    /// The run is over. Whether, and when, it is started again is the kubelet's affair.
    pub(super) fn end(&mut self, now: u64, code: i32, reason: &'static str, message: &str) -> Ended {
        let started = match self.state {
            State::Running { since, .. } => since,
            _ => 0,
        };
        self.probes = Probes::default();
        let ended = Ended {
            code,
            reason,
            message: message.to_owned(),
            started,
            finished: now,
            number: self.restarts,
        };
        self.state = State::Ended {
            ended: ended.clone(),
            at: None,
        };
        ended
    }
}

impl Ended {
    /// As a container's status writes it.
    pub(super) fn status(&self, pod: &str, container: &str) -> Value {
        let mut state = json!({
            "exitCode": self.code,
            "reason": self.reason,
            // what never started is shown as started at the beginning of time
            "startedAt": fields::time(self.started),
            "finishedAt": fields::time(self.finished),
            "containerID": container_id(pod, container, self.number),
        });
        if !self.message.is_empty() {
            state["message"] = json!(self.message);
        }
        state
    }
}

/// The runtime's name for one run of a container.
pub(super) fn container_id(pod: &str, container: &str, run: u32) -> String {
    let part = crate::names::hash(&json!([pod, container, run]));
    let hex = part
        .bytes()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    // a hash has few digits now and then
    let mut id = hex.repeat(64);
    id.truncate(64);
    format!("containerd://{id}")
}

/// An event of the kubelet about a container.
pub(super) fn told(warning: bool, reason: &'static str, message: impl Into<String>) -> Told<'static> {
    if warning {
        Told::warning("kubelet", reason, message)
    } else {
        Told::normal("kubelet", reason, message)
    }
}
