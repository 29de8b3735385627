//! Kubernetes quantities: read in any form, written in the one form that the API server stores.
//!
//! Amounts are kept in thousandths, which is what processor amounts need; finer ones are rounded up.
//! `1024Mi` is stored as `1Gi`, `0.5` as `500m`, `1000m` as `1`
//! (`k8s.io/apimachinery/pkg/api/resource`, canonical form).

use serde_json::Value;

/// Powers of 1024 with their suffixes, the largest first.
const BINARY: [(&str, u128); 6] = [
    ("Ei", 1 << 60),
    ("Pi", 1 << 50),
    ("Ti", 1 << 40),
    ("Gi", 1 << 30),
    ("Mi", 1 << 20),
    ("Ki", 1 << 10),
];
/// Powers of 1000 with their suffixes, in thousandths, the largest first.
const DECIMAL: [(&str, u128); 8] = [
    ("E", 1_000_000_000_000_000_000_000),
    ("P", 1_000_000_000_000_000_000),
    ("T", 1_000_000_000_000_000),
    ("G", 1_000_000_000_000),
    ("M", 1_000_000_000),
    ("k", 1_000_000),
    ("", 1_000),
    ("m", 1),
];

/// An amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Quantity {
    millis: u128,
    binary: bool,
}

impl Quantity {
    /// Reads an amount; `None` where it is none, or negative.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('+').unwrap_or(text);
        let end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (number, suffix) = text.split_at(end);
        let (factor, binary) = factor(suffix)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
        let places = u32::try_from(fraction.len()).ok()?;
        let millis = digits.checked_mul(factor)?.div_ceil(10_u128.checked_pow(places)?);
        Some(Self { millis, binary })
    }

    /// From a JSON string or number.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::parse(text),
            Value::Number(number) => Self::parse(&number.to_string()),
            _ => None,
        }
    }

    /// An amount of memory.
    pub(crate) fn bytes(bytes: u64) -> Self {
        Self {
            millis: u128::from(bytes) * 1000,
            binary: true,
        }
    }

    /// An amount of processor time.
    pub(crate) fn millicores(millis: u64) -> Self {
        Self {
            millis: u128::from(millis),
            binary: false,
        }
    }

    /// In thousandths.
    pub(crate) fn millis(self) -> u128 {
        self.millis
    }

    /// In whole units, rounded up: bytes of a memory amount.
    pub(crate) fn whole(self) -> u64 {
        u64::try_from(self.millis.div_ceil(1000)).unwrap_or(u64::MAX)
    }

    /// The sum; keeps the form of the first that is not zero.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            millis: self.millis + other.millis,
            binary: if self.millis == 0 { other.binary } else { self.binary },
        }
    }
}

/// What a suffix multiplies by, in thousandths, and whether it is of the binary family.
fn factor(suffix: &str) -> Option<(u128, bool)> {
    if let Some((_, factor)) = BINARY.iter().find(|(s, _)| *s == suffix) {
        return Some((factor * 1000, true));
    }
    if let Some((_, factor)) = DECIMAL.iter().find(|(s, _)| *s == suffix) {
        return Some((*factor, false));
    }
    let exponent: u32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    Some((1000 * 10_u128.checked_pow(exponent)?, false))
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.binary && self.millis.is_multiple_of(1000) {
            let whole = self.millis / 1000;
            let fits = BINARY
                .iter()
                .find(|(_, factor)| whole > 0 && whole.is_multiple_of(*factor));
            return match fits {
                Some((suffix, factor)) => write!(f, "{}{suffix}", whole / factor),
                None => write!(f, "{whole}"),
            };
        }
        let fits = DECIMAL
            .iter()
            .find(|(_, factor)| self.millis > 0 && self.millis.is_multiple_of(*factor));
        match fits {
            Some((suffix, factor)) => write!(f, "{}{suffix}", self.millis / factor),
            None => f.write_str("0"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_stored_as_the_api_server_writes_them() {
        for (given, stored) in [
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("64Mi", "64Mi"),
            ("0.5", "500m"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("128974848", "128974848"),
            ("1e3", "1k"),
            ("0", "0"),
            ("1000", "1k"),
        ] {
            let quantity = Quantity::parse(given).map(|q| q.to_string());
            assert_eq!(quantity.as_deref(), Some(stored), "{given}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for bad in ["", "abc", "1x", "-1", "1 Mi", "Mi"] {
            assert_eq!(Quantity::parse(bad), None, "{bad}");
        }
    }
}
