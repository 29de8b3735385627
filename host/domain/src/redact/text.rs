//! Secrets in text, by their form.
//!
//! | form | what becomes a handle |
//! | --- | --- |
//! | PEM blocks, also base64 of one, also cut off | the block |
//! | `password=x`, `"token": "x"`, `--api-key x`, `<secret>x</secret>`, `name: TOKEN, value: x` | the value, if the name means a secret ([`super::name`]) and the value is more than a state such as `expired` |
//! | `Authorization: …`, `Cookie: …`, `Bearer x`, `Basic x` | the value |
//! | `scheme://user:password@host`, `user:password@host` | the password; all before `@` where there is no colon |
//! | keys and tokens of AWS, GitHub, GitLab, Slack, Anthropic, OpenAI, Google, Stripe, npm, Vault and others; JWTs; Fernet | the whole |
//! | long random strings ([`super::random`]) | the whole |
//!
//! What stands between handles is looked at again until nothing changes, so that redacting twice changes nothing.

use super::{HANDLE, Redactor, name, random};
use crate::pattern::pattern;
use regex::{Captures, Regex};
use std::sync::LazyLock;

/// How much is taken for a secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Only what is one by its form; for names and identifiers, which look random by their nature.
    Certain,
    /// Also what looks random.
    Guessing,
}

/// Each pass only takes text away; in practice the second finds nothing more.
const PASSES: usize = 4;

pub(super) fn redact(redactor: &Redactor, text: &str, depth: Depth) -> String {
    let mut shown = text.to_owned();
    for _ in 0..PASSES {
        let next = pass(redactor, &shown, depth);
        if next == shown {
            break;
        }
        shown = next;
    }
    shown
}

fn pass(redactor: &Redactor, text: &str, depth: Depth) -> String {
    let mut shown = between_handles(text, |t| pem_blocks(redactor, t));
    for form in KEYED.iter() {
        shown = between_handles(&shown, |t| keyed(redactor, t, form));
    }
    shown = between_handles(&shown, |t| credentials_in_urls(redactor, t));
    for shape in SHAPES.iter() {
        shown = between_handles(&shown, |t| shaped(redactor, t, shape));
    }
    if depth == Depth::Guessing {
        shown = between_handles(&shown, |t| random_runs(redactor, t));
    }
    shown
}

/// Changes what is not a handle.
fn between_handles(text: &str, change: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for handle in HANDLE.find_iter(text) {
        out.push_str(&change(&text[at..handle.start()]));
        out.push_str(handle.as_str());
        at = handle.end();
    }
    out.push_str(&change(&text[at..]));
    out
}

/// PEM blocks. Looked for by hand, because a pattern with both ends takes quadratic time on beginnings without an end.
fn pem_blocks(redactor: &Redactor, text: &str) -> String {
    static BEGIN: LazyLock<Regex> = LazyLock::new(|| pattern("-----BEGIN [A-Z0-9 ]{2,40}-----"));
    static END: LazyLock<Regex> = LazyLock::new(|| pattern("-----END [A-Z0-9 ]{2,40}-----"));
    static BODY: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(?:\\[nr]|[A-Za-z0-9+/=\s])*"));
    /// The lines before an end whose beginning was cut off.
    static TAIL: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"(?m)(?:^[A-Za-z0-9+/=]{4,76}\r?\n)+-----END [A-Z0-9 ]{2,40}-----"));
    /// Longer than any real block: an end further away belongs to another one.
    const LONGEST: usize = 32 * 1024;
    if !text.contains("-----") {
        return text.to_owned();
    }
    let ends: Vec<usize> = END.find_iter(text).map(|m| m.end()).collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for begin in BEGIN.find_iter(text) {
        if begin.start() < at {
            continue;
        }
        let near = ends
            .get(ends.partition_point(|e| *e <= begin.end()))
            .filter(|e| **e - begin.end() <= LONGEST);
        let end = near
            .copied()
            .unwrap_or_else(|| begin.end() + BODY.find(&text[begin.end()..]).map_or(0, |m| m.end()));
        out.push_str(&text[at..begin.start()]);
        let block: String = text[begin.start()..end]
            .replace("\\n", "")
            .replace("\\r", "")
            .split_whitespace()
            .collect();
        out.push_str(&redactor.handle(block.as_bytes()));
        at = end;
    }
    out.push_str(&text[at..]);
    TAIL.replace_all(&out, |c: &Captures<'_>| redactor.handle(c[0].as_bytes()))
        .into_owned()
}

