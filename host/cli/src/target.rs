//! Which namespace and object an alert means, where flags and alert have to be put together.

use crate::exit::Failure;
use anyhow::anyhow;
use dreamops_cluster::connect::Connection;
use dreamops_domain::alert::{Alert, namespaces_in, namespaces_said_in, words_of};
use dreamops_domain::object::kind_from;
use dreamops_responder::Responder;

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

/// The one namespace that is meant, where flag or alerts say it outright; `None` where it has to be found in their text.
pub(crate) fn said(alerts: &[Alert], flag: Option<&str>) -> Result<Option<String>, Failure> {
    if let Some(flag) = flag {
        return Ok(Some(flag.to_owned()));
    }
    let mut named: Vec<String> = alerts.iter().filter_map(|a| a.hints.namespace.clone()).collect();
    if named.is_empty() {
        named = texts(alerts).flat_map(|t| namespaces_said_in(&t)).collect();
    }
    if named.is_empty() {
        return Ok(None);
    }
    one_of(named).map(Some)
}

/// The one namespace that the alerts' text may mean: of those that are there, one that stands in it as a word and in which
/// something is that it names. Where none does, or they may not be listed, only `NAMESPACE/NAME` counts.
pub(crate) async fn found(alerts: &[Alert], connection: &Connection, responder: &Responder) -> Result<String, Failure> {
    let there = connection.namespaces().await.unwrap_or_default();
    let mut named: Vec<String> = texts(alerts).flat_map(|t| owned(words_of(&t, &there))).collect();
    if named.is_empty() {
        named = texts(alerts).flat_map(|t| namespaces_in(&t)).collect();
    }
    named.sort();
    named.dedup();
    if named.len() > 1 {
        let mut with = Vec::new();
        for namespace in &named {
            let groups = responder.group(namespace, alerts).await?;
            if groups.iter().any(|g| g.located.is_some()) {
                with.push(namespace.clone());
            }
        }
        if !with.is_empty() {
            named = with;
        }
    }
    one_of(named)
}

fn owned(names: Vec<&String>) -> Vec<String> {
    names.into_iter().cloned().collect()
}

fn texts(alerts: &[Alert]) -> impl Iterator<Item = String> {
    alerts.iter().map(|a| format!("{}\n{}", a.title, a.description))
}

fn one_of(mut named: Vec<String>) -> Result<String, Failure> {
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
