//! Signing the links of the audit's chain: HMAC-SHA-256 (RFC 2104, FIPS 180-4) under a key that is derived from each key of the
//! ring. The newest one signs, and a value is checked under the one that it names.

use crate::keyring::Keyring;
use dreamops_domain::audit::Signer;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Bytes of a value.
const VALUE_BYTES: usize = 32;

impl Signer for Keyring {
    fn sign(&self, bytes: &[u8]) -> (String, String) {
        let key = self.newest();
        (key.id.clone(), hex::encode(hmac_sha256(key.chain.as_slice(), bytes)))
    }

    fn check(&self, key: &str, bytes: &[u8], value: &str) -> Option<bool> {
        let key = self.keys().find(|k| k.id == key)?;
        let value = hex::decode(value).unwrap_or_default();
        // compares in a time that does not depend on where they differ
        Some(mac(key.chain.as_slice(), bytes).verify_slice(&value).is_ok())
    }
}

/// The HMAC of `bytes` under `key`.
pub(crate) fn hmac_sha256(key: &[u8], bytes: &[u8]) -> [u8; VALUE_BYTES] {
    mac(key, bytes).finalize().into_bytes().into()
}

fn mac(key: &[u8], bytes: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(bytes);
    mac
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_algorithm_is_the_one_that_is_named() {
        // RFC 4231, test case 2
        let value = hmac_sha256(b"Jefe", b"what do ya want for nothing?");
        let wanted = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex::encode(value), wanted);
    }

    #[test]
    fn a_value_holds_for_its_bytes_and_its_key_only() {
        let (old, new) = (Keyring::generate(), Keyring::generate());
        let before = Keyring::parse(old.expose()).unwrap();
        let (key, value) = before.sign(b"link");
        assert_eq!(before.check(&key, b"link", &value), Some(true));
        assert_eq!(before.check(&key, b"Link", &value), Some(false));
        assert_eq!(before.check(&key, b"link", "no value"), Some(false));
        assert_eq!(before.check(&key, b"link", &value[..32]), Some(false));

        let rotated = Keyring::parse(&format!("{},{}", new.expose(), old.expose())).unwrap();
        assert_eq!(rotated.check(&key, b"link", &value), Some(true));
        assert_ne!(rotated.sign(b"link").0, key);
        let without = Keyring::parse(new.expose()).unwrap();
        assert_eq!(without.check(&key, b"link", &value), None);
    }

    #[test]
    fn the_signing_key_is_not_the_key() {
        let key = Keyring::generate();
        let ring = Keyring::parse(key.expose()).unwrap();
        let plain = hex::encode(hmac_sha256(key.expose().as_bytes(), b"link"));
        assert_ne!(ring.sign(b"link").1, plain);
    }
}
