//! Text from components and clusters, made so that no terminal acts on it.
//!
//! | characters | become |
//! | --- | --- |
//! | tab | four spaces |
//! | line feed | itself in [`text`], ` ` in [`line`] |
//! | other control characters (C0, DEL, C1), among them escape | `\u{FFFD}` |
//! | marks that turn or hide text (bidi controls, zero-width, byte order mark, tags) | nothing |

use std::borrow::Cow;

const CUT: &str = " […]";

/// One line of at most `cap` bytes.
pub(crate) fn line(input: &str, cap: usize) -> String {
    clean(input, cap, false).into_owned()
}

/// Text of at most `cap` bytes, line feeds kept.
pub(crate) fn text(input: String, cap: usize) -> String {
    match clean(&input, cap, true) {
        Cow::Borrowed(_) => input,
        Cow::Owned(cleaned) => cleaned,
    }
}

fn clean(input: &str, cap: usize, keep_lines: bool) -> Cow<'_, str> {
    let fine = |c: char| !c.is_control() && !hidden(c) || (keep_lines && c == '\n');
    if input.len() <= cap && input.chars().all(fine) {
        return Cow::Borrowed(input);
    }
    let mut out = String::with_capacity(input.len().min(cap));
    for c in input.chars() {
        if out.len() + c.len_utf8() > cap {
            out.push_str(CUT);
            break;
        }
        match c {
            '\n' if keep_lines => out.push('\n'),
            '\n' => out.push(' '),
            '\r' => {}
            '\t' => out.push_str("    "),
            c if c.is_control() => out.push('\u{FFFD}'),
            c if hidden(c) => {}
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

fn hidden(c: char) -> bool {
    matches!(c,
        '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}'
        | '\u{FEFF}' | '\u{E0000}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_escape_sequence_survives() {
        let hostile = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31mred\u{202e}txt";
        let shown = line(hostile, 100);
        assert!(!shown.chars().any(|c| c.is_control() || hidden(c)), "{shown:?}");
        assert!(shown.contains("red") && shown.contains("txt"));
    }

    #[test]
    fn lines_stay_lines_in_text_and_are_joined_in_a_line() {
        assert_eq!(text("a\r\nb".into(), 10), "a\nb");
        assert_eq!(line("a\nb", 10), "a b");
    }

    #[test]
    fn a_cut_is_visible_and_never_splits_a_character() {
        assert_eq!(line("ééé", 5), "éé […]");
        assert_eq!(line("short", 5), "short");
    }
}
