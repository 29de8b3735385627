//! The host's functions as the generated bindings have them, on a mock. The signatures are those of the
//! bindings, so that a strategy compiles for both.

use super::step::Step;
use super::world::World;
use crate::incident::{Health, ObjectRef, PastAction};
use crate::strategy::{Amounts, Diagnosis, Refusal, Why};
use std::cell::RefCell;
use std::rc::Rc;

thread_local! {
    static CURRENT: RefCell<Option<Rc<RefCell<World>>>> = const { RefCell::new(None) };
}

/// Runs `call` with a world behind the host's functions.
pub(super) fn within<T>(world: &Rc<RefCell<World>>, call: impl FnOnce() -> T) -> T {
    let before = CURRENT.with(|c| c.replace(Some(Rc::clone(world))));
    let result = call();
    CURRENT.with(|c| c.replace(before));
    result
}

fn world<T>(use_it: impl FnOnce(&mut World) -> T) -> T {
    CURRENT.with(|current| {
        let current = current.borrow();
        let world = current
            .as_ref()
            .expect("the host's functions are called through a MockHost: MockHost::within");
        use_it(&mut world.borrow_mut())
    })
}

/// The incident, as a strategy sees it.
pub struct Incident(Rc<RefCell<World>>);

impl Incident {
    pub(super) fn new(world: &Rc<RefCell<World>>) -> Self {
        Self(Rc::clone(world))
    }

    fn of<T>(&self, read: impl FnOnce(&World) -> T) -> T {
        read(&self.0.borrow())
    }

    /// The id, for logs.
    pub fn id(&self) -> String {
        "019a0000-0000-7000-8000-000000000000".into()
    }

    /// The cluster's name, for display only.
    pub fn cluster(&self) -> String {
        "mock".into()
    }

    /// The namespace.
    pub fn namespace(&self) -> String {
        self.of(|w| w.namespace.clone())
    }

    /// The alert's title. Untrusted text.
    pub fn title(&self) -> String {
        self.of(|w| w.title.clone())
    }

    /// The alert's description. Untrusted text.
    pub fn description(&self) -> String {
        self.of(|w| w.description.clone())
    }

    /// The severity as the source writes it; may be empty.
    pub fn severity(&self) -> String {
        String::new()
    }

    /// The alert's labels and details. Untrusted text.
    pub fn labels(&self) -> Vec<(String, String)> {
        self.of(|w| w.labels.clone())
    }

    /// The container that the alert names.
    pub fn container(&self) -> Option<String> {
        self.of(|w| w.container.clone())
    }

    /// When the symptom began by the alert's word, in milliseconds since 1970.
    pub fn started_ms(&self) -> Option<u64> {
        self.of(|w| w.started_ms)
    }

    /// The object that the alert is about, or that was handed over. It exists, or its owner does.
    pub fn target(&self) -> ObjectRef {
        self.given(World::target)
    }

    /// Its top-level owner; equal to the target where nothing owns it.
    pub fn owner(&self) -> ObjectRef {
        self.given(World::owner)
    }

    /// Who keeps the owner's spec, if it is not a person.
    pub fn managed_by(&self) -> Option<String> {
        self.of(|w| w.managed_by.clone())
    }

    /// The fault for which another strategy handed the incident over.
    pub fn handed_over(&self) -> Option<String> {
        self.of(|w| w.handed_over.clone())
    }

    /// Earlier actions on this owner, newest first.
    pub fn history(&self) -> Vec<PastAction> {
        self.of(|w| w.history.clone())
    }

    fn given(&self, which: impl FnOnce(&World) -> ObjectRef) -> ObjectRef {
        let object = which(&self.0.borrow());
        self.0.borrow_mut().known.insert(object.uid.clone());
        object
    }
}

/// What was done, as `verify` sees it.
pub struct Execution {
    pub(super) steps: Vec<(String, ObjectRef, String)>,
    pub(super) started_ms: u64,
    pub(super) finished_ms: u64,
    pub(super) baseline: Health,
    pub(super) present: Health,
    pub(super) diagnosis: Diagnosis,
}

