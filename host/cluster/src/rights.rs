//! The rights that the host and the first-party components need in a namespace.
//!
//! `rbac.yaml` is their one list: it is what an administrator applies, what is asked of a cluster, and what
//! [`manifest`] writes for another namespace or account. What its `Role` has is needed; what its
//! `ClusterRole` has, the program can do without, and says so where that matters.

use crate::api::Access;
use crate::connect::Connection;
use crate::error::ApiError;
use crate::resource::RESOURCES;
use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use std::fmt;

/// The list, as it is applied.
const RBAC: &str = include_str!("../rbac.yaml");
/// The name that everything in the list bears.
const OWN: &str = "dreamops";
/// How many questions are asked at a time.
const AT_A_TIME: usize = 8;
/// Between the documents of the list.
const SEPARATOR: &str = "---\n";

/// Something that the credential should be allowed to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Right {
    /// `get`, `list`, `patch`, `create`, `delete`.
    pub verb: String,
    /// The API group; empty for the core group.
    pub group: String,
    /// The resource, with its subresource: `pods/log`.
    pub resource: String,
    /// The one object that it is for; empty for all.
    pub name: String,
    /// Whether it is for the whole cluster. Such a right is not needed, but without it less can be checked.
    pub cluster_wide: bool,
}

/// A right that the credential does not have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MissingRight {
    /// The right.
    pub right: Right,
    /// Where it was asked for; empty for the whole cluster.
    pub namespace: String,
}

/// No object can have the name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "{name:?} is no name of a {what}: Kubernetes takes lower-case letters, digits, and hyphens between them; correct it"
)]
pub struct BadName {
    /// `namespace` or `service account`.
    pub what: &'static str,
    /// The name.
    pub name: String,
}

#[derive(Deserialize)]
struct Document {
    kind: String,
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    api_groups: Vec<String>,
    resources: Vec<String>,
    verbs: Vec<String>,
    #[serde(default)]
    resource_names: Vec<String>,
}

impl MissingRight {
    /// Whether the program cannot do its work without it.
    pub fn is_needed(&self) -> bool {
        !self.right.cluster_wide
    }
}

impl fmt::Display for MissingRight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Right {
            verb,
            group,
            resource,
            name,
            cluster_wide,
        } = &self.right;
        write!(f, "may not {verb} {resource}")?;
        if !name.is_empty() {
            write!(f, " {name}")?;
        }
        if *cluster_wide {
            write!(f, " in the whole cluster")?;
        } else {
            write!(f, " in {}", self.namespace)?;
        }
        let kind = if *cluster_wide { "ClusterRole" } else { "Role" };
        write!(
            f,
            r#"; add to its {kind}: {{apiGroups: ["{group}"], resources: ["{resource}"], verbs: ["{verb}"]}}"#
        )
    }
}

/// All rights of the list.
pub fn needed() -> Vec<Right> {
    // a constant text: a test holds that it parses, and that nothing of it is lost
    let documents: Vec<Document> = serde_saphyr::from_multiple(RBAC).unwrap_or_default();
    let mut rights = Vec::new();
    for document in &documents {
        for rule in &document.rules {
            rule.spread(document.kind == "ClusterRole", &mut rights);
        }
    }
    rights
}

impl Rule {
    fn spread(&self, cluster_wide: bool, rights: &mut Vec<Right>) {
        let all = [String::new()];
        let names: &[String] = if self.resource_names.is_empty() {
            &all
        } else {
            &self.resource_names
        };
        for group in &self.api_groups {
            for resource in &self.resources {
                for verb in &self.verbs {
                    rights.extend(names.iter().map(|name| Right {
                        verb: verb.clone(),
                        group: group.clone(),
                        resource: resource.clone(),
                        name: name.clone(),
                        cluster_wide,
                    }));
                }
            }
        }
    }
}

impl Right {
    /// The kind that is asked for, and its subresource.
    fn kind(&self) -> Option<(&'static str, &str)> {
        let (plural, subresource) = self.resource.split_once('/').unwrap_or((&self.resource, ""));
        let row = RESOURCES.iter().find(|r| r.group == self.group && r.plural == plural)?;
        Some((row.kind, subresource))
    }
}

/// Asks the cluster for each right; returns those that the credential lacks. The error is that of a question
/// that was not answered.
pub async fn check(connection: &Connection, namespace: &str) -> Result<Vec<MissingRight>, ApiError> {
    let asked = stream::iter(needed()).map(|right| ask(connection, namespace, right));
    let answers: Vec<Option<MissingRight>> = asked.buffered(AT_A_TIME).try_collect().await?;
    Ok(answers.into_iter().flatten().collect())
}

async fn ask(connection: &Connection, namespace: &str, right: Right) -> Result<Option<MissingRight>, ApiError> {
    let namespace = if right.cluster_wide { "" } else { namespace };
    let allowed = match right.kind() {
        Some((kind, subresource)) => {
            let access = Access {
                verb: &right.verb,
                kind,
                subresource,
                namespace,
                name: &right.name,
            };
            connection.api.access_review(access).await?
        }
        None => false,
    };
    Ok((!allowed).then(|| MissingRight {
        right,
        namespace: namespace.to_owned(),
    }))
}

