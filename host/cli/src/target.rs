//! Which namespace and object an alert means, where flags and alert have to be put together.

use crate::exit::Failure;
use anyhow::anyhow;
use dreamops_domain::alert::{Alert, namespaces_in};
use dreamops_domain::object::kind_from;

/// Puts the object that the operator named in front of all that the alerts say.
pub(crate) fn narrow(mut alerts: Vec<Alert>, target: Option<&str>) -> Result<Vec<Alert>, Failure> {
    let Some(target) = target else { return Ok(alerts) };
    let (kind, name) = target
        .split_once('/')
        .filter(|(_, name)| !name.is_empty())
        .ok_or_else(|| {
            Failure::usage(anyhow!(
                "--target {target}: write it as KIND/NAME, such as deployment/web"
            ))
        })?;
    let kind = kind_from(kind)
        .ok_or_else(|| Failure::usage(anyhow!("--target {target}: {kind} is no kind that can be handled")))?;
    for alert in &mut alerts {
        alert.hints.objects.insert(0, (kind.to_owned(), name.to_owned()));
    }
    Ok(alerts)
}

/// The one namespace that is meant: the flag, else what the alerts say, else what their text names.
pub(crate) fn namespace(alerts: &[Alert], flag: Option<&str>) -> Result<String, Failure> {
    if let Some(flag) = flag {
        return Ok(flag.to_owned());
    }
    let mut named: Vec<String> = alerts.iter().filter_map(|a| a.hints.namespace.clone()).collect();
    if named.is_empty() {
        named = alerts
            .iter()
            .flat_map(|a| namespaces_in(&format!("{}\n{}", a.title, a.description)))
            .collect();
    }
    named.sort();
    named.dedup();
    match named.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Failure::usage(anyhow!(
            "the alert names no namespace; give it with --namespace NS"
        ))),
        several => Err(Failure::usage(anyhow!(
            "the alerts are about several namespaces ({}); choose one with --namespace or --only",
            several.join(", ")
        ))),
    }
}
