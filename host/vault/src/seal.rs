//! The sealed form of a value.
//!
//! A token is Fernet over the JSON `{"tenant", "table", "row", "column", "value"}`, where `value` is
//! base64 of the bytes. A token that is copied to another row, column, table or tenant opens, shows that it does
//! not belong there, and is refused.

use crate::keyring::Keyring;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dreamops_domain::ports::{SealError, SealPlace, Sealer};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A moment later than every token's: what is stored has no age, and a machine whose clock was set
/// back must still be able to read it.
const NO_AGE: u64 = u64::MAX / 2;

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Plain {
    tenant: String,
    table: String,
    row: String,
    column: String,
    value: String,
}

impl Plain {
    fn belongs(&self, place: &SealPlace<'_>) -> bool {
        self.tenant == place.tenant.to_string()
            && self.table == place.table
            && self.row == place.row
            && self.column == place.column
    }
}

impl Sealer for Keyring {
    fn newest(&self) -> String {
        Keyring::newest(self).id.clone()
    }

    fn seal(&self, place: &SealPlace<'_>, value: &[u8]) -> Result<(String, String), SealError> {
        let plain = Plain {
            tenant: place.tenant.to_string(),
            table: place.table.to_owned(),
            row: place.row.clone(),
            column: place.column.to_owned(),
            value: STANDARD.encode(value),
        };
        let text = serde_json::to_vec(&plain)
            .map(Zeroizing::new)
            .map_err(|_| SealError::Failed("its place could not be written down".to_owned()))?;
        let key = Keyring::newest(self);
        Ok((key.id.clone(), key.fernet.encrypt(&text)))
    }

    fn open(&self, place: &SealPlace<'_>, token: &str) -> Result<Vec<u8>, SealError> {
        let text = self
            .keys()
            .find_map(|key| key.fernet.decrypt_at_time(token, None, NO_AGE).ok())
            .map(Zeroizing::new)
            .ok_or(SealError::WrongKey)?;
        // what a key of ours signed and is not in this form was never a value of the store
        let plain: Plain = serde_json::from_slice(&text).map_err(|_| SealError::WrongPlace)?;
        if !plain.belongs(place) {
            return Err(SealError::WrongPlace);
        }
        STANDARD.decode(&plain.value).map_err(|_| SealError::WrongPlace)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use dreamops_domain::id::{IncidentId, TenantId};
    use dreamops_domain::time::Timestamp;

    const VALUE: &[u8] = b"\x00 hunter2 \xff";

    fn place<'a>() -> SealPlace<'a> {
        SealPlace {
            tenant: TenantId::DEFAULT,
            table: "journal",
            row: "one".to_owned(),
            column: "write",
        }
    }

    fn ring(keys: &[&crate::NewKey]) -> Keyring {
        let text: Vec<&str> = keys.iter().map(|k| k.expose()).collect();
        Keyring::parse(&text.join(",")).unwrap()
    }

    #[test]
    fn a_value_opens_in_its_place_and_in_no_other() {
        let ring = ring(&[&Keyring::generate()]);
        let (id, token) = ring.seal(&place(), VALUE).unwrap();
        assert_eq!(id, ring.ids()[0]);
        assert_eq!(ring.open(&place(), &token).unwrap(), VALUE);
        let other_tenant = TenantId(IncidentId::new(Timestamp::from_millis(1)).0);
        let elsewhere = [
            SealPlace {
                tenant: other_tenant,
                ..place()
            },
            SealPlace {
                table: "incidents",
                ..place()
            },
            SealPlace {
                row: "two".to_owned(),
                ..place()
            },
            SealPlace {
                column: "other",
                ..place()
            },
        ];
        for wrong in elsewhere {
            assert_eq!(ring.open(&wrong, &token), Err(SealError::WrongPlace), "{wrong:?}");
        }
    }

    #[test]
    fn any_key_of_the_ring_opens_and_the_newest_seals() {
        let (old, new) = (Keyring::generate(), Keyring::generate());
        let (_, token) = ring(&[&old]).seal(&place(), VALUE).unwrap();
        let both = ring(&[&new, &old]);
        assert_eq!(both.open(&place(), &token).unwrap(), VALUE);
        let (_, fresh) = both.seal(&place(), VALUE).unwrap();
        assert_eq!(ring(&[&new]).open(&place(), &fresh).unwrap(), VALUE);
        assert_eq!(ring(&[&old]).open(&place(), &fresh), Err(SealError::WrongKey));
    }

    #[test]
    fn a_changed_token_does_not_open() {
        let ring = ring(&[&Keyring::generate()]);
        let (_, token) = ring.seal(&place(), VALUE).unwrap();
        let mut bytes = token.into_bytes();
        let middle = bytes.len() / 2;
        bytes[middle] = if bytes[middle] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert_eq!(ring.open(&place(), &changed), Err(SealError::WrongKey));
        assert_eq!(ring.open(&place(), ""), Err(SealError::WrongKey));
    }

    #[test]
    fn a_clock_that_was_set_back_locks_nothing() {
        let key = Keyring::generate();
        let ring = ring(&[&key]);
        let plain = serde_json::json!({
            "tenant": TenantId::DEFAULT.to_string(), "table": "journal", "row": "one", "column": "write",
            "value": STANDARD.encode(VALUE),
        });
        let in_a_century = 5_000_000_000;
        let token = fernet::Fernet::new(key.expose())
            .unwrap()
            .encrypt_at_time(plain.to_string().as_bytes(), in_a_century);
        assert_eq!(ring.open(&place(), &token).unwrap(), VALUE);
    }
}
