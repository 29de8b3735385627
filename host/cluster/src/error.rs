//! What an API server's refusal means.
//!
//! Promise: an [`ApiError`] says which call failed, what kind of failure it is, and, for a write,
//! whether the server may have carried it out. What the server said is raw text that may hold
//! secret values: it is kept inside and leaves only through a [`Redactor`],
//! inert for terminals.
//!
//! | the server answers | class |
//! | --- | --- |
//! | 404 with a `Status` that names an object | [`Failure::NotFound`] |
//! | 404 otherwise, 503 of an aggregated API | [`Failure::NotServed`] |
//! | 401 | [`Failure::Unauthorized`] |
//! | 403 of the authorizer (`cannot VERB resource`) | [`Failure::Forbidden`] |
//! | 403 of admission (quota, `LimitRange`, Pod Security) | [`Failure::Denied`] |
//! | 409 `AlreadyExists` | [`Failure::AlreadyExists`] |
//! | 409 otherwise | [`Failure::Conflict`] |
//! | 422 with causes | [`Failure::Invalid`] |
//! | 422 without causes: a failed `test` of a JSON patch, or a path that cannot be followed | [`Failure::PatchTest`] |
//! | 429 | [`Failure::TooManyRequests`] |
//! | other 4xx | [`Failure::BadRequest`] |
//! | 5xx, no answer, half an answer | [`Failure::Unavailable`] |

use crate::transport::Trouble;
use dreamops_domain::inert::inert;
use dreamops_domain::ports::ActError;
use dreamops_domain::read::ReadError;
use dreamops_domain::redact::Redactor;
use serde_json::Value;
use std::fmt;
use std::time::Duration;

/// Which call it was, in the words of RBAC.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Call {
    /// `get`, `list`, `patch`, `create`, `delete`.
    pub verb: &'static str,
    /// The API group; empty for the core group.
    pub group: String,
    /// The plural, with the subresource: `pods/log`.
    pub resource: String,
    /// The namespace; empty for the cluster.
    pub namespace: String,
    /// The object's name; empty for collections.
    pub name: String,
    /// Whether it may change the cluster: a write that is no dry run.
    pub changes: bool,
}

impl Call {
    /// The rule of a Role (or a `ClusterRole`, as a comment says) that allows this call, as one line of YAML.
    pub fn rule(&self) -> String {
        let place = if self.namespace.is_empty() {
            " # in a ClusterRole"
        } else {
            ""
        };
        format!(
            r#"{{apiGroups: ["{}"], resources: ["{}"], verbs: ["{}"]}}{place}"#,
            self.group, self.resource, self.verb
        )
    }

    /// `deployments "web" in namespace shop`.
    fn object(&self) -> String {
        let name = if self.name.is_empty() {
            String::new()
        } else {
            format!(" {:?}", self.name)
        };
        let place = if self.namespace.is_empty() {
            String::new()
        } else {
            format!(" in namespace {}", self.namespace)
        };
        format!("{}{name}{place}", self.resource)
    }
}

/// The kind of failure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The object does not exist.
    NotFound,
    /// The cluster serves no such API, or the program behind it is down.
    NotServed,
    /// The credential is not accepted.
    Unauthorized,
    /// RBAC does not allow the call.
    Forbidden,
    /// Admission refused the object: quota, `LimitRange`, Pod Security, a webhook.
    Denied,
    /// An object of this name is there already.
    AlreadyExists,
    /// The object is another one, or has changed (uid or resourceVersion precondition).
    Conflict,
    /// The object would not be valid; [`ApiError::causes`] says where.
    Invalid,
    /// A `test` of the JSON patch failed or one of its paths cannot be followed: read the object to tell which.
    PatchTest,
    /// Too many requests; for an eviction, a disruption budget does not allow it now.
    TooManyRequests {
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
    /// The server does not understand the request, or refuses it for another reason.
    BadRequest,
    /// No (whole) answer, or a 5xx.
    Unavailable {
        /// Whether the request may have reached the server, so that a write may have happened.
        in_doubt: bool,
    },
}

