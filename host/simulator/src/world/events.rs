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

/// Who tells its events in the newer form (`events.k8s.io/v1`), as it is seen through the older one.
const SCHEDULER: &str = "default-scheduler";

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
            let event = told_again(event.clone(), self.now());
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
        let uid = self.names.uid();
        let mut event = json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": { "name": name, "namespace": namespace, "uid": uid, "creationTimestamp": now },
            "involvedObject": involved,
            "reason": told.reason,
            "message": told.message,
            "type": if told.warning { "Warning" } else { "Normal" },
            "reportingComponent": told.by,
        });
        if told.by == SCHEDULER {
            tell_by_moment(&mut event, self.now());
        } else {
            tell_by_count(&mut event, told.by, &about["spec"]["nodeName"], &now);
        }
        self.put(Kind::Event, event);
    }

    fn forget_old_events(&mut self) {
        let now = self.now();
        let old: Vec<(String, String)> = self
            .of(Kind::Event)
            .filter(|e| last_seen(e) + KEPT < now)
            .map(|e| (fields::namespace(e).to_owned(), fields::name(e).to_owned()))
            .collect();
        for (namespace, name) in old {
            self.erase(Kind::Event, &namespace, &name);
        }
    }
}

/// The older form: first and last time, and how often.
fn tell_by_count(event: &mut Value, by: &str, node: &Value, now: &str) {
    let of_node = by == "kubelet";
    event["source"] = json!({ "component": by });
    if of_node {
        event["source"]["host"] = node.clone();
    }
    event["firstTimestamp"] = json!(now);
    event["lastTimestamp"] = json!(now);
    event["count"] = json!(1);
    event["eventTime"] = Value::Null;
    event["reportingInstance"] = if of_node { node.clone() } else { json!("") };
}

/// The newer form: the moment, and a series where it was told again.
fn tell_by_moment(event: &mut Value, now: u64) {
    let binds = event["reason"] == "Scheduled";
    event["source"] = json!({});
    event["firstTimestamp"] = Value::Null;
    event["lastTimestamp"] = Value::Null;
    event["eventTime"] = json!(fields::fine_time(now));
    event["action"] = json!(if binds { "Binding" } else { "Scheduling" });
    event["reportingInstance"] = json!("default-scheduler-simulated");
}

fn told_again(mut event: Value, now: u64) -> Value {
    if event["eventTime"].is_null() {
        let seen = fields::count(&event, "/count");
        event["count"] = json!(seen + 1);
        event["lastTimestamp"] = json!(fields::time(now));
    } else {
        let seen = fields::count(&event, "/series/count").max(1);
        event["series"] = json!({"count": seen + 1, "lastObservedTime": fields::fine_time(now)});
    }
    event
}

fn last_seen(event: &Value) -> u64 {
    ["/lastTimestamp", "/series/lastObservedTime", "/eventTime"]
        .iter()
        .map(|at| fields::millis(fields::text(event, at)))
        .max()
        .unwrap_or(0)
}
