//! Kinds and where the API server serves them.
//!
//! Promise: every kind of [`dreamops_domain::object::KINDS`] has exactly one row, and the host asks
//! an API server for nothing that has no row here.

/// Where the API server serves a kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Resource {
    /// The kind as manifests write it.
    pub kind: &'static str,
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The version.
    pub version: &'static str,
    /// The plural, as paths and RBAC rules write it.
    pub plural: &'static str,
    /// Whether its objects live in a namespace.
    pub namespaced: bool,
}

const fn within(kind: &'static str, group: &'static str, version: &'static str, plural: &'static str) -> Resource {
    Resource {
        kind,
        group,
        version,
        plural,
        namespaced: true,
    }
}

const fn cluster_wide(
    kind: &'static str,
    group: &'static str,
    version: &'static str,
    plural: &'static str,
) -> Resource {
    Resource {
        kind,
        group,
        version,
        plural,
        namespaced: false,
    }
}

/// All rows: what components may read, then what the host alone uses.
pub const RESOURCES: [Resource; 25] = [
    within("Pod", "", "v1", "pods"),
    within("Deployment", "apps", "v1", "deployments"),
    within("ReplicaSet", "apps", "v1", "replicasets"),
    within("StatefulSet", "apps", "v1", "statefulsets"),
    within("DaemonSet", "apps", "v1", "daemonsets"),
    within("ControllerRevision", "apps", "v1", "controllerrevisions"),
    within("Job", "batch", "v1", "jobs"),
    within("CronJob", "batch", "v1", "cronjobs"),
    within("Service", "", "v1", "services"),
    within("EndpointSlice", "discovery.k8s.io", "v1", "endpointslices"),
    within("ConfigMap", "", "v1", "configmaps"),
    within("Event", "", "v1", "events"),
    within(
        "HorizontalPodAutoscaler",
        "autoscaling",
        "v2",
        "horizontalpodautoscalers",
    ),
    within("PodDisruptionBudget", "policy", "v1", "poddisruptionbudgets"),
    within("ResourceQuota", "", "v1", "resourcequotas"),
    within("LimitRange", "", "v1", "limitranges"),
    within("PersistentVolumeClaim", "", "v1", "persistentvolumeclaims"),
    within("NetworkPolicy", "networking.k8s.io", "v1", "networkpolicies"),
    cluster_wide("Node", "", "v1", "nodes"),
    within("ServiceAccount", "", "v1", "serviceaccounts"),
    // the host's own: written by set-pull-secret and never read into a component
    within("Secret", "", "v1", "secrets"),
    cluster_wide("Namespace", "", "v1", "namespaces"),
    cluster_wide(
        "SelfSubjectAccessReview",
        "authorization.k8s.io",
        "v1",
        "selfsubjectaccessreviews",
    ),
    within("PodMetrics", "metrics.k8s.io", "v1beta1", "pods"),
    within("ReplicationController", "", "v1", "replicationcontrollers"),
];

/// The row of a kind.
pub fn of(kind: &str) -> Option<&'static Resource> {
    RESOURCES.iter().find(|r| r.kind == kind)
}

impl Resource {
    /// `apps/v1`, or `v1` for the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The path of the collection: `/apis/apps/v1/namespaces/shop/deployments`.
    ///
    /// An empty namespace means all namespaces (or the cluster, for a kind without one). The
    /// namespace must have passed [`is_segment`].
    pub fn collection(&self, namespace: &str) -> String {
        let root = if self.group.is_empty() {
            format!("/api/{}", self.version)
        } else {
            format!("/apis/{}/{}", self.group, self.version)
        };
        if self.namespaced && !namespace.is_empty() {
            format!("{root}/namespaces/{namespace}/{}", self.plural)
        } else {
            format!("{root}/{}", self.plural)
        }
    }
}

/// Whether a name or namespace can stand in a path as it is.
///
/// The characters are those that Kubernetes allows in any name of a kind we know (RFC 1123
/// subdomains, and `:` for RBAC-like names): nothing that could leave the path segment.
pub fn is_segment(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 253
        && name != "."
        && name != ".."
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b':'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dreamops_domain::object::KINDS;

    #[test]
    fn every_kind_of_the_domain_has_a_row_with_the_same_plural() {
        for (kind, plural) in KINDS {
            assert_eq!(of(kind).map(|r| r.plural), Some(plural), "{kind}");
        }
    }

    #[test]
    fn paths_are_those_of_the_api_server() {
        let path = |kind: &str, ns: &str| of(kind).map(|r| r.collection(ns)).unwrap_or_default();
        assert_eq!(path("Pod", "shop"), "/api/v1/namespaces/shop/pods");
        assert_eq!(path("Deployment", "shop"), "/apis/apps/v1/namespaces/shop/deployments");
        assert_eq!(path("Node", ""), "/api/v1/nodes");
        assert_eq!(
            path("PodMetrics", "shop"),
            "/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods"
        );
    }

    #[test]
    fn a_name_cannot_leave_its_path_segment() {
        for bad in ["", ".", "..", "a/b", "a?b", "a%2fb", "a#b", "a b", "ü"] {
            assert!(!is_segment(bad), "{bad:?}");
        }
        for good in ["web", "web-7d9f.x", "system:node", "ip-10-0-0-1.ec2"] {
            assert!(is_segment(good), "{good:?}");
        }
    }
}