/// One of `details.causes`.
#[derive(Clone, PartialEq, Eq)]
pub struct Cause {
    /// The field, as the server names it: `spec.replicas`.
    pub field: String,
    /// `FieldValueInvalid`, `DisruptionBudget`, ….
    pub reason: String,
    /// Raw text; may echo values.
    message: String,
}

impl Cause {
    /// What the server said, fit to be shown.
    pub fn said(&self, redactor: &Redactor) -> String {
        inert(&redactor.text(&self.message), SAID)
    }
}

/// Shows no message: it may echo values.
impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cause({} {})", self.field, self.reason)
    }
}

/// A call that the API server did not carry out, or of which no answer came.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiError(Box<Details>);

/// All that is known of a failed call.
#[derive(Clone, PartialEq, Eq)]
pub struct Details {
    /// The call.
    pub call: Call,
    /// The kind of failure.
    pub failure: Failure,
    /// The HTTP status; 0 where there was no answer.
    pub code: u16,
    /// The machine-readable reason of the `Status`; may be empty.
    pub reason: String,
    /// `details.causes` of the `Status`.
    pub causes: Vec<Cause>,
    /// Raw text; may echo values.
    message: String,
    /// What happened on the way, where no answer came.
    trouble: Option<Trouble>,
}

/// Shows no message: it may echo values.
impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiError")
            .field("call", &self.call)
            .field("failure", &self.failure)
            .field("code", &self.code)
            .field("reason", &self.reason)
            .field("causes", &self.causes)
            .finish_non_exhaustive()
    }
}

impl std::ops::Deref for ApiError {
    type Target = Details;
    fn deref(&self) -> &Details {
        &self.0
    }
}

impl ApiError {
    /// No answer, or half of one.
    pub fn no_answer(call: Call, in_doubt: bool, why: String) -> Self {
        let in_doubt = in_doubt && call.changes;
        Self(Box::new(Details {
            call,
            failure: Failure::Unavailable { in_doubt },
            code: 0,
            reason: String::new(),
            causes: Vec::new(),
            message: why,
            trouble: None,
        }))
    }

    /// As [`ApiError::no_answer`], with what happened on the way.
    pub(crate) fn on_the_way(call: Call, in_doubt: bool, trouble: Trouble) -> Self {
        let mut error = Self::no_answer(call, in_doubt, trouble.to_string());
        error.0.trouble = Some(trouble);
        error
    }

    /// What happened on the way, where no answer came and that is known.
    pub(crate) fn trouble(&self) -> Option<&Trouble> {
        self.0.trouble.as_ref()
    }

    /// A request that is not worth sending.
    pub fn not_sent(call: Call, failure: Failure, why: String) -> Self {
        Self(Box::new(Details {
            call,
            failure,
            code: 0,
            reason: String::new(),
            causes: Vec::new(),
            message: why,
            trouble: None,
        }))
    }

    /// From an answer that is no success. `retry_after` is the header's value, in seconds.
    pub fn from_answer(call: Call, code: u16, body: &[u8], retry_after: Option<u64>) -> Self {
        let status: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let is_status = status["kind"] == "Status";
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let message = if is_status {
            text(&status["message"])
        } else {
            String::from_utf8_lossy(&body[..body.len().min(512)]).trim().to_owned()
        };
        let causes: Vec<Cause> = status["details"]["causes"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|c| Cause {
                field: text(&c["field"]),
                reason: text(&c["reason"]),
                message: text(&c["message"]),
            })
            .collect();
        let retry_after = retry_after
            .or_else(|| status["details"]["retryAfterSeconds"].as_u64())
            .map(Duration::from_secs);
        let reason = text(&status["reason"]);
        let failure = match code {
            401 => Failure::Unauthorized,
            403 if is_authorizers(&message, is_status) => Failure::Forbidden,
            403 => Failure::Denied,
            404 if is_status && !message.starts_with(NO_SUCH_RESOURCE) => Failure::NotFound,
            404 => Failure::NotServed,
            409 if reason == "AlreadyExists" => Failure::AlreadyExists,
            409 => Failure::Conflict,
            422 if causes.is_empty() => Failure::PatchTest,
            422 => Failure::Invalid,
            429 => Failure::TooManyRequests { retry_after },
            503 if call.group == "metrics.k8s.io" => Failure::NotServed,
            // 503 comes before the request is carried out; any other 5xx may come after
            503 => Failure::Unavailable { in_doubt: false },
            500.. => Failure::Unavailable { in_doubt: call.changes },
            _ => Failure::BadRequest,
        };
        Self(Box::new(Details {
            call,
            failure,
            code,
            reason,
            causes,
            message,
            trouble: None,
        }))
    }

