//! Choosing the revision to go back to.
//!
//! "The one before" is not good enough: it may never have worked. A [`Record`] collects what the cluster still
//! knows of each revision:
//!
//! | standing | told by |
//! | --- | --- |
//! | ready | pods of it are ready now and do not keep ending; a rollout that got stuck leaves them |
//! | sound | its pods ran without complaint until they were replaced (events, an hour back); the Deployment was `Available` until the revision after it came; the StatefulSet had rolled it out as a whole (`status.currentRevision`); an incident was resolved while it was current |
//! | ill | its pods are there and not ready, or events tell that they failed |
//! | untold | nothing is left that tells |
//!
//! A revision that is ready wins over all others: had a newer one ever been whole, its pods would be gone. Else the
//! newest sound one. An untold one is only *likely*: it is for the strategy to say whether what differs explains the fault.

use crate::cluster::{self, Object, Query, Revision};
use crate::host;
use crate::incident::{Incident, ObjectRef};
use crate::inquiry::Inquiry;
use crate::json;
use crate::owner::Subject;
use crate::pod::Pod;
use crate::strategy::Failure;
use crate::time;

/// How a revision did, as far as the cluster still knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Standing {
    /// So many of its pods are ready now.
    Ready(u32),
    /// It was healthy; what tells so.
    Sound(String),
    /// It was or is not healthy; what tells so.
    Ill(String),
    /// Nothing is left that tells.
    Untold,
}

/// A workload's revisions, newest first, each with its standing.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Record {
    revisions: Vec<(Revision, Standing)>,
}

/// The least time that a pod must have run to count as having run well.
const RAN_MS: u64 = 10_000;
/// So many probe failures of a pod are told one by one; after them the kubelet tells one in minutes, and silence says
/// nothing. Up to there a pod that did not fail for so long did not fail: it is several periods of a probe.
const TOLD: u64 = 20;
const CALM_MS: u64 = 30_000;
/// How long before and after a revision is made the workload stops being available because of it: an old pod may
/// take a while to end before (`Recreate`), and new ones that are ready for a moment blur the time after.
const LOST_BEFORE_MS: u64 = 180_000;
const LOST_AFTER_MS: u64 = 8_000;

/// What the workload asks for now.
pub fn current(revisions: &[Revision]) -> Option<&Revision> {
    revisions.iter().find(|r| r.current)
}

/// Reads a workload's revisions and what is left that tells how they did. Notes in the inquiry what was looked at.
pub fn record(incident: &Incident, subject: &Subject, inquiry: &mut Inquiry) -> Result<Record, Failure> {
    let workload = &subject.object;
    let source = format!("revisions of {workload}");
    let Some(revisions) = inquiry.look(&source, cluster::revisions(workload))? else {
        return Ok(Record::default());
    };
    let mut record = Record {
        revisions: revisions
            .into_iter()
            .map(|r| {
                let standing = present(&r, &subject.pods);
                (r, standing)
            })
            .collect(),
    };
    if record.untold() {
        record.see_present_pods(&subject.pods);
        let query = Query::of("Event", &workload.namespace).fields("involvedObject.kind=Pod");
        if let Some(events) = inquiry.look("events of pods", cluster::list(&query))? {
            record.see_events(workload, &subject.pods, &events.items);
        }
        if let Some(object) = inquiry.look(workload, cluster::fetch(workload))? {
            record.see_status(&object);
        }
        record.see_history(incident);
    }
    for (revision, standing) in &record.revisions {
        let now = if revision.current { ", current" } else { "" };
        inquiry.saw(&source, format!("{}{now}: {}", revision.title(), standing.sentence()));
    }
    Ok(record)
}

