//! A host in memory, for `cargo test` of a strategy: no WebAssembly, no cluster.
//!
//! Put objects into a [`MockHost`], say what the alert is about, and ask the strategy. Facts that the real host
//! computes (owner chain, revisions, health, endpoints) are computed from the objects, so a test says what the
//! cluster looks like and not what the answers are. [`Rollout`] makes a workload with its revisions and pods.
//!
//! As in the real host, a draft may name only objects whose uid was given out in the incident: the target, the
//! owner, and what reads returned.

pub mod expect;
mod facts;
pub(crate) mod imports;
mod rollout;
mod selector;
mod step;
mod world;

pub use imports::{Draft, Execution, Incident};
pub use rollout::{MockPod, Rollout};
pub use step::Step;

use crate::cluster::{Event, Quota, ReadFailure, Usage};
use crate::host::Level;
use crate::incident::{Health, ObjectRef, PastAction};
use crate::strategy::{Assessment, Diagnosis, Failure, Finding, Strategy, Verdict};
use serde_json::Value;
use std::cell::RefCell;
use std::rc::Rc;
use world::World;

/// The present moment of a mock, unless a test sets another: 2025-11-24T10:19:00Z.
pub const NOW_MS: u64 = 1_763_979_540_000;

/// A host in memory with one incident.
pub struct MockHost {
    world: Rc<RefCell<World>>,
}

impl Default for MockHost {
    fn default() -> Self {
        Self::new()
    }
}

impl MockHost {
    /// An empty cluster with a namespace `shop`, and an alert without words.
    pub fn new() -> Self {
        Self {
            world: Rc::new(RefCell::new(World::new("shop"))),
        }
    }

    fn set(self, change: impl FnOnce(&mut World)) -> Self {
        change(&mut self.world.borrow_mut());
        self
    }

    /// Another namespace than `shop`; comes before the objects in it.
    #[must_use]
    pub fn namespace(self, name: &str) -> Self {
        self.set(|w| w.namespace = name.into())
    }

    /// The alert's title and description.
    #[must_use]
    pub fn alert(self, title: &str, description: &str) -> Self {
        self.set(|w| {
            w.title = title.into();
            w.description = description.into();
        })
    }

    /// A label of the alert.
    #[must_use]
    pub fn label(self, name: &str, value: &str) -> Self {
        self.set(|w| w.labels.push((name.into(), value.into())))
    }

    /// The container that the alert names.
    #[must_use]
    pub fn container(self, name: &str) -> Self {
        self.set(|w| w.container = Some(name.into()))
    }

    /// When the symptom began by the alert's word.
    #[must_use]
    pub fn started_ms(self, at: u64) -> Self {
        self.set(|w| w.started_ms = Some(at))
    }

    /// What the alert is about. Its owner is found through `ownerReferences`, as the real host does.
    #[must_use]
    pub fn target(self, kind: &str, name: &str) -> Self {
        self.set(|w| w.target = Some((kind.into(), name.into())))
    }

    /// The owner, where the target is gone.
    #[must_use]
    pub fn owner(self, kind: &str, name: &str) -> Self {
        self.set(|w| w.owner = Some((kind.into(), name.into())))
    }

    /// Who keeps the owner's spec.
    #[must_use]
    pub fn managed_by(self, name: &str) -> Self {
        self.set(|w| w.managed_by = Some(name.into()))
    }

    /// The fault for which another strategy handed the incident over.
    #[must_use]
    pub fn handed_over(self, fault: &str) -> Self {
        self.set(|w| w.handed_over = Some(fault.into()))
    }

    /// An earlier action on the owner.
    #[must_use]
    pub fn past(self, action: PastAction) -> Self {
        self.set(|w| w.history.push(action))
    }

    /// Any object. `metadata.namespace` and `metadata.uid` (`uid-KIND-NAME`) are filled in where they are missing.
    #[must_use]
    pub fn object(self, object: Value) -> Self {
        self.set(|w| w.add(object))
    }

    /// A workload with its revisions and pods.
    #[must_use]
    pub fn rollout(self, rollout: Rollout) -> Self {
        self.set(|w| {
            for object in rollout.objects(w.now_ms) {
                w.add(object);
            }
        })
    }

    /// The log of a container's present run.
    #[must_use]
    pub fn log(self, pod: &str, container: &str, text: &str) -> Self {
        self.set(|w| {
            w.logs.insert((pod.into(), container.into(), false), text.into());
        })
    }

    /// The log of a container's run before the present one.
    #[must_use]
    pub fn previous_log(self, pod: &str, container: &str, text: &str) -> Self {
        self.set(|w| {
            w.logs.insert((pod.into(), container.into(), true), text.into());
        })
    }

    /// An event about an object, seen `count` times, last a minute ago. `Normal` reasons of the kubelet and the
    /// scheduler are told from warnings by their names.
    #[must_use]
    pub fn event(self, kind: &str, name: &str, reason: &str, message: &str, count: u32) -> Self {
        self.set(|w| {
            let last = w.now_ms - 60_000;
            let first = last - u64::from(count.saturating_sub(1)) * 10_000;
            w.event(kind, name, reason, message, count, (first, last));
        })
    }

    /// An event as the host gives it, for tests that care about its times.
    #[must_use]
    pub fn event_fact(self, event: Event) -> Self {
        self.set(|w| w.events.push(event))
    }

