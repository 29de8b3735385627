//! Which object of one cluster is which object of the other.
//!
//! Uids, hashes and generated names differ from cluster to cluster. Each gets a role, such as `<pod web/1/0>` for the first
//! pod of the second ReplicaSet of `web`, by the order in which the objects were made; a role is never given twice.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The roles of a cluster's identifiers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    /// By identifier.
    roles: BTreeMap<String, String>,
    /// What an object is called, by uid: its name, or its place among those of its owner.
    called: BTreeMap<String, String>,
    /// How many objects of a kind an owner has had.
    counts: BTreeMap<(String, String), usize>,
    /// Uids with the versions that the objects have had.
    versions: BTreeSet<(String, String)>,
}

impl Names {
    /// Takes note of objects, owners before what they own.
    pub(crate) fn learn(&mut self, objects: &[Value]) {
        let mut new: Vec<&Value> = objects
            .iter()
            .filter(|o| !self.called.contains_key(text(o, "/metadata/uid")))
            .collect();
        new.sort_by_key(|o| {
            let made = text(o, "/metadata/creationTimestamp");
            (rank(text(o, "/kind")), made, text(o, "/metadata/name"))
        });
        for object in new {
            self.learn_one(object);
        }
    }

    fn learn_one(&mut self, object: &Value) {
        let (kind, name, uid) = (
            text(object, "/kind"),
            text(object, "/metadata/name"),
            text(object, "/metadata/uid"),
        );
        let owner = text(object, "/metadata/ownerReferences/0/uid");
        let generated = matches!(kind, "ReplicaSet" | "ControllerRevision" | "EndpointSlice")
            || !text(object, "/metadata/generateName").is_empty() && !is_ordinal(object);
        let called = match self.called.get(owner) {
            Some(owner) if generated => {
                let count = self.counts.entry((owner.clone(), kind.to_owned())).or_default();
                let called = format!("{owner}/{count}");
                *count += 1;
                called
            }
            // a name can be given again
            _ => {
                let count = self.counts.entry((kind.to_owned(), name.to_owned())).or_default();
                *count += 1;
                match *count {
                    1 => name.to_owned(),
                    n => format!("{name}#{n}"),
                }
            }
        };
        let role = |what: &str| format!("<{what} {} {called}>", kind.to_lowercase());
        self.roles.insert(uid.to_owned(), role("uid"));
        if called != name && !called.starts_with(&format!("{name}#")) {
            self.roles.insert(name.to_owned(), role("name"));
        }
        let hashes = [
            "pod-template-hash",
            "controller-revision-hash",
            "controller.kubernetes.io~1hash",
        ];
        if matches!(kind, "ReplicaSet" | "ControllerRevision") {
            for hash in hashes {
                let value = text(object, &format!("/metadata/labels/{hash}"));
                if !value.is_empty() {
                    self.roles.insert(value.to_owned(), role("hash"));
                }
            }
        }
        self.called.insert(uid.to_owned(), called);
    }

    /// Takes note of the versions that objects in an answer have had.
    pub(crate) fn learn_versions(&mut self, document: &Value) {
        match document {
            Value::Object(map) => {
                let metadata = &document["metadata"];
                if let (Some(uid), Some(version)) = (metadata["uid"].as_str(), metadata["resourceVersion"].as_str()) {
                    self.versions.insert((uid.to_owned(), version.to_owned()));
                }
                map.values().for_each(|inner| self.learn_versions(inner));
            }
            Value::Array(items) => items.iter().for_each(|inner| self.learn_versions(inner)),
            _ => {}
        }
    }

    /// Whether some object has had a version.
    pub(crate) fn has_had(&self, version: &str) -> bool {
        self.versions.iter().any(|(_, known)| known == version)
    }

    /// Puts roles in the place of identifiers.
    pub(crate) fn hide(&self, text: &str) -> String {
        let mut pairs: Vec<(&String, &String)> = self.roles.iter().collect();
        // a pod's name begins with that of its ReplicaSet
        pairs.sort_by_key(|(identifier, _)| std::cmp::Reverse(identifier.len()));
        pairs.into_iter().fold(text.to_owned(), |text, (identifier, role)| {
            text.replace(identifier, role)
        })
    }

    /// Puts this cluster's identifiers in the place of roles.
    pub(crate) fn show(&self, text: &str) -> String {
        self.roles.iter().fold(text.to_owned(), |text, (identifier, role)| {
            text.replace(role, identifier)
        })
    }
}

fn rank(kind: &str) -> u8 {
    match kind {
        "Pod" => 2,
        "ReplicaSet" | "ControllerRevision" | "EndpointSlice" => 1,
        _ => 0,
    }
}

/// Pods of a StatefulSet have names of their own.
fn is_ordinal(object: &Value) -> bool {
    object["metadata"]["ownerReferences"][0]["kind"] == "StatefulSet"
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(kind: &str, name: &str, uid: &str, owner: &str) -> Value {
        json!({"kind": kind, "metadata": {"name": name, "uid": uid, "generateName": "web-",
            "ownerReferences": [{"uid": owner, "kind": "ReplicaSet"}]}})
    }

    #[test]
    fn a_role_is_that_of_one_object_alone() {
        let of = |suffix: &str| {
            let mut names = Names::default();
            names.learn(&[
                object("Pod", &format!("web-1{suffix}-a"), "uid-p", "uid-r"),
                object("Pod", &format!("web-1{suffix}-b"), "uid-q", "uid-r"),
                json!({"kind": "Deployment", "metadata": {"name": "web", "uid": "uid-d"}}),
                object("ReplicaSet", &format!("web-1{suffix}"), "uid-r", "uid-d"),
            ]);
            names
        };
        let (a, b) = (of("x"), of("y"));
        let hidden = a.hide("web-1x-b of web-1x");
        assert_eq!(hidden, "<name pod web/0/1> of <name replicaset web/0>");
        assert_eq!(b.show(&hidden), "web-1y-b of web-1y");
    }

    #[test]
    fn a_name_that_is_given_again_is_another_objects() {
        let mut names = Names::default();
        for uid in ["uid-1", "uid-2"] {
            names.learn(&[json!({"kind": "Pod", "metadata": {"name": "db-0", "uid": uid}})]);
        }
        assert_eq!(names.hide("uid-1 uid-2 db-0"), "<uid pod db-0> <uid pod db-0#2> db-0");
    }
}
