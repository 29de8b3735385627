//! Reading objects by JSON pointer. What is absent reads as empty: in a Kubernetes object the two mean the same.

use serde_json::Value;

/// The text at a pointer; empty where there is none.
pub fn text<'a>(body: &'a Value, pointer: &str) -> &'a str {
    body.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

/// The whole number at a pointer.
pub fn number(body: &Value, pointer: &str) -> Option<i64> {
    body.pointer(pointer).and_then(Value::as_i64)
}

/// Whether `true` stands at a pointer.
pub fn is_true(body: &Value, pointer: &str) -> bool {
    body.pointer(pointer).and_then(Value::as_bool) == Some(true)
}

/// The elements of the list at a pointer.
pub fn items<'a>(body: &'a Value, pointer: &str) -> &'a [Value] {
    body.pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Names and texts of the map at a pointer, such as labels.
pub fn pairs<'a>(body: &'a Value, pointer: &str) -> Vec<(&'a str, &'a str)> {
    body.pointer(pointer)
        .and_then(Value::as_object)
        .map(|map| {
            map.iter()
                .filter_map(|(k, v)| Some((k.as_str(), v.as_str()?)))
                .collect()
        })
        .unwrap_or_default()
}

/// The element of a list at a pointer whose `name` is this.
pub fn named<'a>(body: &'a Value, pointer: &str, name: &str) -> Option<&'a Value> {
    items(body, pointer).iter().find(|item| text(item, "/name") == name)
}

/// The condition of a type in `/status/conditions`.
pub fn condition<'a>(body: &'a Value, kind: &str) -> Option<&'a Value> {
    items(body, "/status/conditions")
        .iter()
        .find(|c| text(c, "/type") == kind)
}