/// How a revision stands by its ready pods. One that is ready only between two crashes does not speak for it.
fn present(revision: &Revision, pods: &[Pod]) -> Standing {
    if revision.ready_pods == 0 {
        return Standing::Untold;
    }
    let now = host::now_ms();
    let ready: Vec<&Pod> = pods.iter().filter(|p| p.ready() && p.is_of(&revision.name)).collect();
    let steady = ready.iter().filter(|p| p.steady(now)).count();
    match (ready.first(), u32::try_from(steady).unwrap_or(u32::MAX)) {
        (Some(pod), 0) => Standing::Ill(format!("its pod {} is ready at times, and keeps ending", pod.name())),
        (Some(_), steady) => Standing::Ready(steady.min(revision.ready_pods)),
        (None, _) => Standing::Ready(revision.ready_pods),
    }
}

impl Record {
    /// What the workload asks for now.
    pub fn current(&self) -> Option<&Revision> {
        self.revisions.iter().map(|(r, _)| r).find(|r| r.current)
    }

    /// Revisions other than the current one with their standing, newest first.
    pub fn others(&self) -> impl Iterator<Item = (&Revision, &Standing)> {
        self.revisions.iter().filter(|(r, _)| !r.current).map(|(r, s)| (r, s))
    }

    /// How the current revision does.
    pub fn present(&self) -> &Standing {
        self.revisions
            .iter()
            .find(|(r, _)| r.current)
            .map_or(&Standing::Untold, |(_, s)| s)
    }

    /// The newest revision with evidence of health among those that `fits` accepts: a ready one before all others.
    pub fn best(&self, fits: impl Fn(&Revision) -> bool) -> Option<(&Revision, &Standing)> {
        let mut sound = None;
        for (revision, standing) in self.others() {
            match standing {
                Standing::Ready(_) if fits(revision) => return Some((revision, standing)),
                Standing::Sound(_) if sound.is_none() && fits(revision) => {
                    sound = Some((revision, standing));
                }
                _ => {}
            }
        }
        sound
    }

    /// The newest revision that `fits` accepts and that nothing speaks against, where none has evidence of health.
    pub fn likely(&self, fits: impl Fn(&Revision) -> bool) -> Option<&Revision> {
        self.others()
            .find(|(r, s)| **s == Standing::Untold && fits(r))
            .map(|(r, _)| r)
    }

    fn untold(&self) -> bool {
        self.others().next().is_some() && !self.others().any(|(_, s)| matches!(s, Standing::Ready(_)))
    }

    fn judge(&mut self, at: usize, standing: Standing) {
        let held = &mut self.revisions[at].1;
        // what speaks against a revision outweighs what speaks for it
        let keep = matches!(held, Standing::Ready(_) | Standing::Ill(_))
            || (matches!(held, Standing::Sound(_)) && !matches!(standing, Standing::Ill(_)));
        if !keep {
            *held = standing;
        }
    }

    fn see_present_pods(&mut self, pods: &[Pod]) {
        for at in 0..self.revisions.len() {
            let name = &self.revisions[at].0.name;
            let unwell = pods.iter().find(|p| !p.ready() && p.is_of(name));
            if let Some(pod) = unwell {
                let line = format!("its pod {} is not ready", pod.name());
                self.judge(at, Standing::Ill(line));
            }
        }
    }

    /// Events about pods that are gone.
    fn see_events(&mut self, workload: &ObjectRef, present: &[Pod], events: &[Object]) {
        let mut gone: Vec<GonePod> = Vec::new();
        for event in events.iter().map(|e| PodEvent::read(&e.body)) {
            let known = present.iter().any(|p| p.reference().uid == event.uid);
            if known || !event.pod.starts_with(&format!("{}-", workload.name)) {
                continue;
            }
            let at = gone.iter().position(|g| g.uid == event.uid).unwrap_or_else(|| {
                gone.push(GonePod::new(&event));
                gone.len() - 1
            });
            gone[at].see(&event);
        }
        for pod in gone {
            let Some(at) = self.revision_of(workload, &pod) else {
                continue;
            };
            let replaced = self.replaced_ms(at);
            if let Some(standing) = pod.standing(replaced) {
                self.judge(at, standing);
            }
        }
    }

