//! What containers use, as shares of their limits, and for how long.

use dreamops_sdk::cluster::Usage;
use dreamops_sdk::elsewhere::alert_says;
use dreamops_sdk::host::{now_ms, number_setting};
use dreamops_sdk::owner::{Kind, Subject};
use dreamops_sdk::prelude::*;
use dreamops_sdk::quantity::{show_bytes, show_millicores};
use dreamops_sdk::time;

/// The operator's settings for the thresholds.
pub(crate) const CPU_SETTING: &str = "cpu_percent";
pub(crate) const MEMORY_SETTING: &str = "memory_percent";
const DEFAULT_PERCENT: f64 = 80.0;

/// An alert that is older than this tells of use that lasts: the source kept measuring.
const LASTING_MS: u64 = 120_000;

/// What is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Resource {
    /// Processor time.
    Cpu,
    /// Memory.
    Memory,
}

/// Words of alerts about each.
const CPU_WORDS: [&str; 4] = ["cpu", "throttl", "processor", "load"];
const MEMORY_WORDS: [&str; 4] = ["memory", "mem_", "rss", "oom"];
const ANY_WORDS: [&str; 4] = ["usage", "utilization", "utilisation", "saturat"];

impl Resource {
    /// What the alert is about; memory first, where it is about both: it ends in a kill.
    pub(crate) fn of_alert(incident: &Incident) -> Vec<Self> {
        let mut found = Vec::new();
        if alert_says(incident, &MEMORY_WORDS) {
            found.push(Self::Memory);
        }
        if alert_says(incident, &CPU_WORDS) {
            found.push(Self::Cpu);
        }
        if found.is_empty() && alert_says(incident, &ANY_WORDS) {
            found = vec![Self::Memory, Self::Cpu];
        }
        found
    }

    /// `processor`, `memory`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cpu => "processor",
            Self::Memory => "memory",
        }
    }

    /// From this share of a limit on, in percent, use is high.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub(crate) fn threshold(self) -> u64 {
        let setting = match self {
            Self::Cpu => CPU_SETTING,
            Self::Memory => MEMORY_SETTING,
        };
        // a share below 1 or above 100 percent makes no sense
        number_setting(setting, DEFAULT_PERCENT).clamp(1.0, 100.0) as u64
    }

    pub(crate) fn used(self, usage: &Usage) -> u64 {
        match self {
            Self::Cpu => usage.cpu_millis,
            Self::Memory => usage.memory_bytes,
        }
    }

    pub(crate) fn limit(self, usage: &Usage) -> Option<u64> {
        match self {
            Self::Cpu => usage.cpu_limit,
            Self::Memory => usage.memory_limit,
        }
    }

    /// An amount as people write it.
    pub(crate) fn show(self, amount: u64) -> String {
        match self {
            Self::Cpu => show_millicores(amount),
            Self::Memory => show_bytes(amount),
        }
    }

    /// The share of its limit that a container uses, in percent.
    pub(crate) fn percent(self, usage: &Usage) -> Option<u64> {
        let limit = self.limit(usage).filter(|l| *l > 0)?;
        Some(self.used(usage).saturating_mul(100) / limit)
    }

    /// `container web of Pod/web-1 uses 480m of 500m processor (96 %)`.
    pub(crate) fn line(self, usage: &Usage) -> String {
        let used = self.show(self.used(usage));
        let of = match (self.limit(usage), self.percent(usage)) {
            (Some(limit), Some(percent)) => format!("{used} of {} {} ({percent} %)", self.show(limit), self.name()),
            _ => format!("{used} {}, without a limit", self.name()),
        };
        format!("container {} of {} uses {of}", usage.container, usage.pod)
    }
}

/// What was measured in two looks.
pub(crate) struct Measured {
    /// The newest sample of each container.
    pub(crate) now: Vec<Usage>,
    /// The sample before, where the API had a newer one at the second look.
    before: Vec<Usage>,
    alert_age_ms: Option<u64>,
}

