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
    /// Name, group, kind, causes; null where the server says nothing of the sort.
    pub(crate) details: Value,
}

impl Refusal {
    pub(crate) fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: Value::Null,
        }
    }

    /// The object, or the status of a request about one, is not there.
    pub(crate) fn not_found(row: &Row, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{} {name:?} not found", row.qualified())).about(row.group, row.plural, name)
    }

    /// The server has no such path at all. It says so in plain text.
    pub(crate) fn no_such_path() -> Self {
        Self::new(404, "", "404 page not found\n")
    }

    /// The API group has no such resource.
    pub(crate) fn no_such_resource() -> Self {
        let mut refusal = Self::new(404, "NotFound", "the server could not find the requested resource");
        refusal.details = json!({});
        refusal
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

    /// The object is not the one that a delete is meant for.
    pub(crate) fn precondition(kind: Kind, name: &str, field: &str, (wanted, has): (&str, &str), why: &str) -> Self {
        let row = kind.row();
        let dot = if row.group.is_empty() { "" } else { "." };
        let message = format!(
            "Operation cannot be fulfilled on {}{dot}{} {name:?}: the {field} in the precondition ({wanted}) \
             does not match the {field} in record ({has}). {why}",
            row.name, row.group
        );
        Self::new(409, "Conflict", message).about(row.group, row.name, name)
    }

    /// A JSON patch whose tests or paths do not fit: the real server names neither.
    pub(crate) fn patch_does_not_fit() -> Self {
        let message = "the server rejected our request due to an error in our request";
        let mut refusal = Self::new(422, "Invalid", message);
        refusal.details = json!({});
        refusal
    }

    /// What a patch makes of an object is no object of its kind. (The real server's message holds the whole object.)
    pub(crate) fn patch_makes_none(object: &Value, why: &str) -> Self {
        let cause = Cause::invalid("patch", &json!(object.to_string()), why);
        let message = format!(" \"\" is invalid: {}: {}", cause.field, cause.message);
        let mut refusal = Self::new(422, "Invalid", message);
        refusal.details = json!({"causes": [cause.shown()]});
        refusal
    }

    /// The object would not be valid. Causes are (field, reason, message).
    pub(crate) fn invalid(kind: Kind, name: &str, causes: &[Cause]) -> Self {
        let row = kind.row();
        let mut said: Vec<String> = Vec::new();
        for sentence in causes.iter().map(|c| format!("{}: {}", c.field, c.message)) {
            if !said.contains(&sentence) {
                said.push(sentence);
            }
        }
        let said = match said.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let dot = if row.group.is_empty() { "" } else { "." };
        let message = format!("{}{dot}{} {name:?} is invalid: {said}", row.name, row.group);
        let mut refusal = Self::new(422, "Invalid", message).about(row.group, row.name, name);
        refusal.details["causes"] = causes.iter().map(Cause::shown).collect();
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
        self.details = json!({"kind": kind});
        if !name.is_empty() {
            self.details["name"] = json!(name);
        }
        if !group.is_empty() {
            self.details["group"] = json!(group);
        }
        self
    }

    /// As the server sends it.
    pub(crate) fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        });
        if !self.details.is_null() {
            status["details"] = self.details.clone();
        }
        status
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
    fn shown(&self) -> Value {
        json!({"reason": self.reason, "message": self.message, "field": self.field})
    }

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