    /// A node that holds an image.
    #[must_use]
    pub fn node_image(self, image: &str, node: &str) -> Self {
        self.set(|w| w.node_images.push((image.into(), node.into())))
    }

    /// What a container uses, by the metrics API. Without any, the cluster has no metrics API.
    #[must_use]
    pub fn usage(self, usage: Usage) -> Self {
        self.set(|w| w.usage.push(usage))
    }

    /// Quotas, limit ranges and room on nodes.
    #[must_use]
    pub fn quota(self, quota: Quota) -> Self {
        self.set(|w| w.quota = quota)
    }

    /// How an object does, in place of what its objects say.
    #[must_use]
    pub fn health(self, kind: &str, name: &str, health: Health) -> Self {
        self.set(|w| {
            w.health.insert((kind.into(), name.into()), health);
        })
    }

    /// A setting of the operator's.
    #[must_use]
    pub fn setting(self, key: &str, value: &str) -> Self {
        self.set(|w| {
            w.settings.insert(key.into(), value.into());
        })
    }

    /// The present moment.
    #[must_use]
    pub fn now_ms(self, at: u64) -> Self {
        self.set(|w| w.now_ms = at)
    }

    /// Every read under a grant (`kubernetes/read/logs`) fails.
    #[must_use]
    pub fn fails(self, grant: &str, failure: ReadFailure) -> Self {
        self.set(|w| {
            w.failures.insert(grant.into(), failure);
        })
    }

    /// Calls the host as a component would, for tests of code that is not a whole strategy.
    pub fn within<T>(&self, call: impl FnOnce(&Incident) -> T) -> T {
        imports::within(&self.world, || call(&Incident::new(&self.world)))
    }

    /// What the strategy says of the incident.
    pub fn assess<S: Strategy>(&self) -> Result<Assessment, Failure> {
        self.within(S::assess)
    }

    /// The host's confidence in the strategy for this incident, for a first-party component; 0 where it fails.
    pub fn confidence<S: Strategy>(&self) -> f64 {
        self.assess::<S>().map_or(0.0, |a| a.confidence(1.0))
    }

    /// What the strategy finds.
    pub fn diagnose<S: Strategy>(&self) -> Result<Finding, Failure> {
        self.within(S::diagnose)
    }

    /// The steps that the strategy drafts for a cause; none for other findings.
    pub fn plan<S: Strategy>(&self, finding: &Finding) -> Result<Vec<Step>, Failure> {
        let Finding::Cause(diagnosis) = finding else {
            return Ok(Vec::new());
        };
        self.world.borrow_mut().steps.clear();
        let draft = Draft::new(&self.world);
        self.within(|incident| S::plan(incident, diagnosis, &draft))?;
        Ok(self.world.borrow().steps.clone())
    }

    /// Diagnoses and plans.
    pub fn respond<S: Strategy>(&self) -> Result<(Finding, Vec<Step>), Failure> {
        let finding = self.diagnose::<S>()?;
        let steps = self.plan::<S>(&finding)?;
        Ok((finding, steps))
    }

    /// Diagnoses and plans, as [`respond`](Self::respond) does, for a strategy whose manifest is in this text of a
    /// `Cargo.toml`. Panics if the strategy fails, reads what the manifest does not ask for, or drafts such a step.
    #[track_caller]
    pub fn respond_within<S: Strategy>(&self, manifest: &str) -> (Finding, Vec<Step>) {
        let both = match self.respond::<S>() {
            Ok(both) => both,
            Err(failure) => panic!("no answer: {failure:?}"),
        };
        let steps = both.1.iter().map(|step| format!("plan/{}", step.name()));
        for grant in self.grants_used().into_iter().chain(steps) {
            assert!(
                manifest.contains(&format!("\"{grant}\"")),
                "the manifest does not ask for {grant}"
            );
        }
        both
    }

    /// What the strategy says after acting: `steps` were applied `ago_ms` ago for `diagnosis`, and the owner does
    /// as `present` says.
    pub fn verify<S: Strategy>(
        &self,
        diagnosis: &Diagnosis,
        steps: &[Step],
        ago_ms: u64,
        present: Health,
    ) -> Result<Verdict, Failure> {
        let at = self.world.borrow().now_ms.saturating_sub(ago_ms);
        let execution = Execution {
            steps: steps
                .iter()
                .map(|s| (s.name().to_owned(), s.target().clone(), "applied".to_owned()))
                .collect(),
            started_ms: at,
            finished_ms: at,
            baseline: Health {
                ready: 0,
                settled: false,
                ..present.clone()
            },
            present,
            diagnosis: diagnosis.clone(),
        };
        self.within(|incident| S::verify(incident, &execution))
    }

    /// Whether the host gave out a uid in this incident.
    pub fn knows(&self, object: &ObjectRef) -> bool {
        self.world.borrow().known.contains(&object.uid)
    }

    /// The grants that the reads so far needed, sorted, each once. A manifest that asks for fewer would be refused.
    pub fn grants_used(&self) -> Vec<String> {
        self.world.borrow().grants.iter().cloned().collect()
    }

    /// What the strategy logged.
    pub fn lines(&self) -> Vec<(Level, String)> {
        self.world.borrow().lines.clone()
    }
}
