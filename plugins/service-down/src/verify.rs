//! Whether the Service answers again: it has ready endpoints, and where the count was set, as many.

use dreamops_sdk::host::now_ms;
use dreamops_sdk::prelude::*;

/// What was last written takes this long to reach the endpoints.
const SOON_MS: u64 = 1_000;

pub(crate) fn verify(execution: &Execution) -> Result<Verdict, Failure> {
    let facts = execution.facts();
    let fact = |name: &str| facts.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    let target = execution.target();
    let service = fact("service").and_then(ObjectRef::from_fact).unwrap_or(target);
    let found = cluster::service(&service.namespace, &service.name)?;
    let wanted = fact("replicas").and_then(|n| n.parse().ok()).unwrap_or(1);
    let patched: Option<u16> = fact("path")
        .filter(|path| path.ends_with("/targetPort"))
        .and_then(|_| fact("value")?.parse().ok());
    let answers = |ports: &[u16]| match patched {
        Some(number) => ports.contains(&number),
        None => !ports.is_empty() || found.ports.is_empty(),
    };
    let answering = found.ready.iter().filter(|e| answers(&e.ports)).count();
    let quiet = execution
        .present()
        .last_restart_ms
        .is_none_or(|at| at <= execution.finished_ms());
    if answering >= wanted && quiet {
        return Ok(Verdict::Healed);
    }
    let age = now_ms().saturating_sub(execution.finished_ms());
    Ok(Verdict::Waiting((age / 10).clamp(SOON_MS, 5_000)))
}
