//! Constant patterns.

use regex::Regex;

/// A pattern that stands in the source. Stops the program if it is not valid: where text cannot be redacted it must not
/// be shown, and a test uses every pattern.
pub(crate) fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap_or_else(|e| panic!("the constant pattern {text:?} is not valid: {e}"))
}
