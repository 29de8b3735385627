//! The controllers above an object, and who keeps their spec.
//!
//! The chain follows the owner reference that has `controller: true`. It ends at the first kind
//! that the host does not know: a workload that a custom resource controls is itself the last of
//! the chain, kept by that resource's operator; only where no workload lies in between (a pod or
//! `ReplicaSet` made by an operator) the custom resource is named. An object that nothing controls is its own
//! top-level owner, except a pod: a bare pod has none, nor has the mirror pod of a node's file.
//!
//! | who keeps the spec | told by |
//! | --- | --- |
//! | Argo CD | annotation `argocd.argoproj.io/tracking-id`, label `argocd.argoproj.io/instance`, a field manager `argocd-…` |
//! | Flux | labels `kustomize.toolkit.fluxcd.io/name`, `helm.toolkit.fluxcd.io/name`, field managers `kustomize-controller`, `helm-controller` |
//! | Helm | annotation `meta.helm.sh/release-name`, a field manager `helm` |
//! | an operator | a controller of a kind that is not Kubernetes' own; label `app.kubernetes.io/managed-by` with a name that ends in `operator` |

use super::{Stop, elements, live, members, reference, text};
use crate::api::Api;
use crate::error::Failure;
use crate::read::pods::controller;
use crate::resource;
use dreamops_domain::object::{ObjectRef, WORKLOADS};
use dreamops_domain::read::{OwnerFact, ReadError};
use serde_json::Value;

/// No chain of Kubernetes' own kinds is longer than three; a circle ends here.
const LONGEST: usize = 8;

pub(crate) async fn above(api: &Api, object: &ObjectRef) -> Result<Vec<OwnerFact>, Stop> {
    let mut present = live(api, object).await?;
    let mut chain: Vec<OwnerFact> = Vec::new();
    for _ in 0..LONGEST {
        let Some(owner) = controller(&present) else {
            break;
        };
        // a mirror pod names its node: that made it, but keeps no replica of it
        if text(owner, "/kind") == "Node" {
            break;
        }
        let next = controller_ref(owner, text(&present, "/metadata/namespace"));
        if !known(owner) {
            add_operator(&mut chain, &present, next);
            break;
        }
        match live(api, &next).await {
            Ok(found) => present = found,
            // an owner that is gone leaves orphans until the garbage collector comes
            Err(stop) if is_gone(&stop) => break,
            Err(stop) => return Err(stop),
        }
        chain.push(fact(&present));
    }
    if chain.is_empty() && text(&present, "/kind") != "Pod" {
        chain.push(fact(&present));
    }
    Ok(chain)
}

fn fact(object: &Value) -> OwnerFact {
    OwnerFact {
        object: reference(object),
        managed_by: managed_by(object),
    }
}

/// The custom resource itself, unless the chain has a workload that can be acted on.
fn add_operator(chain: &mut Vec<OwnerFact>, controlled: &Value, custom: ObjectRef) {
    let kind = text(controlled, "/kind");
    if WORKLOADS.contains(&kind) {
        if chain.is_empty() {
            chain.push(fact(controlled));
        }
    } else {
        let operator = format!("the operator of {}", custom.kind);
        chain.push(OwnerFact {
            object: custom,
            managed_by: Some(operator),
        });
    }
}

fn controller_ref(owner: &Value, namespace: &str) -> ObjectRef {
    ObjectRef::new(
        text(owner, "/kind"),
        namespace,
        text(owner, "/name"),
        text(owner, "/uid"),
    )
}

/// Whether the host knows the kind, and means the same API group by it.
fn known(owner: &Value) -> bool {
    let group = text(owner, "/apiVersion")
        .rsplit_once('/')
        .map_or("", |(group, _)| group);
    resource::of(text(owner, "/kind")).is_some_and(|row| row.group == group)
}

fn is_gone(stop: &Stop) -> bool {
    match stop {
        Stop::Read(error) => matches!(error, ReadError::NotFound { .. }),
        Stop::Api(error) => error.failure == Failure::NotFound,
    }
}