    /// A Deployment's pods carry the ReplicaSet's name; for other kinds the time tells which revision was current.
    fn revision_of(&self, workload: &ObjectRef, pod: &GonePod) -> Option<usize> {
        if workload.kind == "Deployment" {
            return self
                .revisions
                .iter()
                .position(|(r, _)| pod.name.starts_with(&format!("{}-", r.name)));
        }
        let rest = pod.name.strip_prefix(&format!("{}-", workload.name))?;
        let own = match workload.kind.as_str() {
            "StatefulSet" => !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit()),
            _ => rest.len() == 5 && rest.chars().all(|c| c.is_ascii_alphanumeric()),
        };
        if !own || !self.in_order() {
            return None;
        }
        self.revisions.iter().position(|(r, _)| r.created_ms <= pod.first_ms)
    }

    /// Whether numbers and times agree: after an undo they do not, and times tell nothing.
    fn in_order(&self) -> bool {
        self.revisions
            .windows(2)
            .all(|w| w[0].0.created_ms >= w[1].0.created_ms)
    }

    /// When the revision after this one was made.
    fn replaced_ms(&self, at: usize) -> Option<u64> {
        at.checked_sub(1).map(|newer| self.revisions[newer].0.created_ms)
    }

    fn see_status(&mut self, workload: &Object) {
        let body = &workload.body;
        if workload.reference.kind == "StatefulSet" {
            let rolled_out = json::text(body, "/status/currentRevision");
            let at = self.revisions.iter().position(|(r, _)| r.name == rolled_out);
            // the first revision stands there from the beginning, however it does
            if let Some(at) = at.filter(|at| *at > 0 && *at + 1 < self.revisions.len()) {
                let line = "the StatefulSet had rolled it out as a whole";
                self.judge(at, Standing::Sound(line.into()));
            }
        }
        let Some(available) = json::condition(body, "Available") else {
            return;
        };
        let since = time::millis(json::text(available, "/lastTransitionTime")).unwrap_or(0);
        let made = time::millis(json::text(body, "/metadata/creationTimestamp")).unwrap_or(u64::MAX);
        if json::text(available, "/status") != "False" || since < made.saturating_add(5_000) {
            return;
        }
        let lost_with = self.revisions.iter().position(|(r, _)| {
            since.saturating_add(LOST_BEFORE_MS) >= r.created_ms && since <= r.created_ms.saturating_add(LOST_AFTER_MS)
        });
        if let Some(before) = lost_with.map(|at| at + 1)
            && before < self.revisions.len()
        {
            let line = format!(
                "the Deployment was available until {} came",
                self.revisions[before - 1].0.title()
            );
            self.judge(before, Standing::Sound(line));
        }
    }

    /// The revision that was current when an earlier incident of this owner was resolved.
    fn see_history(&mut self, incident: &Incident) {
        for past in incident.history().iter().filter(|p| p.outcome == "resolved") {
            if !self.in_order() {
                return;
            }
            let at = self.revisions.iter().position(|(r, _)| r.created_ms <= past.at_ms);
            if let Some(at) = at.filter(|at| *at > 0) {
                let line = "an earlier incident was resolved while it was current";
                self.judge(at, Standing::Sound(line.into()));
            }
        }
    }
}

struct PodEvent {
    uid: String,
    pod: String,
    reason: String,
    message: String,
    count: u64,
    first_ms: u64,
    last_ms: u64,
}

impl PodEvent {
    fn read(event: &serde_json::Value) -> Self {
        let text = |pointer| json::text(event, pointer).to_owned();
        let at = |pointers: &[&str]| {
            pointers
                .iter()
                .find_map(|p| time::millis(json::text(event, p)))
                .unwrap_or(0)
        };
        let count = json::number(event, "/series/count").or_else(|| json::number(event, "/count"));
        Self {
            uid: text("/involvedObject/uid"),
            pod: text("/involvedObject/name"),
            reason: text("/reason"),
            message: text("/message"),
            count: count.and_then(|n| u64::try_from(n).ok()).unwrap_or(1),
            first_ms: at(&["/firstTimestamp", "/eventTime", "/metadata/creationTimestamp"]),
            last_ms: at(&["/series/lastObservedTime", "/lastTimestamp", "/eventTime"]),
        }
    }
}

