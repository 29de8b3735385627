//! Events: what controllers and kubelet tell about objects.
//!
//! An event that says the same of the same object again counts up, and is kept for an hour after it was last seen, as
//! the real server does.

use crate::fields;
use crate::world::World;
use crate::world::kind::Kind;
use serde_json::{Value, json};

/// Milliseconds that an event is kept (`--event-ttl`).
const KEPT: u64 = 3_600_000;

/// What is told.
#[derive(Clone, Debug)]
pub(crate) struct Told<'a> {
    /// `kubelet`, `deployment-controller`, ….
    pub(crate) by: &'static str,
    /// `Warning` where it is one, else `Normal`.
    pub(crate) warning: bool,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    /// `spec.containers{web}`; empty where the whole object is meant.
    pub(crate) field: &'a str,
}

impl<'a> Told<'a> {
    pub(crate) fn normal(by: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            by,
            warning: false,
            reason,
            message: message.into(),
            field: "",
        }
    }

    pub(crate) fn warning(by: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            warning: true,
            ..Self::normal(by, reason, message)
        }
    }

    pub(crate) fn of(self, field: &'a str) -> Self {
        Self { field, ..self }
    }
}

impl World {
    /// Tells something about an object.
    pub(crate) fn tell(&mut self, about: &Value, told: &Told<'_>) {
        let now = fields::time(self.now());
        let namespace = match fields::namespace(about) {
            "" => "default",
            namespace => namespace,
        }
        .to_owned();
        let same = self.within(Kind::Event, &namespace).find(|e| {
            e["involvedObject"]["uid"] == fields::uid(about)
                && e["involvedObject"]["fieldPath"].as_str().unwrap_or_default() == told.field
                && e["reason"] == told.reason
                && e["message"] == told.message.as_str()
        });
        if let Some(event) = same {
            let mut event = event.clone();
            let seen = fields::count(&event, "/count");
            event["count"] = json!(seen + 1);
            event["lastTimestamp"] = json!(now);
            self.put(Kind::Event, event);
            return;
        }
        self.forget_old_events();
        let kind = fields::text(about, "/kind");
        let name = format!("{}.{:016x}", fields::name(about), self.names.below(u64::MAX));
        let mut involved = json!({
            "kind": kind,
            "namespace": fields::namespace(about),
            "name": fields::name(about),
            "uid": fields::uid(about),
            "apiVersion": fields::text(about, "/apiVersion"),
            "resourceVersion": fields::text(about, "/metadata/resourceVersion"),
        });
        if !told.field.is_empty() {
            involved["fieldPath"] = json!(told.field);
        }
        let mut source = json!({ "component": told.by });
        if told.by == "kubelet" {
            source["host"] = about["spec"]["nodeName"].clone();
        }
        let uid = self.names.uid();
        let event = json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": { "name": name, "namespace": namespace, "uid": uid, "creationTimestamp": now },
            "involvedObject": involved,
            "reason": told.reason,
            "message": told.message,
            "source": source,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "type": if told.warning { "Warning" } else { "Normal" },
            "eventTime": null,
            "reportingComponent": told.by,
            "reportingInstance": "",
        });
        self.put(Kind::Event, event);
    }

    fn forget_old_events(&mut self) {
        let now = self.now();
        let old: Vec<(String, String)> = self
            .of(Kind::Event)
            .filter(|e| fields::millis(fields::text(e, "/lastTimestamp")) + KEPT < now)
            .map(|e| (fields::namespace(e).to_owned(), fields::name(e).to_owned()))
            .collect();
        for (namespace, name) in old {
            self.erase(Kind::Event, &namespace, &name);
        }
    }
}
