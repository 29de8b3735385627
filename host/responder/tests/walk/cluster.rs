//! A cluster in memory: objects with fields, whose health follows from their fields.
//!
//! It keeps its side of the ports' contract (preconditions, idempotence, settling by reading) and holds the responder to
//! its own: a write that is not in the journal, started and without an outcome, fails the test.

use crate::clock::ManualClock;
use async_trait::async_trait;
use dreamops_domain::id::TenantId;
use dreamops_domain::journal::WriteOutcome;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::plan::{Action, Step};
use dreamops_domain::ports::{ActError, Clock, ClusterRead, ClusterWrite, IncidentFilter, Store};
use dreamops_domain::read::{Health, Object, OwnerFact, ReadError, ReadRequest, ReadResponse, Scope};
use dreamops_domain::redact::Redactor;
use dreamops_domain::rehearsal::{Check, CheckOutcome, ObjectVersion, RawPatch, Rehearsal, Risk, Write};
use dreamops_domain::time::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

pub const NAMESPACE: &str = "shop";

pub type Fields = BTreeMap<String, String>;

/// How an object does, by its fields, the time of the last write to it, and the time.
pub type Rule = Arc<dyn Fn(&Fields, Option<Timestamp>, Timestamp) -> Health + Send + Sync>;

/// Something that happens in the cluster by itself.
pub type Happening = Box<dyn FnOnce(&Cluster) + Send>;

#[derive(Clone)]
pub struct Thing {
    pub reference: ObjectRef,
    pub owner: Option<ObjectRef>,
    pub managed_by: Option<String>,
    pub fields: Fields,
    pub generation: u64,
    pub written: Option<Timestamp>,
    pub rule: Rule,
}

/// What happens to a write that is sent.
pub enum Fate {
    /// It arrives, and the answer gets lost.
    AnswerLost,
    /// It does not arrive, and nobody knows.
    Lost,
    /// It arrives late: after the next look at the object.
    Late,
    /// The cluster cannot be reached.
    Unreachable,
    /// The cluster says no.
    Refused(&'static str),
}

pub struct Cluster {
    things: Mutex<Vec<Thing>>,
    /// Writes that took effect, in a few words.
    pub effects: Mutex<Vec<String>>,
    pub fates: Mutex<VecDeque<Fate>>,
    late: Mutex<Option<Write>>,
    pub checks: Mutex<Vec<Check>>,
    pub forbidden: Mutex<Vec<&'static str>>,
    pub obstacle: Mutex<Option<String>>,
    before_write: Mutex<BTreeMap<usize, Happening>>,
    after_write: Mutex<BTreeMap<usize, Happening>>,
    pub reads: AtomicUsize,
    sent: AtomicUsize,
    /// Where the journal is that a write has to be in.
    pub journal: Mutex<Option<Arc<dyn Store>>>,
    clock: Arc<ManualClock>,
}

impl Cluster {
    pub fn new(clock: Arc<ManualClock>) -> Arc<Self> {
        Arc::new(Self {
            things: Mutex::default(),
            effects: Mutex::default(),
            fates: Mutex::default(),
            late: Mutex::default(),
            checks: Mutex::default(),
            forbidden: Mutex::default(),
            obstacle: Mutex::default(),
            before_write: Mutex::default(),
            after_write: Mutex::default(),
            reads: AtomicUsize::new(0),
            sent: AtomicUsize::new(0),
            journal: Mutex::default(),
            clock,
        })
    }

    /// Adds an object with the field `/spec/image`.
    pub fn add(&self, kind: &str, name: &str, image: &str, rule: Rule) -> ObjectRef {
        let reference = ObjectRef::new(kind, NAMESPACE, name, &format!("uid-{name}"));
        self.things.lock().unwrap().push(Thing {
            reference: reference.clone(),
            owner: None,
            managed_by: None,
            fields: [("/spec/image".to_owned(), image.to_owned())].into(),
            generation: 1,
            written: None,
            rule,
        });
        reference
    }

    pub fn change(&self, object: &ObjectRef, change: impl FnOnce(&mut Thing)) {
        let mut things = self.things.lock().unwrap();
        change(
            things
                .iter_mut()
                .find(|t| t.reference.same(object))
                .expect("the object is there"),
        );
    }

    /// Somebody else sets a field.
    pub fn set(&self, object: &ObjectRef, path: &str, value: &str) {
        self.change(object, |thing| {
            thing.fields.insert(path.to_owned(), value.to_owned());
            thing.generation += 1;
        });
    }