impl Execution {
    /// Each step's action name, target and outcome.
    pub fn steps(&self) -> Vec<(String, ObjectRef, String)> {
        self.steps.clone()
    }

    /// When the first write was made, in milliseconds since 1970.
    pub fn started_ms(&self) -> u64 {
        self.started_ms
    }

    /// When the last was made, in milliseconds since 1970.
    pub fn finished_ms(&self) -> u64 {
        self.finished_ms
    }

    /// How the owner did before the first write.
    pub fn baseline(&self) -> Health {
        self.baseline.clone()
    }

    /// How it does now.
    pub fn present(&self) -> Health {
        self.present.clone()
    }

    /// The fault that the plan was for.
    pub fn fault(&self) -> String {
        self.diagnosis.fault.clone()
    }

    /// The object that the plan was for.
    pub fn target(&self) -> ObjectRef {
        self.diagnosis.target.clone()
    }

    /// What `diagnose` put into its facts.
    pub fn facts(&self) -> Vec<(String, String)> {
        self.diagnosis.facts.clone()
    }
}

/// The plan in the making.
pub struct Draft(Rc<RefCell<World>>);

impl Draft {
    pub(super) fn new(world: &Rc<RefCell<World>>) -> Self {
        Self(Rc::clone(world))
    }

    fn record(&self, step: Step) -> Result<(), Refusal> {
        let mut world = self.0.borrow_mut();
        let revision = match &step {
            Step::UndoRollout { revision, .. } => revision.clone(),
            _ => step.target().uid.clone(),
        };
        for uid in [step.target().uid.clone(), revision] {
            if !world.known.contains(&uid) {
                return Err(Refusal::Invalid(format!(
                    "the uid {uid:?} of {} was not returned in this incident",
                    step.target()
                )));
            }
        }
        if world.steps.len() >= 10 {
            return Err(Refusal::Full);
        }
        world.steps.push(step);
        Ok(())
    }

    /// Delete an unready pod, or evict a ready one. Only where a controller replaces it.
    pub fn restart_pod(&self, pod: &ObjectRef, why: &Why) -> Result<(), Refusal> {
        self.record(Step::RestartPod {
            pod: pod.clone(),
            why: why.clone(),
        })
    }

    /// Roll all pods of a workload anew with the same template.
    pub fn restart_workload(&self, workload: &ObjectRef, why: &Why) -> Result<(), Refusal> {
        self.record(Step::RestartWorkload {
            workload: workload.clone(),
            why: why.clone(),
        })
    }

    /// Go back to a revision, named by the uid that `cluster::revisions` gave.
    pub fn undo_rollout(&self, workload: &ObjectRef, revision: &str, why: &Why) -> Result<(), Refusal> {
        self.record(Step::UndoRollout {
            workload: workload.clone(),
            revision: revision.into(),
            why: why.clone(),
        })
    }

    /// Set the number of replicas: more than now, never zero.
    pub fn scale(&self, workload: &ObjectRef, replicas: u32, why: &Why) -> Result<(), Refusal> {
        self.record(Step::Scale {
            workload: workload.clone(),
            replicas,
            why: why.clone(),
        })
    }

    /// Set requests and limits of one container; an init container is one, too.
    pub fn set_resources(
        &self,
        workload: &ObjectRef,
        container: &str,
        requests: Amounts,
        limits: Amounts,
        why: &Why,
    ) -> Result<(), Refusal> {
        self.record(Step::SetResources {
            workload: workload.clone(),
            container: container.into(),
            requests,
            limits,
            why: why.clone(),
        })
    }

    /// Give a workload the pull credential that the host holds for a registry.
    pub fn set_pull_secret(&self, workload: &ObjectRef, registry: &str, why: &Why) -> Result<(), Refusal> {
        self.record(Step::SetPullSecret {
            workload: workload.clone(),
            registry: registry.into(),
            why: why.clone(),
        })
    }