impl Measured {
    /// Looks twice. The metrics API is asked about the workload as a whole, or about the bare pod.
    pub(crate) fn of(incident: &Incident, subject: &Subject) -> Result<Self, ReadFailure> {
        let first = usage(subject)?;
        let second = usage(subject)?;
        let newer = |a: &Usage| first.iter().any(|b| same(a, b) && a.at_ms > b.at_ms);
        let before = if second.iter().any(newer) {
            first.clone()
        } else {
            Vec::new()
        };
        Ok(Self {
            now: second,
            before,
            alert_age_ms: incident.started_ms().map(|at| now_ms().saturating_sub(at)),
        })
    }

    /// Containers whose use is above the threshold, the highest share first.
    pub(crate) fn hot(&self, resource: Resource) -> Vec<&Usage> {
        let threshold = resource.threshold();
        let mut hot: Vec<&Usage> = self
            .now
            .iter()
            .filter(|u| resource.percent(u).is_some_and(|p| p >= threshold))
            .filter(|u| {
                self.earlier(u)
                    .is_none_or(|b| resource.percent(b).is_some_and(|p| p >= threshold))
            })
            .collect();
        hot.sort_by_key(|u| std::cmp::Reverse(resource.percent(u)));
        hot
    }

    /// The sample before of the same container.
    pub(crate) fn earlier(&self, usage: &Usage) -> Option<&Usage> {
        self.before.iter().find(|b| same(b, usage) && b.at_ms < usage.at_ms)
    }

    /// What tells that the use lasts; none where one window is all there is.
    pub(crate) fn lasts(&self) -> Option<String> {
        if let Some(age) = self.alert_age_ms.filter(|age| *age >= LASTING_MS) {
            return Some(format!("the alert's source has seen it for {}", time::span(age)));
        }
        (!self.before.is_empty()).then(|| "two samples in a row show it".into())
    }

    /// Notes all samples, with what they cover.
    pub(crate) fn note(&self, inquiry: &mut Inquiry, resource: Resource) {
        for usage in &self.now {
            let age = time::span(now_ms().saturating_sub(usage.at_ms));
            let window = time::span(usage.window_ms);
            let trend = self.earlier(usage).map_or_else(String::new, |b| {
                format!("; {} before that", resource.show(resource.used(b)))
            });
            inquiry.saw(
                format!("usage of {}", usage.pod),
                format!("{}, averaged over {window}, {age} ago{trend}", resource.line(usage)),
            );
        }
    }
}

fn same(a: &Usage, b: &Usage) -> bool {
    a.pod.uid == b.pod.uid && a.container == b.container
}

fn usage(subject: &Subject) -> Result<Vec<Usage>, ReadFailure> {
    if subject.kind == Kind::Workload {
        return cluster::usage(&subject.object);
    }
    // only workloads and pods can be asked about
    let mut all = Vec::new();
    for pod in &subject.pods {
        all.extend(cluster::found(cluster::usage(pod.reference()))?.unwrap_or_default());
    }
    Ok(all)
}

/// Whether a sample taken since the last write shows the workload above the threshold.
pub(crate) fn still_hot(incident: &Incident, execution: &Execution) -> Result<bool, Failure> {
    let subject = dreamops_sdk::owner::subject(incident)?;
    let samples = match usage(&subject) {
        Ok(samples) => samples,
        Err(ReadFailure::Unavailable(why)) => return Err(Failure::Unavailable((true, why))),
        Err(_) => return Ok(false),
    };
    let facts = execution.facts();
    let about = facts
        .iter()
        .find(|(name, _)| name == "resource")
        .map(|(_, v)| v.as_str());
    let resource = if about == Some(Resource::Memory.name()) {
        Resource::Memory
    } else {
        Resource::Cpu
    };
    let threshold = resource.threshold();
    let since = execution.finished_ms();
    Ok(samples
        .iter()
        .filter(|u| u.at_ms >= since + u.window_ms)
        .any(|u| resource.percent(u).is_some_and(|p| p >= threshold)))
}
