//! Comparing a selector with labels: whether it matches, and if not, by how little.

/// One label that a selector asks for and a workload's pods lack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Slip {
    /// The value is another one.
    Value {
        /// The key.
        key: String,
        /// What the selector asks for.
        asked: String,
        /// What the pods have.
        has: String,
    },
    /// The key is written differently.
    Key {
        /// As the selector has it.
        asked: String,
        /// As the pods have it.
        has: String,
        /// The value of both.
        value: String,
    },
    /// The pods have nothing like it.
    Extra {
        /// The key.
        key: String,
        /// What the selector asks for.
        asked: String,
    },
}

impl Slip {
    /// Whether a person could have mistyped it.
    pub(crate) fn near(&self) -> bool {
        match self {
            Self::Value { asked, has, .. } => close(asked, has),
            Self::Key { .. } => true,
            Self::Extra { .. } => false,
        }
    }

    /// As a sentence.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::Value { key, asked, has } => format!("it asks for {key}={asked} and the pods have {key}={has}"),
            Self::Key { asked, has, value } => format!("it asks for {asked}={value} and the pods have {has}={value}"),
            Self::Extra { key, asked } => format!("it asks for {key}={asked}, which the pods do not have"),
        }
    }
}

/// Whether a selector matches labels.
pub(crate) fn matches(selector: &[(&str, &str)], labels: &[(&str, &str)]) -> bool {
    selector.iter().all(|wanted| labels.contains(wanted))
}

/// The one label in which a selector differs from labels; none where it matches, or differs in more.
pub(crate) fn slip(selector: &[(&str, &str)], labels: &[(&str, &str)]) -> Option<Slip> {
    let mut wrong = selector.iter().filter(|wanted| !labels.contains(wanted));
    let (Some((key, asked)), None) = (wrong.next(), wrong.next()) else {
        return None;
    };
    if let Some((_, has)) = labels.iter().find(|(k, _)| k == key) {
        return Some(Slip::Value {
            key: (*key).into(),
            asked: (*asked).into(),
            has: (*has).into(),
        });
    }
    let renamed = labels
        .iter()
        .find(|(k, v)| v == asked && !selector.iter().any(|(s, _)| s == k) && same_key(key, k));
    Some(match renamed {
        Some((has, value)) => Slip::Key {
            asked: (*key).into(),
            has: (*has).into(),
            value: (*value).into(),
        },
        None => Slip::Extra {
            key: (*key).into(),
            asked: (*asked).into(),
        },
    })
}

/// Keys that differ by a typing mistake, or that name the same thing by another convention.
fn same_key(a: &str, b: &str) -> bool {
    const APP: [&str; 4] = ["app", "k8s-app", "app.kubernetes.io/name", "name"];
    close(a, b) || (APP.contains(&a) && APP.contains(&b))
}

/// Whether one text could be the other, mistyped: one edit in a short one, two in a longer one; two neighbours
/// exchanged are one edit.
pub(crate) fn close(a: &str, b: &str) -> bool {
    let longest = a.chars().count().max(b.chars().count());
    let allowed = match longest {
        0..=2 => 0,
        3..=6 => 1,
        _ => 2,
    };
    // `web-v1` is not `web-v2` mistyped, but its neighbour
    let number = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    number(a) == number(b) && distance(&a.to_ascii_lowercase(), &b.to_ascii_lowercase()) <= allowed
}

/// Edits between two texts: a character more, fewer, another, or two neighbours exchanged.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let other = usize::from(a[i - 1] != b[j - 1]);
            let mut least = (rows[i - 1][j] + 1).min(row[j - 1] + 1).min(rows[i - 1][j - 1] + other);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistyped_words_are_told_from_other_words() {
        for (a, b) in [
            ("web", "wbe"),
            ("web", "webb"),
            ("frontend", "fronted"),
            ("checkout", "chekcout"),
            ("Web", "web"),
        ] {
            assert!(close(a, b), "{a} {b}");
        }
        for (a, b) in [
            ("blue", "green"),
            ("v1", "v2"),
            ("web", "api"),
            ("orders", "others"),
            ("a", "b"),
            ("web-v1", "web-v2"),
        ] {
            assert!(!close(a, b), "{a} {b}");
        }
    }

    #[test]
    fn exactly_one_difference_is_a_slip() {
        let labels = [("app", "web"), ("tier", "front")];
        assert_eq!(slip(&[("app", "web")], &labels), None);
        assert_eq!(slip(&[("app", "x"), ("tier", "y")], &labels), None);
        assert!(
            matches!(slip(&[("app", "wbe"), ("tier", "front")], &labels), Some(Slip::Value { has, .. }) if has == "web")
        );
        assert!(matches!(slip(&[("ap", "web")], &labels), Some(Slip::Key { has, .. }) if has == "app"));
        assert!(matches!(
            slip(&[("app.kubernetes.io/name", "web")], &labels),
            Some(Slip::Key { .. })
        ));
        assert!(matches!(
            slip(&[("app", "web"), ("color", "red")], &labels),
            Some(Slip::Extra { .. })
        ));
    }
}