/// The least Role, its binding and the cluster-wide looks for a service account, ready for `kubectl apply -f -`.
pub fn manifest(namespace: &str, account: &str) -> Result<String, BadName> {
    named("namespace", namespace, 63, |b| b == b'-')?;
    named("service account", account, 253, |b| matches!(b, b'-' | b'.'))?;
    // two accounts in one namespace share the Role, and each has its own binding
    let binding = if account == OWN {
        OWN.to_owned()
    } else {
        format!("{OWN}-{account}")
    };
    let mut documents = vec![format!(
        "# The least rights of DreamOps in the namespace {namespace}, for its service account {account}.\n"
    )];
    documents.extend(RBAC.split(SEPARATOR).map(|document| {
        let name = if document.contains("\nkind: ServiceAccount\n") {
            account
        } else if document.contains("\nkind: RoleBinding\n") {
            &binding
        } else {
            OWN
        };
        without_comment_on_use(document)
            .replace(
                "\nmetadata: { name: dreamops }\n",
                &format!("\nmetadata: {{ name: {name}, namespace: {namespace} }}\n"),
            )
            .replace(
                "{ kind: ServiceAccount, name: dreamops }",
                &format!("{{ kind: ServiceAccount, name: {account}, namespace: {namespace} }}"),
            )
    }));
    documents.push(format!(
        "apiVersion: rbac.authorization.k8s.io/v1\n\
         kind: ClusterRoleBinding\n\
         metadata: {{ name: \"dreamops-look:{namespace}:{account}\" }}\n\
         roleRef: {{ apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: dreamops-look }}\n\
         subjects:\n  - {{ kind: ServiceAccount, name: {account}, namespace: {namespace} }}\n"
    ));
    let (head, rest) = documents.split_at(1);
    Ok(head.concat() + &rest.join(SEPARATOR))
}

/// The list's first lines tell how it is applied as it is.
fn without_comment_on_use(document: &str) -> String {
    let lines = document.lines().filter(|line| !line.contains("kubectl"));
    lines
        .filter(|line| !line.starts_with("# The least rights"))
        .fold(String::new(), |text, line| text + line + "\n")
}

fn named(what: &'static str, name: &str, longest: usize, between: impl Fn(u8) -> bool) -> Result<(), BadName> {
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends = [name.bytes().next(), name.bytes().last()];
    let fits = name.len() <= longest
        && name.bytes().all(|b| letter(b) || between(b))
        && ends.iter().all(|end| end.is_some_and(letter));
    if fits {
        Ok(())
    } else {
        Err(BadName {
            what,
            name: name.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn documents(text: &str) -> Vec<Value> {
        serde_saphyr::from_multiple(text).unwrap_or_else(|e| panic!("{e}\n{text}"))
    }

    #[test]
    fn every_right_of_the_list_can_be_asked_for() {
        let rights = needed();
        let listed: usize = documents(RBAC)
            .iter()
            .filter_map(|d| d["rules"].as_array())
            .flatten()
            .map(|r| {
                ["resources", "verbs"]
                    .iter()
                    .map(|f| r[f].as_array().map_or(0, Vec::len))
                    .product::<usize>()
            })
            .sum();
        assert_eq!(rights.len(), listed);
        assert!(listed > 40, "{listed}");
        for right in rights {
            assert!(right.kind().is_some(), "{right:?}");
        }
    }

    #[test]
    fn looks_in_the_whole_cluster_are_not_needed() {
        let wide: Vec<_> = needed().into_iter().filter(|r| r.cluster_wide).collect();
        assert!(
            wide.iter()
                .any(|r| r.resource == "namespaces" && r.name == "kube-system")
        );
        assert!(wide.iter().all(|r| matches!(r.verb.as_str(), "get" | "list")));
    }

    #[test]
    fn a_missing_right_says_what_to_add() {
        let missing = MissingRight {
            right: needed().into_iter().find(|r| r.resource == "pods/eviction").unwrap(),
            namespace: "shop".to_owned(),
        };
        assert_eq!(
            missing.to_string(),
            r#"may not create pods/eviction in shop; add to its Role: {apiGroups: [""], resources: ["pods/eviction"], verbs: ["create"]}"#
        );
    }

    #[test]
    fn the_manifest_gives_the_listed_rights_to_one_account_in_one_namespace() {
        let text = manifest("shop", "agent").unwrap();
        let (made, listed) = (documents(&text), documents(RBAC));
        let of = |kind: &str| made.iter().find(|d| d["kind"] == kind).unwrap();
        let subject = json!([{"kind": "ServiceAccount", "name": "agent", "namespace": "shop"}]);
        assert_eq!(
            of("ServiceAccount")["metadata"],
            json!({"name": "agent", "namespace": "shop"})
        );
        assert_eq!(of("Role")["metadata"], json!({"name": "dreamops", "namespace": "shop"}));
        assert_eq!(
            of("RoleBinding")["metadata"],
            json!({"name": "dreamops-agent", "namespace": "shop"})
        );
        assert_eq!(of("RoleBinding")["roleRef"]["name"], "dreamops");
        assert_eq!(of("RoleBinding")["subjects"], subject);
        assert_eq!(
            of("ClusterRoleBinding")["roleRef"]["name"],
            of("ClusterRole")["metadata"]["name"]
        );
        assert_eq!(of("ClusterRoleBinding")["subjects"], subject);
        for kind in ["Role", "ClusterRole"] {
            let as_listed = listed.iter().find(|d| d["kind"] == kind).unwrap();
            assert_eq!(of(kind)["rules"], as_listed["rules"]);
        }
        assert_eq!(made.len(), listed.len() + 1);
    }

    #[test]
    fn a_name_cannot_add_to_the_manifest() {
        let long = "a".repeat(254);
        for bad in ["", "Shop", "a}\n---\nkind: x", "a b", "-a", "a-", "a:b", long.as_str()] {
            assert!(manifest(bad, "agent").is_err(), "{bad:?}");
            assert!(manifest("shop", bad).is_err(), "{bad:?}");
        }
        assert!(manifest("a.b", "agent").is_err());
        assert!(manifest("shop", "agent.one").is_ok());
    }
}
