//! The kubelet: pulls images, starts containers, probes them, starts them anew.
//!
//! A container fails because of its spec and the facts about its program ([`program`]), so that it fails again at every
//! start until the spec is right. The kubelet keeps what it knows beside the objects and writes it to their status.

pub(crate) mod metrics;
mod part;
mod peers;
mod probe;
pub(crate) mod program;
mod run;
mod running;
mod spec;
mod start;
mod status;

use crate::fields;
use crate::world::World;
use crate::world::kind::Kind;
pub(crate) use spec::port_number;

use run::{ContainerRun, FIRST_DELAY, MOST, PodRun, State, Step, told};
use serde_json::Value;
use std::collections::BTreeMap;

/// Milliseconds that the end of a container can be seen before the kubelet acts on it.
const NOTICE: u64 = 800;

/// All pods that nodes run, by uid.
#[derive(Clone, Debug)]
pub(crate) struct Kubelet {
    pods: BTreeMap<String, PodRun>,
    /// The longest delay before a container that ended is started again, in milliseconds.
    pub(crate) longest_back_off: u64,
}

impl Default for Kubelet {
    fn default() -> Self {
        Self {
            pods: BTreeMap::new(),
            longest_back_off: MOST,
        }
    }
}

impl Kubelet {
    /// When something happens next.
    pub(crate) fn next_due(&self) -> Option<u64> {
        self.pods.values().filter_map(PodRun::due).min()
    }

    /// Whether a node runs a pod.
    pub(crate) fn runs(&self, pod: &Value) -> bool {
        self.pods.contains_key(fields::uid(pod))
    }

    /// Makes the program in a pod take all the processor time it is let, until the pod is replaced.
    pub(crate) fn spin(&mut self, uid: &str) {
        if let Some(run) = self.pods.get_mut(uid) {
            run.spins = true;
        }
    }

    /// The run before, where the runtime has removed it: it keeps one that has ended, and that is the present one.
    pub(crate) fn removed_run(&self, uid: &str, container: &str) -> Option<String> {
        let run = self.pods.get(uid)?;
        let container = run.all().find(|c| c.name == container)?;
        let before = container.last.as_ref()?;
        matches!(container.state, State::Ended { .. }).then(|| run::container_id(uid, &container.name, before.number))
    }

    /// Lines of a container's log with the moments they were written; `None` where there was no such run.
    pub(crate) fn log(&self, uid: &str, container: &str, previous: bool) -> Option<&[(u64, String)]> {
        let run = self.pods.get(uid)?;
        let container = run.all().find(|c| c.name == container)?;
        match (previous, &container.state) {
            (false, State::Waiting { .. }) if container.last.is_none() => None,
            (false, _) => Some(&container.log),
            // while it waits for its next start, the run that ended last is the one before
            (true, State::Running { .. }) => container.earlier_log.as_deref(),
            (true, _) => container.last.is_some().then_some(container.log.as_slice()),
        }
    }
}

impl PodRun {
    fn all(&self) -> impl Iterator<Item = &ContainerRun> {
        self.init.iter().chain(&self.main)
    }

    fn due(&self) -> Option<u64> {
        match self.gone_at {
            Some(at) => Some(at),
            None => self.all().filter_map(ContainerRun::due).min(),
        }
    }
}

/// Has the containers of a deleted pod end by a moment.
pub(crate) fn stop(world: &mut World, pod: &Value, at: u64) {
    if let Some(run) = world.kubelet.pods.get_mut(fields::uid(pod)) {
        run.gone_at = Some(at);
    }
    for container in fields::list(pod, "/spec/containers") {
        let name = fields::text(container, "/name");
        let message = format!("Stopping container {name}");
        world.tell(pod, &told(false, "Killing", message).of(&field(name)));
    }
}

/// Does all that is due at this moment.
pub(crate) fn sync(world: &mut World) {
    let pods: Vec<Value> = world
        .of(Kind::Pod)
        .filter(|p| !fields::text(p, "/spec/nodeName").is_empty())
        .filter(|p| needs_a_look(world, p))
        .cloned()
        .collect();
    for pod in pods {
        sync_pod(world, &pod);
    }
    let gone: Vec<String> = world
        .kubelet
        .pods
        .iter()
        .filter(|(uid, run)| {
            let pod = world.get(Kind::Pod, &run.namespace, &run.name);
            pod.is_none_or(|p| fields::uid(p) != uid.as_str())
        })
        .map(|(uid, _)| uid.clone())
        .collect();
    for uid in gone {
        world.kubelet.pods.remove(&uid);
    }
}

fn needs_a_look(world: &World, pod: &Value) -> bool {
    let Some(run) = world.kubelet.pods.get(fields::uid(pod)) else {
        return true;
    };
    run.due().is_some_and(|at| at <= world.now()) || run.has_peers
}

fn sync_pod(world: &mut World, pod: &Value) {
    let uid = fields::uid(pod).to_owned();
    let now = world.now();
    let known = world.kubelet.pods.remove(&uid);
    let mut changed = known.is_none();
    let mut run = known.unwrap_or_else(|| admit(world, pod));
    if run.gone_at.is_some_and(|at| at <= now) {
        world.erase(Kind::Pod, fields::namespace(pod), fields::name(pod));
        return;
    }
    if run.gone_at.is_none() {
        changed |= sync_containers(world, pod, &mut run);
    }
    if changed {
        let status = status::of(pod, &run, now);
        world.set_status(Kind::Pod, pod, status);
    }
    world.kubelet.pods.insert(uid, run);
}

