//! Kubernetes quantities, both ways and exact.
//!
//! | form | means | source |
//! | --- | --- | --- |
//! | `128974848`, `0.5`, `.5`, `5.` | the number | `resource.Quantity` of apimachinery |
//! | `1Ki` … `1Ei` | powers of 1024 | |
//! | `1n`, `1u`, `1m`, `1k`, `1M` … `1E` | powers of 1000 | |
//! | `1e3`, `1E-3` | a decimal exponent | |
//!
//! What is finer than a nano is rounded up, as the API server does. Amounts below zero, and those
//! above `i64::MAX`, are no quantities here: no resource has them.

use std::cmp::Ordering;

const NANOS: u128 = 1_000_000_000;

/// A quantity, in thousand-millionths.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
pub struct Quantity {
    nanos: u128,
}

impl Quantity {
    /// Reads any form of the table above; a JSON number's text is one as well.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('+').unwrap_or(text);
        let end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (number, suffix) = text.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
        let places = i32::try_from(fraction.len()).ok()?;
        let scale = Scale::parse(suffix)?;
        // digits × 1024^binary × 10^(decimal − places), in nanos
        let grown = digits.checked_mul(1024_u128.checked_pow(scale.binary)?)?;
        let exponent = scale.decimal - places + 9;
        let nanos = match exponent.cmp(&0) {
            Ordering::Less => {
                let divisor = 10_u128.checked_pow(exponent.unsigned_abs());
                divisor.map_or(u128::from(grown > 0), |d| grown.div_ceil(d))
            }
            _ => grown.checked_mul(10_u128.checked_pow(exponent.unsigned_abs())?)?,
        };
        (nanos <= u128::from(i64::MAX.unsigned_abs()) * NANOS).then_some(Self { nanos })
    }

    /// From a value of a JSON object: a string, or a number as YAML writes it.
    pub fn from_json(value: &serde_json::Value) -> Option<Self> {
        match value {
            serde_json::Value::String(text) => Self::parse(text),
            serde_json::Value::Number(number) => Self::parse(&number.to_string()),
            _ => None,
        }
    }

    /// A number of bytes.
    pub fn bytes(bytes: u64) -> Self {
        Self {
            nanos: u128::from(bytes) * NANOS,
        }
    }

    /// A number of millicores.
    pub fn millicores(millis: u64) -> Self {
        Self {
            nanos: u128::from(millis) * (NANOS / 1000),
        }
    }

    /// The whole number, rounded up.
    pub fn whole(self) -> u64 {
        u64::try_from(self.nanos.div_ceil(NANOS)).unwrap_or(u64::MAX)
    }

    /// In thousandths, rounded up.
    pub fn millis(self) -> u64 {
        u64::try_from(self.nanos.div_ceil(NANOS / 1000)).unwrap_or(u64::MAX)
    }

    /// The sum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            nanos: self.nanos.saturating_add(other.nanos),
        }
    }

    /// What is left after taking `other` away; nothing where that is more.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self {
            nanos: self.nanos.saturating_sub(other.nanos),
        }
    }
}

/// Powers of 1024 and of 10.
struct Scale {
    binary: u32,
    decimal: i32,
}

impl Scale {
    fn parse(suffix: &str) -> Option<Self> {
        let binary = |binary| Some(Self { binary, decimal: 0 });
        let decimal = |decimal| Some(Self { binary: 0, decimal });
        match suffix {
            "Ki" => binary(1),
            "Mi" => binary(2),
            "Gi" => binary(3),
            "Ti" => binary(4),
            "Pi" => binary(5),
            "Ei" => binary(6),
            "n" => decimal(-9),
            "u" => decimal(-6),
            "m" => decimal(-3),
            "" => decimal(0),
            "k" => decimal(3),
            "M" => decimal(6),
            "G" => decimal(9),
            "T" => decimal(12),
            "P" => decimal(15),
            "E" => decimal(18),
            _ => {
                let exponent = suffix.strip_prefix(['e', 'E'])?;
                let power: i32 = exponent.parse().ok()?;
                (-40..=40).contains(&power).then(|| decimal(power))?
            }
        }
    }
}

/// An amount of memory as people write it: the largest binary unit that holds it exactly.
pub fn memory(bytes: u64) -> String {
    let units = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    let mut amount = bytes;
    let mut unit = 0;
    while amount > 0 && amount.is_multiple_of(1024) && unit + 1 < units.len() {
        amount /= 1024;
        unit += 1;
    }
    format!("{amount}{}", units[unit])
}

/// An amount of processor as people write it: whole cores, or millicores.
pub fn cpu(millis: u64) -> String {
    if millis.is_multiple_of(1000) {
        (millis / 1000).to_string()
    } else {
        format!("{millis}m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(text: &str) -> Option<u64> {
        Quantity::parse(text).map(Quantity::whole)
    }

    fn millis(text: &str) -> Option<u64> {
        Quantity::parse(text).map(Quantity::millis)
    }

    #[test]
    fn every_form_is_read() {
        assert_eq!(whole("1Gi"), Some(1 << 30));
        assert_eq!(whole("1.5Gi"), Some(3 << 29));
        assert_eq!(whole("128974848"), Some(128_974_848));
        assert_eq!(whole("129e6"), Some(129_000_000));
        assert_eq!(whole("1E3"), Some(1000));
        assert_eq!(whole("1E"), Some(1_000_000_000_000_000_000));
        assert_eq!(whole("129M"), Some(129_000_000));
        assert_eq!(whole("5Ei"), Some(5 << 60));
        assert_eq!(millis("1500m"), Some(1500));
        assert_eq!(millis("0.5"), Some(500));
        assert_eq!(millis(".5"), Some(500));
        assert_eq!(millis("2."), Some(2000));
        assert_eq!(millis("+1"), Some(1000));
        assert_eq!(millis("12345678n"), Some(13));
        assert_eq!(millis("250000u"), Some(250));
        assert_eq!(millis("1e-3"), Some(1));
        assert_eq!(millis("0"), Some(0));
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for bad in [
            "", ".", "Gi", "1GiB", "1 Gi", "-1", "1.2.3", "1e", "1ki", "0x10", "1e999", "99Ei", "NaN", "1Gi ",
        ] {
            assert_eq!(Quantity::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_thousandth_of_a_byte_is_rounded_up_as_the_server_does() {
        assert_eq!(whole("1m"), Some(1));
        assert_eq!(millis("1e-30"), Some(1));
    }

    #[test]
    fn amounts_are_written_in_the_largest_exact_unit() {
        assert_eq!(memory(1 << 30), "1Gi");
        assert_eq!(memory(1536 << 20), "1536Mi");
        assert_eq!(memory(1000), "1000");
        assert_eq!(memory(0), "0");
        assert_eq!(cpu(2000), "2");
        assert_eq!(cpu(1500), "1500m");
    }

    proptest! {
        #[test]
        fn memory_survives_being_written_and_read(bytes in 0..=i64::MAX.unsigned_abs()) {
            prop_assert_eq!(whole(&memory(bytes)), Some(bytes));
        }

        #[test]
        fn processor_survives_being_written_and_read(amount in 0..10_000_000_000_u64) {
            prop_assert_eq!(millis(&cpu(amount)), Some(amount));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "[0-9.eEnumkKMGTPi+-]{0,40}") {
            let _ = Quantity::parse(&text);
        }
    }
}
