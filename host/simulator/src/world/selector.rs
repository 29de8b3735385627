//! Selectors: of labels, as objects and queries write them, and of fields.

use crate::fields;
use crate::world::kind::Kind;
use crate::world::refusal::Refusal;
use serde_json::Value;

/// Whether a `matchLabels`/`matchExpressions` selector matches labels. An empty one matches everything.
pub(crate) fn matches(selector: &Value, labels: &Value) -> bool {
    let by_label = fields::members(selector, "/matchLabels").all(|(k, v)| labels[k] == *v);
    by_label
        && fields::list(selector, "/matchExpressions").iter().all(|e| {
            let present = labels[fields::text(e, "/key")].as_str();
            let among = |v: &str| fields::list(e, "/values").iter().any(|x| x == v);
            match fields::text(e, "/operator") {
                "In" => present.is_some_and(among),
                "NotIn" => !present.is_some_and(among),
                "Exists" => present.is_some(),
                _ => present.is_none(),
            }
        })
}

/// Whether a plain map, as Services have it, matches labels. An empty one matches nothing.
pub(crate) fn matches_map(map: &Value, labels: &Value) -> bool {
    let mut any = false;
    fields::members(map, "").all(|(k, v)| {
        any = true;
        labels[k] == *v
    }) && any
}

/// One requirement of a query's label selector.
#[derive(Debug, PartialEq)]
enum Term {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

/// A label selector as a query writes it: `app=web,tier in (a,b),!old`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct LabelQuery(Vec<Term>);

impl LabelQuery {
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        split_outside_brackets(text)
            .into_iter()
            .filter(|t| !t.is_empty())
            .map(|term| {
                term_of(term).ok_or_else(|| {
                    Refusal::bad_request(format!("unable to parse requirement: {term:?} is no label requirement"))
                })
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        self.0.iter().all(|term| match term {
            Term::In(key, values) => labels[key].as_str().is_some_and(|v| values.iter().any(|x| x == v)),
            Term::NotIn(key, values) => !labels[key].as_str().is_some_and(|v| values.iter().any(|x| x == v)),
            Term::Exists(key) => labels[key].is_string(),
            Term::Absent(key) => !labels[key].is_string(),
        })
    }
}

fn split_outside_brackets(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_i32, 0);
    for (place, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[start..place].trim());
                start = place + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts
}

fn term_of(text: &str) -> Option<Term> {
    if let Some(values) = text.strip_suffix(')') {
        let (head, values) = values.split_once('(')?;
        let values = values.split(',').map(|v| v.trim().to_owned()).collect();
        let (key, operator) = head.trim().rsplit_once(' ')?;
        let key = key.trim().to_owned();
        return match operator {
            "in" => Some(Term::In(key, values)),
            "notin" => Some(Term::NotIn(key, values)),
            _ => None,
        };
    }
    if let Some((key, value)) = text.split_once("!=") {
        return Some(Term::NotIn(key.trim().to_owned(), vec![value.trim().to_owned()]));
    }
    if let Some((key, value)) = text.split_once('=') {
        let value = value.strip_prefix('=').unwrap_or(value);
        return Some(Term::In(key.trim().to_owned(), vec![value.trim().to_owned()]));
    }
    if let Some(key) = text.strip_prefix('!') {
        return Some(Term::Absent(key.trim().to_owned()));
    }
    (!text.contains(' ')).then(|| Term::Exists(text.to_owned()))
}

/// Fields by which the real server selects, beside name and namespace.
const FIELDS: [(Kind, &[&str]); 5] = [
    (
        Kind::Pod,
        &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.phase",
            "status.podIP",
        ],
    ),
    (
        Kind::Event,
        &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.fieldPath",
            "reason",
            "type",
        ],
    ),
    (Kind::ReplicaSet, &["status.replicas"]),
    (Kind::Secret, &["type"]),
    (Kind::Namespace, &["status.phase"]),
];

/// A field selector as a query writes it: `involvedObject.uid=…,type!=Normal`.
#[derive(Debug, Default)]
pub(crate) struct FieldQuery(Vec<(String, String, bool)>);

impl FieldQuery {
    pub(crate) fn parse(kind: Kind, text: &str) -> Result<Self, Refusal> {
        let mut terms = Vec::new();
        for term in text.split(',').filter(|t| !t.is_empty()) {
            let (field, value, equal) = if let Some((f, v)) = term.split_once("!=") {
                (f, v, false)
            } else if let Some((f, v)) = term.split_once('=') {
                (f, v.strip_prefix('=').unwrap_or(v), true)
            } else {
                return Err(Refusal::bad_request(format!(
                    "invalid selector: {term:?}; can't understand {term:?}"
                )));
            };
            let of_kind = FIELDS.iter().find(|(k, _)| *k == kind);
            let known = matches!(field, "metadata.name" | "metadata.namespace")
                || of_kind.is_some_and(|(_, fields)| fields.contains(&field));
            if !known {
                return Err(Refusal::bad_request(format!("field label not supported: {field}")));
            }
            terms.push((format!("/{}", field.replace('.', "/")), value.to_owned(), equal));
        }
        Ok(Self(terms))
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.0.iter().all(|(pointer, value, equal)| {
            let present = match object.pointer(pointer) {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Null) | None => String::new(),
                Some(other) => other.to_string(),
            };
            (present == *value) == *equal
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_query_selects_as_the_real_server_does() {
        let web = json!({"metadata": {"labels": {"app": "web", "tier": "front"}}});
        for (query, hit) in [
            ("app=web", true),
            ("app==web,tier in (front, back)", true),
            ("app!=web", false),
            ("app notin (web)", false),
            ("other!=x", true),
            ("app", true),
            ("!app", false),
            ("!other", true),
            ("", true),
        ] {
            assert_eq!(LabelQuery::parse(query).map(|q| q.matches(&web)), Ok(hit), "{query}");
        }
        assert!(LabelQuery::parse("app web").is_err());
    }

    #[test]
    fn a_field_that_the_real_server_does_not_index_is_refused() {
        assert!(FieldQuery::parse(Kind::Pod, "spec.hostname=a").is_err());
        let event = json!({"involvedObject": {"uid": "u"}, "type": "Warning"});
        let query = FieldQuery::parse(Kind::Event, "involvedObject.uid=u,type!=Normal");
        assert!(query.is_ok_and(|q| q.matches(&event)));
    }

    #[test]
    fn a_service_without_selector_selects_nothing() {
        assert!(!matches_map(&json!({}), &json!({"app": "web"})));
        assert!(!matches_map(&Value::Null, &json!({"app": "web"})));
        assert!(matches_map(&json!({"app": "web"}), &json!({"app": "web", "x": "y"})));
        assert!(matches(&json!({}), &json!({"app": "web"})));
    }
}
