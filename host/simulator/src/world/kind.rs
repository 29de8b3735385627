//! The kinds that the simulated API serves, and where.

/// A kind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub(crate) enum Kind {
    Namespace,
    Node,
    ServiceAccount,
    ResourceQuota,
    LimitRange,
    ConfigMap,
    Secret,
    Service,
    EndpointSlice,
    Deployment,
    ReplicaSet,
    StatefulSet,
    DaemonSet,
    ControllerRevision,
    HorizontalPodAutoscaler,
    PodDisruptionBudget,
    Pod,
    Event,
    Job,
    CronJob,
    PersistentVolumeClaim,
    NetworkPolicy,
    ReplicationController,
}

/// Where a kind is served.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) kind: Kind,
    /// As manifests write it.
    pub(crate) name: &'static str,
    /// The API group; empty for the core group.
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    /// As paths write it.
    pub(crate) plural: &'static str,
    /// What kubectl takes for it beside the plural; empty where there is none.
    pub(crate) short: &'static str,
    pub(crate) namespaced: bool,
    /// Whether `metadata.generation` counts changes of the spec.
    pub(crate) generation: bool,
    /// Whether objects of it can be made; of the others there are none here.
    pub(crate) made: bool,
}

const fn row(
    kind: Kind,
    name: &'static str,
    (group, version): (&'static str, &'static str),
    (plural, short): (&'static str, &'static str),
    generation: bool,
) -> Row {
    Row {
        kind,
        name,
        group,
        version,
        plural,
        short,
        namespaced: true,
        generation,
        made: true,
    }
}

impl Row {
    /// The same, of which there are no objects here.
    const fn unmade(self) -> Self {
        Self { made: false, ..self }
    }

    /// The same, outside any namespace.
    const fn cluster_wide(self) -> Self {
        Self {
            namespaced: false,
            ..self
        }
    }
}

const CORE: (&str, &str) = ("", "v1");
const APPS: (&str, &str) = ("apps", "v1");
const BATCH: (&str, &str) = ("batch", "v1");

/// All kinds.
#[rustfmt::skip]
pub(crate) const KINDS: [Row; 23] = [
    row(Kind::Namespace, "Namespace", CORE, ("namespaces", "ns"), false).cluster_wide(),
    row(Kind::Node, "Node", CORE, ("nodes", "no"), false).cluster_wide(),
    row(Kind::ServiceAccount, "ServiceAccount", CORE, ("serviceaccounts", "sa"), false),
    row(Kind::ResourceQuota, "ResourceQuota", CORE, ("resourcequotas", "quota"), false),
    row(Kind::LimitRange, "LimitRange", CORE, ("limitranges", "limits"), false),
    row(Kind::ConfigMap, "ConfigMap", CORE, ("configmaps", "cm"), false),
    row(Kind::Secret, "Secret", CORE, ("secrets", ""), false),
    row(Kind::Service, "Service", CORE, ("services", "svc"), false),
    row(Kind::EndpointSlice, "EndpointSlice", ("discovery.k8s.io", "v1"), ("endpointslices", ""), true),
    row(Kind::Deployment, "Deployment", APPS, ("deployments", "deploy"), true),
    row(Kind::ReplicaSet, "ReplicaSet", APPS, ("replicasets", "rs"), true),
    row(Kind::StatefulSet, "StatefulSet", APPS, ("statefulsets", "sts"), true),
    row(Kind::DaemonSet, "DaemonSet", APPS, ("daemonsets", "ds"), true),
    row(Kind::ControllerRevision, "ControllerRevision", APPS, ("controllerrevisions", ""), false),
    row(Kind::HorizontalPodAutoscaler, "HorizontalPodAutoscaler", ("autoscaling", "v2"), ("horizontalpodautoscalers", "hpa"), false),
    row(Kind::PodDisruptionBudget, "PodDisruptionBudget", ("policy", "v1"), ("poddisruptionbudgets", "pdb"), true),
    row(Kind::Pod, "Pod", CORE, ("pods", "po"), true),
    row(Kind::Event, "Event", CORE, ("events", "ev"), false),
    row(Kind::Job, "Job", BATCH, ("jobs", ""), true).unmade(),
    row(Kind::CronJob, "CronJob", BATCH, ("cronjobs", "cj"), true).unmade(),
    row(Kind::PersistentVolumeClaim, "PersistentVolumeClaim", CORE, ("persistentvolumeclaims", "pvc"), false).unmade(),
    row(Kind::NetworkPolicy, "NetworkPolicy", ("networking.k8s.io", "v1"), ("networkpolicies", "netpol"), true).unmade(),
    row(Kind::ReplicationController, "ReplicationController", CORE, ("replicationcontrollers", "rc"), true).unmade(),
];

impl Kind {
    /// Where it is served.
    pub(crate) fn row(self) -> &'static Row {
        // every kind has a row: a test counts them
        KINDS.iter().find(|r| r.kind == self).unwrap_or(&KINDS[0])
    }

    /// By the name that manifests write.
    pub(crate) fn named(name: &str) -> Option<Self> {
        KINDS.iter().find(|r| r.name == name).map(|r| r.kind)
    }
}

impl Row {
    /// `apps/v1`, or `v1` for the core group.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// `deployments.apps`, or `pods` for the core group.
    pub(crate) fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.plural.to_owned()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_one_row_and_its_own_place() {
        for row in &KINDS {
            assert_eq!(Kind::named(row.name), Some(row.kind));
            assert_eq!(row.kind.row().name, row.name);
            let same = |r: &&Row| (r.group, r.plural) == (row.group, row.plural);
            assert_eq!(KINDS.iter().filter(same).count(), 1, "{}", row.plural);
        }
    }
}
