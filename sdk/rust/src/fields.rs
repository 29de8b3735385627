//! Who wrote a field last, by `metadata.managedFields`.
//!
//! A change that somebody sets back again must not be made once more: the writer has to be named to a person.

use crate::cluster::{self, ReadFailure};
use crate::incident::ObjectRef;
use crate::json;
use crate::time;
use serde_json::Value;

/// The name under which the host writes.
pub const OURS: &str = "dreamops";

/// Who wrote a field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Writer {
    /// The field manager: `kubectl-edit`, `helm`, `vpa-updater`, `dreamops`.
    pub manager: String,
    /// When it wrote last, in milliseconds since 1970; 0 where it is not told.
    pub at_ms: u64,
}

impl Writer {
    /// Whether it is the host that this component runs in.
    pub fn ours(&self) -> bool {
        self.manager == OURS
    }
}

/// The step of a path to a list's element that is told apart by its `name`.
pub fn element(name: &str) -> String {
    format!("k:{{\"name\":\"{name}\"}}")
}

/// The writer of a field, the latest where several share it; none where the server does not tell. `path` has field
/// names, and [`element`]s of lists.
pub fn writer(object: &ObjectRef, path: &[&str]) -> Result<Option<Writer>, ReadFailure> {
    let read = cluster::get_parts(
        &object.kind,
        &object.namespace,
        &object.name,
        &["/metadata/managedFields"],
    );
    Ok(cluster::found(read)?.and_then(|found| newest(&found.body, path)))
}

/// As [`writer`], of an object that was read already.
pub fn newest(body: &Value, path: &[&str]) -> Option<Writer> {
    json::items(body, "/metadata/managedFields")
        .iter()
        // `kubectl scale` writes through the subresource `scale`
        .filter(|entry| json::text(entry, "/subresource") != "status")
        .filter(|entry| holds(&entry["fieldsV1"], path))
        .map(|entry| Writer {
            manager: json::text(entry, "/manager").into(),
            at_ms: time::millis(json::text(entry, "/time")).unwrap_or(0),
        })
        .max_by_key(|w| w.at_ms)
}

fn holds(fields: &Value, path: &[&str]) -> bool {
    let mut at = fields;
    for step in path {
        let key = if step.starts_with("k:") {
            (*step).to_owned()
        } else {
            format!("f:{step}")
        };
        match at.get(&key) {
            Some(inner) => at = inner,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_latest_writer_of_exactly_this_field_is_named() {
        let limits = |inner: Value| json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {"f:resources": {"f:limits": inner}}}}}}});
        let body = json!({"metadata": {"managedFields": [
            {"manager": "kubectl", "time": "2025-11-24T08:00:00Z", "fieldsV1": limits(json!({"f:cpu": {}}))},
            {"manager": "dreamops", "time": "2025-11-24T09:00:00Z", "fieldsV1": limits(json!({"f:memory": {}}))},
            {"manager": "sizer", "time": "2025-11-24T09:30:00Z", "fieldsV1": limits(json!({"f:memory": {}}))},
            {"manager": "late", "time": "2025-11-24T10:00:00Z", "subresource": "status", "fieldsV1": limits(json!({"f:memory": {}}))},
        ]}});
        let web = element("web");
        let path = |last| {
            [
                "spec",
                "template",
                "spec",
                "containers",
                web.as_str(),
                "resources",
                "limits",
                last,
            ]
        };
        let memory = newest(&body, &path("memory"));
        assert_eq!(memory.map(|w| w.manager).as_deref(), Some("sizer"));
        assert_eq!(
            newest(&body, &path("cpu")).map(|w| w.manager).as_deref(),
            Some("kubectl")
        );
        assert_eq!(newest(&body, &path("ephemeral-storage")), None);
    }
}
