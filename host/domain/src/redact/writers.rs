//! `metadata.managedFields`: who wrote which field, and when. It holds names of fields and no values, but for the elements
//! of sets (`v:"…"`), which are left out, and names of elements (`k:{"name":"…"}`), which are redacted like any text.

use super::Redactor;
use super::text::{Depth, redact};
use serde_json::{Map, Value};

/// What an entry says besides the fields.
const KEPT: [&str; 4] = ["manager", "operation", "subresource", "time"];

/// The entries as they may be shown; none where the object has none.
pub(super) fn of(redactor: &Redactor, object: &Value) -> Option<Value> {
    let entries = object.pointer("/metadata/managedFields")?.as_array()?;
    let shown = entries.iter().map(|entry| {
        let mut kept: Map<String, Value> = KEPT
            .iter()
            .filter_map(|key| {
                let text = entry.get(*key)?.as_str()?;
                Some(((*key).to_owned(), redact(redactor, text, Depth::Certain).into()))
            })
            .collect();
        kept.insert(
            "fieldsV1".to_owned(),
            names(redactor, entry.get("fieldsV1").unwrap_or(&Value::Null)),
        );
        Value::Object(kept)
    });
    Some(Value::Array(shown.collect()))
}

fn names(redactor: &Redactor, fields: &Value) -> Value {
    let Value::Object(fields) = fields else {
        return Value::Object(Map::new());
    };
    let inner = fields
        .iter()
        .filter(|(key, _)| !key.starts_with("v:"))
        .map(|(key, inner)| (redact(redactor, key, Depth::Certain), names(redactor, inner)));
    Value::Object(inner.collect())
}
