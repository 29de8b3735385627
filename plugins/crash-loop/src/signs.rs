//! What the log of a run that ended says about why.

use crate::endpoint::{self, Endpoint};

/// Why a program ended, by its own words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Sign {
    /// A setting is missing or invalid.
    Setting {
        /// The variable's name.
        name: String,
        /// The line.
        line: String,
    },
    /// A flag is unknown or invalid.
    Flag {
        /// The flag, with its dashes.
        flag: String,
        /// The line.
        line: String,
    },
    /// A place could not be reached.
    Unreachable {
        /// The place.
        at: Endpoint,
        /// How it failed.
        how: How,
        /// The line.
        line: String,
    },
}

/// How a place could not be reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum How {
    /// Nobody listens there.
    Refused,
    /// The name is unknown.
    NoSuchHost,
    /// No answer came.
    Silent,
}

/// So many lines from the end count: what a program says last is why it ended.
const LINES: usize = 40;
/// In so many lines from the end, the name of a changed variable counts without a complaint about it.
const LAST_WORDS: usize = 4;

const REFUSED: [&str; 8] = [
    "connection refused",
    "econnrefused",
    "couldn't connect",
    "can't connect",
    "cannot connect",
    "could not connect",
    "failed to connect",
    "connection reset",
];
const NO_SUCH_HOST: [&str; 17] = [
    "no such host",
    "enotfound",
    "eai_again",
    "not known",
    "name resolution",
    "name does not resolve",
    "could not resolve",
    "couldn't resolve",
    "can't resolve",
    "cannot resolve",
    "failed to resolve",
    "unknown host",
    "unknownhost",
    "bad address",
    "could not translate host",
    "nxdomain",
    "can't find",
];
const SILENT: [&str; 7] = [
    "timed out",
    "timeout",
    "etimedout",
    "no route to host",
    "unreachable",
    "deadline exceeded",
    "cannot reach",
];
const COMPLAINTS: [&str; 29] = [
    "missing",
    "not set",
    "unset",
    "required",
    "must be",
    "undefined",
    "not defined",
    "empty",
    "invalid",
    "parse",
    "keyerror",
    "not a valid",
    "bad value",
    "expected",
    "no value",
    "not found",
    "unbound",
    "unsupported",
    "unrecognized",
    "unknown",
    "malformed",
    "illegal",
    "not provided",
    "not specified",
    "cannot be",
    "can't be",
    "needs",
    "out of range",
    "wrong",
];
const FLAGS: [&str; 7] = [
    "unknown flag",
    "unrecognized option",
    "unknown option",
    "invalid option",
    "flag provided but not defined",
    "unexpected argument",
    "unknown argument",
];

/// Words before the name of a variable.
const CALLED: [&str; 6] = ["variable", "setting", "var", "env", "parameter", "key"];

fn any(line: &str, words: &[&str]) -> bool {
    words.iter().any(|word| line.contains(word))
}

/// How a line says that a place could not be reached.
fn unreachable(lower: &str) -> Option<How> {
    // the more exact word first: "failed to connect: no such host"
    if any(lower, &NO_SUCH_HOST) {
        Some(How::NoSuchHost)
    } else if any(lower, &["connection refused", "econnrefused"]) {
        Some(How::Refused)
    } else if any(lower, &SILENT) {
        Some(How::Silent)
    } else {
        any(lower, &REFUSED).then_some(How::Refused)
    }
}

/// Reads the end of a log, last line first. `known` are the variables of all revisions, `changed` those that differ
/// between revisions.
pub(crate) fn read(log: &str, known: &[String], changed: &[String]) -> Option<Sign> {
    let lines: Vec<&str> = log.lines().filter(|l| !l.trim().is_empty()).collect();
    for (back, at) in (0..lines.len()).rev().take(LINES).enumerate() {
        let line = lines[at];
        let lower = line.to_ascii_lowercase();
        let whole = || line.trim().chars().take(300).collect::<String>();
        if let Some(how) = unreachable(&lower) {
            // the place may stand in the line before
            let near = [Some(line), at.checked_sub(1).map(|i| lines[i])];
            let place = near.into_iter().flatten().find_map(endpoint::find);
            if let Some(place) = place {
                return Some(Sign::Unreachable {
                    at: place,
                    how,
                    line: whole(),
                });
            }
        }
        if any(&lower, &FLAGS)
            && let Some(flag) = flag(line)
        {
            return Some(Sign::Flag { flag, line: whole() });
        }
        let complains = any(&lower, &COMPLAINTS);
        let variable = variable(line, if complains { known } else { changed }, complains);
        if let Some(name) = variable.filter(|_| complains || back < LAST_WORDS) {
            return Some(Sign::Setting { name, line: whole() });
        }
    }
    None
}

