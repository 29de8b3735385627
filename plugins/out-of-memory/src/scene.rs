//! Which container of which pod was killed for memory, or is about to be.

use dreamops_sdk::cluster::Usage;
use dreamops_sdk::host::now_ms;
use dreamops_sdk::json;
use dreamops_sdk::owner::Subject;
use dreamops_sdk::prelude::*;
use dreamops_sdk::quantity::{bytes, show_bytes};
use serde_json::Value;
use std::cmp::Reverse;

/// A kill longer ago than this is over: the kubelet's longest back-off is 5 minutes, and it forgets after 10.
pub(crate) const CALM_MS: u64 = 600_000;
/// From this share of its limit on, in percent, a container is near it.
pub(crate) const NEAR_PERCENT: u64 = 80;

/// The container that is killed for memory, with what is around it.
pub(crate) struct Scene {
    pub(crate) subject: Subject,
    pub(crate) pod: Pod,
    pub(crate) container: Container,
    /// How its last run was ended; none where it is only near its limit.
    pub(crate) kill: Option<Termination>,
    /// What it uses now, by the metrics API.
    pub(crate) usage: Option<Usage>,
}

impl Scene {
    /// The container that was killed for memory last; none where none was within [`CALM_MS`].
    pub(crate) fn killed(subject: Subject, named: Option<&str>) -> Result<Self, Box<Subject>> {
        let found = subject
            .pods
            .iter()
            .flat_map(|pod| kills(pod).map(move |(container, kill)| (pod.clone(), container, kill)))
            .min_by_key(|(pod, container, kill)| {
                let meant = named.is_some_and(|n| n == container.name);
                (!meant, pod.ready(), Reverse(kill.finished_ms))
            });
        match found {
            Some((pod, container, kill)) => Ok(Self {
                subject,
                pod,
                container,
                kill: Some(kill),
                usage: None,
            }),
            None => Err(Box::new(subject)),
        }
    }

    /// The container that is nearest to its limit, from [`NEAR_PERCENT`] on.
    pub(crate) fn near(subject: Subject, usage: &[Usage]) -> Result<Self, Box<Subject>> {
        let found = usage
            .iter()
            .filter_map(|u| Some((u, u.memory_bytes * 100 / u.memory_limit.filter(|l| *l > 0)?)))
            .filter(|(_, percent)| *percent >= NEAR_PERCENT)
            .max_by_key(|(_, percent)| *percent)
            .and_then(|(u, _)| {
                let pod = subject.pods.iter().find(|p| p.reference().uid == u.pod.uid)?;
                Some((pod.clone(), pod.container(&u.container)?, u.clone()))
            });
        match found {
            Some((pod, container, usage)) => Ok(Self {
                subject,
                pod,
                container,
                kill: None,
                usage: Some(usage),
            }),
            None => Err(Box::new(subject)),
        }
    }

    /// `container web of Deployment/web`.
    pub(crate) fn title(&self) -> String {
        let init = if self.container.init { "init " } else { "" };
        format!("{init}container {} of {}", self.container.name, self.subject.object)
    }

    /// The container in a pod or template.
    pub(crate) fn within<'a>(&self, template: &'a Value) -> Option<&'a Value> {
        container_in(template, &self.container.name)
    }

    /// The memory limit that the container runs with.
    pub(crate) fn limit(&self) -> Option<u64> {
        self.within(self.pod.body()).and_then(|c| memory(c, "limits"))
    }

    /// The list of the pod's spec that the container stands in.
    pub(crate) fn list(&self) -> &'static str {
        match json::named(self.pod.body(), "/spec/initContainers", &self.container.name) {
            Some(_) => "initContainers",
            None => "containers",
        }
    }

    /// `killed for memory at its limit of 64Mi after 12 s`, or how near it is.
    pub(crate) fn state(&self) -> String {
        let limit = self.limit().map_or_else(
            || "without a limit of its own".into(),
            |l| format!("at its limit of {}", show_bytes(l)),
        );
        match (&self.kill, &self.usage) {
            (Some(kill), _) => {
                let after = kill
                    .lasted_ms()
                    .map_or_else(String::new, |ms| format!(" after {}", dreamops_sdk::time::span(ms)));
                format!(
                    "was killed for memory {limit}{after}, {} restarts",
                    self.container.restarts
                )
            }
            (None, Some(usage)) => format!(
                "uses {} and is killed {limit}, which it is near",
                show_bytes(usage.memory_bytes)
            ),
            (None, None) => limit,
        }
    }
}

/// The containers of a pod that were killed for memory lately, with the kill.
pub(crate) fn kills(pod: &Pod) -> impl Iterator<Item = (Container, Termination)> {
    let now = now_ms();
    // a pod that its controller has replaced already
    let replaced = pod.phase() == "Failed" && pod.controller().is_some_and(|(kind, ..)| kind != "Job");
    pod.containers()
        .into_iter()
        .filter(move |c| !replaced && c.out_of_memory())
        .filter_map(|c| c.last_end().cloned().map(|kill| (c, kill)))
        .filter(move |(c, kill)| !c.ready || now.saturating_sub(kill.finished_ms) < CALM_MS)
}

/// A container of a pod or template, by its name.
pub(crate) fn container_in<'a>(template: &'a Value, name: &str) -> Option<&'a Value> {
    json::named(template, "/spec/containers", name).or_else(|| json::named(template, "/spec/initContainers", name))
}

/// The memory in `requests` or `limits` of a container's spec, in bytes.
pub(crate) fn memory(container: &Value, group: &str) -> Option<u64> {
    bytes(json::text(container, &format!("/resources/{group}/memory")))
}
