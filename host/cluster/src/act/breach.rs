//! Whether what a write set still holds; if not, which field, what it is now, and who wrote that.
//!
//! The expected values are those that the rehearsal saw after defaulting and admission: they are the tests of the
//! inverse patch. List elements are found by name, so that an element that someone inserts before them is no breach.

use crate::act::apply::Present;
use crate::act::{Actor, diff, pointer};
use dreamops_domain::ports::ActError;
use dreamops_domain::rehearsal::{RawPatch, Write};
use serde_json::Value;
use std::collections::BTreeMap;

impl Actor {
    pub(super) async fn breach_of(&self, write: &Write) -> Result<Option<String>, ActError> {
        let target = write.target();
        match write {
            Write::Patch { .. } => {
                let live = match self.read_for(target).await? {
                    Present::Same(live) => live,
                    Present::Gone(why) => return Ok(Some(why)),
                };
                let Some(pointer) = first_difference(write, &live) else {
                    return Ok(None);
                };
                let shown = self.redactor.object(&live);
                let writer = writer(&live, &pointer)
                    .map(|w| format!(", written by {w}"))
                    .unwrap_or_default();
                Ok(Some(format!(
                    "{pointer} of {target} is {} now, not what was set{writer}",
                    shown_value(&shown, &pointer)
                )))
            }
            Write::Create { object, .. } => Ok(match self.made_before(target, &object.0).await? {
                Some(true) => None,
                Some(false) => Some(format!("{target} was changed by someone else")),
                None => Some(format!("{target} was deleted by someone else")),
            }),
            Write::Delete { .. } | Write::Evict { .. } => Ok(None),
        }
    }
}

/// The pointer, in `live`, of the first field that is not as the write set it.
pub(super) fn first_difference(write: &Write, live: &Value) -> Option<String> {
    let Write::Patch { inverse, touched, .. } = write else {
        return None;
    };
    let known = Known::of(inverse);
    touched.iter().find_map(|pointer| {
        let wanted = known.expected(pointer)?;
        let place = known.place(live, pointer);
        let present = place
            .as_deref()
            .and_then(|p| live.pointer(p))
            .map(diff::without_nulls)
            .unwrap_or_default();
        (present != wanted).then(|| place.unwrap_or_else(|| pointer.clone()))
    })
}

/// What the tests of a patch say about the object that it applies to.
struct Known {
    values: Vec<(String, Value)>,
    names: BTreeMap<String, String>,
}

impl Known {
    fn of(patch: &RawPatch) -> Self {
        let mut values = Vec::new();
        let mut names = BTreeMap::new();
        for op in patch.0.iter().filter(|op| op["op"] == "test") {
            let path = op["path"].as_str().unwrap_or_default();
            if path.starts_with("/metadata/uid") {
                continue;
            }
            match (path.strip_suffix("/name"), op["value"].as_str()) {
                (Some(element), Some(name)) => names.insert(element.to_owned(), name.to_owned()),
                _ => op["value"]["name"]
                    .as_str()
                    .and_then(|name| names.insert(path.to_owned(), name.to_owned())),
            };
            values.push((path.to_owned(), op["value"].clone()));
        }
        Self { values, names }
    }

    /// The value that is expected at `pointer`, `null` for absent; `None` where the tests do not tell.
    fn expected(&self, pointer: &str) -> Option<Value> {
        self.values.iter().find_map(|(path, value)| {
            let rest = pointer.strip_prefix(path.as_str())?;
            let whole_part = rest.is_empty() || rest.starts_with('/');
            whole_part.then(|| value.pointer(rest).map(diff::without_nulls).unwrap_or_default())
        })
    }

    /// Where `pointer` leads in `live`, list elements found by name.
    fn place(&self, live: &Value, pointer: &str) -> Option<String> {
        let mut told = String::new();
        let mut found = String::new();
        for part in pointer::parts(pointer)? {
            told = pointer::join(&told, &part);
            let step = match (self.names.get(&told), live.pointer(&found)) {
                (Some(name), Some(Value::Array(items))) => {
                    items.iter().position(|e| e["name"] == name.as_str())?.to_string()
                }
                _ => part,
            };
            found = pointer::join(&found, &step);
        }
        Some(found)
    }
}

/// A value of a redacted object as a sentence holds it.
pub(super) fn shown_value(shown: &Value, pointer: &str) -> String {
    match pointer::get(shown, pointer) {
        None => "absent".to_owned(),
        Some(value) => {
            let text = value.to_string();
            match text.char_indices().nth(200) {
                Some((end, _)) => format!("{}…", &text[..end]),
                None => text,
            }
        }
    }
}

/// The manager that `managedFields` names for a field, with the time of its last write. The one who wrote last wins.
pub(super) fn writer(live: &Value, pointer: &str) -> Option<String> {
    let parts = pointer::parts(pointer)?;
    let mut best: Option<(usize, &str, &str)> = None;
    for entry in pointer::list(live, "/metadata/managedFields") {
        let depth = owned_depth(&entry["fieldsV1"], live, &parts);
        let time = pointer::text(entry, "/time");
        let manager = pointer::text(entry, "/manager");
        // what reaches no deeper than the whole spec says nothing about the field
        if depth >= 2 && best.is_none_or(|(d, t, _)| (depth, time) > (d, t)) {
            best = Some((depth, time, manager));
        }
    }
    best.map(|(_, time, manager)| format!("{manager} at {time}"))
}

