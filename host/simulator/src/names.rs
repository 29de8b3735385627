//! Names as the API server and the controllers make them: uids, random suffixes, template hashes.
//!
//! Two worlds never share a uid: an owner that is known from one must not be taken for one of another.

use serde_json::Value;

/// The letters of generated names: no vowels, so that no words arise (`k8s.io/apimachinery/pkg/util/rand`).
const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// A source of names; `SplitMix64` over a random seed.
#[derive(Clone, Debug)]
pub(crate) struct Names(u64);

impl Names {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// `x7k2p`, as in pod names.
    pub(crate) fn suffix(&mut self) -> String {
        (0..5).map(|_| self.letter()).collect()
    }

    fn letter(&mut self) -> char {
        let place = usize::try_from(self.below(LETTERS.len() as u64)).unwrap_or(0);
        char::from(LETTERS[place])
    }

    /// A uid.
    pub(crate) fn uid(&mut self) -> String {
        let bits = u128::from(self.next()) << 64 | u128::from(self.next());
        uuid::Builder::from_random_bytes(bits.to_be_bytes())
            .into_uuid()
            .to_string()
    }
}

/// The hash of a value that does not depend on the order of its members, in letters that suit a name.
pub(crate) fn hash(value: &Value) -> String {
    let mut state = Fnv::default();
    state.value(value);
    state
        .0
        .to_string()
        .bytes()
        .map(|digit| char::from(LETTERS[usize::from(digit) % LETTERS.len()]))
        .collect()
}

/// FNV-1a, 32 bits.
struct Fnv(u32);

impl Default for Fnv {
    fn default() -> Self {
        Self(0x811c_9dc5)
    }
}

impl Fnv {
    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Object(map) => {
                let mut members: Vec<_> = map.iter().filter(|(_, v)| !v.is_null()).collect();
                members.sort_by_key(|(key, _)| *key);
                for (key, inner) in members {
                    self.bytes(key.as_bytes());
                    self.value(inner);
                }
                self.bytes(b"}");
            }
            Value::Array(items) => {
                for item in items {
                    self.value(item);
                }
                self.bytes(b"]");
            }
            other => self.bytes(other.to_string().as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_hash_tells_templates_apart_and_not_the_order_of_their_members() {
        let a = json!({"a": 1, "b": {"c": [1, 2], "d": null}});
        let b = json!({"b": {"c": [1, 2]}, "a": 1});
        assert_eq!(hash(&a), hash(&b));
        assert_ne!(hash(&a), hash(&json!({"a": 1, "b": {"c": [2, 1]}})));
    }

    #[test]
    fn worlds_of_different_seeds_share_no_uid() {
        assert_ne!(Names::seeded(1).uid(), Names::seeded(2).uid());
        let mut names = Names::seeded(3);
        assert_ne!(names.uid(), names.uid());
        assert!(uuid::Uuid::parse_str(&names.uid()).is_ok());
    }
}
