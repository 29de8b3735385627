//! A program whose part is set by variables, as that of the containers of the project's tests on a real cluster.
//!
//! | variable | what it does |
//! | --- | --- |
//! | `LOG_LINE` | is logged first |
//! | `NEEDS_ENV` | names a variable without which it ends with 1 |
//! | `EAT_MIB` | memory that it takes and holds |
//! | `LEAK_MIB_PER_SECOND` | how much more it takes each second |
//! | `BURN_CPU` | thousandths of a core that it uses |
//! | `EXIT_AFTER_SECONDS`, `EXIT_CODE` | it ends by itself |
//! | `NOT_READY` | `/readyz` answers 503 |
//! | `UNHEALTHY` | `/healthz` answers 500 |
//! | `SLOW_START_SECONDS` | both answer 503 until then |
//!
//! Others are not played. Each line of its log begins with the time.

use super::program::{Load, Program};
use super::spec;
use crate::fields;
use crate::world::World;
use serde_json::Value;
use std::collections::BTreeMap;

/// Memory that it takes for itself, in MiB.
const OWN_MIB: u64 = 4;

/// What the program of a container does, given its environment.
pub(super) fn program(world: &World, pod: &Value, container: &Value) -> Program {
    let image = fields::text(container, "/image");
    let program = world.registry.program(image).cloned().unwrap_or_default();
    if !program.plays_a_part {
        return program;
    }
    let environment = spec::environment(world, pod, container).unwrap_or_default();
    played(&program, &environment)
}

fn played(program: &Program, environment: &BTreeMap<String, String>) -> Program {
    let number = |name: &str| -> u64 { environment.get(name).and_then(|v| v.parse().ok()).unwrap_or(0) };
    let is_set = |name: &str| environment.get(name).is_some_and(|v| !v.is_empty());
    let mut refuses = Vec::new();
    if is_set("UNHEALTHY") {
        refuses.push(("/healthz", 500, u64::MAX));
    }
    if is_set("NOT_READY") {
        refuses.push(("/readyz", 503, u64::MAX));
    }
    let slow = number("SLOW_START_SECONDS") * 1000;
    if slow > 0 {
        refuses.extend([("/healthz", 503, slow), ("/readyz", 503, slow)]);
    }
    Program {
        memory_mib: OWN_MIB + number("EAT_MIB"),
        leak_mib_per_minute: number("LEAK_MIB_PER_SECOND") * 60,
        load: Load::Each(number("BURN_CPU").max(1)),
        refuses,
        ends: is_set("EXIT_AFTER_SECONDS").then(|| {
            let code = i32::try_from(number("EXIT_CODE")).unwrap_or(1);
            (number("EXIT_AFTER_SECONDS") * 1000, code)
        }),
        greeting: &["ready"],
        ..program.clone()
    }
}

/// What it lacks to start, in its own words.
pub(super) fn lacks(environment: &BTreeMap<String, String>) -> Option<String> {
    let wanted = environment.get("NEEDS_ENV").filter(|name| !name.is_empty())?;
    let has = environment.get(wanted).is_some_and(|v| !v.is_empty());
    (!has).then(|| format!("fatal: required setting {wanted} is missing"))
}

/// A line as it writes it.
pub(super) fn line(at: u64, text: &str) -> String {
    format!("{} {text}", fields::time(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn a_part_is_what_its_variables_say() {
        let part = |pairs| played(&Program::default(), &environment(pairs));
        assert_eq!(part(&[("EAT_MIB", "60")]).memory_mib, OWN_MIB + 60);
        assert_eq!(part(&[("NOT_READY", "1")]).refuses, [("/readyz", 503, u64::MAX)]);
        assert_eq!(
            part(&[("EXIT_AFTER_SECONDS", "2"), ("EXIT_CODE", "3")]).ends,
            Some((2000, 3))
        );
        assert_eq!(part(&[]).ends, None);
    }

    #[test]
    fn what_a_variable_names_has_to_be_there() {
        let lacks = |pairs| lacks(&environment(pairs));
        let line = lacks(&[("NEEDS_ENV", "KEY")]);
        assert_eq!(line.as_deref(), Some("fatal: required setting KEY is missing"));
        assert_eq!(lacks(&[("NEEDS_ENV", "KEY"), ("KEY", "x")]), None);
        assert_eq!(lacks(&[]), None);
    }
}