/// Begins to run a pod.
fn admit(world: &mut World, pod: &Value) -> PodRun {
    world.addresses.0 += 1;
    let [high, low] = world.addresses.0.to_be_bytes();
    let now = world.now();
    let containers = |key: &str, step: Step| -> Vec<ContainerRun> {
        fields::list(pod, key)
            .iter()
            .enumerate()
            .map(|(place, c)| ContainerRun::new(fields::text(c, "/name"), place, now, step))
            .collect()
    };
    let mut init = containers("/spec/initContainers", Step::Nothing);
    let first = if init.is_empty() { Step::Pull } else { Step::Nothing };
    if let Some(container) = init.first_mut() {
        *container = ContainerRun::new(&container.name, 0, now, Step::Pull);
    }
    PodRun {
        namespace: fields::namespace(pod).to_owned(),
        name: fields::name(pod).to_owned(),
        address: format!("10.244.{high}.{low}"),
        since: now,
        init,
        main: containers("/spec/containers", first),
        gone_at: None,
        has_peers: peers::any(world, pod),
        spins: false,
    }
}

fn sync_containers(world: &mut World, pod: &Value, run: &mut PodRun) -> bool {
    let mut changed = false;
    let mut init = std::mem::take(&mut run.init);
    let mut main = std::mem::take(&mut run.main);
    for container in &mut init {
        changed |= sync_container(world, pod, run, container, true);
    }
    changed |= go_on(world.now(), &mut init, &mut main);
    for container in &mut main {
        changed |= sync_container(world, pod, run, container, false);
    }
    run.init = init;
    run.main = main;
    changed
}

/// Init containers run one after the other, then all others at once.
fn go_on(now: u64, init: &mut [ContainerRun], main: &mut [ContainerRun]) -> bool {
    let next = init.iter().position(|c| !c.succeeded());
    let waiting = match next {
        Some(place) => &mut init[place..=place],
        None => main,
    };
    let mut changed = false;
    for container in waiting {
        if let State::Waiting {
            step: step @ Step::Nothing,
            at,
            ..
        } = &mut container.state
        {
            *step = Step::Pull;
            *at = now;
            changed = true;
        }
    }
    changed
}

fn sync_container(world: &mut World, pod: &Value, run: &PodRun, container: &mut ContainerRun, is_init: bool) -> bool {
    let list = if is_init { "initContainers" } else { "containers" };
    let spec = pod["spec"][list][container.place].clone();
    let now = world.now();
    let mut changed = false;
    if container.running() {
        changed |= peers::watch(world, pod, &spec, container);
    }
    // one step at a moment can lead to the next
    while container.due().is_some_and(|at| at <= now) {
        changed = true;
        match container.state.clone() {
            State::Waiting { step, .. } => start::step(world, pod, &spec, container, step),
            State::Running {
                end: Some((at, ending)),
                ..
            } if at <= now => {
                for line in ending.lines {
                    container.say(now, line);
                }
                container.end(now, ending.code, ending.reason, "");
                after_end(pod, container, now, is_init);
            }
            State::Running { .. } => {
                if probe::look(world, pod, &spec, run, container) {
                    after_end(pod, container, now, is_init);
                }
            }
            State::Ended { ended, .. } => restart(world, pod, container, ended),
        }
        if let State::Ended { at: None, .. } = container.state {
            after_end(pod, container, now, is_init);
            if matches!(container.state, State::Ended { at: None, .. }) {
                break;
            }
        }
    }
    changed
}

/// Whether an ended container is started again, by the pod's restart policy.
fn after_end(pod: &Value, container: &mut ContainerRun, now: u64, is_init: bool) {
    let State::Ended { ended, at } = &mut container.state else {
        return;
    };
    let again = match fields::text(pod, "/spec/restartPolicy") {
        "Never" => false,
        "OnFailure" => ended.code != 0,
        _ => !is_init || ended.code != 0,
    };
    if again && at.is_none() {
        *at = Some(now + NOTICE);
    }
}

/// The first end is followed by a start at once, later ones by a growing delay.
fn restart(world: &mut World, pod: &Value, container: &mut ContainerRun, ended: run::Ended) {
    let now = world.now();
    if ended.started > 0 && ended.finished.saturating_sub(ended.started) >= run::LONG_RUN {
        container.delay = 0;
    }
    container.last = Some(ended);
    let (delay, reason) = (container.delay, "CrashLoopBackOff");
    if delay == 0 {
        container.delay = FIRST_DELAY.min(world.kubelet.longest_back_off);
        container.state = State::Waiting {
            reason: "ContainerCreating",
            message: String::new(),
            at: now,
            step: Step::Pull,
        };
        return;
    }
    let place = format!("{}_{}({})", fields::name(pod), fields::namespace(pod), fields::uid(pod));
    let name = container.name.clone();
    let event = format!("Back-off restarting failed container {name} in pod {place}");
    world.tell(pod, &told(true, "BackOff", event).of(&field(&name)));
    container.delay = (delay * 2).min(world.kubelet.longest_back_off);
    container.state = State::Waiting {
        reason,
        message: format!(
            "back-off {} restarting failed container={name} pod={place}",
            go_duration(delay)
        ),
        at: now + delay,
        step: Step::Pull,
    };
}

/// `10s`, `1m20s`, as Go writes it.
fn go_duration(millis: u64) -> String {
    let seconds = millis / 1000;
    if seconds < 60 {
        format!("{seconds}s")
    } else {
        format!("{}m{}s", seconds / 60, seconds % 60)
    }
}

/// How events name a container.
fn field(container: &str) -> String {
    format!("spec.containers{{{container}}}")
}
