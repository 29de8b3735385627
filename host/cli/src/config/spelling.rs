//! Keys and variables that do not exist, and the nearest that do.

/// How alike two names have to be (Jaro-Winkler, 0 to 1): a letter or two that were lost or changed places.
const ALIKE: f64 = 0.85;

/// Variables of our tests begin so.
const OF_TESTS: &str = "DREAMOPS_TEST_";
/// Every other variable of ours, of chores and builds as well.
const VARIABLES: [&str; 13] = [
    "DREAMOPS_CONFIG",
    "DREAMOPS_DATA_DIR",
    "DREAMOPS_ENCRYPTION_KEYS",
    "DREAMOPS_LISTEN",
    "DREAMOPS_ADMIN_TOKEN",
    "DREAMOPS_TLS_CERTIFICATE",
    "DREAMOPS_TLS_KEY",
    "DREAMOPS_SERVER",
    "DREAMOPS_SERVER_CA",
    "DREAMOPS_TOKEN",
    "DREAMOPS_CACHE",
    "DREAMOPS_COMPONENTS",
    "DREAMOPS_PROGRAM",
];

/// The nearest of the names there are, if one is near.
pub(super) fn nearest<'a>(name: &str, there: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    there
        .into_iter()
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known)
}

/// What serde says of an unknown field (``unknown field `a`, expected one of `b`, `c` ``), with the one that was probably meant.
pub(super) fn with_nearest(message: &str) -> String {
    let Some(rest) = message.strip_prefix("unknown field ") else {
        return message.to_owned();
    };
    let mut names = rest.split('`').skip(1).step_by(2);
    let Some(unknown) = names.next() else {
        return message.to_owned();
    };
    match nearest(unknown, names) {
        Some(known) => format!("there is no key `{unknown}`; did you mean `{known}`?"),
        None => format!("there is no key {rest}"),
    }
}

/// The line of a byte, from 1.
pub(super) fn line_of(text: &str, byte: usize) -> usize {
    let before = text.get(..byte).unwrap_or_default();
    before.matches('\n').count() + 1
}

/// What is said of a variable that begins like ours and is none.
pub(super) fn strange(variable: &str) -> Option<String> {
    let ours = variable.starts_with("DREAMOPS_") && !variable.starts_with(OF_TESTS);
    if !ours || VARIABLES.contains(&variable) {
        return None;
    }
    Some(match nearest(variable, VARIABLES) {
        Some(known) => format!("{variable} is no variable of ours; did you mean {known}?"),
        None => format!("{variable} is no variable of ours; unset it, or see the list in the documentation"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_is_nearly_ours_is_told() {
        let said = strange("DREAMOPS_DATADIR").unwrap_or_default();
        assert!(said.contains("did you mean DREAMOPS_DATA_DIR?"), "{said}");
        assert_eq!(strange("DREAMOPS_LISTEN"), None);
        assert_eq!(strange("PATH"), None);
    }
}
