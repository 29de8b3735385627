//! Untrusted text made inert for a terminal.
//!
//! Alerts, logs, events and components can hold anything. What [`inert`] returns moves no cursor, changes no colour or
//! title, does not run right to left against its own bytes, and hides nothing between its letters:
//!
//! | in | out |
//! | --- | --- |
//! | escape sequences (CSI, OSC, DCS, …, also in their 8-bit form) | nothing |
//! | line feed, tab | as they are |
//! | carriage return before a line feed | nothing |
//! | other carriage returns, Unicode line and paragraph separators | a space |
//! | other control characters | `�`, so that one sees that something was there |
//! | bidirectional marks, zero-width and other invisible characters | nothing |
//! | everything else | as it is |

use std::iter::Peekable;
use std::str::Chars;

/// The longest string for a terminal that is looked through for its end, in characters; real ones are titles and links.
const LONGEST_STRING: usize = 4096;

/// The text without anything that acts, at most `limit` characters long; where more were there it ends in `…`.
pub fn inert(text: &str, limit: usize) -> String {
    let mut out = String::with_capacity(text.len().min(limit.saturating_mul(4)));
    let mut room = limit;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let shown = match c {
            '\u{1b}' => escape(&mut rest),
            '\u{9b}' => parameters(&mut rest),
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => string(&mut rest),
            '\n' | '\t' => Some(c),
            '\r' if rest.peek() == Some(&'\n') => None,
            '\r' | '\u{2028}' | '\u{2029}' => Some(' '),
            c if c.is_control() => Some('\u{fffd}'),
            c if invisible(c) => None,
            c => Some(c),
        };
        let Some(shown) = shown else { continue };
        if room == 0 {
            // the last one makes place for the mark that more was there
            out.pop();
            if limit > 0 {
                out.push('…');
            }
            return out;
        }
        out.push(shown);
        room -= 1;
    }
    out
}

/// The same in one line: what parts lines and columns becomes a space.
pub fn line(text: &str, limit: usize) -> String {
    inert(text, limit).replace(['\n', '\t'], " ")
}

/// What follows an escape character. Nothing of it is shown.
fn escape(rest: &mut Peekable<Chars<'_>>) -> Option<char> {
    match rest.peek() {
        Some('[') => {
            rest.next();
            parameters(rest)
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            rest.next();
            string(rest)
        }
        _ => {
            while rest.next_if(|c| (' '..='/').contains(c)).is_some() {}
            rest.next_if(|c| ('0'..='~').contains(c));
            None
        }
    }
}

/// Parameters, intermediates and the final byte of a control sequence.
fn parameters(rest: &mut Peekable<Chars<'_>>) -> Option<char> {
    while rest.next_if(|c| (' '..='?').contains(c)).is_some() {}
    rest.next_if(|c| ('@'..='~').contains(c));
    None
}

/// A string for the terminal, up to its end. Without an end only the introducer goes, so that one stray byte in a log does
/// not swallow all that follows.
fn string(rest: &mut Peekable<Chars<'_>>) -> Option<char> {
    let mut ahead = rest.clone();
    for _ in 0..LONGEST_STRING {
        let c = ahead.next()?;
        let ends = matches!(c, '\u{7}' | '\u{9c}') || (c == '\u{1b}' && ahead.next_if_eq(&'\\').is_some());
        if ends {
            *rest = ahead;
            return None;
        }
        if c == '\n' {
            return None;
        }
    }
    None
}

/// Characters that take no place or turn the direction: Unicode's format characters, fillers and variation selectors.
fn invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_text_stays_as_it_is() {
        for text in ["", "ready 1/2\n\tweb", "größer ≥ 3 → ✓ 漢字", "‹secret:1a2b3c4d›"] {
            assert_eq!(inert(text, 100), text);
        }
    }

    #[test]
    fn escape_sequences_go_and_what_they_enclose_stays() {
        for (text, wanted) in [
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{9b}1;31mred", "red"),
            ("\u{1b}]0;new title\u{7}text", "text"),
            ("\u{1b}]8;;https://evil.example\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{1b}P1$r0m\u{1b}\\x", "x"),
            ("\u{1b}(Bx\u{1b}cy\u{1b}7z", "xyz"),
            ("a\u{1b}]0;no end", "a0;no end"),
            ("a\u{1b}", "a"),
            ("a\u{1b}[", "a"),
        ] {
            assert_eq!(inert(text, 100), wanted, "{text:?}");
        }
    }

    #[test]
    fn nothing_rewrites_or_reorders_a_line() {
        assert_eq!(inert("safe\rrm -rf", 100), "safe rm -rf");
        assert_eq!(inert("a\r\nb", 100), "a\nb");
        assert_eq!(inert("a\u{8}\u{0}b\u{7f}", 100), "a��b�");
        assert_eq!(inert("user\u{202e}nimda\u{202c} \u{2066}x\u{2069}", 100), "usernimda x");
        assert_eq!(inert("pass\u{200b}word\u{feff}\u{e0041}", 100), "password");
    }

    #[test]
    fn a_long_text_is_cut_between_characters_and_says_so() {
        assert_eq!(inert("äöüß", 4), "äöüß");
        assert_eq!(inert("äöüßx", 4), "äöü…");
        assert_eq!((inert("ab", 0), inert("ab", 1)), (String::new(), "…".to_owned()));
        assert_eq!(inert("ab\u{1b}[0m\u{200b}", 2), "ab", "what is not shown needs no room");
    }

    #[test]
    fn a_line_stays_one_line() {
        assert_eq!(line("a\r\nb\tc\u{1b}[2J", 100), "a b c");
        assert_eq!(line("ab\ncd", 4), "ab …");
    }

    proptest! {
        #[test]
        fn whatever_comes_in_nothing_that_acts_comes_out(text in any::<String>(), limit in 0usize..200) {
            let out = inert(&text, limit);
            prop_assert!(out.chars().count() <= limit);
            prop_assert!(out.chars().all(|c| matches!(c, '\n' | '\t') || !(c.is_control() || invisible(c))), "{out:?}");
            prop_assert_eq!(inert(&out, limit), out);
        }

        #[test]
        fn escapes_in_any_order_are_harmless(parts in prop::collection::vec(prop::sample::select(vec!["\u{1b}", "[", "]", "0;", "m", "\u{7}", "\\", "\u{9b}", "x", "\r", "\n"]), 0..40)) {
            let out = inert(&parts.concat(), 1000);
            let acts = |c: char| matches!(c, '\u{1b}' | '\u{9b}' | '\r' | '\u{7}');
            prop_assert!(!out.contains(acts), "{:?}", out);
        }
    }
}
