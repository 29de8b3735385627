//! Secrets in objects, by their place.

use super::text::{Depth, redact};
use super::{Redactor, is_handle, name, plain};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// Text that is JSON may hold text that is JSON; deeper than this it is taken as text.
const NESTING: u32 = 4;

/// Fields whose values look random by their nature and are needed to tell objects apart.
const IDENTIFIERS: [&str; 18] = [
    "uid",
    "name",
    "generateName",
    "namespace",
    "resourceVersion",
    "selfLink",
    "apiVersion",
    "kind",
    "image",
    "imageID",
    "containerID",
    "nodeName",
    "hostname",
    "pod-template-hash",
    "controller-revision-hash",
    "controller-uid",
    "batch.kubernetes.io/controller-uid",
    "revisionHash",
];

/// The longest label value that Kubernetes takes, in bytes.
const LONGEST_LABEL: usize = 63;
/// Maps of labels.
const LABELS: [&str; 4] = ["labels", "matchLabels", "selector", "nodeSelector"];

/// A walk through one object.
pub(super) struct Walk<'a> {
    redactor: &'a Redactor,
    nesting: u32,
}

impl<'a> Walk<'a> {
    pub(super) fn new(redactor: &'a Redactor) -> Self {
        Self { redactor, nesting: 0 }
    }

    pub(super) fn value(&self, value: &Value) -> Value {
        match value {
            Value::Object(fields) => Value::Object(self.fields(fields, false)),
            Value::Array(items) => self.items(items, false),
            Value::String(text) => Value::String(self.text(text)),
            other => other.clone(),
        }
    }

    /// An object's fields. `secret`: it is the item of a list of Secrets, which do not say their kind.
    fn fields(&self, fields: &Map<String, Value>, secret: bool) -> Map<String, Value> {
        let kind = fields.get("kind").and_then(Value::as_str).unwrap_or_default();
        let secret = secret || kind == "Secret" || (kind.is_empty() && typed_as_secret(fields));
        let pair = fields
            .get("name")
            .and_then(Value::as_str)
            .filter(|_| fields.get("value").is_some_and(Value::is_string));
        let mut shown = Map::new();
        for (key, value) in fields {
            let value = match (key.as_str(), value) {
                ("managedFields", Value::Array(_)) => continue,
                ("data" | "stringData", Value::Object(entries)) if secret => {
                    self.secret_entries(entries, key == "data")
                }
                ("binaryData", Value::Object(entries)) => self.secret_entries(entries, true),
                ("items", Value::Array(items)) if kind.ends_with("List") => self.items(items, kind == "SecretList"),
                ("value", Value::String(text)) if pair.is_some_and(name::of_field) => self.handle(text),
                (_, Value::Object(entries)) if LABELS.contains(&key.as_str()) => Value::Object(self.labels(entries)),
                (_, Value::Object(entries)) if is_environment(key) => self.variables(entries),
                (_, Value::Array(items)) if is_environment(key) => {
                    Value::Array(items.iter().map(|i| self.variable(i)).collect())
                }
                (_, Value::String(text)) => self.field(key, text),
                (_, Value::Number(number)) if key.to_ascii_lowercase().contains("password") && name::of_field(key) => {
                    self.handle(&number.to_string())
                }
                (_, other) => self.value(other),
            };
            shown.insert(redact(self.redactor, key, Depth::Certain), value);
        }
        shown
    }

    /// Labels, and what selects by them: they find other objects, so that what merely looks random stays.
    fn labels(&self, entries: &Map<String, Value>) -> Map<String, Value> {
        let label = |(name, value): (&String, &Value)| {
            let shown = match value {
                Value::String(text) if name::of_field(name) => self.handle(text),
                Value::String(text) if text.len() <= LONGEST_LABEL => {
                    Value::String(redact(self.redactor, text, Depth::Certain))
                }
                Value::Object(inner) => Value::Object(self.labels(inner)),
                other => self.value(other),
            };
            (redact(self.redactor, name, Depth::Certain), shown)
        };
        entries.iter().map(label).collect()
    }

    fn items(&self, items: &[Value], secrets: bool) -> Value {
        let mut shown = Vec::with_capacity(items.len());
        let mut after_flag = false;
        for item in items {
            shown.push(match item {
                Value::Object(fields) => Value::Object(self.fields(fields, secrets)),
                Value::String(text) if after_flag && !text.starts_with('-') && !plain::is_reference(text) => {
                    self.handle(text)
                }
                Value::String(text) => self.argument(text),
                other => self.value(other),
            });
            after_flag = item.as_str().is_some_and(is_secret_flag);
        }
        Value::Array(shown)
    }

