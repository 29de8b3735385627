//! Values as columns keep them: moments, identifiers, names, documents.

use crate::error::unreadable;
use dreamops_domain::phase::{Mode, Phase};
use dreamops_domain::ports::StoreError;
use dreamops_domain::time::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// A moment as the database keeps it.
pub(crate) fn to_millis(moment: Timestamp) -> i64 {
    i64::try_from(moment.millis()).unwrap_or(i64::MAX)
}

/// A moment from the database.
pub(crate) fn from_millis(millis: i64) -> Timestamp {
    Timestamp::from_millis(u64::try_from(millis).unwrap_or_default())
}

/// A value as the text that is stored.
pub(crate) fn to_json<T: Serialize>(value: &T, what: &str) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::Database(format!("{what} cannot be written down as JSON")))
}

/// A value from stored text; `what` names it in the error.
pub(crate) fn from_json<T: DeserializeOwned>(text: &str, what: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| unreadable(what))
}

/// The name of a unit variant, as it is serialised.
pub(crate) fn name_of<T: Serialize>(value: &T) -> Result<String, StoreError> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => Ok(name),
        _ => Err(unreadable("a name")),
    }
}

/// A unit variant from its serialised name; `what` names it in the error.
pub(crate) fn from_name<T: DeserializeOwned>(name: &str, what: &str) -> Result<T, StoreError> {
    serde_json::from_value(serde_json::Value::String(name.to_owned())).map_err(|_| unreadable(what))
}

/// An identifier from the database.
pub(crate) fn read_id(text: &str) -> Result<Uuid, StoreError> {
    Uuid::parse_str(text).map_err(|_| unreadable("a stored id"))
}

/// A phase from the database.
pub(crate) fn read_phase(text: &str) -> Result<Phase, StoreError> {
    Phase::from_name(text).ok_or_else(|| unreadable("a stored phase"))
}

/// A mode from the database.
pub(crate) fn read_mode(text: &str) -> Result<Mode, StoreError> {
    [Mode::Observe, Mode::Approval, Mode::Yolo]
        .into_iter()
        .find(|mode| mode.name() == text)
        .ok_or_else(|| unreadable("a stored mode"))
}
