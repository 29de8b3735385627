//! Lines of a container's log.
//!
//! "The run before" is the run that ended last. While a container runs, that is what the API calls
//! `previous`; while it does not (it has ended, or waits for its next start), it is the present log: the
//! kubelet keeps one ended container only, and answers 200 with a sentence of its own for an older one.
//!
//! The kubelet counts `limitBytes` from the *first* of the tail's lines, so that a limit loses the
//! newest lines, which are the ones that matter. Therefore more is taken in than is returned, and
//! where even that is not all, fewer lines are asked for.

use super::{Stop, elements, live, not_found, text};
use crate::api::{Api, LogSelection};
use crate::error::{ApiError, Failure};
use dreamops_domain::object::ObjectRef;
use dreamops_domain::read::{LOG_CAP_BYTES, LogQuery, LogText, ReadError};
use dreamops_domain::redact::Redactor;
use serde_json::Value;

/// Lines where the query does not say.
const LINES: u32 = 200;
/// The most lines that can be asked for.
const LINES_CAP: u32 = 10_000;
/// What is taken in at most, to find the last [`LOG_CAP_BYTES`] in.
const TAKEN_IN: u32 = 1024 * 1024;
/// How often fewer lines are asked for.
const ATTEMPTS: u32 = 4;

pub(crate) async fn of(api: &Api, redactor: &Redactor, pod: &ObjectRef, query: &LogQuery) -> Result<LogText, Stop> {
    if pod.kind != "Pod" {
        return Err(super::invalid(&format!("a {} has no log; name one of its pods", pod.kind)).into());
    }
    // the log is read by name: make sure that it is the pod that is meant
    let found = live(api, pod).await?;
    let container = container(&found, &query.container)?;
    let mut lines = if query.tail_lines == 0 {
        LINES
    } else {
        query.tail_lines.min(LINES_CAP)
    };
    let mut cut = false;
    for attempt in 1.. {
        let selection = LogSelection {
            container: &container,
            previous: query.previous && runs(&found, &container),
            tail_lines: lines,
            limit_bytes: TAKEN_IN,
        };
        let bytes = match api.logs(&pod.namespace, &pod.name, selection).await {
            Ok(bytes) => bytes,
            Err(error) => return Err(absent(error, pod, &container, query.previous)),
        };
        if forgotten(&bytes) {
            return Err(no_log(pod, &container, query.previous).into());
        }
        let full = bytes.len() >= TAKEN_IN as usize;
        if full && lines > 1 && attempt < ATTEMPTS {
            lines = fewer(lines, &bytes);
            cut = true;
            continue;
        }
        let whole = redactor.text(&String::from_utf8_lossy(&bytes));
        let (text, shortened) = whole.tail(LOG_CAP_BYTES as usize);
        return Ok(LogText {
            text,
            cut: cut || full || shortened,
        });
    }
    Err(not_found(pod).into())
}

/// So few lines that they fit what is taken in, judged by those that were seen.
fn fewer(lines: u32, seen: &[u8]) -> u32 {
    let whole = seen.split(|&b| b == b'\n').count().saturating_sub(1).max(1);
    let fitting = u32::try_from(whole).unwrap_or(u32::MAX);
    fitting.min(lines / 2).max(1)
}