    /// `--token=x` loses its value, whatever it looks like.
    fn argument(&self, text: &str) -> Value {
        match text.split_once('=') {
            Some((flag, value)) if is_secret_flag(flag) && !plain::is_reference(value) => {
                Value::String(format!("{flag}={}", self.redactor.handle(value.as_bytes())))
            }
            _ => Value::String(self.text(text)),
        }
    }

    /// The values of a Secret. They count as what they decode to, so that the same value elsewhere has the same handle.
    fn secret_entries(&self, entries: &Map<String, Value>, encoded: bool) -> Value {
        let handle = |value: &Value| match value {
            Value::String(text) if is_handle(text) => value.clone(),
            Value::String(text) => {
                let decoded = if encoded {
                    STANDARD.decode(text.trim()).ok()
                } else {
                    None
                };
                Value::String(self.redactor.handle(decoded.as_deref().unwrap_or(text.as_bytes())))
            }
            Value::Null => Value::Null,
            other => self.handle(&other.to_string()),
        };
        Value::Object(
            entries
                .iter()
                .map(|(k, v)| (redact(self.redactor, k, Depth::Certain), handle(v)))
                .collect(),
        )
    }

    /// One entry of a container's environment.
    fn variable(&self, entry: &Value) -> Value {
        let Value::Object(fields) = entry else {
            return self.value(entry);
        };
        let name = fields.get("name").and_then(Value::as_str).unwrap_or_default();
        let mut shown = self.fields(fields, false);
        if let Some(Value::String(value)) = fields.get("value") {
            shown.insert("value".into(), self.variable_value(name, value));
        }
        Value::Object(shown)
    }

    /// An environment as a map, as some custom resources have it.
    fn variables(&self, entries: &Map<String, Value>) -> Value {
        let shown = entries.iter().map(|(name, value)| match value {
            Value::String(text) => (name.clone(), self.variable_value(name, text)),
            other => (name.clone(), self.value(other)),
        });
        Value::Object(shown.collect())
    }

    fn variable_value(&self, name: &str, value: &str) -> Value {
        if plain::is_reference(value) {
            return Value::String(value.to_owned());
        }
        if name::of_variable(name) {
            return self.handle(value);
        }
        let shown = redact(self.redactor, value, Depth::Guessing);
        let rest = super::HANDLE.replace_all(&shown, "");
        if plain::is_plain(&rest) {
            Value::String(shown)
        } else {
            self.handle(value)
        }
    }

    /// A field that is text.
    fn field(&self, key: &str, text: &str) -> Value {
        if name::of_field(key) && !plain::is_reference(text) {
            return self.handle(text);
        }
        if IDENTIFIERS.contains(&key) {
            return Value::String(redact(self.redactor, text, Depth::Certain));
        }
        Value::String(self.text(text))
    }

    /// Text that may be JSON.
    fn text(&self, text: &str) -> String {
        let deeper = self.nesting < NESTING && text.trim_start().starts_with(['{', '[']);
        let inner = if deeper {
            serde_json::from_str::<Value>(text).ok()
        } else {
            None
        };
        if let Some(inner @ (Value::Object(_) | Value::Array(_))) = inner {
            let shown = Walk {
                redactor: self.redactor,
                nesting: self.nesting + 1,
            }
            .value(&inner);
            return if shown == inner {
                text.to_owned()
            } else {
                shown.to_string()
            };
        }
        redact(self.redactor, text, Depth::Guessing)
    }

    fn handle(&self, secret: &str) -> Value {
        Value::String(self.redactor.handle(secret.as_bytes()))
    }
}

/// Whether an object without a kind is a Secret: it has data, and a type as only they have.
fn typed_as_secret(fields: &Map<String, Value>) -> bool {
    let kind = fields.get("type").and_then(Value::as_str).unwrap_or_default();
    fields.contains_key("data") && (kind == "Opaque" || kind.contains("kubernetes.io/"))
}

fn is_environment(key: &str) -> bool {
    matches!(
        key.to_ascii_lowercase().as_str(),
        "env" | "envs" | "environment" | "envvars" | "extraenv" | "extraenvs" | "extraenvvars"
    )
}

/// `--token`, `-password`: a flag whose value is a secret.
fn is_secret_flag(text: &str) -> bool {
    let name = text.trim_start_matches('-');
    name.len() < text.len() && !name.contains(char::is_whitespace) && name::of_field(name)
}
