//! Which object or collection a path means.

use crate::world::kind::{KINDS, Kind};
use crate::world::refusal::Refusal;

/// What a path means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    Version,
    Healthy,
    /// `/apis`
    Groups,
    /// `/api`
    CoreVersions,
    /// `/api/v1`, `/apis/apps/v1`
    Resources {
        group: String,
        version: String,
    },
    /// Objects of a kind; an empty namespace means all.
    Collection {
        kind: Kind,
        namespace: String,
    },
    Object {
        kind: Kind,
        namespace: String,
        name: String,
    },
    Log {
        namespace: String,
        pod: String,
    },
    Eviction {
        namespace: String,
        pod: String,
    },
    AccessReview,
    /// An empty name means all, an empty namespace all namespaces.
    Metrics {
        node: bool,
        namespace: String,
        name: String,
    },
}

impl Path {
    pub(crate) fn parse(path: &str) -> Result<Self, Refusal> {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        match parts.as_slice() {
            ["version"] => Ok(Self::Version),
            ["healthz" | "livez" | "readyz"] => Ok(Self::Healthy),
            ["apis"] => Ok(Self::Groups),
            ["api"] => Ok(Self::CoreVersions),
            ["api", "v1"] => Ok(Self::Resources {
                group: String::new(),
                version: "v1".to_owned(),
            }),
            ["apis", group, version] => Ok(Self::Resources {
                group: (*group).to_owned(),
                version: (*version).to_owned(),
            }),
            ["apis", "authorization.k8s.io", "v1", "selfsubjectaccessreviews"] => Ok(Self::AccessReview),
            ["apis", "metrics.k8s.io", "v1beta1", rest @ ..] => metrics(rest).ok_or_else(Refusal::no_such_path),
            ["api", "v1", rest @ ..] => object("", "v1", rest),
            ["apis", group, version, rest @ ..] => object(group, version, rest),
            _ => Err(Refusal::no_such_path()),
        }
    }
}

fn metrics(rest: &[&str]) -> Option<Path> {
    let of = |node: bool, namespace: &str, name: &str| {
        Some(Path::Metrics {
            node,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    };
    match rest {
        ["nodes"] => of(true, "", ""),
        ["nodes", name] => of(true, "", name),
        ["pods"] => of(false, "", ""),
        ["namespaces", namespace, "pods"] => of(false, namespace, ""),
        ["namespaces", namespace, "pods", name] => of(false, namespace, name),
        _ => None,
    }
}

/// What the groups that are served here have beside it.
const UNSERVED: [(&str, &[&str]); 3] = [
    (
        "",
        &[
            "bindings",
            "componentstatuses",
            "endpoints",
            "persistentvolumes",
            "podtemplates",
        ],
    ),
    (
        "authorization.k8s.io",
        &[
            "localsubjectaccessreviews",
            "selfsubjectrulesreviews",
            "subjectaccessreviews",
        ],
    ),
    (
        "networking.k8s.io",
        &["ingresses", "ingressclasses", "ipaddresses", "servicecidrs"],
    ),
];

/// Groups of every cluster that are not served here.
const UNSERVED_GROUPS: [&str; 13] = [
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "authentication.k8s.io",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "events.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "node.k8s.io",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

fn object(group: &str, version: &str, rest: &[&str]) -> Result<Path, Refusal> {
    if UNSERVED_GROUPS.contains(&group) {
        return Err(Refusal::not_simulated(&format!("the API group {group:?}")));
    }
    let served = KINDS.iter().find(|r| r.group == group).map(|r| r.version);
    let Some(served) = served.or_else(|| (group == "authorization.k8s.io").then_some("v1")) else {
        return Err(Refusal::no_such_path());
    };
    let kind_of = |plural: &str| {
        KINDS
            .iter()
            .find(|r| (r.group, r.version, r.plural) == (group, version, plural))
            .map(|r| r.kind)
            .ok_or_else(|| {
                let known = UNSERVED
                    .iter()
                    .any(|(g, plurals)| *g == group && plurals.contains(&plural));
                if known || version != served {
                    Refusal::not_simulated(&format!("{plural:?} of {group:?} {version:?}"))
                } else {
                    Refusal::no_such_resource()
                }
            })
    };
    let own = |s: &str| s.to_owned();
    match rest {
        ["namespaces", namespace, "pods", pod, "log"] if group.is_empty() => Ok(Path::Log {
            namespace: own(namespace),
            pod: own(pod),
        }),
        ["namespaces", namespace, "pods", pod, "eviction"] if group.is_empty() => Ok(Path::Eviction {
            namespace: own(namespace),
            pod: own(pod),
        }),
        ["namespaces", namespace, plural, name, subresource] => {
            kind_of(plural)?;
            Err(Refusal::not_simulated(&format!(
                "{plural}/{subresource} of {namespace}/{name}"
            )))
        }
        ["namespaces", namespace, plural, name] => Ok(Path::Object {
            kind: kind_of(plural)?,
            namespace: own(namespace),
            name: own(name),
        }),
        ["namespaces", namespace, plural] => Ok(Path::Collection {
            kind: kind_of(plural)?,
            namespace: own(namespace),
        }),
        [plural, name] => {
            let kind = kind_of(plural)?;
            if kind.row().namespaced {
                return Err(Refusal::no_such_resource());
            }
            Ok(Path::Object {
                kind,
                namespace: String::new(),
                name: own(name),
            })
        }
        [plural] => Ok(Path::Collection {
            kind: kind_of(plural)?,
            namespace: String::new(),
        }),
        _ => Err(Refusal::no_such_path()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_means_what_it_means_to_the_real_server() {
        let pods = Path::parse("/api/v1/namespaces/shop/pods");
        assert_eq!(
            pods,
            Ok(Path::Collection {
                kind: Kind::Pod,
                namespace: "shop".into()
            })
        );
        let all = Path::parse("/apis/apps/v1/deployments");
        assert_eq!(
            all,
            Ok(Path::Collection {
                kind: Kind::Deployment,
                namespace: String::new()
            })
        );
        let namespace = Path::parse("/api/v1/namespaces/kube-system");
        assert_eq!(
            namespace,
            Ok(Path::Object {
                kind: Kind::Namespace,
                namespace: String::new(),
                name: "kube-system".into()
            })
        );
        assert_eq!(
            Path::parse("/apis/apps/v1/namespaces/a/deployments/b/scale").map_err(|r| r.code),
            Err(501)
        );
        let refused = |path: &str| Path::parse(path).err().map(|r| (r.code, r.reason));
        assert_eq!(refused("/apis/example.com/v1/things"), Some((404, "")));
        assert_eq!(refused("/apis/apps/v1/namespaces/a/things"), Some((404, "NotFound")));
        assert_eq!(refused("/api/v1/persistentvolumes"), Some((501, "NotImplemented")));
        assert_eq!(
            refused("/apis/storage.k8s.io/v1/storageclasses"),
            Some((501, "NotImplemented"))
        );
        assert_eq!(refused("/nowhere"), Some((404, "")));
    }
}
