//! The keyring: Fernet keys, newest first.
//!
//! Accepted form of a ring: keys separated by commas or white space, newest first; a key is 32 random
//! bytes as URL-safe base64 (44 characters with padding), as the Fernet specification writes it.

use crate::sign::hmac_sha256;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use fernet::Fernet;
use sha2::{Digest, Sha256};
use std::fmt;
use zeroize::Zeroizing;

/// Bytes of a key: 16 to sign, 16 to encrypt.
const KEY_BYTES: usize = 32;
/// Bytes of a key's hash that name it.
const ID_BYTES: usize = 4;

/// Why a text is no keyring. Never says what the text was.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyError {
    /// There is no key in it.
    #[error("there is no encryption key; `dreamops key generate` makes one")]
    Empty,
    /// One of the keys is not in the right form.
    #[error("encryption key {position} is not 32 bytes in URL-safe base64; `dreamops key generate` shows the form")]
    Malformed {
        /// Which one, from 1.
        position: usize,
    },
    /// A key is there twice, which hides a mistake in a rotation.
    #[error("encryption key {position} repeats an earlier one; remove it")]
    Repeated {
        /// Which one, from 1.
        position: usize,
    },
}

/// A key that was just made. Shown only by [`NewKey::expose`].
pub struct NewKey(Zeroizing<String>);

impl NewKey {
    /// The key as text, for the operator or the key file.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewKey")
    }
}

/// One key with its name.
pub(crate) struct Key {
    /// Short hash of the key, lower-case hexadecimal.
    pub(crate) id: String,
    /// The key itself; wipes itself when dropped.
    pub(crate) fernet: Fernet,
    /// What it signs the audit's chain with: derived, so that the key itself does one thing only.
    pub(crate) chain: Zeroizing<[u8; KEY_BYTES]>,
}

/// Keys, newest first; at least one.
pub struct Keyring {
    newest: Key,
    older: Vec<Key>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({} keys)", self.older.len() + 1)
    }
}

impl Keyring {
    /// Reads a ring, as `DREAMOPS_ENCRYPTION_KEYS` or the key file hold it.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut keys: Vec<Key> = Vec::new();
        let parts = text.split(|c: char| c == ',' || c.is_whitespace());
        for (index, part) in parts.filter(|p| !p.is_empty()).enumerate() {
            let position = index + 1;
            let key = read_key(part).ok_or(KeyError::Malformed { position })?;
            if keys.iter().any(|k| k.id == key.id) {
                return Err(KeyError::Repeated { position });
            }
            keys.push(key);
        }
        let mut keys = keys.into_iter();
        let newest = keys.next().ok_or(KeyError::Empty)?;
        Ok(Self {
            newest,
            older: keys.collect(),
        })
    }

    /// Makes a key from the operating system's randomness.
    pub fn generate() -> NewKey {
        NewKey(Zeroizing::new(Fernet::generate_key()))
    }

    /// The names of the keys, newest first. They tell keys apart and say nothing about them.
    pub fn ids(&self) -> Vec<&str> {
        self.keys().map(|k| k.id.as_str()).collect()
    }

    /// The key that writes use.
    pub(crate) fn newest(&self) -> &Key {
        &self.newest
    }

    /// All keys, newest first.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.newest).chain(&self.older)
    }
}

fn read_key(text: &str) -> Option<Key> {
    let bytes = Zeroizing::new(URL_SAFE.decode(text).ok()?);
    if bytes.len() != KEY_BYTES {
        return None;
    }
    let fernet = Fernet::new(text)?;
    let mut hash = Sha256::new();
    // a label of its own, so that the name is the hash of nothing else
    hash.update(b"dreamops key id\0");
    hash.update(bytes.as_slice());
    let id = hex::encode(&hash.finalize()[..ID_BYTES]);
    let chain = Zeroizing::new(hmac_sha256(&bytes, b"dreamops audit chain key\0"));
    Some(Key { id, fernet, chain })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_keeps_the_order_it_was_given_in() {
        let (a, b) = (Keyring::generate(), Keyring::generate());
        let one = Keyring::parse(a.expose()).unwrap();
        let two = Keyring::parse(&format!(" {} ,\n{},", b.expose(), a.expose())).unwrap();
        assert_eq!(two.ids().len(), 2);
        assert_eq!(two.ids()[1], one.ids()[0]);
    }

    #[test]
    fn a_bad_ring_is_refused_with_the_place_and_without_the_text() {
        let good = Keyring::generate();
        assert_eq!(Keyring::parse(" , ").err(), Some(KeyError::Empty));
        let short = format!("{},c2hvcnQ=", good.expose());
        let error = Keyring::parse(&short).unwrap_err();
        assert_eq!(error, KeyError::Malformed { position: 2 });
        assert!(!error.to_string().contains("c2hvcnQ"));
        let twice = format!("{0},{0}", good.expose());
        assert_eq!(Keyring::parse(&twice).err(), Some(KeyError::Repeated { position: 2 }));
    }

    #[test]
    fn debug_shows_no_key() {
        let key = Keyring::generate();
        let ring = Keyring::parse(key.expose()).unwrap();
        let shown = format!("{key:?} {ring:?}");
        assert_eq!(shown, "NewKey Keyring(1 keys)");
    }
}