fn flag(line: &str) -> Option<String> {
    line.split(|c: char| c.is_whitespace() || "\"'`,;:()".contains(c))
        .map(|word| word.split('=').next().unwrap_or(word))
        .find(|word| {
            word.starts_with('-')
                && word
                    .trim_start_matches('-')
                    .starts_with(|c: char| c.is_ascii_alphabetic())
        })
        .map(str::to_owned)
}

/// The variable that a line names: one that is known, else (in a complaint) a word that looks like one.
fn variable(line: &str, known: &[String], shape_counts: bool) -> Option<String> {
    let words: Vec<&str> = line
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|w| !w.is_empty())
        .collect();
    words
        .iter()
        .find(|w| known.iter().any(|k| k == *w))
        .or_else(|| words.iter().find(|w| shape_counts && looks_like_one(w)))
        .or_else(|| {
            let at = (0..words.len()).find(|at| shape_counts && called_one(&words, *at))?;
            words.get(at)
        })
        .map(|w| (*w).to_owned())
}

/// Whether the words around a word in capitals call it a variable: `variable TOKEN`, `TOKEN is not set`.
fn called_one(words: &[&str], at: usize) -> bool {
    let word = words[at];
    let capitals = word.len() > 2 && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    let lower = |at: usize| words.get(at).map_or_else(String::new, |w| w.to_ascii_lowercase());
    let before = at.checked_sub(1).map_or_else(String::new, lower);
    let after = format!("{} {} {} ", lower(at + 1), lower(at + 2), lower(at + 3));
    let said = [
        "is not set ",
        "not set ",
        "is unset ",
        "is missing ",
        "is required ",
        "must be set ",
        "is undefined ",
    ];
    capitals && (CALLED.contains(&before.as_str()) || said.iter().any(|s| after.starts_with(s)))
}

fn looks_like_one(word: &str) -> bool {
    word.len() > 3
        && word.contains('_')
        && word.starts_with(|c: char| c.is_ascii_uppercase())
        && word
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        && !word.starts_with("ERR_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign(log: &str) -> String {
        let known = vec!["DATABASE_URL".to_owned(), "Mode".to_owned()];
        match read(log, &known, &["Mode".to_owned()]) {
            Some(Sign::Setting { name, .. }) => format!("setting {name}"),
            Some(Sign::Flag { flag, .. }) => format!("flag {flag}"),
            Some(Sign::Unreachable { at, how, .. }) => format!("{how:?} {}", at.host),
            None => "nothing".into(),
        }
    }

    #[test]
    fn what_programs_say_before_they_end_is_read() {
        for (log, told) in [
            ("starting\nfatal: DATABASE_URL is required", "setting DATABASE_URL"),
            ("KeyError: 'DATABASE_URL'", "setting DATABASE_URL"),
            ("sh: PAYMENT_TOKEN: parameter not set", "setting PAYMENT_TOKEN"),
            ("invalid value \"abc\" for LISTEN_PORT", "setting LISTEN_PORT"),
            ("Mode=fancy\nexiting", "setting Mode"),
            ("error: unknown flag: --fast", "flag --fast"),
            ("flag provided but not defined: -fast", "flag -fast"),
            ("connecting\ndial tcp: lookup db: no such host\nexit", "NoSuchHost db"),
            (
                "dial tcp 10.0.0.1:5432: connect: connection refused",
                "Refused 10.0.0.1",
            ),
            ("redis:6379: i/o timeout", "Silent redis"),
            ("fatal: required setting TOKEN is missing", "setting TOKEN"),
            ("PORT must be set", "setting PORT"),
            ("FATAL: JSON is invalid", "nothing"),
            ("all fine", "nothing"),
            ("panic: index out of bounds", "nothing"),
        ] {
            assert_eq!(sign(log), told, "{log}");
        }
    }

    #[test]
    fn the_last_words_count_most() {
        let log = "dial tcp db:5432: connection refused\nretrying\nDATABASE_URL is invalid";
        assert_eq!(sign(log), "setting DATABASE_URL");
    }
}