/// A name, then a value.
struct Keyed {
    /// Up to the value; the first group is the name, if there is one.
    key: Regex,
    /// From the value on; the first group that took part is the value.
    value: &'static LazyLock<Regex>,
}

/// A value in quotes (also escaped ones, also without an end), or up to what ends one.
static VALUE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"^(?:\\+["']([^"'\\\r\n]+)|"((?:[^"\\\r\n]|\\.)+)|'([^'\r\n]+)|`([^`\r\n]+)|([^\s,;&"'`)\]}<>|]+))"#)
});
static TO_TAG: LazyLock<Regex> = LazyLock::new(|| pattern(r"^([^<\r\n]+)"));
static TO_LINE_END: LazyLock<Regex> = LazyLock::new(|| pattern(r#"^\\*["']?([^\r\n"'\\]+)"#));

static KEYED: LazyLock<Vec<Keyed>> = LazyLock::new(|| {
    let form = |key: &str, value| Keyed {
        key: pattern(key),
        value,
    };
    vec![
        form(
            r#"(?i)\b(?:proxy-)?authorization\\*["']?\s*[:=]\s*\\*["']?(?:(?:bearer|basic|token|digest|negotiate)\s+)?"#,
            &VALUE,
        ),
        form(r#"(?i)\b(?:set-)?cookie\\*["']?\s*:\s*"#, &TO_LINE_END),
        form(
            r#"(?i)\bname\\*["']?\s*[:=]\s*\\*["']?([A-Za-z0-9_.-]+)\\*["']?\s*,?\s*\\*["']?value\\*["']?\s*[:=]\s*"#,
            &VALUE,
        ),
        form(r"<([A-Za-z][A-Za-z0-9_.:-]*)>", &TO_TAG),
        form(r"(?:^|\s)--?([A-Za-z][A-Za-z0-9_.-]*)[ \t]+", &VALUE),
        // no white space before a colon: `volume "db-password" : secret "x" not found`
        form(
            r#"([A-Za-z][A-Za-z0-9_.-]*)\\*["'\]]*(?:\s*(?:=>|:=|==?)\s*|:[ \t]*)"#,
            &VALUE,
        ),
    ]
});

/// Goes from name to name, not from value to value, since what follows an innocent name may be a name.
fn keyed(redactor: &Redactor, text: &str, form: &Keyed) -> String {
    let mut out = String::new();
    let (mut at, mut shown_to) = (0, 0);
    while let Some(found) = form.key.captures_at(text, at) {
        let end = found.get(0).map_or(text.len(), |m| m.end());
        let secret = found.get(1).is_none_or(|name| name::of_field(name.as_str()));
        let value = if secret { value_at(form.value, text, end) } else { None };
        at = end.max(at + 1);
        if let Some((start, stop)) = value {
            out.push_str(&text[shown_to..start]);
            out.push_str(&redactor.handle(&text.as_bytes()[start..stop]));
            (at, shown_to) = (stop, stop);
        }
        if at > text.len() || !text.is_char_boundary(at) {
            break;
        }
    }
    out.push_str(&text[shown_to..]);
    out
}

/// Where the value that begins at `from` lies, if it is more than a state or a reference.
fn value_at(value: &Regex, text: &str, from: usize) -> Option<(usize, usize)> {
    // judged before its end is looked for, so that a chain of them is not gone through again from each
    if ["$(", "${", "{", "[", "-"]
        .iter()
        .any(|opens| text[from..].starts_with(opens))
        && !text[from..].starts_with("-----")
    {
        return None;
    }
    let found = value.captures(&text[from..])?;
    let group = found.iter().skip(1).flatten().next()?;
    (!says_nothing(group.as_str())).then(|| (from + group.start(), from + group.end()))
}

/// Words that follow the name of a secret in messages about it, masks, and the schemes before what authorises.
fn says_nothing(value: &str) -> bool {
    const STATES: [&str; 36] = [
        "true",
        "false",
        "null",
        "none",
        "nil",
        "undefined",
        "unset",
        "empty",
        "set",
        "not",
        "is",
        "was",
        "has",
        "required",
        "missing",
        "invalid",
        "expired",
        "unknown",
        "denied",
        "rejected",
        "incorrect",
        "wrong",
        "failed",
        "error",
        "must",
        "cannot",
        "no",
        "yes",
        "redacted",
        "hidden",
        "optional",
        "bearer",
        "basic",
        "digest",
        "negotiate",
        "token",
    ];
    let bare = value.trim_end_matches(['.', ':', '!', ' ']).to_ascii_lowercase();
    let masked = value
        .chars()
        .all(|c| matches!(c, '*' | '.' | '-' | '…' | '|' | '>' | '\\' | '/' | ':' | '='));
    masked || STATES.contains(&bare.as_str())
}

/// Passwords before an `@`.
fn credentials_in_urls(redactor: &Redactor, text: &str) -> String {
    static WITH_SCHEME: LazyLock<Regex> = LazyLock::new(|| pattern(r#"([A-Za-z][A-Za-z0-9+.-]*://)([^\s"'<>`]+)@"#));
    static WITHOUT: LazyLock<Regex> =
        LazyLock::new(|| pattern(r#"(^|[\s"'=(,\[])([A-Za-z0-9_.+-]+):([^\s:@/"'<>`]{2,})@([A-Za-z0-9_.(-]+)"#));
    let shown = WITH_SCHEME.replace_all(text, |c: &Captures<'_>| {
        // a URL in the query of another one is the one that the `@` belongs to
        let inner = if user_and_password(&c[2]).is_none() {
            c[2].rfind("://").map_or(0, |at| at + 3)
        } else {
            0
        };
        let (outer, user) = c[2].split_at(inner);
        let before = format!("{}{outer}", &c[1]);
        match user_and_password(user) {
            None => c[0].to_owned(),
            Some((name, None)) => format!("{before}{}@", redactor.handle(name.as_bytes())),
            Some((name, Some(password))) => {
                // a user such as `x-access-token` says nothing, one that is a token itself does
                let name = redact_user(redactor, name);
                format!("{before}{name}:{}@", redactor.handle(password.as_bytes()))
            }
        }
    });
    WITHOUT
        .replace_all(&shown, |c: &Captures<'_>| {
            let digest = c[4].starts_with("sha256") || c[4].starts_with("sha512");
            if digest {
                return c[0].to_owned();
            }
            format!("{}{}:{}@{}", &c[1], &c[2], redactor.handle(c[3].as_bytes()), &c[4])
        })
        .into_owned()
}

fn redact_user(redactor: &Redactor, user: &str) -> String {
    if user.is_empty() || super::plain::is_plain(user) {
        user.to_owned()
    } else {
        redactor.handle(user.as_bytes())
    }
}

/// What stands between `://` and the last `@`: `None` if that `@` belongs to a path or a query. Passwords that are not
/// encoded may hold `/`, `?` and `@`.
fn user_and_password(text: &str) -> Option<(&str, Option<&str>)> {
    let authority = text.split(['/', '?', '#']).next().unwrap_or_default();
    match text.split_once(':') {
        Some((user, password)) if authority.contains(':') => {
            let port = authority.rsplit(':').next().unwrap_or_default();
            let path_follows = authority.len() < text.len();
            let of_host = path_follows && !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
            (!of_host).then_some((user, Some(password)))
        }
        _ if authority.len() == text.len() => Some((text, None)),
        _ => None,
    }
}

/// Something that is a secret by its look.
struct Shape {
    /// The first group is the secret; without one, the whole.
    pattern: Regex,
    /// A second look, where the pattern alone would take too much.
    is_one: fn(&str) -> bool,
}

static SHAPES: LazyLock<Vec<Shape>> = LazyLock::new(|| {
    let sure = |text: &str| Shape {
        pattern: pattern(text),
        is_one: |_| true,
    };
    let look = |text: &str, is_one| Shape {
        pattern: pattern(text),
        is_one,
    };
    vec![
        // JSON Web Tokens, signed (three parts) and encrypted (five)
        sure(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*){0,3}"),
        // base64 of "-----BEGIN"
        sure(r"LS0tLS1CRUdJTi[A-Za-z0-9+/=]*"),
        look(r"(?i)\bbearer\s+([A-Za-z0-9._~+/=-]{8,})", |s| {
            !s.to_ascii_lowercase().starts_with("auth")
        }),
        look(r"(?i)\bbasic\s+([A-Za-z0-9+/=_-]{8,})", encoded),
        // AWS
        sure(r"\b(?:AKIA|ASIA|AIDA|AROA|AGPA|ANPA|ANVA|ABIA|ACCA)[A-Z0-9]{16}\b"),
        // GitHub, GitLab
        sure(
            r"(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}|gl(?:pat|ptt|rt|dt|soat)-[A-Za-z0-9_.-]{16,})",
        ),
        // Slack
        sure(
            r"(?:xox[a-z]-[A-Za-z0-9-]{8,}|xapp-[A-Za-z0-9-]{8,}|hooks\.slack\.com/(?:services|workflows)/([A-Za-z0-9/_-]+))",
        ),
        // Anthropic, OpenAI
        look(r"\bsk-[A-Za-z0-9_-]{16,}", |s| {
            s.bytes().any(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
        }),
        // Google, Stripe, SendGrid
        sure(
            r"\bAIza[A-Za-z0-9_-]{30,}|\bya29\.[A-Za-z0-9_-]{16,}|\b[rs]k_(?:live|test)_[A-Za-z0-9]{8,}|\bwhsec_[A-Za-z0-9+/=]{16,}|\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
        ),
        // npm, PyPI, Docker Hub, Hugging Face, DigitalOcean, Vault, age, Fernet
        sure(
            r"\bnpm_[A-Za-z0-9]{20,}|\bpypi-[A-Za-z0-9_-]{16,}|\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{16,}|\bhf_[A-Za-z0-9]{20,}|\bdo[opr]_v1_[a-f0-9]{32,}|\bhv[sbr]\.[A-Za-z0-9_-]{16,}|\bAGE-SECRET-KEY-1[A-Z0-9]{20,}|\bgAAAAA[A-Za-z0-9_-]{20,}={0,2}",
        ),
        // tokens that join a node to a cluster
        look(r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b", |s| {
            s.split('.')
                .all(|p| p.bytes().any(|b| b.is_ascii_digit()) && p.bytes().any(|b| b.is_ascii_lowercase()))
        }),
    ]
});

/// Whether something is base64 rather than a word: `Basic authentication` is no header.
fn encoded(text: &str) -> bool {
    let turns = text
        .as_bytes()
        .windows(2)
        .filter(|w| w[0].is_ascii_lowercase() && w[1].is_ascii_uppercase())
        .count();
    turns >= 2 || text.bytes().any(|b| b.is_ascii_digit() || b == b'=')
}

fn shaped(redactor: &Redactor, text: &str, shape: &Shape) -> String {
    let mut out = String::new();
    let mut at = 0;
    for found in shape.pattern.captures_iter(text) {
        let Some(secret) = found
            .get(1)
            .or_else(|| found.get(0))
            .filter(|s| (shape.is_one)(s.as_str()))
        else {
            continue;
        };
        out.push_str(&text[at..secret.start()]);
        out.push_str(&redactor.handle(secret.as_str().as_bytes()));
        at = secret.end();
    }
    out.push_str(&text[at..]);
    out
}

fn random_runs(redactor: &Redactor, text: &str) -> String {
    let mut out = String::new();
    let mut at = 0;
    for run in random::RUN.find_iter(text) {
        if random::is_random(&text[..run.start()], run.as_str()) {
            out.push_str(&text[at..run.start()]);
            out.push_str(&redactor.handle(run.as_str().as_bytes()));
            at = run.end();
        }
    }
    out.push_str(&text[at..]);
    out
}