    pub fn remove(&self, object: &ObjectRef) {
        self.things.lock().unwrap().retain(|t| !t.reference.same(object));
    }

    pub fn field(&self, object: &ObjectRef, path: &str) -> String {
        self.thing(object).expect("the object is there").fields[path].clone()
    }

    pub fn effects(&self) -> Vec<String> {
        self.effects.lock().unwrap().clone()
    }

    /// Makes something happen right before the write number `n` (from 0) is looked at by the cluster.
    pub fn before(&self, n: usize, happening: impl FnOnce(&Self) + Send + 'static) {
        self.before_write.lock().unwrap().insert(n, Box::new(happening));
    }

    /// Makes something happen right after it.
    pub fn after(&self, n: usize, happening: impl FnOnce(&Self) + Send + 'static) {
        self.after_write.lock().unwrap().insert(n, Box::new(happening));
    }

    pub fn fate(&self, fate: Fate) {
        self.fates.lock().unwrap().push_back(fate);
    }

    fn thing(&self, object: &ObjectRef) -> Option<Thing> {
        self.things
            .lock()
            .unwrap()
            .iter()
            .find(|t| t.reference.same(object))
            .cloned()
    }

    fn healths(&self, object: &ObjectRef) -> Result<Health, ReadError> {
        self.allowed(&object.kind)?;
        let thing = self.thing(object).ok_or_else(|| missing(&object.to_string()))?;
        Ok((thing.rule)(&thing.fields, thing.written, self.clock.now()))
    }

    fn allowed(&self, kind: &str) -> Result<(), ReadError> {
        if !self.forbidden.lock().unwrap().contains(&kind) {
            return Ok(());
        }
        Err(ReadError::Forbidden {
            verb: "get".into(),
            resource: dreamops_domain::object::plural(kind).unwrap_or("things").into(),
            namespace: NAMESPACE.into(),
            rule: "a rule".into(),
        })
    }

    /// The writes of an action on the object as it is.
    fn writes_of(&self, action: &Action) -> Result<Vec<Write>, ActError> {
        let set = |target: &ObjectRef, path: &str, value: &str| -> Result<Vec<Write>, ActError> {
            let thing = self.thing(target).ok_or_else(|| missing(&target.to_string()))?;
            let old = thing.fields.get(path).cloned().unwrap_or_default();
            if old == value {
                return Ok(Vec::new());
            }
            Ok(vec![patch(&thing, path, &old, value)])
        };
        match action {
            Action::RestartPod { pod } => Ok(vec![Write::Delete { target: pod.clone() }]),
            Action::Patch { target, path, .. } if path == "/forbidden" => Err(ActError::NotAllowed {
                why: format!("{path} of {target} is not in the table"),
            }),
            Action::Patch { target, path, value } => set(target, path, value),
            Action::Scale { workload, replicas } => set(workload, "/spec/replicas", &replicas.to_string()),
            // a step of two writes: what the workload refers to is made first
            Action::RestartWorkload { workload } => {
                let part = ObjectRef::new("Secret", NAMESPACE, "part", "uid-part");
                Ok([set(&part, "/spec/image", "made")?, set(workload, "/spec/image", "x")?].concat())
            }
            other => Err(ActError::NotAllowed {
                why: format!("this world knows no {}", other.name()),
            }),
        }
    }

    /// Whether a patch's tests hold; makes it if so.
    fn try_patch(&self, target: &ObjectRef, ops: &[Value], with_generation: bool, make: bool) -> bool {
        let mut things = self.things.lock().unwrap();
        let Some(thing) = things.iter_mut().find(|t| t.reference.same(target)) else {
            return false;
        };
        for op in ops.iter().filter(|op| op["op"] == "test") {
            let path = op["path"].as_str().unwrap();
            let holds = match path {
                "/metadata/generation" => !with_generation || op["value"] == thing.generation,
                _ => thing.fields.get(path).map_or("", String::as_str) == op["value"],
            };
            if !holds {
                return false;
            }
        }
        if make {
            for op in ops.iter().filter(|op| op["op"] == "replace") {
                let (path, value) = (op["path"].as_str().unwrap(), op["value"].as_str().unwrap());
                thing.fields.insert(path.to_owned(), value.to_owned());
                self.effects.lock().unwrap().push(format!("{target} {path} = {value}"));
            }
            thing.generation += 1;
            thing.written = Some(self.clock.now());
        }
        true
    }