/// How many parts of the pointer an entry's `fieldsV1` follows.
fn owned_depth(fields: &Value, live: &Value, parts: &[String]) -> usize {
    let mut at = fields;
    let mut object = live;
    for (depth, part) in parts.iter().enumerate() {
        let next = if let Value::Array(items) = object {
            let element = part.parse::<usize>().ok().and_then(|i| items.get(i));
            let Some(element) = element else { return depth };
            object = element;
            at.as_object()
                .and_then(|keys| keys.iter().find(|(key, _)| is_key_of(key, element)))
                .map(|(_, inner)| inner)
        } else {
            object = &object[part.as_str()];
            at.get(format!("f:{part}"))
        };
        match next {
            Some(next) => at = next,
            None => return depth,
        }
    }
    parts.len()
}

/// Whether `k:{"name":"web"}` or `v:"x"` of `fieldsV1` means this element.
fn is_key_of(key: &str, element: &Value) -> bool {
    if let Some(value) = key.strip_prefix("v:") {
        return serde_json::from_str::<Value>(value).is_ok_and(|v| v == *element);
    }
    key.strip_prefix("k:")
        .and_then(|k| serde_json::from_str::<Value>(k).ok())
        .and_then(|k| k.as_object().cloned())
        .is_some_and(|k| k.iter().all(|(field, value)| element[field] == *value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dreamops_domain::object::ObjectRef;
    use serde_json::json;

    fn deployment(containers: &Value) -> Value {
        json!({"metadata": {"uid": "u"}, "spec": {"template": {"spec": {"containers": containers}}}})
    }

    fn raise() -> Write {
        let before = deployment(&json!([{"name": "web", "image": "x"}]));
        let after = deployment(&json!([{"name": "web", "image": "x", "resources": {"limits": {"memory": "1Gi"}}}]));
        Write::Patch {
            target: ObjectRef::new("Deployment", "n", "web", "u"),
            forward: diff::changes(&before, &after).after(&[]),
            inverse: diff::changes(&after, &before).after(&[]),
            touched: diff::changes(&before, &after).touched,
        }
    }

    #[test]
    fn a_field_that_someone_sets_back_is_named() {
        let after = deployment(&json!([{"name": "web", "image": "x", "resources": {"limits": {"memory": "1Gi"}}}]));
        assert_eq!(first_difference(&raise(), &after), None);
        let set_back = deployment(&json!([{"name": "web", "image": "x", "resources": {"limits": {"memory": "64Mi"}}}]));
        assert_eq!(
            first_difference(&raise(), &set_back).as_deref(),
            Some("/spec/template/spec/containers/0/resources/limits/memory")
        );
        let removed = deployment(&json!([{"name": "web", "image": "x"}]));
        assert!(first_difference(&raise(), &removed).is_some());
    }

    #[test]
    fn changes_beside_the_field_are_no_breach() {
        let beside = deployment(&json!([
            {"name": "sidecar", "image": "s"},
            {"name": "web", "image": "y", "resources": {"limits": {"memory": "1Gi", "cpu": "1"}}}]));
        assert_eq!(first_difference(&raise(), &beside), None);
    }

    #[test]
    fn a_removed_field_must_stay_removed() {
        let before = json!({"spec": {"selector": {"app": "a", "slip": "b"}}});
        let after = json!({"spec": {"selector": {"app": "a"}}});
        let write = Write::Patch {
            target: ObjectRef::new("Service", "n", "s", "u"),
            forward: diff::changes(&before, &after).after(&[]),
            inverse: diff::changes(&after, &before).after(&[]),
            touched: diff::changes(&before, &after).touched,
        };
        assert_eq!(first_difference(&write, &after), None);
        assert_eq!(
            first_difference(&write, &before).as_deref(),
            Some("/spec/selector/slip")
        );
    }

    #[test]
    fn the_writer_of_a_field_comes_from_managed_fields() {
        let mut live = deployment(&json!([{"name": "web", "image": "x"}]));
        live["metadata"]["managedFields"] = json!([
            {"manager": "kubectl", "time": "2026-01-01T00:00:00Z", "fieldsV1": {"f:spec": {"f:template": {"f:spec": {
                "f:containers": {"k:{\"name\":\"web\"}": {".": {}, "f:name": {}}}}}}}},
            {"manager": "cron", "time": "2026-01-02T00:00:00Z", "fieldsV1": {"f:spec": {"f:template": {"f:spec": {
                "f:containers": {"k:{\"name\":\"web\"}": {"f:image": {}}}}}}}},
            {"manager": "controller", "time": "2026-01-03T00:00:00Z", "fieldsV1": {"f:status": {}}}]);
        assert_eq!(
            writer(&live, "/spec/template/spec/containers/0/image").as_deref(),
            Some("cron at 2026-01-02T00:00:00Z")
        );
        assert_eq!(writer(&live, "/data/x"), None);
    }
}
