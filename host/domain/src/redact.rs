//! Redaction: the one way by which text and objects from a cluster become showable.
//!
//! [`Shown`] can be made only here. Read ports return it; components, audit, recordings and errors
//! accept nothing else.
//!
//! A secret becomes a handle, `‹secret:1a2b3c4d›`: the beginning of its HMAC-SHA256 under a tenant's key. Equal secrets
//! have equal handles within a tenant, so that "the same value as before" stays visible. White space around a secret does
//! not count, and a value in a Secret's `data` counts as what it decodes to.
//!
//! | where | what becomes a handle |
//! | --- | --- |
//! | Secrets | every value of `data` and `stringData` |
//! | environment | values of names that mean a secret ([`name`]); of other names all but plain ones ([`plain`]): words, numbers, amounts, host:port, paths, URLs, and lists of them. Names stay, and so does a reference like `$(HOST)` |
//! | arguments | values of flags that mean a secret: `--token=x`, `--token x` |
//! | fields, ConfigMap entries, annotations, labels | values whose key means a secret |
//! | text that is JSON (`last-applied-configuration` and others) | what an object in its place would lose |
//! | every text | what [`text`] lists: keys, tokens, certificates, headers, credentials in URLs, `password=…`, long random strings |
//!
//! `managedFields` is dropped. Stay readable: names of objects, uids, image digests, container ids, revision hashes, git
//! commits. What looks like a plain word under a plain name cannot be told from one, and stays.
//!
//! Redacting twice changes nothing. The work grows with the length of the text.

use hmac::{Hmac, Mac};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use sha2::Sha256;
use std::ops::Deref;
use std::sync::LazyLock;

mod name;
mod object;
mod parts;
mod plain;
mod random;
mod text;
mod writers;

/// What a reader of redacted text has to know, a model above all.
pub const NOTICE: &str = "‹secret:…› stands in place of a secret that is kept from you. The cluster holds the real value: \
it is no mistake and needs no fix. Equal marks stand for equal values. A mark is never accepted as a value.";

static HANDLE: LazyLock<regex::Regex> = LazyLock::new(|| crate::pattern::pattern("‹secret:[0-9a-f]{8}›"));
/// Also what a handle may turn into on its way through JSON or a model.
static HANDLE_LIKE: LazyLock<regex::Regex> =
    LazyLock::new(|| crate::pattern::pattern(r"(?i)(?:‹|<|\\u2039|&lt;)\s*secret:[0-9a-f]{8}\b"));

/// Whether a text is a handle and nothing else.
pub fn is_handle(text: &str) -> bool {
    HANDLE.find(text).is_some_and(|found| found.len() == text.len())
}

/// Whether a text holds a handle, also one that was written in other brackets. Such a text is never accepted as a value.
pub fn contains_handle(text: &str) -> bool {
    HANDLE_LIKE.is_match(text)
}

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

/// What is read back from a recording passes redaction again, which changes nothing in what had passed it.
impl<'de> Deserialize<'de> for Shown<String> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Redactor::new(&[]).text(&text))
    }
}

/// As for text.
impl<'de> Deserialize<'de> for Shown<Value> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(|object| Redactor::new(&[]).object_with_writers(&object))
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

    /// An object as the API server returned it, without `managedFields`. Redact first and take parts afterwards: a part
    /// alone does not say that it is the value of an environment variable.
    pub fn object(&self, object: &Value) -> Shown<Value> {
        Shown(object::Walk::new(self).value(object))
    }

    /// As [`Self::object`], with who wrote which field and when (`managedFields`): names, no values.
    pub fn object_with_writers(&self, object: &Value) -> Shown<Value> {
        let mut shown = self.object(object).into_inner();
        if let (Some(entries), Some(metadata)) = (writers::of(self, object), shown.get_mut("metadata")) {
            metadata["managedFields"] = entries;
        }
        Shown(shown)
    }

    /// Free text: logs, event messages, errors.
    pub fn text(&self, text: &str) -> Shown<String> {
        Shown(text::redact(self, text, text::Depth::Guessing))
    }

    /// The handle of a secret. An empty value stays empty and a handle stays itself.
    fn handle(&self, secret: &[u8]) -> String {
        let secret = secret.trim_ascii();
        match std::str::from_utf8(secret) {
            Ok(text) if text.is_empty() || is_handle(text) => return text.to_owned(),
            _ => {}
        }
        // HMAC takes a key of any length: the other arm is never reached
        let shown = Hmac::<Sha256>::new_from_slice(&self.key).map_or_else(
            |_| "00000000".to_owned(),
            |mac| hex::encode(&mac.chain_update(secret).finalize().into_bytes()[..4]),
        );
        format!("‹secret:{shown}›")
    }
}

#[cfg(test)]
mod tests;