/// The container that is meant: the named one, the only one, or kubectl's default.
fn container(pod: &Value, named: &str) -> Result<String, ReadError> {
    let names = |pointer| elements(pod, pointer).iter().map(|c| text(c, "/name"));
    let main: Vec<&str> = names("/spec/containers").collect();
    let mut all = main
        .iter()
        .copied()
        .chain(names("/spec/initContainers"))
        .chain(names("/spec/ephemeralContainers"));
    if !named.is_empty() {
        return match all.find(|name| *name == named) {
            Some(name) => Ok(name.to_owned()),
            None => Err(super::invalid(&format!(
                "Pod/{} has no container {named:?}; it has {}",
                text(pod, "/metadata/name"),
                main.join(", ")
            ))),
        };
    }
    let preferred = super::members(pod, "/metadata/annotations")
        .find(|(key, _)| *key == "kubectl.kubernetes.io/default-container")
        .map(|(_, name)| name)
        .filter(|name| main.contains(name));
    match (preferred, main.as_slice()) {
        (Some(name), _) => Ok(name.to_owned()),
        (None, [name]) => Ok((*name).to_owned()),
        (None, several) => Err(super::invalid(&format!(
            "Pod/{} has several containers; name one of {}",
            text(pod, "/metadata/name"),
            several.join(", ")
        ))),
    }
}

/// Whether the container runs at present.
fn runs(pod: &Value, container: &str) -> bool {
    [
        "containerStatuses",
        "initContainerStatuses",
        "ephemeralContainerStatuses",
    ]
    .iter()
    .flat_map(|list| elements(pod, &format!("/status/{list}")))
    .any(|status| text(status, "/name") == container && status["state"]["running"].is_object())
}

/// What the kubelet writes, with status 200, where the container is gone.
fn forgotten(log: &[u8]) -> bool {
    log.len() < 256
        && log
            .to_ascii_lowercase()
            .starts_with(b"unable to retrieve container logs for ")
}

fn no_log(pod: &ObjectRef, container: &str, previous: bool) -> ReadError {
    let which = if previous { "an ended run's log" } else { "a log" };
    ReadError::NotFound {
        what: format!("{which} of container {container} of {pod}"),
    }
}

/// A log that is not there (never started, no run before) is nothing found, not a bad request.
fn absent(error: ApiError, pod: &ObjectRef, container: &str, previous: bool) -> Stop {
    match error.failure {
        Failure::BadRequest => no_log(pod, container, previous).into(),
        Failure::NotFound => not_found(pod).into(),
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_container_must_be_told_where_there_are_several() {
        let one = json!({"metadata": {"name": "web"}, "spec": {"containers": [{"name": "a"}]}});
        let two = json!({"metadata": {"name": "web"}, "spec": {"containers": [{"name": "a"}, {"name": "b"}],
            "initContainers": [{"name": "i"}]}});
        let mut marked = two.clone();
        marked["metadata"]["annotations"] = json!({"kubectl.kubernetes.io/default-container": "b"});
        assert_eq!(container(&one, "").as_deref(), Ok("a"));
        assert!(matches!(container(&two, ""), Err(ReadError::Invalid { why }) if why.contains("a, b")));
        assert_eq!(container(&marked, "").as_deref(), Ok("b"));
        assert_eq!(container(&two, "i").as_deref(), Ok("i"));
        assert!(container(&two, "z").is_err());
    }

    #[test]
    fn a_kubelets_excuse_is_no_log() {
        assert!(forgotten(
            b"unable to retrieve container logs for containerd://d3bdd82ec2"
        ));
        assert!(!forgotten(b"2026-01-01 unable to retrieve container logs for x"));
        assert!(!forgotten(b""));
    }

    #[test]
    fn only_a_running_container_has_a_run_before_the_present_one() {
        let of = |state: Value| json!({"status": {"containerStatuses": [{"name": "a", "state": state}]}});
        assert!(runs(&of(json!({"running": {}})), "a"));
        assert!(!runs(&of(json!({"waiting": {"reason": "CrashLoopBackOff"}})), "a"));
        assert!(!runs(&of(json!({"terminated": {"exitCode": 1}})), "a"));
        assert!(!runs(&of(json!({"running": {}})), "b"));
    }

    #[test]
    fn fewer_lines_are_always_fewer() {
        assert_eq!(fewer(200, b"a\nb\nc\n"), 3);
        assert_eq!(fewer(200, &[b'\n'; 500]), 100);
        assert_eq!(fewer(2, b"no end"), 1);
    }
}