    /// The cluster takes a write, or not.
    fn take(&self, write: &Write) -> WriteOutcome {
        match write {
            Write::Patch {
                target,
                forward,
                inverse,
                ..
            } => {
                if self.try_patch(target, &forward.0, true, true) {
                    WriteOutcome::Applied { version: None }
                } else if self.try_patch(target, &inverse.0, false, false) {
                    WriteOutcome::AlreadySo
                } else {
                    WriteOutcome::Conflict {
                        why: format!("{target} was changed by someone else"),
                    }
                }
            }
            Write::Delete { target } | Write::Evict { target } => {
                if self.thing(target).is_none() {
                    return WriteOutcome::AlreadySo;
                }
                self.remove(target);
                self.effects.lock().unwrap().push(format!("delete {target}"));
                WriteOutcome::Applied { version: None }
            }
            Write::Create { target, .. } => WriteOutcome::Refused {
                why: format!("this world creates no {target}"),
            },
        }
    }

    fn arrive_late(&self) {
        if let Some(write) = self.late.lock().unwrap().take() {
            self.take(&write);
        }
    }

    /// Promise: nothing is written before its journal entry.
    async fn must_be_journalled(&self, write: &Write) {
        let store = self.journal.lock().unwrap().clone().expect("a store");
        let open = store
            .list(
                TenantId::DEFAULT,
                &IncidentFilter {
                    open: true,
                    ..IncidentFilter::default()
                },
            )
            .await
            .unwrap();
        for incident in open {
            let journal = store.journal(TenantId::DEFAULT, incident.id).await.unwrap();
            if journal.iter().any(|e| e.in_doubt() && e.write == *write) {
                return;
            }
        }
        panic!("{write:?} is sent and not in the journal");
    }
}

fn patch(thing: &Thing, path: &str, old: &str, new: &str) -> Write {
    Write::Patch {
        target: thing.reference.clone(),
        forward: RawPatch(vec![
            json!({"op": "test", "path": "/metadata/generation", "value": thing.generation}),
            json!({"op": "test", "path": path, "value": old}),
            json!({"op": "replace", "path": path, "value": new}),
        ]),
        inverse: RawPatch(vec![
            json!({"op": "test", "path": path, "value": new}),
            json!({"op": "replace", "path": path, "value": old}),
        ]),
        touched: vec![path.to_owned()],
    }
}

fn missing(what: &str) -> ReadError {
    ReadError::NotFound { what: what.to_owned() }
}

#[async_trait]
impl ClusterRead for Cluster {
    async fn read(&self, scope: &Scope, request: ReadRequest) -> Result<ReadResponse, ReadError> {
        assert_eq!(scope.namespaces, [NAMESPACE]);
        self.reads.fetch_add(1, Ordering::SeqCst);
        match request {
            ReadRequest::Get { kind, name, .. } => {
                self.allowed(&kind)?;
                let things = self.things.lock().unwrap();
                let found = things
                    .iter()
                    .find(|t| t.reference.kind == kind && t.reference.name == name);
                let reference = found.map(|t| t.reference.clone()).ok_or_else(|| missing(&name))?;
                Ok(ReadResponse::Object(Object {
                    reference,
                    body: Redactor::new(b"key").object(&json!({})),
                }))
            }
            ReadRequest::Owners { object } => {
                let mut owners = Vec::new();
                let mut at = self.thing(&object);
                while let Some(owner) = at.and_then(|t| t.owner) {
                    at = self.thing(&owner);
                    let managed_by = at.as_ref().and_then(|t| t.managed_by.clone());
                    owners.push(OwnerFact {
                        object: owner,
                        managed_by,
                    });
                }
                if let (true, Some(thing)) = (owners.is_empty() && object.kind != "Pod", self.thing(&object)) {
                    owners.push(OwnerFact {
                        object,
                        managed_by: thing.managed_by,
                    });
                }
                Ok(ReadResponse::Owners(owners))
            }
            ReadRequest::Health { object } => self.healths(&object).map(ReadResponse::Health),
            other => Err(ReadError::Invalid {
                why: format!("this world does not answer {other:?}"),
            }),
        }
    }
}

#[async_trait]
impl ClusterWrite for Cluster {
    async fn rehearse(&self, _: &Scope, step: &Step) -> Result<Rehearsal, ActError> {
        let target = step.action.target();
        let writes = self.writes_of(&step.action)?;
        let version = self.thing(target).map(|t| t.generation).unwrap_or_default();
        Ok(Rehearsal {
            diff: "a diff".into(),
            checks: self.checks.lock().unwrap().clone(),
            risk: Risk::Low,
            reversible: !writes.iter().any(|w| matches!(w, Write::Delete { .. })),
            versions: vec![ObjectVersion {
                object: target.clone(),
                version: version.to_string(),
            }],
            pods_affected: 1,
            managed_by: self.thing(target).and_then(|t| t.managed_by),
            writes,
        })
    }

