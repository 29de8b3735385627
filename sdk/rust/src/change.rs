//! What differs between two pod templates.

use crate::json;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;

/// Which part of a template differs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    /// The image.
    Image,
    /// `command` or `args`.
    Command,
    /// One variable of `env`.
    Env(String),
    /// A whole ConfigMap or Secret as environment.
    EnvFrom,
    /// `livenessProbe`, `readinessProbe` or `startupProbe`.
    Probe(String),
    /// Requests or limits.
    Resources,
    /// The container is in one of the two only.
    Container,
    /// Any other field of the container.
    Field(String),
    /// A field of the pod: `volumes`, `imagePullSecrets`, `serviceAccountName`, ….
    Pod(String),
}

/// One difference.
#[derive(Clone, PartialEq, Debug)]
pub struct Change {
    /// The container; none for parts of the pod.
    pub container: Option<String>,
    /// What differs.
    pub part: Part,
    /// How it was; none where it was not there.
    pub old: Option<Value>,
    /// How it is; none where it is no longer there.
    pub new: Option<Value>,
}

/// Fields that say the same whatever their value, or that controllers set.
const SILENT: [&str; 4] = [
    "terminationMessagePath",
    "terminationMessagePolicy",
    "imagePullPolicy",
    "schedulerName",
];

/// What differs from `old` to `new`. Labels and annotations are left out: controllers and `kubectl rollout restart`
/// write there.
pub fn between(old: &Value, new: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    for list in ["initContainers", "containers"] {
        let pointer = format!("/spec/{list}");
        for name in names(old, new, &pointer) {
            let (a, b) = (json::named(old, &pointer, &name), json::named(new, &pointer, &name));
            match (a, b) {
                (Some(a), Some(b)) => container(&name, a, b, &mut changes),
                (a, b) => changes.push(Change {
                    container: Some(name),
                    part: Part::Container,
                    old: a.cloned(),
                    new: b.cloned(),
                }),
            }
        }
    }
    let none = Value::Null;
    let (a, b) = (old.get("spec").unwrap_or(&none), new.get("spec").unwrap_or(&none));
    for field in fields(a, b) {
        if !["initContainers", "containers"].contains(&field.as_str()) {
            differs(
                None,
                Part::Pod(field.clone()),
                a.get(&field),
                b.get(&field),
                &mut changes,
            );
        }
    }
    changes
}

fn container(name: &str, old: &Value, new: &Value, changes: &mut Vec<Change>) {
    for variable in names(old, new, "/env") {
        let (a, b) = (json::named(old, "/env", &variable), json::named(new, "/env", &variable));
        differs(Some(name), Part::Env(variable), a, b, changes);
    }
    for field in fields(old, new) {
        let part = match field.as_str() {
            "env" | "name" => continue,
            "image" => Part::Image,
            "command" | "args" => Part::Command,
            "envFrom" => Part::EnvFrom,
            "resources" => Part::Resources,
            "livenessProbe" | "readinessProbe" | "startupProbe" => Part::Probe(field.clone()),
            _ => Part::Field(field.clone()),
        };
        differs(Some(name), part, old.get(&field), new.get(&field), changes);
    }
}

fn differs(container: Option<&str>, part: Part, old: Option<&Value>, new: Option<&Value>, changes: &mut Vec<Change>) {
    if old != new {
        changes.push(Change {
            container: container.map(Into::into),
            part,
            old: old.cloned(),
            new: new.cloned(),
        });
    }
}

fn names(old: &Value, new: &Value, pointer: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    json::items(old, pointer)
        .iter()
        .chain(json::items(new, pointer))
        .map(|item| json::text(item, "/name").to_owned())
        .filter(|name| seen.insert(name.clone()))
        .collect()
}

fn fields(old: &Value, new: &Value) -> BTreeSet<String> {
    [old, new]
        .into_iter()
        .filter_map(Value::as_object)
        .flat_map(serde_json::Map::keys)
        .filter(|key| !SILENT.contains(&key.as_str()))
        .cloned()
        .collect()
}

/// Long values are cut: this is for sentences.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(s) => s.clone(),
        Value::Object(env) if env.contains_key("name") && env.contains_key("value") => {
            json::text(value, "/value").to_owned()
        }
        other => other.to_string(),
    };
    match text.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// `container web: image shop/api:1 → shop/api:2`.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(container) = &self.container {
            write!(f, "container {container}: ")?;
        }
        match &self.part {
            Part::Image => f.write_str("image")?,
            Part::Command => f.write_str("command")?,
            Part::Env(name) => write!(f, "env {name}")?,
            Part::EnvFrom => f.write_str("envFrom")?,
            Part::Resources => f.write_str("resources")?,
            Part::Container => f.write_str("the container")?,
            Part::Probe(name) | Part::Field(name) | Part::Pod(name) => f.write_str(name)?,
        }
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => write!(f, " {} → {}", shown(old), shown(new)),
            (None, Some(_)) if self.part == Part::Container => f.write_str(" added"),
            (None, Some(new)) => write!(f, " added: {}", shown(new)),
            _ => f.write_str(" removed"),
        }
    }
}

/// The changes in one line, for evidence; `nothing but labels` where there are none.
pub fn line(changes: &[Change]) -> String {
    if changes.is_empty() {
        return "nothing but labels and annotations".into();
    }
    let texts: Vec<String> = changes.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_part_that_matters_is_told_apart() {
        let old = json!({"metadata": {"labels": {"pod-template-hash": "1"}}, "spec": {"containers": [
            {"name": "web", "image": "shop/api:1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}
        ]}});
        let new = json!({"metadata": {"labels": {"pod-template-hash": "2"}}, "spec": {"volumes": [{"name": "v"}], "containers": [
            {"name": "web", "image": "shop/api:2", "env": [{"name": "B", "value": "3"}], "args": ["x"], "livenessProbe": {"periodSeconds": 1}}
        ]}});
        let parts: Vec<Part> = between(&old, &new).into_iter().map(|c| c.part).collect();
        for part in [
            Part::Env("A".into()),
            Part::Env("B".into()),
            Part::Image,
            Part::Command,
            Part::Probe("livenessProbe".into()),
            Part::Pod("volumes".into()),
        ] {
            assert!(parts.contains(&part), "{part:?} in {parts:?}");
        }
        assert_eq!(parts.len(), 6);
        assert_eq!(between(&old, &old), vec![]);
    }

    #[test]
    fn a_change_reads_as_a_sentence() {
        let old = json!({"spec": {"containers": [{"name": "web", "image": "shop/api:1", "env": [{"name": "A", "value": "1"}]}]}});
        let new = json!({"spec": {"containers": [{"name": "web", "image": "shop/api:2"}]}});
        assert_eq!(
            line(&between(&old, &new)),
            "container web: env A removed; container web: image shop/api:1 → shop/api:2"
        );
    }
}
