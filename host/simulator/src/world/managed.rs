//! `managedFields`: who wrote which field last.
//!
//! A write moves the fields that it changed to the writer's entry, and takes them out of everyone else's. Lists
//! whose elements have a key (containers and variables by name, ports by number) are followed into their elements,
//! other lists are one field. Writes of controllers to what they have made are not noted.

use crate::fields;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// A field, as the parts of its place in `fieldsV1`.
type Field = Vec<String>;

/// Lists with keys: the member's name, and the members that make the key.
const KEYED: [(&str, &[&str]); 9] = [
    ("containers", &["name"]),
    ("initContainers", &["name"]),
    ("env", &["name"]),
    ("volumes", &["name"]),
    ("volumeMounts", &["mountPath"]),
    ("imagePullSecrets", &["name"]),
    ("ports", &["containerPort", "protocol"]),
    ("ports", &["port", "protocol"]),
    ("conditions", &["type"]),
];

/// Maps that are one field.
const WHOLE: [&str; 2] = ["selector", "nodeSelector"];

/// Notes a write in the new object.
pub(crate) fn note(old: Option<&Value>, new: &mut Value, manager: &str, now: &str) {
    let present = all_fields(new);
    let before = old.map(all_fields).unwrap_or_default();
    let changed: BTreeSet<Field> = present
        .iter()
        .filter(|field| {
            let held = before.contains(*field);
            !held || old.is_some_and(|old| value_at(old, field) != value_at(new, field))
        })
        .cloned()
        .collect();
    let mut entries: Vec<Value> = fields::list(new, "/metadata/managedFields").to_vec();
    let mut own = BTreeSet::new();
    let mut kept = Vec::new();
    for entry in entries.drain(..) {
        let mut held = BTreeSet::new();
        read(&entry["fieldsV1"], &mut Vec::new(), &mut held);
        held.retain(|f| present.contains(f) && !changed.contains(f));
        if entry["manager"] == manager && entry["operation"] == "Update" {
            own = held;
            if changed.is_empty() && !own.is_empty() {
                kept.push(with_fields(entry, &own));
            }
        } else if !held.is_empty() {
            kept.push(with_fields(entry, &held));
        }
    }
    if !changed.is_empty() {
        own.extend(changed);
        let entry = json!({
            "manager": manager,
            "operation": "Update",
            "apiVersion": new["apiVersion"],
            "time": now,
            "fieldsType": "FieldsV1",
        });
        kept.push(with_fields(entry, &own));
    }
    new["metadata"]["managedFields"] = Value::Array(kept);
}

fn with_fields(mut entry: Value, held: &BTreeSet<Field>) -> Value {
    let mut tree = json!({});
    for field in held {
        let parts: Vec<&str> = field.iter().map(String::as_str).collect();
        fields::set(&mut tree, &parts, json!({}));
    }
    entry["fieldsV1"] = tree;
    entry
}

fn read(tree: &Value, at: &mut Field, into: &mut BTreeSet<Field>) {
    match tree.as_object() {
        Some(map) if !map.is_empty() => {
            for (part, inner) in map.iter().filter(|(part, _)| *part != ".") {
                at.push(part.clone());
                read(inner, at, into);
                at.pop();
            }
        }
        _ if !at.is_empty() => {
            into.insert(at.clone());
        }
        _ => {}
    }
}

/// The fields that a client may own.
fn all_fields(object: &Value) -> BTreeSet<Field> {
    let mut found = BTreeSet::new();
    let mut at = Vec::new();
    for (key, value) in fields::members(object, "") {
        match key {
            "apiVersion" | "kind" | "status" => {}
            "metadata" => {
                if value["generateName"].is_string() {
                    found.insert(vec!["f:metadata".into(), "f:generateName".into()]);
                }
                for key in ["labels", "annotations"] {
                    for (name, _) in fields::members(value, &format!("/{key}")) {
                        found.insert(vec!["f:metadata".into(), format!("f:{key}"), format!("f:{name}")]);
                    }
                }
            }
            _ => leaves(key, value, &mut at, &mut found),
        }
    }
    found
}

