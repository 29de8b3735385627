//! Pieces of a body as text.

use serde_json::Value;
use std::collections::BTreeMap;

/// The longest title, in characters; more does not fit a line anywhere.
const MAX_TITLE: usize = 300;
/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 16 * 1024;
/// The longest value of a label, in characters.
const MAX_VALUE: usize = 4 * 1024;
/// The most labels of one alert.
const MAX_LABELS: usize = 256;

/// At most `limit` characters of a text, with an ellipsis where more were there.
pub(super) fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// A title is one line.
pub(super) fn title(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    cut(&words.join(" "), MAX_TITLE)
}

/// A description keeps its lines.
pub(super) fn description(text: &str) -> String {
    cut(text.trim(), MAX_DESCRIPTION)
}

/// A string, number or boolean as text. Sources disagree on whether an id or a version is a number.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
}

/// The scalar at a JSON pointer; empty where there is none.
pub(super) fn at(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(scalar).unwrap_or_default()
}

/// The first of some texts that is not empty.
pub(super) fn first(texts: impl IntoIterator<Item = String>) -> String {
    texts.into_iter().find(|t| !t.is_empty()).unwrap_or_default()
}

/// Adds a label unless one of that name is there, the value is empty, or there are too many.
pub(super) fn add(labels: &mut BTreeMap<String, String>, name: &str, value: &str) {
    if !value.is_empty() && !name.is_empty() && labels.len() < MAX_LABELS && !labels.contains_key(name) {
        labels.insert(cut(name, MAX_TITLE), cut(value, MAX_VALUE));
    }
}

/// Adds the scalars of an object, however deep, under their own names. An outer one wins over an inner one, and
/// what is there already over both.
pub(super) fn add_all(labels: &mut BTreeMap<String, String>, value: &Value) {
    let Some(fields) = value.as_object() else { return };
    for (name, value) in fields {
        if let Some(text) = scalar(value) {
            add(labels, name, &text);
        }
    }
    for value in fields.values() {
        add_all(labels, value);
    }
}

/// Adds what stands in a text as one `name = value` or `name: value` a line, the way Alertmanager writes labels into the
/// details it sends to PagerDuty (` - namespace = shop`).
pub(super) fn add_lines(labels: &mut BTreeMap<String, String>, text: &str) {
    for line in text.lines().take(MAX_LABELS) {
        let line = line.trim().trim_start_matches(['-', '*']).trim_start();
        let Some(end) = line.find(['=', ':']) else { continue };
        let name = line[..end].trim_end();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if !name.is_empty() && name.len() <= 64 && name.chars().all(plain) {
            add(labels, name, line[end + 1..].trim());
        }
    }
}
