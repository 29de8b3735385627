//! The comparable form of an answer: identifiers, times, addresses and versions hidden, lists without an order sorted.

use crate::exchange::Answer;
use crate::names::Names;
use regex::Regex;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// What is hidden in texts, and what stands there instead.
static HIDDEN: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (
            r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
            "<uid>",
        ),
        (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
        (r"\bcontainerd://[0-9a-f]{64}", "<container>"),
        // images of the tests were not pulled: they have no name in a registry
        (r"(\S+@)?sha256:[0-9a-f]{64}", "<digest>"),
        (r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b", "<address>"),
        // the name of an event ends in the moment at which it was made
        (r"\.[0-9a-f]{16}\b", ".<moment>"),
        (r"\bkube-api-access-[a-z0-9]{5}\b", "kube-api-access-<suffix>"),
        // pods and ReplicaSets that are gone by now
        (
            r"\b(\w+)-[bcdfghjklmnpqrstvwxz2456789]{6,10}-[bcdfghjklmnpqrstvwxz2456789]{5}\b",
            "$1-<hash>-<suffix>",
        ),
        (r"\b(\w+)-[bcdfghjklmnpqrstvwxz2456789]{8,10}\b", "$1-<hash>"),
        (r"\b(\w+)-[bcdfghjklmnpqrstvwxz2456789]{5}\b", "$1-<suffix>"),
        (
            r" in [0-9.]+m?s \([0-9.]+m?s including waiting\)\. Image size: \d+ bytes",
            " in <while>",
        ),
    ]
    .map(|(pattern, instead)| (Regex::new(pattern).unwrap(), instead))
    .into()
});

/// The answer of a cluster in comparable form. Objects of other namespaces are left out.
pub(crate) fn normal(answer: &Answer, names: &Names, namespace: &str) -> Value {
    let hidden = names.hide(&answer.body.to_string());
    let mut body: Value = serde_json::from_str(&hidden).unwrap();
    only_own(&mut body, namespace);
    without_races(&mut body);
    tidy(&mut body);
    if let Some(items) = body["items"].as_array() {
        body["items"] = by_name(items);
    }
    json!({"code": answer.code, "type": answer.content_type, "body": body})
}

/// The cluster is shared with other tests.
fn only_own(body: &mut Value, namespace: &str) {
    if let Some(items) = body.get_mut("items").and_then(Value::as_array_mut) {
        items.retain(|item| item["metadata"]["namespace"].as_str().is_none_or(|n| n == namespace));
    }
}

/// Events that tell of the pace of a machine, and not of what its cluster was asked for.
fn without_races(body: &mut Value) {
    if let Some(items) = body.get_mut("items").and_then(Value::as_array_mut) {
        items.retain(|item| !is_a_race(item));
    }
}

/// What a kubelet says when it is busy: whether it is, a simulated one need not guess.
fn is_a_race(event: &Value) -> bool {
    let message = event["message"].as_str().unwrap_or_default();
    match event["reason"].as_str() {
        // whether a probe meets a program that ends at once, or one that was not given the processor in time
        Some("Unhealthy") => {
            message.contains("connection refused")
                || message.contains("context deadline exceeded")
                || message.contains("Client.Timeout exceeded")
        }
        // its watch of an object that is there was slower than its patience, and it tries again
        Some("FailedMount") => {
            message.contains("failed to sync") && message.ends_with("timed out waiting for the condition")
        }
        _ => false,
    }
}

/// The items of a list by name, events by what they say of whom. So an item that is absent is one difference.
fn by_name(items: &[Value]) -> Value {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = |item: &Value| match &item["involvedObject"] {
        Value::Null => text(&item["metadata"]["name"]),
        about => format!(
            "{} {}: {}",
            text(&about["name"]),
            text(&item["reason"]),
            text(&item["message"])
        ),
    };
    items.iter().map(|item| (name(item), item.clone())).collect()
}

fn tidy(value: &mut Value) {
    match value {
        Value::String(text) => {
            for (pattern, instead) in HIDDEN.iter() {
                if pattern.is_match(text) {
                    *text = pattern.replace_all(text, *instead).into_owned();
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Object(map) => {
            tidy_members(map);
            map.values_mut().for_each(tidy);
        }
        _ => {}
    }
}

fn tidy_members(map: &mut Map<String, Value>) {
    for (key, value) in map.iter_mut() {
        match (key.as_str(), &mut *value) {
            ("resourceVersion", Value::String(text)) if !text.is_empty() => "<version>".clone_into(text),
            ("continue", Value::String(text)) if !text.is_empty() => "<place>".clone_into(text),
            ("conditions" | "endpoints", Value::Array(items)) => items.sort_by_key(|c| {
                let name = c["targetRef"]["name"].as_str().or(c["type"].as_str());
                name.unwrap_or_default().to_owned()
            }),
            // what a container happens to use
            ("usage", Value::Object(amounts)) => amounts.values_mut().for_each(|a| *a = json!("<amount>")),
            ("window", Value::String(text)) => "<while>".clone_into(text),
            ("reason" | "message", Value::String(text)) if is_news_of_a_rollout(text) => "<news>".clone_into(text),
            ("managedFields", Value::Array(entries)) => managed(entries),
            _ => {}
        }
    }
    if map
        .get("managedFields")
        .and_then(Value::as_array)
        .is_some_and(Vec::is_empty)
    {
        map.remove("managedFields");
    }
    if map.contains_key("count") && map.contains_key("involvedObject") {
        map.insert("count".to_owned(), json!("<count>"));
    }
    // whether it was told more than once
    map.remove("series");
}

/// Which of these is the last news of a rollout that does not get on is a race in the real controller.
fn is_news_of_a_rollout(text: &str) -> bool {
    ["NewReplicaSetCreated", "ReplicaSetUpdated"].contains(&text)
        || text.starts_with("Created new replica set \"")
        || text.starts_with("ReplicaSet \"") && text.ends_with("\" is progressing.")
}

/// Entries of people and programs, by writer; without the marks for "the map itself".
fn managed(entries: &mut Vec<Value>) {
    entries.retain(|e| !e["manager"].as_str().is_some_and(is_a_part_of_the_cluster));
    entries.sort_by_key(|e| format!("{} {}", e["manager"], e["subresource"]));
    for entry in entries {
        only_fields(&mut entry["fieldsV1"]);
    }
}

fn is_a_part_of_the_cluster(manager: &str) -> bool {
    matches!(
        manager,
        "kube-controller-manager" | "kubelet" | "kube-scheduler" | "kube-apiserver"
    )
}

/// Takes out the marks for "the map itself", and what holds nothing else. Returns whether anything is left.
fn only_fields(fields: &mut Value) -> bool {
    let Some(map) = fields.as_object_mut().filter(|map| !map.is_empty()) else {
        return true;
    };
    map.remove(".");
    map.retain(|_, inner| only_fields(inner));
    !map.is_empty()
}
