//! A running container: what its program says, and when and why it will end.

use super::part;
use super::peers;
use super::probe;
use super::program::Program;
use super::run::{ContainerRun, Ending, State};
use super::spec;
use crate::world::World;
use serde_json::Value;
use std::collections::BTreeMap;

/// Milliseconds after which a program without its settings has ended.
const QUICK: u64 = 200;
/// Milliseconds after which a program has filled the memory that it needs: before it listens, so that one that does not
/// get it is never ready.
const FILLED: u64 = 350;
/// Milliseconds for which a program that starts tries to reach a peer, before it listens.
pub(super) const PATIENCE: u64 = 2500;

/// Starts a run.
pub(super) fn begin(
    world: &World,
    pod: &Value,
    container: &Value,
    run: &mut ContainerRun,
    program: &Program,
    environment: &BTreeMap<String, String>,
) {
    let now = world.now();
    let end = fate(world, pod, container, program, environment);
    let starts_well = end
        .as_ref()
        .is_none_or(|(at, ending)| !ending.for_peers && *at > now + program.starts_in);
    run.log.clear();
    match environment.get("LOG_LINE").filter(|line| !line.is_empty()) {
        _ if !program.plays_a_part => run.say(now, "starting"),
        Some(line) => run.say(now, part::line(now, line)),
        None => {}
    }
    if starts_well {
        greet(run, now + program.starts_in, program);
    }
    run.state = State::Running { since: now, end };
    probe::begin(now, container, run);
}

/// What a program says when it has begun to serve.
pub(super) fn greet(run: &mut ContainerRun, at: u64, program: &Program) {
    for line in program.greeting {
        if program.plays_a_part {
            run.say(at, part::line(at, line));
        } else {
            run.say(at, *line);
        }
    }
}

/// When and how the run will end, as things are.
fn fate(
    world: &World,
    pod: &Value,
    container: &Value,
    program: &Program,
    environment: &BTreeMap<String, String>,
) -> Option<(u64, Ending)> {
    let now = world.now();
    let settings = program.needs.iter().find_map(|(name, begins)| {
        let line = match environment.get(*name).map(String::as_str) {
            None | Some("") => format!("fatal: environment variable {name} is not set"),
            Some(value) if !value.starts_with(begins) => {
                format!("fatal: environment variable {name} is invalid: it has to begin with {begins:?}")
            }
            Some(_) => return None,
        };
        Some((now + QUICK, ending(1, "Error", vec![line])))
    });
    let lacks = part::lacks(environment)
        .filter(|_| program.plays_a_part)
        .map(|line| (now, ending(1, "Error", vec![part::line(now, &line)])));
    let memory = memory_end(now, container, program);
    let peers = peers::lost(world, pod, program, environment).map(|why| (now + PATIENCE, peers::ending(&why)));
    let work = program.ends.map(|(after, code)| {
        let reason = if code == 0 { "Completed" } else { "Error" };
        let line = if program.plays_a_part {
            part::line(now + after, &format!("ending with code {code}"))
        } else {
            "done".to_owned()
        };
        (now + after, ending(code, reason, vec![line]))
    });
    [settings, lacks, memory, peers, work]
        .into_iter()
        .flatten()
        .min_by_key(|(at, _)| *at)
}

/// When the memory limit is reached.
fn memory_end(now: u64, container: &Value, program: &Program) -> Option<(u64, Ending)> {
    let limit = spec::memory_limit(container)?;
    let needs = program.memory_mib << 20;
    let killed = ending(137, "OOMKilled", Vec::new());
    if needs > limit {
        return Some((now + FILLED, killed));
    }
    let room = (limit - needs) >> 20;
    let minutes_in_millis = (room * 60_000).checked_div(program.leak_mib_per_minute)?;
    Some((now + FILLED + minutes_in_millis, killed))
}

pub(super) fn ending(code: i32, reason: &'static str, lines: Vec<String>) -> Ending {
    Ending {
        code,
        reason,
        for_peers: false,
        lines,
    }
}
