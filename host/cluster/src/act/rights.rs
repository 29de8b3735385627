//! Whether the credential may do what a step needs, now and for taking it back, by the cluster's own word.

use crate::act::Actor;
use crate::act::draft::Draft;
use crate::act::rehearse::{failed, not_checked, passed};
use crate::api::Access;
use dreamops_domain::read::ReadError;
use dreamops_domain::rehearsal::Check;

/// A verb on a kind or on a subresource of it.
pub(super) type Right<'a> = (&'static str, &'a str, &'static str);

impl Actor {
    /// Whether the credential has each right (verb, kind, subresource) in a namespace.
    pub(super) async fn check_rights(&self, namespace: &str, rights: &[Right<'_>]) -> Check {
        let name = "rbac";
        for (verb, kind, subresource) in rights {
            let access = Access {
                verb,
                kind,
                subresource,
                namespace,
                name: "",
            };
            match self.api.access_review(access).await {
                Ok(true) => {}
                Ok(false) => {
                    return failed(name, missing_right(verb, kind, subresource, namespace));
                }
                Err(e) => return not_checked(name, e.said(&self.redactor)),
            }
        }
        passed(name)
    }
}

fn missing_right(verb: &str, kind: &str, subresource: &str, namespace: &str) -> String {
    let row = crate::resource::of(kind);
    let resource = match (row.map_or(kind, |r| r.plural), subresource) {
        (plural, "") => plural.to_owned(),
        (plural, sub) => format!("{plural}/{sub}"),
    };
    let group = row.map_or("", |r| r.group);
    ReadError::Forbidden {
        verb: verb.to_owned(),
        resource: resource.clone(),
        namespace: namespace.to_owned(),
        rule: format!(r#"{{apiGroups: ["{group}"], resources: ["{resource}"], verbs: ["{verb}"]}}"#),
    }
    .to_string()
}

/// The rights that a draft needs, now and for taking it back.
pub(super) fn of(draft: &Draft) -> Vec<Right<'_>> {
    let kind = draft.target.kind.as_str();
    let mut rights = vec![("get", kind, ""), ("patch", kind, "")];
    if draft.create.is_some() {
        rights.extend([
            ("create", "Secret", ""),
            ("get", "Secret", ""),
            ("delete", "Secret", ""),
        ]);
    }
    if !draft.stuck.is_empty() {
        rights.extend([("get", "Pod", ""), ("delete", "Pod", "")]);
    }
    rights
}
