//! Probes: whether a program has started, lives, and takes requests.
//!
//! A probe that has found what will not change by itself is not tried again until it would change: a healthy pod costs
//! no time, however long the world lives.

use super::program::Program;
use super::run::{ContainerRun, Count, PodRun, State, told};
use super::{field, part, running, spec};
use crate::fields;
use crate::world::World;
use serde_json::Value;

/// Milliseconds between the start of a container and its first probe, where the spec asks for no delay.
const FIRST: u64 = 500;

/// Plans the probes of a run that begins now.
pub(super) fn begin(now: u64, container: &Value, run: &mut ContainerRun) {
    run.probes = super::run::Probes::default();
    if container["startupProbe"].is_object() {
        run.probes.startup.at = Some(first(now, &container["startupProbe"]));
    } else {
        started(now, container, run);
    }
}

fn first(now: u64, probe: &Value) -> u64 {
    now + FIRST + fields::count(probe, "/initialDelaySeconds") * 1000
}

/// From here on readiness and liveness count.
fn started(now: u64, container: &Value, run: &mut ContainerRun) {
    run.probes.started = true;
    run.probes.startup.at = None;
    let planned = |key: &str| container[key].is_object().then(|| first(now, &container[key]));
    run.probes.liveness.at = planned("livenessProbe");
    run.probes.readiness.at = planned("readinessProbe");
    run.probes.ready = run.probes.readiness.at.is_none();
}

/// Tries the probes that are due. Returns whether the container was killed.
pub(super) fn look(world: &mut World, pod: &Value, container: &Value, on: &PodRun, run: &mut ContainerRun) -> bool {
    let now = world.now();
    let State::Running { since, end } = &run.state else {
        return false;
    };
    let since = *since;
    // a program that has not reached its peers since it started does not listen yet
    let connecting = end
        .as_ref()
        .is_some_and(|(at, ending)| ending.for_peers && *at <= since + running::PATIENCE);
    let program = part::program(world, pod, container);
    let tried = Tried {
        program: &program,
        pod,
        address: &on.address,
        age: now - since,
        connecting,
    };
    let due = |count: &Count| count.at.is_some_and(|at| at <= now);
    if due(&run.probes.startup) {
        let probe = &container["startupProbe"];
        let outcome = tried.try_it(probe);
        count(&mut run.probes.startup, probe, outcome.is_ok(), now, None);
        match outcome {
            Ok(()) => started(now, container, run),
            Err(why) => {
                unhealthy(world, pod, run, "Startup", &why);
                if over(&run.probes.startup, probe) {
                    return kill(world, pod, run, "startup", &tried);
                }
            }
        }
    }
    // when a program that hangs later will have to be looked at again
    let later = program.hangs_after.map(|after| since + after).filter(|at| *at > now);
    if due(&run.probes.readiness) {
        let probe = &container["readinessProbe"];
        let outcome = tried.try_it(probe);
        count(&mut run.probes.readiness, probe, outcome.is_ok(), now, later);
        match outcome {
            Ok(()) => run.probes.ready |= run.probes.readiness.successes >= fields::count(probe, "/successThreshold"),
            Err(why) => {
                run.probes.ready &= !over(&run.probes.readiness, probe);
                unhealthy(world, pod, run, "Readiness", &why);
            }
        }
        if !run.probes.ready && run.probes.readiness.at.is_none() {
            run.probes.readiness.at = Some(now + period(probe));
        }
    }
    if due(&run.probes.liveness) {
        let probe = &container["livenessProbe"];
        let outcome = tried.try_it(probe);
        count(&mut run.probes.liveness, probe, outcome.is_ok(), now, later);
        if let Err(why) = outcome {
            unhealthy(world, pod, run, "Liveness", &why);
            if over(&run.probes.liveness, probe) {
                return kill(world, pod, run, "liveness", &tried);
            }
        }
    }
    false
}

fn period(probe: &Value) -> u64 {
    fields::count(probe, "/periodSeconds").max(1) * 1000
}

/// Counts an outcome; plans the next try where the outcome could be another one then.
fn count(count: &mut Count, probe: &Value, good: bool, now: u64, later: Option<u64>) {
    if good {
        count.successes += 1;
        count.failures = 0;
        count.at = later;
    } else {
        count.failures += 1;
        count.successes = 0;
        count.at = Some(now + period(probe));
    }
}

fn over(count: &Count, probe: &Value) -> bool {
    count.failures >= fields::count(probe, "/failureThreshold").max(1)
}

fn unhealthy(world: &mut World, pod: &Value, run: &ContainerRun, which: &str, why: &str) {
    let message = format!("{which} probe failed: {why}");
    world.tell(pod, &told(true, "Unhealthy", message).of(&field(&run.name)));
}

fn kill(world: &mut World, pod: &Value, run: &mut ContainerRun, which: &str, tried: &Tried<'_>) -> bool {
    let name = run.name.clone();
    let message = format!("Container {name} failed {which} probe, will be restarted");
    world.tell(pod, &told(false, "Killing", message).of(&field(&name)));
    // a program that hangs does not hear the signal and is killed, another ends by the signal
    let code = if tried.hangs() { 137 } else { 143 };
    run.say(world.now(), "terminated");
    run.end(world.now(), code, "Error", "");
    true
}

/// A program as a probe meets it.
struct Tried<'a> {
    program: &'a Program,
    pod: &'a Value,
    address: &'a str,
    age: u64,
    connecting: bool,
}

impl Tried<'_> {
    fn hangs(&self) -> bool {
        self.program.hangs_after.is_some_and(|after| self.age >= after)
    }

    fn try_it(&self, probe: &Value) -> Result<(), String> {
        let containers = fields::list(self.pod, "/spec/containers");
        if probe["exec"].is_object() {
            let command = fields::text(probe, "/exec/command/0");
            return if self.hangs() {
                Err("command timed out".to_owned())
            } else if self.program.commands.contains(&command) {
                Ok(())
            } else {
                Err(format!("exec: {command:?}: stat {command}: no such file or directory"))
            };
        }
        let asked = ["httpGet", "tcpSocket", "grpc"].iter().find(|k| probe[**k].is_object());
        let Some(kind) = asked else { return Ok(()) };
        let asked = &probe[*kind];
        let port = spec::port_number(containers, &asked["port"]).unwrap_or(0);
        let place = format!("{}:{port}", self.address);
        let path = fields::text(asked, "/path");
        let url = format!("Get \"http://{place}{path}\"");
        let listens = !self.connecting && self.age >= self.program.starts_in && self.program.ports.contains(&port);
        let prefix = if *kind == "httpGet" {
            format!("{url}: ")
        } else {
            String::new()
        };
        if !listens {
            return Err(format!("{prefix}dial tcp {place}: connect: connection refused"));
        }
        if *kind != "httpGet" {
            return Ok(());
        }
        if self.hangs() {
            return Err(format!(
                "{prefix}context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
            ));
        }
        let refused = self
            .program
            .refuses
            .iter()
            .find(|(at, _, until)| *at == path && self.age < *until);
        if let Some((_, code, _)) = refused {
            return Err(format!("HTTP probe failed with statuscode: {code}"));
        }
        if path != "/" && !self.program.paths.contains(&path) {
            return Err("HTTP probe failed with statuscode: 404".to_owned());
        }
        Ok(())
    }
}
