//! Signing the links of the audit's chain: HMAC-SHA-256 (RFC 2104, FIPS 180-4) under a key that is derived from each key of the
//! ring. The newest one signs, and a value is checked under the one that it names.

use crate::keyring::Keyring;
use dreamops_domain::audit::Signer;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Bytes of a value.
const VALUE_BYTES: usize = 32;

impl Signer for Keyring {
    fn sign(&self, bytes: &[u8]) -> (String, String) {
        let key = self.newest();
        (key.id.clone(), hex::encode(hmac_sha256(key.chain.as_slice(), bytes)))
    }

    fn check(&self, key: &str, bytes: &[u8], value: &str) -> Option<bool> {
        let key = self.keys().find(|k| k.id == key)?;
        Some(self.check_under(key.chain.as_slice(), bytes, value))
    }

    fn older(&self) -> Vec<(String, Zeroizing<Vec<u8>>)> {
        let older = self.keys().skip(1);
        older
            .map(|key| (key.id.clone(), Zeroizing::new(key.chain.to_vec())))
            .collect()
    }

    fn check_under(&self, key: &[u8], bytes: &[u8], value: &str) -> bool {
        let value = hex::decode(value).unwrap_or_default();
        // compares in a time that does not depend on where they differ
        mac(key, bytes).verify_slice(&value).is_ok()
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
    fn what_a_key_signed_is_checked_by_what_it_leaves_and_by_nothing_else() {
        let (old, new) = (Keyring::generate(), Keyring::generate());
        let alone = Keyring::parse(old.expose()).unwrap();
        let (id, value) = alone.sign(b"an event");
        let both = Keyring::parse(&format!("{},{}", new.expose(), old.expose())).unwrap();
        let [(left, key)] = both.older().try_into().unwrap();
        assert_eq!(left, id);
        let later = Keyring::parse(new.expose()).unwrap();
        assert!(later.check_under(&key, b"an event", &value));
        assert!(!later.check_under(&key, b"another", &value));
        assert!(!later.check_under(b"made up", b"an event", &value));
        // it is no key of the ring in another form
        assert!(!old.expose().contains(&hex::encode(&*key)));
    }

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