    async fn apply(&self, _: &Scope, write: &Write) -> Result<WriteOutcome, ActError> {
        self.must_be_journalled(write).await;
        let n = self.sent.fetch_add(1, Ordering::SeqCst);
        if let Some(happening) = { self.before_write.lock().unwrap().remove(&n) } {
            happening(self);
        }
        let fate = { self.fates.lock().unwrap().pop_front() };
        let in_doubt = || {
            Err(ActError::InDoubt {
                why: "the deadline passed".into(),
            })
        };
        let answer = match fate {
            None => Ok(self.take(write)),
            Some(Fate::AnswerLost) => {
                self.take(write);
                in_doubt()
            }
            Some(Fate::Lost) => in_doubt(),
            Some(Fate::Late) => {
                *self.late.lock().unwrap() = Some(write.clone());
                in_doubt()
            }
            Some(Fate::Unreachable) => Err(ActError::Read(ReadError::Unavailable { why: "no route".into() })),
            Some(Fate::Refused(why)) => Ok(WriteOutcome::Refused { why: why.into() }),
        };
        if let Some(happening) = { self.after_write.lock().unwrap().remove(&n) } {
            happening(self);
        }
        answer
    }

    async fn settle(&self, _: &Scope, write: &Write) -> Result<Option<WriteOutcome>, ActError> {
        let settled = match write {
            Write::Patch {
                target,
                forward,
                inverse,
                ..
            } => {
                if self.try_patch(target, &forward.0, false, false) {
                    None
                } else if self.try_patch(target, &inverse.0, false, false) {
                    Some(WriteOutcome::Applied { version: None })
                } else {
                    Some(WriteOutcome::Conflict {
                        why: format!("{target} was changed by someone else"),
                    })
                }
            }
            other => self
                .thing(other.target())
                .is_none()
                .then_some(WriteOutcome::Applied { version: None }),
        };
        self.arrive_late();
        Ok(settled)
    }

    async fn obstacle(&self, _: &Scope, _: &Write) -> Result<Option<String>, ActError> {
        Ok(self.obstacle.lock().unwrap().clone())
    }

    fn inverse(&self, done: &Write, _: &WriteOutcome) -> Option<Write> {
        match done {
            Write::Patch {
                target,
                forward,
                inverse,
                touched,
            } => Some(Write::Patch {
                target: target.clone(),
                forward: inverse.clone(),
                inverse: RawPatch(
                    forward
                        .0
                        .iter()
                        .filter(|op| op["path"] != "/metadata/generation")
                        .cloned()
                        .collect(),
                ),
                touched: touched.clone(),
            }),
            _ => None,
        }
    }

    async fn breach(&self, _: &Scope, write: &Write) -> Result<Option<String>, ActError> {
        let Write::Patch {
            target,
            inverse,
            touched,
            ..
        } = write
        else {
            return Ok(None);
        };
        let holds = self.try_patch(target, &inverse.0, false, false);
        Ok((!holds).then(|| format!("{} of {target} was set back by someone else", touched[0])))
    }

    async fn health(&self, _: &Scope, object: &ObjectRef) -> Result<Health, ReadError> {
        self.healths(object)
    }
}

/// A check of a rehearsal that failed.
pub fn failed(name: &str, why: &str) -> Check {
    Check {
        name: name.into(),
        outcome: CheckOutcome::Failed { why: why.into() },
    }
}

/// `ready` of `desired` pods of a settled workload.
pub fn pods(ready: u32, desired: u32) -> Health {
    Health {
        desired,
        ready,
        updated: desired,
        settled: true,
        ..Health::default()
    }
}

/// Two pods, ready with the image `good`.
pub fn good_is_healthy() -> Rule {
    Arc::new(|fields, _, _| {
        if fields["/spec/image"] == "good" {
            pods(2, 2)
        } else {
            pods(0, 2)
        }
    })
}

/// As it is, whatever is written.
pub fn always(health: Health) -> Rule {
    Arc::new(move |_, _, _| health.clone())
}