/// Who keeps an object's spec, if it is not a person.
pub(crate) fn managed_by(object: &Value) -> Option<String> {
    let labelled = |key: &str| {
        members(object, "/metadata/labels")
            .find(|(k, _)| *k == key)
            .map(|(_, v)| v)
    };
    let annotated = |key: &str| members(object, "/metadata/annotations").any(|(k, _)| k == key);
    let managed = |names: &[&str]| {
        elements(object, "/metadata/managedFields")
            .iter()
            .filter(|m| m["subresource"].as_str().is_none_or(str::is_empty))
            .any(|m| names.iter().any(|name| text(m, "/manager").starts_with(name)))
    };
    if annotated("argocd.argoproj.io/tracking-id")
        || labelled("argocd.argoproj.io/instance").is_some()
        || managed(&["argocd-"])
    {
        return Some("Argo CD".to_owned());
    }
    if labelled("kustomize.toolkit.fluxcd.io/name").is_some()
        || labelled("helm.toolkit.fluxcd.io/name").is_some()
        || managed(&["kustomize-controller", "helm-controller"])
    {
        return Some("Flux".to_owned());
    }
    if annotated("meta.helm.sh/release-name") || managed(&["helm"]) {
        return Some("Helm".to_owned());
    }
    if let Some(owner) = controller(object)
        && !known(owner)
    {
        return Some(format!("the operator of {}", text(owner, "/kind")));
    }
    labelled("app.kubernetes.io/managed-by")
        .filter(|name| name.to_ascii_lowercase().ends_with("operator"))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_keeper_is_told_by_its_marks() {
        let cases = [
            (
                json!({"annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web"}}),
                Some("Argo CD"),
            ),
            (
                json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "shop"}}),
                Some("Flux"),
            ),
            // Flux installs charts too, and is then the one that sets things back
            (
                json!({"labels": {"helm.toolkit.fluxcd.io/name": "web", "app.kubernetes.io/managed-by": "Helm"},
                    "annotations": {"meta.helm.sh/release-name": "web"}}),
                Some("Flux"),
            ),
            (
                json!({"labels": {"app.kubernetes.io/managed-by": "Helm"}, "annotations": {"meta.helm.sh/release-name": "web"}}),
                Some("Helm"),
            ),
            (
                json!({"managedFields": [{"manager": "helm", "operation": "Update"}]}),
                Some("Helm"),
            ),
            // rendered by Helm and applied by hand: no release, nobody sets it back
            (json!({"labels": {"app.kubernetes.io/managed-by": "Helm"}}), None),
            (
                json!({"labels": {"app.kubernetes.io/managed-by": "prometheus-operator"}}),
                Some("prometheus-operator"),
            ),
            (
                json!({"ownerReferences": [{"apiVersion": "monitoring.coreos.com/v1", "kind": "Prometheus", "name": "main", "uid": "u", "controller": true}]}),
                Some("the operator of Prometheus"),
            ),
            (
                json!({"ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "u", "controller": true}],
                    "managedFields": [{"manager": "kubectl-client-side-apply"}, {"manager": "kube-controller-manager", "subresource": "status"}]}),
                None,
            ),
        ];
        for (metadata, keeper) in cases {
            let object = json!({"kind": "Deployment", "metadata": metadata});
            assert_eq!(managed_by(&object).as_deref(), keeper, "{object}");
        }
    }

    #[test]
    fn a_kind_of_another_group_is_not_ours() {
        assert!(known(&json!({"apiVersion": "apps/v1", "kind": "Deployment"})));
        assert!(!known(
            &json!({"apiVersion": "apps.kruise.io/v1beta1", "kind": "StatefulSet"})
        ));
    }

    #[test]
    fn a_workload_of_an_operator_stays_the_one_to_act_on() {
        let set = json!({"kind": "StatefulSet", "metadata": {"name": "db", "namespace": "shop", "uid": "s", "ownerReferences":
            [{"apiVersion": "pg.example/v1", "kind": "Cluster", "name": "db", "uid": "c", "controller": true}]}});
        let mut chain = vec![fact(&set)];
        add_operator(&mut chain, &set, ObjectRef::new("Cluster", "shop", "db", "c"));
        assert_eq!(chain.len(), 1);
        assert_eq!(chain[0].managed_by.as_deref(), Some("the operator of Cluster"));
    }
}
