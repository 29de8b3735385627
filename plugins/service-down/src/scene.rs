//! A Service with what is around it.

use crate::find::pod_labels;
use crate::labels::matches;
use dreamops_sdk::cluster::{Object, Service};
use dreamops_sdk::json;
use dreamops_sdk::owner;
use dreamops_sdk::prelude::*;
use serde_json::Value;

/// The Service and the pods that its selector matches.
pub(crate) struct Scene {
    pub(crate) service: Service,
    pub(crate) body: Value,
    /// Selected pods that are neither going nor done.
    pub(crate) pods: Vec<Pod>,
}

impl Scene {
    /// Reads it.
    pub(crate) fn of(service: &ObjectRef) -> Result<Self, ReadFailure> {
        let fact = cluster::service(&service.namespace, &service.name)?;
        let body = cluster::get("Service", &service.namespace, &service.name)?.body;
        let pods = if fact.selector.is_empty() {
            Vec::new()
        } else {
            let pairs: Vec<(&str, &str)> = fact.selector.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            cluster::pods(&service.namespace, &owner::equal(&pairs))?
        };
        Ok(Self {
            service: fact,
            body,
            pods: pods
                .into_iter()
                .filter(|p| !p.deleting() && !["Succeeded", "Failed"].contains(&p.phase()))
                .collect(),
        })
    }

    /// The Service.
    pub(crate) fn object(&self) -> &ObjectRef {
        &self.service.object
    }

    /// The selector.
    pub(crate) fn selector(&self) -> Vec<(&str, &str)> {
        self.service
            .selector
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect()
    }

    /// `app=web,tier=front`.
    pub(crate) fn selector_text(&self) -> String {
        owner::equal(&self.selector())
    }

    /// The Service as `kubectl apply` had it last; none where it was not applied, or cannot be read.
    pub(crate) fn last_applied(&self) -> Option<Value> {
        last_applied(&self.body)
    }
}

/// An object as `kubectl apply` had it last.
pub(crate) fn last_applied(body: &Value) -> Option<Value> {
    let text = json::text(
        body,
        "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration",
    );
    serde_json::from_str(text).ok()
}

/// Deployments, StatefulSets and DaemonSets of a namespace.
pub(crate) fn workloads(namespace: &str) -> Result<Vec<Object>, ReadFailure> {
    let mut all = Vec::new();
    for kind in ["Deployment", "StatefulSet", "DaemonSet"] {
        all.extend(cluster::list(&Query::of(kind, namespace))?.items);
    }
    Ok(all)
}

/// The workloads whose pods a selector would match.
pub(crate) fn matched<'a>(workloads: &'a [Object], selector: &[(&str, &str)]) -> Vec<&'a Object> {
    workloads
        .iter()
        .filter(|w| matches(selector, &pod_labels(&w.body)))
        .collect()
}
