//! What a person reads before agreeing: the change as a unified diff of redacted YAML.
//!
//! Promise: both sides have passed the redactor before they are compared; equal secrets show equal handles, so a
//! changed secret shows as a changed handle. What the server keeps (status, managed fields, counters) is left out.

use crate::act::pointer;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::redact::Redactor;
use serde_json::Value;
use similar::TextDiff;

/// Unchanged lines around each changed one.
const CONTEXT: usize = 3;

/// The change of one object. Empty where nothing would change.
pub(crate) fn change(redactor: &Redactor, object: &ObjectRef, before: &Value, after: &Value) -> String {
    let name = object.to_string();
    unified(&yaml(redactor, before), &yaml(redactor, after), (&name, &name))
}

/// An object that would be made.
pub(crate) fn creation(redactor: &Redactor, object: &ObjectRef, made: &Value) -> String {
    unified("", &yaml(redactor, made), ("/dev/null", &object.to_string()))
}

/// An object that would be removed, in one line: its content is made anew by a controller.
pub(crate) fn removal(object: &ObjectRef, why: &str) -> String {
    format!("--- {object}\n+++ /dev/null\n-{object}: {why}\n")
}

fn unified(before: &str, after: &str, (old, new): (&str, &str)) -> String {
    TextDiff::from_lines(before, after)
        .unified_diff()
        .context_radius(CONTEXT)
        .header(old, new)
        .to_string()
}

fn yaml(redactor: &Redactor, object: &Value) -> String {
    let shown = redactor.object(object).into_inner();
    let readable = readable(&shown);
    // JSON is YAML; it is only harder to read
    serde_saphyr::to_string(&readable).unwrap_or_else(|_| format!("{readable:#}"))
}

/// An object without what the server keeps and what nobody reads in a diff.
fn readable(object: &Value) -> Value {
    let mut object = object.clone();
    pointer::remove(&mut object, &["status"]);
    for kept in [
        "managedFields",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "uid",
    ] {
        pointer::remove(&mut object, &["metadata", kept]);
    }
    let annotations = ["metadata", "annotations"];
    pointer::remove(
        &mut object,
        &[
            annotations[0],
            annotations[1],
            "kubectl.kubernetes.io/last-applied-configuration",
        ],
    );
    object
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_the_changed_lines_show_with_their_surroundings() {
        let at = |memory: &str| {
            json!({"metadata": {"name": "web", "resourceVersion": "5", "generation": 1}, "spec": {"replicas": 2,
                "template": {"spec": {"containers": [{"name": "web", "image": "x",
                    "resources": {"limits": {"memory": memory}}}]}}}, "status": {"replicas": 2}})
        };
        let object = ObjectRef::new("Deployment", "n", "web", "u");
        let shown = change(&Redactor::new(b"k"), &object, &at("64Mi"), &at("96Mi"));
        let changed: Vec<&str> = shown
            .lines()
            .filter(|l| l.starts_with(['+', '-']))
            .map(str::trim_end)
            .collect();
        assert_eq!(changed.len(), 4, "{shown}");
        assert_eq!(changed[..2], ["--- Deployment/web", "+++ Deployment/web"]);
        assert!(
            changed[2].ends_with("memory: 64Mi") && changed[3].ends_with("memory: 96Mi"),
            "{shown}"
        );
        assert!(!shown.contains("resourceVersion") && !shown.contains("status"));
    }

    #[test]
    fn no_change_shows_nothing() {
        let object = ObjectRef::new("Deployment", "n", "web", "u");
        let same = json!({"spec": {"replicas": 2}, "status": {"replicas": 1}});
        let now = json!({"spec": {"replicas": 2}, "status": {"replicas": 2}});
        assert_eq!(change(&Redactor::new(b"k"), &object, &same, &now), "");
    }
}
