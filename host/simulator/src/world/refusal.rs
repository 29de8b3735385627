//! What the API server answers when it does not do as asked: a `Status` object.
//!
//! Controllers meet refusals as well: a ReplicaSet whose pods are over a quota gets one for each try.

use crate::world::kind::{Kind, Row};
use serde_json::{Value, json};

/// A request that was not carried out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) code: u16,
    /// The machine-readable reason.
    pub(crate) reason: &'static str,
    /// The sentence.
    pub(crate) message: String,
    /// Name, group, kind, causes.
    pub(crate) details: Value,
}

impl Refusal {
    pub(crate) fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: json!({}),
        }
    }

    /// The object, or the status of a request about one, is not there.
    pub(crate) fn not_found(row: &Row, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{} {name:?} not found", row.qualified())).about(row.group, row.plural, name)
    }

    /// The server has no such path.
    pub(crate) fn no_such_path() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource")
    }

    pub(crate) fn already_exists(kind: Kind, name: &str) -> Self {
        let row = kind.row();
        let message = format!("{} {name:?} already exists", row.qualified());
        Self::new(409, "AlreadyExists", message).about(row.group, row.plural, name)
    }

    pub(crate) fn conflict(kind: Kind, name: &str, why: &str) -> Self {
        let row = kind.row();
        let message = format!("Operation cannot be fulfilled on {} {name:?}: {why}", row.qualified());
        Self::new(409, "Conflict", message).about(row.group, row.plural, name)
    }

    /// Admission says no.
    pub(crate) fn forbidden(kind: Kind, name: &str, why: &str) -> Self {
        let row = kind.row();
        let message = format!("{} {name:?} is forbidden: {why}", row.qualified());
        Self::new(403, "Forbidden", message).about(row.group, row.plural, name)
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// A JSON patch whose tests or paths do not fit: the real server names neither.
    pub(crate) fn patch_does_not_fit() -> Self {
        Self::new(
            422,
            "Invalid",
            "the server rejected our request due to an error in our request",
        )
    }

    /// The object would not be valid. Causes are (field, reason, message).
    pub(crate) fn invalid(kind: Kind, name: &str, causes: &[Cause]) -> Self {
        let row = kind.row();
        let said: Vec<String> = causes.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
        let said = match said.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let dot = if row.group.is_empty() { "" } else { "." };
        let message = format!("{}{dot}{} {name:?} is invalid: {said}", row.name, row.group);
        let mut refusal = Self::new(422, "Invalid", message).about(row.group, row.name, name);
        refusal.details["causes"] = causes
            .iter()
            .map(|c| json!({"reason": c.reason, "message": c.message, "field": c.field}))
            .collect();
        refusal
    }

    /// A request that this simulator does not know how to answer as the real server would.
    pub(crate) fn not_simulated(what: &str) -> Self {
        Self::new(
            501,
            "NotImplemented",
            format!("the simulated cluster does not serve {what}; a real one would"),
        )
    }

    /// Names the object that it is about.
    pub(crate) fn about(mut self, group: &str, kind: &str, name: &str) -> Self {
        self.details = json!({"name": name, "kind": kind});
        if !group.is_empty() {
            self.details["group"] = json!(group);
        }
        self
    }

    /// As the server sends it.
    pub(crate) fn status(&self) -> Value {
        json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "details": self.details,
            "code": self.code,
        })
    }
}

/// One reason why an object is not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    /// `spec.replicas`.
    pub(crate) field: String,
    /// `FieldValueInvalid`, `FieldValueRequired`, ….
    pub(crate) reason: &'static str,
    /// `Invalid value: -1: must be greater than or equal to 0`.
    pub(crate) message: String,
}

impl Cause {
    pub(crate) fn invalid(field: impl Into<String>, value: &Value, why: &str) -> Self {
        Self {
            field: field.into(),
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {value}: {why}"),
        }
    }

    pub(crate) fn required(field: impl Into<String>, why: &str) -> Self {
        let colon = if why.is_empty() { "" } else { ": " };
        Self {
            field: field.into(),
            reason: "FieldValueRequired",
            message: format!("Required value{colon}{why}"),
        }
    }

    pub(crate) fn forbidden(field: impl Into<String>, why: &str) -> Self {
        Self {
            field: field.into(),
            reason: "FieldValueForbidden",
            message: format!("Forbidden: {why}"),
        }
    }
}
