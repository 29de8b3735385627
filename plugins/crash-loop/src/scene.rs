//! Which container of which pod is looked at.

use dreamops_sdk::host::now_ms;
use dreamops_sdk::json;
use dreamops_sdk::owner::{Kind, Subject};
use dreamops_sdk::prelude::*;
use dreamops_sdk::revision::Record;
use dreamops_sdk::time;
use serde_json::Value;

/// The container that fails, with what is around it.
pub(crate) struct Scene {
    pub(crate) subject: Subject,
    pub(crate) pod: Pod,
    pub(crate) container: Container,
}

impl Scene {
    /// The pod and container of the subject that tell most; none where nothing fails.
    pub(crate) fn of(subject: Subject) -> Result<Self, Box<Subject>> {
        let now = now_ms();
        let found = subject
            .pods
            .iter()
            .filter_map(|pod| trouble(pod, now).map(|container| (pod.clone(), container)))
            // stable: the pod that the alert names stays first among equals
            .min_by_key(|(_, container)| u8::from(!container.in_trouble()));
        match found {
            Some((pod, container)) => Ok(Self {
                subject,
                pod,
                container,
            }),
            None => Err(Box::new(subject)),
        }
    }

    /// `container web of Deployment/web`.
    pub(crate) fn title(&self) -> String {
        let init = if self.container.init { "init " } else { "" };
        format!("{init}container {} of {}", self.container.name, self.subject.object)
    }

    /// The same scene at a pod of the current revision, if the pod found first is of an older one. `false` with it
    /// where only pods of older revisions fail: they are being replaced.
    pub(crate) fn at_current(self, record: &Record) -> (Self, bool) {
        let Some(current) = record.current() else {
            return (self, true);
        };
        if self.pod.is_of(&current.name) {
            return (self, true);
        }
        let now = now_ms();
        let of_current = self
            .subject
            .pods
            .iter()
            .filter(|p| p.is_of(&current.name))
            .find_map(|p| trouble(p, now).map(|c| (p.clone(), c)));
        match of_current {
            Some((pod, container)) => (Self { pod, container, ..self }, true),
            None => (self, false),
        }
    }

    /// Pods of the same revision as the failing one that run well.
    pub(crate) fn steady_equals(&self) -> Vec<&Pod> {
        let hash = self.pod.revision_hash();
        let now = now_ms();
        self.subject
            .pods
            .iter()
            .filter(|p| p.steady(now) && p.revision_hash() == hash)
            .collect()
    }

    /// Pods of the same revision that do not run well, itself included.
    pub(crate) fn failing_equals(&self) -> impl Iterator<Item = &Pod> {
        let hash = self.pod.revision_hash();
        let now = now_ms();
        self.subject
            .pods
            .iter()
            .filter(move |p| !p.steady(now) && p.phase() != "Succeeded" && p.revision_hash() == hash)
    }

    /// The failing container in a pod template.
    pub(crate) fn in_template<'a>(&self, template: &'a Value) -> Option<&'a Value> {
        json::named(template, "/spec/containers", &self.container.name)
            .or_else(|| json::named(template, "/spec/initContainers", &self.container.name))
    }

    /// What the workload asks for now. A pod holds more than its template (admission adds volumes and amounts), so
    /// templates are compared with templates; the pod stands in where there is none.
    pub(crate) fn template<'a>(&'a self, record: &'a Record) -> &'a Value {
        record.current().map_or(self.pod.body(), |r| &r.template)
    }

    /// The failing container as the workload asks for it now.
    pub(crate) fn wanted<'a>(&'a self, record: &'a Record) -> Option<&'a Value> {
        self.in_template(self.template(record))
    }

    /// Whether its object can be given another template.
    pub(crate) fn changeable(&self) -> bool {
        self.subject.kind == Kind::Workload
    }

    /// Whether the failing container ran well before it began to fail, told from its restarts: so many take a known
    /// time, and the pod is much older than that.
    pub(crate) fn ran_well_first(&self) -> bool {
        let long_after_start = self.pod.created_ms() + 15 * 60_000;
        if self.container.restarts == 0 {
            // it runs and is not ready: the condition tells since when
            let since = self
                .pod
                .condition("Ready")
                .map_or("", |c| json::text(c, "/lastTransitionTime"));
            return time::millis(since).is_some_and(|at| at > long_after_start);
        }
        let runs = u64::from(self.container.restarts) + 1;
        let lasted = self.container.last_end().and_then(Termination::lasted_ms).unwrap_or(0);
        // back-off 10, 20, 40, 80, 160, then 300 seconds
        let waits: u64 = (0..runs.min(200)).map(|n| (10_000u64 << n.min(5)).min(300_000)).sum();
        let failing_since = now_ms().saturating_sub((waits + runs * lasted) * 3 / 2);
        failing_since > long_after_start
    }
}

/// The container that keeps a pod from being well; none for pods that are well, done, evicted or not scheduled.
pub(crate) fn trouble(pod: &Pod, now: u64) -> Option<Container> {
    let replaced = pod.phase() == "Failed" && pod.controller().is_some_and(|(kind, ..)| kind != "Job");
    if pod.phase() == "Succeeded" || replaced || pod.node().is_empty() {
        return None;
    }
    if pod.phase() == "Failed" && pod.reason() == "Evicted" {
        return None;
    }
    pod.culprit()
        .or_else(|| pod.containers().into_iter().find(|c| !c.init && c.relapses(now)))
}

/// How long ago a pod was made, for sentences.
pub(crate) fn age(pod: &Pod) -> String {
    time::span(now_ms().saturating_sub(pod.created_ms()))
}
