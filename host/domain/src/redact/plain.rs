//! Values of environment variables that are plain: a model has to read them, and they cannot be keys.
//!
//! A value is plain if it is short, and if each piece between its punctuation is a number of up to ten digits, a word, or a
//! short mix of both, such as `512Mi`, `v1`, `x86`, `1h30m`. So `info,sqlx=warn`, `redis://cache:6379/0`, `/etc/app.yaml`,
//! `*/5 * * * *` and `-Xmx512m -XX:+UseG1GC` are. Uuids and groups such as `AB12-CD34-EF56-GH78` are not: keys come so.

use crate::pattern::pattern;
use regex::Regex;
use std::sync::LazyLock;

/// The longest plain value, in bytes.
const LONGEST: usize = 256;
/// The longest word, in characters.
const LONGEST_WORD: usize = 24;
/// The longest mix of letters and digits, in characters.
const LONGEST_MIX: usize = 12;

/// Groups of letters and digits as licence keys and uuids have them.
static GROUPS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?:[0-9A-Za-z]{4,6}-){3,}[0-9A-Za-z]{4,6}|[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-")
});

/// Whether a value may be shown as it is.
pub(super) fn is_plain(value: &str) -> bool {
    let grouped = GROUPS
        .find(value)
        .is_some_and(|g| g.as_str().bytes().any(|b| b.is_ascii_digit()));
    value.len() <= LONGEST
        && !grouped
        && value.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        && value.split(|c: char| !c.is_alphanumeric()).all(plain_piece)
}

/// Whether a variable's value only names other variables, which Kubernetes fills in: `$(HOST):$(PORT)`.
pub(super) fn is_reference(value: &str) -> bool {
    static REFERENCES: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(?:\$\([A-Za-z_][A-Za-z0-9_.-]*\)[:/@.,-]?)+$"));
    REFERENCES.is_match(value)
}

fn plain_piece(piece: &str) -> bool {
    let length = piece.chars().count();
    let digits = piece.chars().filter(char::is_ascii_digit).count();
    if digits == length {
        return length <= 10;
    }
    if digits == 0 {
        return length <= LONGEST_WORD && cased_as_words(piece);
    }
    let changes = changes(piece);
    length <= LONGEST_MIX && (changes <= 2 || (changes <= 3 && length <= 8))
}

/// `lower`, `UPPER`, `Capital`, `camelCase`: not upper and lower case at random.
fn cased_as_words(piece: &str) -> bool {
    let upper = piece.chars().filter(|c| c.is_uppercase()).count();
    let length = piece.chars().count();
    upper == length || upper <= 2 || upper * 5 <= length * 2
}

/// How often letters and digits take turns.
fn changes(piece: &str) -> usize {
    let mut kinds = piece.chars().map(|c| c.is_ascii_digit());
    let mut before = kinds.next();
    kinds.filter(|kind| before.replace(*kind) != Some(*kind)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_model_has_to_read_is_plain() {
        for value in [
            "",
            "info",
            "true",
            "8080",
            "production",
            "0.75",
            "512Mi",
            "1h30m",
            "v1.2.3",
            "info,sqlx=warn",
            "redis:6379",
            "10.0.0.1:80",
            "http://checkout.shop.svc.cluster.local:8080/api/v1?x=1",
            "/etc/config/app.yaml",
            "*/5 * * * *",
            "kafka-0:9092,kafka-1:9092",
            "-Xms512m -Xmx512m -Xss1m -XX:+UseG1GC",
            "Europe/Berlin",
            "us-east-1",
            "utf8mb4",
            "SHOUTING_CASE",
            "camelCaseName",
            "größe",
        ] {
            assert!(is_plain(value), "{value}");
        }
    }

    #[test]
    fn what_may_be_a_key_is_not_plain() {
        for value in [
            "Xk9fQ2mL8vB3",
            "a1b2c3d4e5",
            "3f2b8c1e-1111-4222-8333-444455556666",
            "AB12-CD34-EF56-GH78",
            "QkFTRTY0VEVYVA",
            "12345678901",
            "sk-live-a8Kd93Lq02",
            &"word ".repeat(60),
            "dGhpcyBpcyBhIHNlY3JldA==",
        ] {
            assert!(!is_plain(value), "{value}");
        }
    }

    #[test]
    fn a_reference_is_only_that() {
        assert!(is_reference("$(DB_HOST):$(DB_PORT)") && is_reference("$(A)"));
        assert!(!is_reference("$(A)x") && !is_reference("") && !is_reference("a"));
    }
}