    /// Set one field that the host's table allows.
    pub fn patch(&self, target: &ObjectRef, path: &str, value: &str, why: &Why) -> Result<(), Refusal> {
        self.record(Step::Patch {
            target: target.clone(),
            path: path.into(),
            value: value.into(),
            why: why.clone(),
        })
    }

    /// Hand over to a person with the exact change to make.
    pub fn escalate(&self, about: &ObjectRef, proposal: &str, why: &Why) -> Result<(), Refusal> {
        self.record(Step::Escalate {
            about: about.clone(),
            proposal: proposal.into(),
            why: why.clone(),
        })
    }
}

/// `dreamops:host/log`.
pub(crate) mod log {
    use crate::host::Level;

    pub(crate) fn write(level: Level, line: &str) {
        super::world(|w| w.lines.push((level, line.into())));
    }
}

/// `dreamops:host/clock`.
pub(crate) mod clock {
    pub(crate) fn now_ms() -> u64 {
        super::world(|w| w.now_ms)
    }
}

/// `dreamops:host/config`.
pub(crate) mod config {
    pub(crate) fn get(key: &str) -> Option<String> {
        super::world(|w| w.settings.get(key).cloned())
    }
}

/// `dreamops:kubernetes/read`.
pub(crate) mod read {
    use super::super::facts;
    use super::super::selector::{fields_match, labels_match};
    use super::super::world::{World, reference};
    use crate::bindings::dreamops::kubernetes::read::{
        Event, Failure, LogText, Object, Owner, Page, Query, Quota, Revision, Service, Usage,
    };
    use crate::incident::{Health, ObjectRef};
    use crate::json;
    use crate::time::rfc3339;
    use serde_json::{Value, json};

    /// Meters a read under its grant, and runs it unless the test makes it fail.
    fn metered<T>(fact: &str, read: impl FnOnce(&mut World) -> Result<T, Failure>) -> Result<T, Failure> {
        super::world(|w| {
            let grant = format!("kubernetes/read/{fact}");
            w.grants.insert(grant.clone());
            match w.failures.get(&grant) {
                Some(failure) => Err(failure.clone()),
                None => read(w),
            }
        })
    }

    /// The plural of a kind, as grants write it.
    fn plural(kind: &str) -> String {
        let lower = kind.to_ascii_lowercase();
        match lower.strip_suffix('y') {
            Some(stem) if kind == "NetworkPolicy" => format!("{stem}ies"),
            _ if lower.ends_with('s') => format!("{lower}es"),
            _ => format!("{lower}s"),
        }
    }

    fn missing<T>(object: impl std::fmt::Display) -> Result<T, Failure> {
        Err(Failure::NotFound(format!(
            "{object} does not exist in this incident's scope"
        )))
    }

    fn give(world: &mut World, object: &Value) -> Object {
        let reference = reference(object);
        world.known.insert(reference.uid.clone());
        Object {
            reference,
            json: object.to_string(),
        }
    }

    pub(crate) fn get(kind: &str, namespace: &str, name: &str, _mask: &[String]) -> Result<Object, Failure> {
        metered(&plural(kind), |w| {
            let inside = namespace == w.namespace || kind == "Node";
            match w.find(kind, name).cloned() {
                Some(object) if inside => Ok(give(w, &object)),
                _ => missing(format!("{kind}/{name}")),
            }
        })
    }

    pub(crate) fn list(query: &Query) -> Result<Page, Failure> {
        metered(&plural(&query.kind), |w| {
            let all: Vec<Value> = if query.kind == "Event" {
                w.events.iter().map(event_object).collect()
            } else {
                w.of_kind(&query.kind).cloned().collect()
            };
            let items = all
                .into_iter()
                .filter(|o| query.namespace.is_empty() || json::text(o, "/metadata/namespace") == query.namespace)
                .filter(|o| labels_match(&query.labels, &json::pairs(o, "/metadata/labels")))
                .filter(|o| fields_match(&query.fields, o))
                .map(|o| give(w, &o))
                .collect();
            Ok(Page {
                items,
                cursor: String::new(),
                cut: false,
            })
        })
    }

