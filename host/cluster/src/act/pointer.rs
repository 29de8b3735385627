//! JSON pointers (RFC 6901): built from parts, read without failing on absent parents, set without wiping siblings.

pub(crate) use crate::read::{elements as list, text};
use serde_json::{Map, Value};

/// `base` with one more part, escaped.
pub(crate) fn join(base: &str, part: &str) -> String {
    format!("{base}/{}", part.replace('~', "~0").replace('/', "~1"))
}

/// The parts of a pointer, unescaped. `None` where it is no pointer.
pub(crate) fn parts(pointer: &str) -> Option<Vec<String>> {
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    let rest = pointer.strip_prefix('/')?;
    Some(
        rest.split('/')
            .map(|p| p.replace("~1", "/").replace("~0", "~"))
            .collect(),
    )
}

/// What lies at `pointer`; `null` counts as nothing, as the API server sees it.
pub(crate) fn get<'a>(doc: &'a Value, pointer: &str) -> Option<&'a Value> {
    doc.pointer(pointer).filter(|v| !v.is_null())
}

/// The count at `pointer`, in full width.
pub(crate) fn count(doc: &Value, pointer: &str) -> Option<u64> {
    doc.pointer(pointer).and_then(Value::as_u64)
}

/// Sets `value` at `parts`, making absent maps on the way. Lists are entered by number and never grown.
/// Returns whether it could be set.
pub(crate) fn set(doc: &mut Value, parts: &[&str], value: Value) -> bool {
    let Some((last, parents)) = parts.split_last() else {
        *doc = value;
        return true;
    };
    let mut at = doc;
    for part in parents {
        let Some(next) = enter(at, part) else {
            return false;
        };
        at = next;
    }
    if at.is_null() {
        *at = Value::Object(Map::new());
    }
    match at {
        Value::Object(map) => {
            map.insert((*last).to_owned(), value);
            true
        }
        Value::Array(items) => match last.parse::<usize>().ok().and_then(|i| items.get_mut(i)) {
            Some(slot) => {
                *slot = value;
                true
            }
            None => false,
        },
        _ => false,
    }
}

fn enter<'a>(at: &'a mut Value, part: &str) -> Option<&'a mut Value> {
    if at.is_null() {
        *at = Value::Object(Map::new());
    }
    match at {
        Value::Object(map) => Some(map.entry(part).or_insert(Value::Null)),
        Value::Array(items) => items.get_mut(part.parse::<usize>().ok()?),
        _ => None,
    }
}

/// Removes what lies at `parts`. Returns whether there was something.
pub(crate) fn remove(doc: &mut Value, parts: &[&str]) -> bool {
    let Some((last, parents)) = parts.split_last() else {
        return false;
    };
    let mut at = doc;
    for part in parents {
        let next = match at {
            Value::Object(map) => map.get_mut(*part),
            Value::Array(items) => part.parse::<usize>().ok().and_then(|i| items.get_mut(i)),
            _ => None,
        };
        let Some(next) = next else { return false };
        at = next;
    }
    at.as_object_mut().is_some_and(|map| map.shift_remove(*last).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn setting_below_an_absent_parent_makes_it_and_keeps_siblings() {
        let mut doc = json!({"metadata": {"annotations": {"a": "1"}}, "spec": {}});
        assert!(set(&mut doc, &["metadata", "annotations", "x.y/z"], json!("2")));
        assert!(set(
            &mut doc,
            &["spec", "template", "metadata", "labels", "l"],
            json!("3")
        ));
        assert_eq!(
            doc,
            json!({"metadata": {"annotations": {"a": "1", "x.y/z": "2"}},
                   "spec": {"template": {"metadata": {"labels": {"l": "3"}}}}})
        );
    }

    #[test]
    fn a_list_is_never_grown_and_a_scalar_never_entered() {
        let mut doc = json!({"a": [{"n": 1}], "s": "text"});
        assert!(!set(&mut doc, &["a", "1"], json!(2)));
        assert!(!set(&mut doc, &["s", "x"], json!(2)));
        assert!(set(&mut doc, &["a", "0", "n"], json!(2)));
        assert_eq!(doc, json!({"a": [{"n": 2}], "s": "text"}));
    }

    #[test]
    fn parts_survive_escaping() {
        let pointer = join(&join("", "a/b~c"), "");
        assert_eq!(pointer, "/a~1b~0c/");
        assert_eq!(parts(&pointer), Some(vec!["a/b~c".to_owned(), String::new()]));
        assert_eq!(parts("no"), None);
    }
}
