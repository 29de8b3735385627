//! `dreamops:plan`.

use super::{BadOutput, bounds};
use crate::bindings::dreamops::plan::draft as wit;
use dreamops_domain::plan::{Action, Amounts, Step};
use dreamops_domain::redact::contains_handle;

impl TryFrom<wit::Amounts> for Amounts {
    type Error = BadOutput;

    fn try_from(amounts: wit::Amounts) -> Result<Self, BadOutput> {
        if amounts.cpu_millis == Some(0) || amounts.memory_bytes == Some(0) {
            return Err(BadOutput("an amount is 0; leave it out to keep what there is".into()));
        }
        Ok(Self {
            cpu_millis: amounts.cpu_millis,
            memory_bytes: amounts.memory_bytes,
        })
    }
}

/// A step from an action that was checked and the component's reason.
pub(crate) fn step(action: Action, why: &wit::Why) -> Result<Step, BadOutput> {
    Ok(Step {
        action,
        reason: bounds::text("a step's reason", &why.reason)?,
        expect: bounds::text("what a step expects", &why.expect)?,
    })
}

/// A value that a component wants written somewhere. What the host shows instead of a secret is never one.
pub(crate) fn value(what: &str, value: String, cap: usize) -> Result<String, BadOutput> {
    if value.len() > cap {
        return Err(BadOutput(format!(
            "{what} has {} bytes and may have {cap}",
            value.len()
        )));
    }
    if contains_handle(&value) {
        return Err(BadOutput(format!(
            "{what} holds a redaction handle, which stands for a secret and is not its value"
        )));
    }
    Ok(value)
}

/// A JSON pointer to one field.
pub(crate) fn pointer(path: String) -> Result<String, BadOutput> {
    let path = value("the path", path, 1024)?;
    if !path.starts_with('/') || path.chars().any(char::is_control) {
        return Err(BadOutput(format!(
            "{path:?} is not a JSON pointer, such as /spec/selector/app"
        )));
    }
    Ok(path)
}

/// JSON text, or nothing to remove a field.
pub(crate) fn json(text: String) -> Result<String, BadOutput> {
    let text = value("the value", text, 64 * 1024)?;
    // a handle may also be written with escapes, so what is read counts as well
    let parsed: serde_json::Value = match text.trim() {
        "" => return Ok(String::new()),
        trimmed => {
            serde_json::from_str(trimmed).map_err(|error| BadOutput(format!("the value is not JSON: {error}")))?
        }
    };
    value("the value", parsed.to_string(), usize::MAX)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redaction_handle_is_never_a_value() {
        assert!(value("x", "‹secret:1a2b3c4d›".into(), 100).is_err());
        assert!(json("{\"a\":[\"pre‹secret:1a2b3c4d›\"]}".into()).is_err());
        assert!(json("\"\\u2039secret:1a2b3c4d\\u203a\"".into()).is_err());
        assert!(pointer("/data/‹secret:1a2b3c4d›".into()).is_err());
    }

    #[test]
    fn a_patch_is_a_pointer_and_json() {
        assert!(pointer("/spec/ports/0".into()).is_ok() && pointer("spec".into()).is_err());
        assert!(json("8080".into()).is_ok() && json(String::new()).is_ok());
        assert!(json("{".into()).is_err() && json("web".into()).is_err());
    }
}