    /// Whether a write may have been carried out.
    pub fn in_doubt(&self) -> bool {
        matches!(self.failure, Failure::Unavailable { in_doubt: true })
    }

    /// What the server said, fit to be shown.
    pub fn said(&self, redactor: &Redactor) -> String {
        let message = inert(&redactor.text(&self.message), SAID);
        match (message.is_empty(), self.code) {
            (false, _) => message,
            (true, 0) => "no answer".to_owned(),
            (true, code) => format!("status {code} {}", self.reason),
        }
    }

    /// In the words of the read port.
    pub fn into_read(self, redactor: &Redactor) -> ReadError {
        match &self.failure {
            Failure::NotFound => ReadError::NotFound {
                what: self.call.object(),
            },
            Failure::Forbidden => ReadError::Forbidden {
                verb: self.call.verb.to_owned(),
                resource: self.call.resource.clone(),
                namespace: self.call.namespace.clone(),
                rule: self.call.rule(),
            },
            Failure::NotServed => ReadError::NotAvailable {
                what: served_name(&self.call),
                hint: served_hint(&self.call),
            },
            Failure::Unauthorized => ReadError::Unauthorized {
                why: self.said(redactor),
            },
            Failure::Unavailable { .. } | Failure::TooManyRequests { .. } => ReadError::Unavailable {
                why: self.said(redactor),
            },
            Failure::Denied
            | Failure::AlreadyExists
            | Failure::Conflict
            | Failure::Invalid
            | Failure::PatchTest
            | Failure::BadRequest => ReadError::Invalid {
                why: format!(
                    "the cluster refused to {} {}: {}",
                    self.call.verb,
                    self.call.object(),
                    self.said(redactor)
                ),
            },
        }
    }

    /// In the words of the write port.
    pub fn into_act(self, redactor: &Redactor) -> ActError {
        if self.in_doubt() {
            ActError::InDoubt {
                why: self.said(redactor),
            }
        } else {
            ActError::Read(self.into_read(redactor))
        }
    }
}

/// The most of a server's message that is shown, in characters.
const SAID: usize = 1000;

/// How the API server begins its answer where a path is known to no API group.
const NO_SUCH_RESOURCE: &str = "the server could not find the requested resource";

/// Authorizers answer `User "x" cannot get resource "pods" in API group …`; admission answers in other words.
fn is_authorizers(message: &str, is_status: bool) -> bool {
    !is_status || message.contains(" cannot ") || message.contains("impersonate")
}

fn served_name(call: &Call) -> String {
    if call.group == "metrics.k8s.io" {
        "metrics API".to_owned()
    } else if call.group.is_empty() {
        format!("API for {}", call.resource)
    } else {
        format!("API {} for {}", call.group, call.resource)
    }
}