/// What events tell of a pod that is gone.
struct GonePod {
    uid: String,
    name: String,
    first_ms: u64,
    started_ms: Option<u64>,
    killed_ms: Option<u64>,
    started_last_ms: u64,
    complaint: Option<String>,
    /// What kept it from starting last, and when.
    hindered: Option<(u64, String)>,
    unhealthy: u64,
    unhealthy_last_ms: u64,
}

impl GonePod {
    fn new(event: &PodEvent) -> Self {
        Self {
            uid: event.uid.clone(),
            name: event.pod.clone(),
            first_ms: event.first_ms,
            started_ms: None,
            killed_ms: None,
            started_last_ms: 0,
            complaint: None,
            hindered: None,
            unhealthy: 0,
            unhealthy_last_ms: 0,
        }
    }

    fn see(&mut self, event: &PodEvent) {
        self.first_ms = self.first_ms.min(event.first_ms);
        match event.reason.as_str() {
            "Started" => {
                self.started_ms = Some(event.first_ms);
                self.started_last_ms = self.started_last_ms.max(event.last_ms);
            }
            "Killing" if !event.message.contains("probe") => self.killed_ms = Some(event.last_ms),
            "Killing" | "BackOff" | "Failed" | "FailedMount" => {
                let complaint = format!("its pod {} had {}", self.name, event.reason);
                if event.reason == "Killing" || event.message.contains("restarting failed container") {
                    self.complaint = Some(complaint);
                } else if self.hindered.as_ref().is_none_or(|(at, _)| *at < event.last_ms) {
                    self.hindered = Some((event.last_ms, complaint));
                }
            }
            "Unhealthy" => {
                self.unhealthy += event.count;
                self.unhealthy_last_ms = self.unhealthy_last_ms.max(event.last_ms);
            }
            _ => {}
        }
    }

    fn standing(&self, replaced_ms: Option<u64>) -> Option<Standing> {
        // a mount or a pull is tried again: what started in the end had its volumes and its image
        let hindered = self.hindered.as_ref().filter(|(at, _)| *at > self.started_last_ms);
        if let Some(complaint) = self.complaint.as_ref().or(hindered.map(|(_, complaint)| complaint)) {
            return Some(Standing::Ill(complaint.clone()));
        }
        // a probe that fails a few times belongs to every start and every end, and more often to a slow start
        let ended = self.killed_ms.or(replaced_ms).unwrap_or(0);
        let slow_start = self.unhealthy < TOLD && ended.saturating_sub(self.unhealthy_last_ms) >= CALM_MS;
        if self.unhealthy >= 5 && !slow_start {
            return Some(Standing::Ill(format!(
                "probes of its pod {} failed {} times",
                self.name, self.unhealthy
            )));
        }
        let ran = self.killed_ms.or(replaced_ms)?.saturating_sub(self.started_ms?);
        (ran >= RAN_MS).then(|| {
            Standing::Sound(format!(
                "its pod {} ran for {} without complaint until it was replaced",
                self.name,
                time::span(ran)
            ))
        })
    }
}

impl Pod {
    /// Whether it is of the revision with this ReplicaSet's or ControllerRevision's name.
    pub fn is_of(&self, revision_name: &str) -> bool {
        let hash = self.revision_hash();
        !hash.is_empty()
            && (revision_name == hash || revision_name.strip_suffix(hash).is_some_and(|rest| rest.ends_with('-')))
    }
}

impl Standing {
    /// As it stands in evidence.
    pub fn sentence(&self) -> String {
        match self {
            Self::Ready(1) => "1 pod is ready".into(),
            Self::Ready(n) => format!("{n} pods are ready"),
            Self::Sound(why) | Self::Ill(why) => why.clone(),
            Self::Untold => "nothing is left that tells how it did".into(),
        }
    }
}

impl Revision {
    /// `revision 3 (web-5d9c)`.
    pub fn title(&self) -> String {
        format!("revision {} ({})", self.number, self.name)
    }
}
