//! What a mock host holds.

use super::NOW_MS;
use super::step::Step;
use crate::cluster::{Event, Quota, ReadFailure, Usage};
use crate::host::Level;
use crate::incident::{Health, ObjectRef, PastAction};
use crate::json;
use crate::time::rfc3339;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Reasons that come as `Normal` events.
const NORMAL: [&str; 12] = [
    "Scheduled",
    "Pulling",
    "Pulled",
    "Created",
    "Started",
    "Killing",
    "SuccessfulCreate",
    "SuccessfulDelete",
    "ScalingReplicaSet",
    "SuccessfulRescale",
    "NodeReady",
    "BackOffLimitExceeded",
];

pub(super) struct World {
    pub(super) namespace: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) labels: Vec<(String, String)>,
    pub(super) container: Option<String>,
    pub(super) started_ms: Option<u64>,
    pub(super) target: Option<(String, String)>,
    pub(super) owner: Option<(String, String)>,
    pub(super) managed_by: Option<String>,
    pub(super) handed_over: Option<String>,
    pub(super) history: Vec<PastAction>,
    pub(super) now_ms: u64,
    pub(super) objects: Vec<Value>,
    pub(super) logs: BTreeMap<(String, String, bool), String>,
    pub(super) events: Vec<Event>,
    pub(super) node_images: Vec<(String, String)>,
    pub(super) usage: Vec<Usage>,
    pub(super) quota: Quota,
    pub(super) health: BTreeMap<(String, String), Health>,
    pub(super) settings: BTreeMap<String, String>,
    pub(super) failures: BTreeMap<String, ReadFailure>,
    pub(super) known: BTreeSet<String>,
    pub(super) grants: BTreeSet<String>,
    pub(super) steps: Vec<Step>,
    pub(super) lines: Vec<(Level, String)>,
}

impl World {
    pub(super) fn new(namespace: &str) -> Self {
        Self {
            namespace: namespace.into(),
            title: String::new(),
            description: String::new(),
            labels: Vec::new(),
            container: None,
            started_ms: None,
            target: None,
            owner: None,
            managed_by: None,
            handed_over: None,
            history: Vec::new(),
            now_ms: NOW_MS,
            objects: Vec::new(),
            logs: BTreeMap::new(),
            events: Vec::new(),
            node_images: Vec::new(),
            usage: Vec::new(),
            quota: Quota {
                quotas: Vec::new(),
                ranges: Vec::new(),
                largest_free_memory: None,
                largest_node_memory: None,
                largest_free_cpu: None,
                not_checked: Vec::new(),
            },
            health: BTreeMap::new(),
            settings: BTreeMap::new(),
            failures: BTreeMap::new(),
            known: BTreeSet::new(),
            grants: BTreeSet::new(),
            steps: Vec::new(),
            lines: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, mut object: Value) {
        let kind = json::text(&object, "/kind").to_owned();
        let name = json::text(&object, "/metadata/name").to_owned();
        assert!(
            !kind.is_empty() && !name.is_empty(),
            "an object needs kind and metadata.name: {object}"
        );
        let metadata = &mut object["metadata"];
        if kind != "Node" && metadata["namespace"].is_null() {
            metadata["namespace"] = json!(self.namespace);
        }
        if metadata["uid"].is_null() {
            metadata["uid"] = json!(uid(&kind, &name));
        }
        if metadata["creationTimestamp"].is_null() {
            metadata["creationTimestamp"] = json!(rfc3339(self.now_ms - 3_600_000));
        }
        self.objects.push(object);
    }

    pub(super) fn event(
        &mut self,
        kind: &str,
        name: &str,
        reason: &str,
        message: &str,
        count: u32,
        (first_ms, last_ms): (u64, u64),
    ) {
        let about = self
            .find(kind, name)
            .map_or_else(|| self.reference_to(kind, name), reference);
        let severity = if NORMAL.contains(&reason) { "Normal" } else { "Warning" };
        self.events.push(Event {
            severity: severity.into(),
            reason: reason.into(),
            message: message.into(),
            about,
            count,
            first_ms,
            last_ms,
        });
    }

    pub(super) fn find(&self, kind: &str, name: &str) -> Option<&Value> {
        self.objects
            .iter()
            .find(|o| json::text(o, "/kind") == kind && json::text(o, "/metadata/name") == name)
    }

    pub(super) fn by_uid(&self, uid: &str) -> Option<&Value> {
        self.objects.iter().find(|o| json::text(o, "/metadata/uid") == uid)
    }

    pub(super) fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.objects.iter().filter(move |o| json::text(o, "/kind") == kind)
    }

    /// A reference to what may be gone.
    pub(super) fn reference_to(&self, kind: &str, name: &str) -> ObjectRef {
        self.find(kind, name).map_or_else(
            || ObjectRef::new(kind, &self.namespace, name, &uid(kind, name)),
            reference,
        )
    }

    /// The reference of an incident's target, and of its top-level owner.
    pub(super) fn target(&self) -> ObjectRef {
        let (kind, name) = self
            .target
            .as_ref()
            .or(self.owner.as_ref())
            .expect("a test says what the alert is about: MockHost::target");
        self.reference_to(kind, name)
    }

    pub(super) fn owner(&self) -> ObjectRef {
        if let Some((kind, name)) = &self.owner {
            return self.reference_to(kind, name);
        }
        let target = self.target();
        self.owners_of(&target).pop().unwrap_or(target)
    }

    /// The controllers above an object, nearest first.
    pub(super) fn owners_of(&self, object: &ObjectRef) -> Vec<ObjectRef> {
        let mut chain = Vec::new();
        let mut at = self.by_uid(&object.uid);
        while let Some(owner) = at.and_then(|o| {
            json::items(o, "/metadata/ownerReferences")
                .iter()
                .find(|r| json::is_true(r, "/controller"))
        }) {
            let (kind, name) = (json::text(owner, "/kind"), json::text(owner, "/name"));
            chain.push(ObjectRef::new(kind, &object.namespace, name, json::text(owner, "/uid")));
            at = self.by_uid(json::text(owner, "/uid"));
        }
        chain
    }
}

/// The uid that a mock gives to an object.
pub(super) fn uid(kind: &str, name: &str) -> String {
    format!("uid-{}-{name}", kind.to_ascii_lowercase())
}

/// The name of an object.
pub(super) fn reference(object: &Value) -> ObjectRef {
    ObjectRef::new(
        json::text(object, "/kind"),
        json::text(object, "/metadata/namespace"),
        json::text(object, "/metadata/name"),
        json::text(object, "/metadata/uid"),
    )
}