fn served_hint(call: &Call) -> String {
    if call.group == "metrics.k8s.io" {
        "install metrics-server, or see why its APIService is not available".to_owned()
    } else {
        "check the cluster's version and address".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(verb: &'static str) -> Call {
        Call {
            verb,
            group: "apps".into(),
            resource: "deployments".into(),
            namespace: "shop".into(),
            name: "web".into(),
            changes: !matches!(verb, "get" | "list"),
        }
    }

    fn answer(verb: &'static str, code: u16, body: &str) -> ApiError {
        ApiError::from_answer(call(verb), code, body.as_bytes(), None)
    }

    #[test]
    fn a_missing_right_names_verb_resource_namespace_and_the_rule() {
        let body = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"deployments.apps \"web\" is forbidden: User \"dev\" cannot get resource \"deployments\" in API group \"apps\" in the namespace \"shop\"","reason":"Forbidden","details":{"name":"web","group":"apps","kind":"deployments"},"code":403}"#;
        let error = answer("get", 403, body).into_read(&Redactor::new(b"k"));
        assert_eq!(
            error,
            ReadError::Forbidden {
                verb: "get".into(),
                resource: "deployments".into(),
                namespace: "shop".into(),
                rule: r#"{apiGroups: ["apps"], resources: ["deployments"], verbs: ["get"]}"#.into(),
            }
        );
    }

    #[test]
    fn a_quota_is_no_missing_right() {
        let body = r#"{"kind":"Status","apiVersion":"v1","status":"Failure","message":"pods \"web\" is forbidden: exceeded quota: q, requested: limits.memory=1Gi, used: limits.memory=0, limited: limits.memory=512Mi","reason":"Forbidden","code":403}"#;
        assert_eq!(answer("create", 403, body).failure, Failure::Denied);
    }

    #[test]
    fn a_failed_test_is_told_from_an_invalid_object() {
        let test = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"the server rejected our request due to an error in our request","reason":"Invalid","details":{},"code":422}"#;
        let invalid = r#"{"kind":"Status","status":"Failure","message":"Deployment.apps \"web\" is invalid: spec.replicas: Invalid value: -1","reason":"Invalid","details":{"name":"web","group":"apps","kind":"Deployment","causes":[{"reason":"FieldValueInvalid","message":"Invalid value: -1","field":"spec.replicas"}]},"code":422}"#;
        assert_eq!(answer("patch", 422, test).failure, Failure::PatchTest);
        let error = answer("patch", 422, invalid);
        assert_eq!(error.failure, Failure::Invalid);
        assert_eq!(error.causes[0].field, "spec.replicas");
    }

    #[test]
    fn a_missing_object_is_told_from_a_missing_api() {
        let object = r#"{"kind":"Status","status":"Failure","message":"deployments.apps \"web\" not found","reason":"NotFound","details":{"name":"web","group":"apps","kind":"deployments"},"code":404}"#;
        let api = r#"{"kind":"Status","status":"Failure","message":"the server could not find the requested resource","reason":"NotFound","details":{},"code":404}"#;
        assert_eq!(answer("get", 404, object).failure, Failure::NotFound);
        assert_eq!(answer("get", 404, api).failure, Failure::NotServed);
        assert_eq!(answer("get", 404, "404 page not found\n").failure, Failure::NotServed);
    }

    #[test]
    fn only_a_write_that_may_have_arrived_is_in_doubt() {
        assert!(answer("patch", 504, "").in_doubt());
        assert!(!answer("patch", 503, "").in_doubt());
        assert!(!answer("get", 504, "").in_doubt());
        assert!(ApiError::no_answer(call("delete"), true, "reset".into()).in_doubt());
        assert!(!ApiError::no_answer(call("delete"), false, "refused".into()).in_doubt());
        assert!(!ApiError::no_answer(call("list"), true, "reset".into()).in_doubt());
    }

    #[test]
    fn a_disruption_budget_tells_when_to_try_again() {
        let body = r#"{"kind":"Status","status":"Failure","message":"Cannot evict pod as it would violate the pod's disruption budget.","reason":"TooManyRequests","details":{"causes":[{"reason":"DisruptionBudget","message":"The disruption budget web needs 2 healthy pods and has 2 currently"}],"retryAfterSeconds":10},"code":429}"#;
        assert_eq!(
            answer("create", 429, body).failure,
            Failure::TooManyRequests {
                retry_after: Some(Duration::from_secs(10))
            }
        );
    }

    #[test]
    fn what_the_server_said_does_not_show_in_debug() {
        let error = answer("get", 400, r#"{"kind":"Status","message":"hunter2"}"#);
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}