fn leaves(key: &str, value: &Value, at: &mut Field, into: &mut BTreeSet<Field>) {
    at.push(format!("f:{key}"));
    match value {
        Value::Null => {}
        Value::Object(map) if !map.is_empty() && !WHOLE.contains(&key) => {
            map.iter().for_each(|(k, v)| leaves(k, v, at, into));
        }
        Value::Array(items) => match keys(key, items) {
            Some(keys) => {
                for (part, item) in keys.into_iter().zip(items) {
                    at.push(part);
                    fields::members(item, "").for_each(|(k, v)| leaves(k, v, at, into));
                    at.pop();
                }
            }
            None => {
                into.insert(at.clone());
            }
        },
        _ => {
            into.insert(at.clone());
        }
    }
    at.pop();
}

/// The keys of a list's elements, where it has keys.
fn keys(list: &str, items: &[Value]) -> Option<Vec<String>> {
    KEYED
        .iter()
        .filter(|(name, _)| *name == list)
        .find_map(|(_, members)| items.iter().map(|item| key_of(item, members)).collect())
}

fn key_of(item: &Value, members: &[&str]) -> Option<String> {
    let key: Option<Map<String, Value>> = members
        .iter()
        .map(|m| item.get(*m).map(|v| ((*m).to_owned(), v.clone())))
        .collect();
    key.map(|key| format!("k:{}", Value::Object(key)))
}

/// The value of a field.
fn value_at<'a>(object: &'a Value, field: &[String]) -> Option<&'a Value> {
    field.iter().try_fold(object, |at, part| {
        if let Some(name) = part.strip_prefix("f:") {
            return at.get(name);
        }
        let key: Value = serde_json::from_str(part.strip_prefix("k:")?).ok()?;
        let is_it = |item: &&Value| fields::members(&key, "").all(|(k, v)| item[k] == *v);
        at.as_array()?.iter().find(is_it)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(image: &str) -> Value {
        json!({"apiVersion": "apps/v1", "metadata": {"labels": {"app": "web"}}, "spec": {"replicas": 1,
            "template": {"spec": {"containers": [{"name": "web", "image": image, "args": ["a"]}]}}}})
    }

    fn image_of(entry: &Value) -> bool {
        fields::present(
            entry,
            r#"/fieldsV1/f:spec/f:template/f:spec/f:containers/k:{"name":"web"}/f:image"#,
        )
    }

    #[test]
    fn a_changed_field_moves_to_its_writer() {
        let mut first = deployment("a");
        note(None, &mut first, "kubectl", "t1");
        let mut second = first.clone();
        second["spec"]["template"]["spec"]["containers"][0]["image"] = json!("b");
        note(Some(&first), &mut second, "dreamops", "t2");
        let entries = fields::list(&second, "/metadata/managedFields");
        assert_eq!(entries.len(), 2);
        assert!(!image_of(&entries[0]) && image_of(&entries[1]), "{second}");
        assert_eq!(
            (&entries[1]["manager"], &entries[1]["time"]),
            (&json!("dreamops"), &json!("t2"))
        );
        assert!(fields::present(&entries[0], "/fieldsV1/f:spec/f:replicas"));
    }

    #[test]
    fn a_write_that_changes_nothing_leaves_the_entries_alone() {
        let mut first = deployment("a");
        note(None, &mut first, "kubectl", "t1");
        let mut again = first.clone();
        note(Some(&first), &mut again, "dreamops", "t2");
        assert_eq!(first, again);
    }

    #[test]
    fn an_entry_that_is_taken_out_stays_out() {
        let mut first = deployment("a");
        note(None, &mut first, "dreamops", "t1");
        let mut second = first.clone();
        second["metadata"]["managedFields"] = json!([]);
        note(Some(&first), &mut second, "dreamops", "t2");
        assert_eq!(second["metadata"]["managedFields"], json!([]));
    }
}