    /// An event fact as the core API has it.
    fn event_object(event: &Event) -> Value {
        let about = &event.about;
        json!({
            "kind": "Event",
            "metadata": {
                "name": format!("{}.{}", about.name, event.first_ms),
                "namespace": about.namespace,
                "uid": format!("uid-event-{}-{}", about.name, event.first_ms),
            },
            "involvedObject": {
                "kind": about.kind, "namespace": about.namespace, "name": about.name, "uid": about.uid,
            },
            "type": event.severity, "reason": event.reason, "message": event.message, "count": event.count,
            "firstTimestamp": rfc3339(event.first_ms), "lastTimestamp": rfc3339(event.last_ms),
        })
    }

    pub(crate) fn events(about: &ObjectRef) -> Result<Vec<Event>, Failure> {
        metered("events", |w| {
            let mut found: Vec<Event> = w.events.iter().filter(|e| e.about.uid == about.uid).cloned().collect();
            found.sort_by_key(|e| e.last_ms);
            Ok(found)
        })
    }

    pub(crate) fn logs(pod: &ObjectRef, container: &str, previous: bool, _tail_lines: u32) -> Result<LogText, Failure> {
        metered("logs", |w| {
            let key = (pod.name.clone(), container.to_owned(), previous);
            match w.logs.get(&key) {
                Some(text) => Ok(LogText {
                    text: text.clone(),
                    cut: false,
                }),
                None => missing(format!("the log of {container} in {pod}")),
            }
        })
    }

    pub(crate) fn owners(of: &ObjectRef) -> Result<Vec<Owner>, Failure> {
        metered("owners", |w| {
            let mut chain = w.owners_of(of);
            // as the host does: what nothing owns is its own top, and says who keeps it
            if chain.is_empty() && of.kind != "Pod" && w.by_uid(&of.uid).is_some() {
                chain.push(of.clone());
            }
            let top = chain.len().saturating_sub(1);
            let managed_by = w.managed_by.clone();
            w.known.extend(chain.iter().map(|o| o.uid.clone()));
            Ok(chain
                .into_iter()
                .enumerate()
                .map(|(at, object)| Owner {
                    object,
                    managed_by: managed_by.clone().filter(|_| at == top),
                })
                .collect())
        })
    }

    pub(crate) fn revisions(of: &ObjectRef) -> Result<Vec<Revision>, Failure> {
        metered("revisions", |w| {
            let found = facts::revisions(w, of);
            w.known.extend(found.iter().map(|r| r.uid.clone()));
            Ok(found)
        })
    }

    pub(crate) fn health_of(object: &ObjectRef) -> Result<Health, Failure> {
        metered("health", |w| match facts::health(w, object) {
            Some(health) => {
                w.known.extend(health.unready_pods.iter().map(|p| p.uid.clone()));
                Ok(health)
            }
            None => missing(object),
        })
    }

    pub(crate) fn service_of(_namespace: &str, name: &str) -> Result<Service, Failure> {
        metered("service", |w| match facts::service(w, name) {
            Some(service) => {
                w.known.insert(service.object.uid.clone());
                w.known.extend(service.selected.iter().map(|p| p.uid.clone()));
                Ok(service)
            }
            None => missing(format!("Service/{name}")),
        })
    }

    pub(crate) fn node_images(image: &str) -> Result<Vec<String>, Failure> {
        metered("node-images", |w| {
            Ok(w.node_images
                .iter()
                .filter(|(held, _)| held == image)
                .map(|(_, node)| node.clone())
                .collect())
        })
    }

    pub(crate) fn quota_of(_namespace: &str) -> Result<Quota, Failure> {
        metered("quota", |w| Ok(w.quota.clone()))
    }

    pub(crate) fn usage_of(object: &ObjectRef) -> Result<Vec<Usage>, Failure> {
        metered("usage", |w| {
            if w.usage.is_empty() {
                return Err(Failure::NotAvailable(
                    "this cluster has no metrics API; install metrics-server".into(),
                ));
            }
            Ok(w.usage
                .iter()
                .filter(|u| object.kind != "Pod" || u.pod.uid == object.uid)
                .cloned()
                .collect())
        })
    }
}
