//! Who keeps an object's spec, if it is not a person: what they set, they will set back.
//!
//! | sign, first match wins | keeper |
//! | --- | --- |
//! | annotation `argocd.argoproj.io/tracking-id`, label `argocd.argoproj.io/instance`, field manager `argocd-…` | `Argo CD` |
//! | label `kustomize.toolkit.fluxcd.io/name` or `helm.toolkit.fluxcd.io/name`, field manager `kustomize-controller` or `helm-controller` | `Flux` |
//! | a controller in `ownerReferences` whose kind Kubernetes does not ship | that kind |
//! | annotation `meta.helm.sh/release-name`, label `app.kubernetes.io/managed-by: Helm`, field manager `helm` | `Helm` |

use crate::act::{pods, pointer};
use crate::resource;
use serde_json::Value;

/// The keeper of an object's spec.
pub(crate) fn managed_by(object: &Value) -> Option<String> {
    let labels = &object["metadata"]["labels"];
    let annotations = &object["metadata"]["annotations"];
    let managers: Vec<&str> = pointer::list(object, "/metadata/managedFields")
        .iter()
        .filter(|e| e["subresource"].is_null())
        .map(|e| pointer::text(e, "/manager"))
        .collect();
    let labelled = |key: &str| labels[key].is_string() || annotations[key].is_string();
    if labelled("argocd.argoproj.io/tracking-id")
        || labelled("argocd.argoproj.io/instance")
        || managers.iter().any(|m| m.starts_with("argocd"))
    {
        return Some("Argo CD".to_owned());
    }
    if labelled("kustomize.toolkit.fluxcd.io/name")
        || labelled("helm.toolkit.fluxcd.io/name")
        || managers.contains(&"kustomize-controller")
        || managers.contains(&"helm-controller")
    {
        return Some("Flux".to_owned());
    }
    if let Some(owner) = pods::controller(object).filter(|o| resource::of(&o.kind).is_none()) {
        return Some(owner.kind);
    }
    if labelled("meta.helm.sh/release-name")
        || labels["app.kubernetes.io/managed-by"] == "Helm"
        || managers.contains(&"helm")
    {
        return Some("Helm".to_owned());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_keeper_is_known_by_its_signs() {
        for (metadata, keeper) in [
            (
                json!({"annotations": {"argocd.argoproj.io/tracking-id": "x"}}),
                Some("Argo CD"),
            ),
            (
                json!({"managedFields": [{"manager": "argocd-controller"}]}),
                Some("Argo CD"),
            ),
            (
                json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "x"}}),
                Some("Flux"),
            ),
            (
                json!({"labels": {"app.kubernetes.io/managed-by": "Helm", "helm.toolkit.fluxcd.io/name": "x"}}),
                Some("Flux"),
            ),
            (
                json!({"annotations": {"meta.helm.sh/release-name": "web"}}),
                Some("Helm"),
            ),
            (
                json!({"ownerReferences": [{"controller": true, "kind": "Kafka", "name": "k", "uid": "1"}]}),
                Some("Kafka"),
            ),
            (
                json!({"ownerReferences": [{"controller": true, "kind": "Deployment", "name": "d", "uid": "1"}]}),
                None,
            ),
            (
                json!({"managedFields": [{"manager": "kubectl-client-side-apply"}]}),
                None,
            ),
        ] {
            assert_eq!(
                managed_by(&json!({"metadata": metadata})).as_deref(),
                keeper
            );
        }
    }
}
