//! Events about an object.
//!
//! They are found by the object's uid, which outlives the object; a reference without uid (an
//! object that is gone, named by an alert) is matched by kind and name. Nodes write their own name
//! as uid, so they are matched by name.

use super::{Stop, count, text};
use crate::api::{Api, Selection};
use dreamops_domain::object::ObjectRef;
use dreamops_domain::read::EventFact;
use dreamops_domain::redact::Redactor;
use dreamops_domain::time::Timestamp;
use serde_json::Value;

/// The most events that are returned; the newest are kept.
const CAP: usize = 100;
/// How many are taken in, to find the newest among them: the server lists them in no useful order.
const TAKEN_IN: u32 = 500;
/// Where events about cluster objects live.
const CLUSTER_EVENTS: &str = "default";

pub(crate) async fn about(api: &Api, redactor: &Redactor, object: &ObjectRef) -> Result<Vec<EventFact>, Stop> {
    let fields = if object.uid.is_empty() || object.kind == "Node" {
        format!(
            "involvedObject.kind={},involvedObject.name={}",
            object.kind, object.name
        )
    } else {
        format!("involvedObject.uid={}", object.uid)
    };
    let namespace = if object.kind == "Node" {
        CLUSTER_EVENTS
    } else {
        &object.namespace
    };
    let selection = Selection {
        fields: &fields,
        limit: TAKEN_IN,
        ..Selection::default()
    };
    let listed = api.list("Event", namespace, selection).await?;
    let mut facts: Vec<EventFact> = listed.items.iter().map(|e| fact(redactor, e)).collect();
    facts.sort_by_key(|f| f.last_seen);
    facts.drain(..facts.len().saturating_sub(CAP));
    Ok(facts)
}

fn fact(redactor: &Redactor, event: &Value) -> EventFact {
    let seen = |pointers: &[&str]| {
        pointers
            .iter()
            .find_map(|p| Timestamp::parse(text(event, p)).ok())
            .unwrap_or_default()
    };
    // writers of the newer API leave the older fields empty, and the other way round
    let first = ["/firstTimestamp", "/eventTime", "/metadata/creationTimestamp"];
    let last = [
        "/series/lastObservedTime",
        "/lastTimestamp",
        "/eventTime",
        "/firstTimestamp",
        "/metadata/creationTimestamp",
    ];
    EventFact {
        severity: text(event, "/type").to_owned(),
        reason: text(event, "/reason").to_owned(),
        message: redactor.text(text(event, "/message")),
        about: ObjectRef::new(
            text(event, "/involvedObject/kind"),
            text(event, "/involvedObject/namespace"),
            text(event, "/involvedObject/name"),
            text(event, "/involvedObject/uid"),
        ),
        count: count(event, "/series/count")
            .or_else(|| count(event, "/count"))
            .unwrap_or(1)
            .max(1),
        first_seen: seen(&first),
        last_seen: seen(&last),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap_or_default()
    }

    #[test]
    fn the_kubelets_events_carry_count_and_both_times() {
        let event = json!({"type": "Warning", "reason": "BackOff", "message": "Back-off restarting failed container",
            "count": 7, "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:05:00Z", "eventTime": null,
            "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-1", "uid": "u", "fieldPath": "spec.containers{web}"}});
        let fact = fact(&Redactor::new(b"k"), &event);
        assert_eq!(
            (fact.count, fact.first_seen, fact.last_seen),
            (7, at("2026-01-01T00:00:00Z"), at("2026-01-01T00:05:00Z"))
        );
        assert_eq!(fact.about, ObjectRef::new("Pod", "shop", "web-1", "u"));
    }

    #[test]
    fn the_schedulers_events_have_only_an_event_time_and_a_series() {
        let event = json!({"type": "Warning", "reason": "FailedScheduling", "firstTimestamp": null, "lastTimestamp": null,
            "eventTime": "2026-01-01T00:00:00.123456Z", "series": {"count": 3, "lastObservedTime": "2026-01-01T00:01:00.000000Z"}});
        let fact = fact(&Redactor::new(b"k"), &event);
        assert_eq!((fact.count, fact.last_seen), (3, at("2026-01-01T00:01:00Z")));
        assert_eq!(fact.first_seen.millis() % 1000, 123);
    }
}
