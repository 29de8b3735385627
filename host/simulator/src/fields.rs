//! Reading and setting fields of objects in raw form. What is absent reads as empty.

use serde_json::{Value, json};

/// Text at a JSON pointer.
pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A whole number at a JSON pointer.
pub(crate) fn number(object: &Value, pointer: &str) -> Option<i64> {
    object.pointer(pointer).and_then(Value::as_i64)
}

/// A count at a JSON pointer; absent and negative count as zero.
pub(crate) fn count(object: &Value, pointer: &str) -> u64 {
    number(object, pointer).and_then(|n| u64::try_from(n).ok()).unwrap_or(0)
}

/// A list at a JSON pointer.
pub(crate) fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Whether something is there.
pub(crate) fn present(object: &Value, pointer: &str) -> bool {
    object.pointer(pointer).is_some_and(|v| !v.is_null())
}

/// The members at a JSON pointer.
pub(crate) fn members<'a>(object: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a> {
    object
        .pointer(pointer)
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(k, v)| (k.as_str(), v))
}

/// `metadata.name`.
pub(crate) fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

/// `metadata.namespace`.
pub(crate) fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

/// `metadata.uid`.
pub(crate) fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

/// Whether the object is on its way out.
pub(crate) fn leaving(object: &Value) -> bool {
    present(object, "/metadata/deletionTimestamp")
}

/// The uid of the controller above an object.
pub(crate) fn controller(object: &Value) -> &str {
    list(object, "/metadata/ownerReferences")
        .iter()
        .find(|o| o["controller"] == true)
        .map_or("", |o| text(o, "/uid"))
}

/// A condition of a type.
pub(crate) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    list(object, "/status/conditions").iter().find(|c| c["type"] == kind)
}

/// Whether a condition holds.
pub(crate) fn holds(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|c| c["status"] == "True")
}

/// Sets the value at a path; maps on the way are made where they are absent.
pub(crate) fn set(object: &mut Value, path: &[&str], value: impl Into<Value>) {
    let Some((first, rest)) = path.split_first() else {
        *object = value.into();
        return;
    };
    if !object.is_object() {
        *object = json!({});
    }
    if let Value::Object(map) = object {
        set(map.entry(*first).or_insert(Value::Null), rest, value.into());
    }
}

/// Takes the member at a path out.
pub(crate) fn remove(object: &mut Value, path: &[&str]) {
    match path {
        [] => {}
        [last] => {
            if let Some(map) = object.as_object_mut() {
                map.shift_remove(*last);
            }
        }
        [first, rest @ ..] => {
            if let Some(inner) = object.get_mut(*first) {
                remove(inner, rest);
            }
        }
    }
}

/// Sets a member unless something is there.
pub(crate) fn default_to(object: &mut Value, key: &str, value: impl Into<Value>) {
    if let Value::Object(map) = object {
        let member = map.entry(key).or_insert(Value::Null);
        if member.is_null() {
            *member = value.into();
        }
    }
}

/// A value without members that are `null`.
pub(crate) fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter()
                .filter(|(_, v)| !v.is_null())
                .map(|(k, v)| (k.clone(), without_nulls(v)))
                .collect(),
        ),
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

/// A time as Kubernetes writes it: RFC 3339 in UTC, whole seconds. Takes milliseconds since 1970.
pub(crate) fn time(millis: u64) -> String {
    let seconds = i64::try_from(millis / 1000).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).map_or_else(|_| String::new(), |t| t.to_string())
}

/// A moment with its microseconds, as newer kinds write it.
pub(crate) fn fine_time(millis: u64) -> String {
    let seconds = time(millis);
    format!("{}.{:03}000Z", seconds.trim_end_matches('Z'), millis % 1000)
}

/// Milliseconds since 1970 of a time as Kubernetes writes it; zero where it is none.
pub(crate) fn millis(text: &str) -> u64 {
    dreamops_domain::time::Timestamp::parse(text).map_or(0, dreamops_domain::time::Timestamp::millis)
}
