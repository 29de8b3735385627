//! Bounds on what components return.
//!
//! | what | bound |
//! | --- | --- |
//! | names of objects, containers, signals, faults | 253 bytes (the longest name Kubernetes has) |
//! | text for people | 16 KiB each |
//! | lists | 200 entries (what one list of objects may hold) |
//! | facts | 200 pairs, 256 KiB together |
//! | shares | 0 to 1, a number |

use super::BadOutput;
use dreamops_domain::inert::inert;

/// The longest name.
pub(crate) const NAME_CAP: usize = 253;
/// The longest text.
pub(crate) const TEXT_CAP: usize = 16 * 1024;
/// The longest list.
pub(crate) const LIST_CAP: usize = 200;
/// The most bytes of facts.
pub(crate) const FACTS_CAP: usize = 256 * 1024;

/// Text for people, made inert.
pub(crate) fn text(what: &str, value: &str) -> Result<String, BadOutput> {
    if value.len() > TEXT_CAP {
        return Err(too_long(what, value.len(), TEXT_CAP));
    }
    // no cut: the length was checked, and replacing can only make it a little longer
    Ok(inert(value, usize::MAX))
}

/// A name: not empty, not too long, no control characters.
pub(crate) fn name(what: &str, value: String) -> Result<String, BadOutput> {
    if value.is_empty() {
        return Err(BadOutput(format!("{what} is empty")));
    }
    if value.len() > NAME_CAP {
        return Err(too_long(what, value.len(), NAME_CAP));
    }
    if value.chars().any(char::is_control) {
        return Err(BadOutput(format!("{what} holds control characters")));
    }
    Ok(value)
}

/// A list of at most [`LIST_CAP`] entries, each converted.
pub(crate) fn list<A, B>(
    what: &str,
    values: Vec<A>,
    each: impl FnMut(A) -> Result<B, BadOutput>,
) -> Result<Vec<B>, BadOutput> {
    if values.len() > LIST_CAP {
        return Err(BadOutput(format!(
            "{what} has {} entries and may have {LIST_CAP}",
            values.len()
        )));
    }
    values.into_iter().map(each).collect()
}

/// A share between 0 and 1.
pub(crate) fn share(what: &str, value: f64) -> Result<f64, BadOutput> {
    // NaN is in no range
    if (0.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        Err(BadOutput(format!("{what} is {value} and must be from 0 to 1")))
    }
}

/// Names and values that the host only carries; returned as they came.
pub(crate) fn facts(values: Vec<(String, String)>) -> Result<Vec<(String, String)>, BadOutput> {
    let total: usize = values.iter().map(|(k, v)| k.len() + v.len()).sum();
    if total > FACTS_CAP {
        return Err(too_long("facts", total, FACTS_CAP));
    }
    list("facts", values, |(key, value)| Ok((name("a fact's name", key)?, value)))
}

fn too_long(what: &str, has: usize, may: usize) -> BadOutput {
    BadOutput(format!("{what} has {has} bytes and may have {may}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_number_from_0_to_1() {
        assert!(share("claim", 0.0).is_ok() && share("claim", 1.0).is_ok());
        for bad in [f64::NAN, f64::INFINITY, -0.1, 1.000_001] {
            assert!(share("claim", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn lengths_are_bounded() {
        assert!(name("x", "a".repeat(NAME_CAP)).is_ok());
        assert!(name("x", "a".repeat(NAME_CAP + 1)).is_err());
        assert!(name("x", String::new()).is_err() && name("x", "a\u{1b}".into()).is_err());
        assert!(text("x", &"a".repeat(TEXT_CAP + 1)).is_err());
        assert!(list("x", vec![(); LIST_CAP + 1], Ok).is_err());
        assert!(facts(vec![("k".into(), "v".repeat(FACTS_CAP))]).is_err());
    }
}
