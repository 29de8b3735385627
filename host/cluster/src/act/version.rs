//! What an object's version is, for approvals and for the preconditions of a patch.
//!
//! | kind | version | precondition besides uid and values |
//! | --- | --- | --- |
//! | Pod | `uid`: its status moves with every crash, its spec never | none |
//! | Node, HorizontalPodAutoscaler | `spec:` and a hash: their status moves all the time and they have no generation | none |
//! | any with `metadata.generation` | the generation | the generation |
//! | others (Service, Secret) | `rv:` and the resourceVersion | the resourceVersion |

use crate::act::diff::test;
use crate::act::pointer;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::rehearsal::ObjectVersion;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The version of an object as it was read.
pub(crate) fn of(object: &ObjectRef, live: &Value) -> ObjectVersion {
    ObjectVersion {
        object: object.clone(),
        version: text(&object.kind, live),
    }
}

fn text(kind: &str, live: &Value) -> String {
    match (kind, pointer::count(live, "/metadata/generation")) {
        ("Pod", _) => "uid".to_owned(),
        ("Node" | "HorizontalPodAutoscaler", _) => {
            let digest = Sha256::digest(live["spec"].to_string());
            format!("spec:{}", hex::encode(&digest[..8]))
        }
        (_, Some(generation)) => generation.to_string(),
        (_, None) => format!("rv:{}", pointer::text(live, "/metadata/resourceVersion")),
    }
}

/// The tests that bind a forward patch to the object as it was read.
pub(crate) fn tests(kind: &str, live: &Value) -> Vec<Value> {
    let mut tests = identity(live);
    match (kind, pointer::get(live, "/metadata/generation")) {
        ("Pod" | "Node" | "HorizontalPodAutoscaler", _) => {}
        (_, Some(generation)) => tests.push(test("/metadata/generation", generation)),
        (_, None) => tests.push(test("/metadata/resourceVersion", &live["metadata"]["resourceVersion"])),
    }
    tests
}

/// The test that binds a patch to the object itself.
pub(crate) fn identity(live: &Value) -> Vec<Value> {
    vec![test("/metadata/uid", &live["metadata"]["uid"])]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_status_update_of_a_crash_looping_pod_does_not_move_its_version() {
        let pod = ObjectRef::new("Pod", "n", "p", "u");
        let before = json!({"metadata": {"uid": "u", "resourceVersion": "5", "generation": 1}, "status": {"a": 1}});
        let after = json!({"metadata": {"uid": "u", "resourceVersion": "9", "generation": 1}, "status": {"a": 2}});
        assert_eq!(of(&pod, &before), of(&pod, &after));
    }

    #[test]
    fn an_autoscalers_version_moves_with_its_spec_alone() {
        let hpa = ObjectRef::new("HorizontalPodAutoscaler", "n", "h", "u");
        let at =
            |max: u32, rv: &str| json!({"metadata": {"uid": "u", "resourceVersion": rv}, "spec": {"maxReplicas": max}});
        assert_eq!(of(&hpa, &at(3, "1")), of(&hpa, &at(3, "2")));
        assert_ne!(of(&hpa, &at(3, "1")), of(&hpa, &at(4, "1")));
        assert_eq!(tests("HorizontalPodAutoscaler", &at(3, "1")).len(), 1);
    }

    #[test]
    fn a_workload_is_bound_by_generation_and_a_service_by_resource_version() {
        let workload = json!({"metadata": {"uid": "u", "resourceVersion": "5", "generation": 7}});
        let service = json!({"metadata": {"uid": "u", "resourceVersion": "5"}});
        assert_eq!(of(&ObjectRef::new("Deployment", "n", "d", "u"), &workload).version, "7");
        assert_eq!(of(&ObjectRef::new("Service", "n", "s", "u"), &service).version, "rv:5");
        assert_eq!(
            tests("Service", &service)[1],
            json!({"op": "test", "path": "/metadata/resourceVersion", "value": "5"})
        );
    }
}
