//! Long random strings, told from names, paths and digests by how letters, cases and digits take turns.
//!
//! Not told as random, because people need to read them: uuids, hexadecimal strings of 40 digits (git commits), digests and
//! container ids with their prefix, and anything made of words and short hashes, as names of pods are.

use crate::pattern::pattern;
use regex::Regex;
use std::sync::LazyLock;

/// Strings that are looked at.
pub(super) static RUN: LazyLock<Regex> = LazyLock::new(|| pattern(r"[A-Za-z0-9+/_-]{16,}={0,2}"));
static UUID: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"));

/// What stands before a digest or a container id.
const DIGESTS: [&str; 8] = [
    "sha1:",
    "sha256:",
    "sha384:",
    "sha512:",
    "containerd://",
    "docker://",
    "cri-o://",
    "docker-pullable://",
];
/// Digits of a git commit.
const COMMIT: usize = 40;
/// Digits of a key or digest of 128 bits.
const KEY: usize = 32;

/// Whether a run is random. `before` is the text up to it.
pub(super) fn is_random(before: &str, run: &str) -> bool {
    let bare = run.trim_start_matches('/');
    let start = before.len() + (run.len() - bare.len());
    let digest = is_hex(bare) && DIGESTS.iter().any(|d| ends_at(before, run, start, d));
    if digest {
        return false;
    }
    let rest = UUID.replace_all(run, "");
    let pieces: Vec<&str> = rest
        .split(['-', '_', '/', '+', '='])
        .filter(|p| !p.is_empty())
        .collect();
    if pieces.iter().any(|p| random_piece(p)) {
        return true;
    }
    let joined = pieces.concat();
    let plain: usize = pieces.iter().filter(|p| plain(p)).map(|p| p.len()).sum();
    joined.len() >= 28 && plain * 2 < joined.len() && random_piece(&joined)
}

/// Whether `prefix` ends where the run's first character other than `/` begins.
fn ends_at(before: &str, run: &str, start: usize, prefix: &str) -> bool {
    let slashes = &run[..start - before.len()];
    let (head, tail) = prefix.split_at(prefix.len() - slashes.len().min(prefix.len()));
    slashes == tail && before.ends_with(head)
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// A word, a number, or a hash as short as those in names of pods.
fn plain(piece: &str) -> bool {
    let letters = piece.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = piece.len() - letters.len();
    let word = letters.bytes().all(|b| b.is_ascii_lowercase()) || letters.bytes().all(|b| b.is_ascii_uppercase());
    let capital = letters.bytes().skip(1).all(|b| b.is_ascii_lowercase());
    let hash = piece.len() <= 10 && piece.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    digits == piece.len()
        || hash
        || (digits <= 3 && (word || capital) && letters.bytes().all(|b| b.is_ascii_alphabetic()))
}

fn random_piece(piece: &str) -> bool {
    let bytes = piece.as_bytes();
    let count = |of: fn(&u8) -> bool| bytes.iter().filter(|b| of(b)).count();
    let (digits, upper) = (count(u8::is_ascii_digit), count(u8::is_ascii_uppercase));
    let letters = bytes.len() - digits;
    if bytes.len() < 16 || letters == 0 {
        return false;
    }
    if is_hex(piece) {
        return bytes.len() == KEY || bytes.len() > COMMIT;
    }
    let turns = |of: fn(u8, u8) -> bool| bytes.windows(2).filter(|w| of(w[0], w[1])).count();
    let number_turns = turns(|a, b| a.is_ascii_digit() != b.is_ascii_digit());
    let case_turns = turns(|a, b| a.is_ascii_lowercase() && b.is_ascii_uppercase());
    if bytes.len() < 20 {
        return digits >= 3 && number_turns >= 5;
    }
    let mixed_case = upper * 10 >= letters * 3 && upper * 10 <= letters * 7;
    (digits >= 3 && number_turns >= 4) || (mixed_case && case_turns >= 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use sha2::{Digest, Sha256};

    fn found(text: &str) -> bool {
        RUN.find_iter(text).any(|m| is_random(&text[..m.start()], m.as_str()))
    }

    #[test]
    fn names_paths_and_digests_are_not_random() {
        let hex64 = hex::encode(Sha256::digest("x"));
        for text in [
            "my-very-long-service-name-with-words-7d9f8b6c5d-x2x9q",
            "/var/lib/kubelet/pods/3f2b8c1e-1111-4222-8333-444455556666/volumes/kubernetes.io~projected/kube-api-access-x2x9q",
            "back-off restarting failed container=web pod=web-7d9f8b6c5d-x2x9q_shop(3f2b8c1e-1111-4222-8333-444455556666)",
            "da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "com/example/HorizontalPodAutoscalerControllerFactory",
            "HTTP_PROXY_CONNECTION_TIMEOUT_SECONDS",
            "00000000000000000000000001",
            "2026-05-20T14-00-00-000000000Z",
            "i-0abc123def4567890",
            &format!("registry.example/app@sha256:{hex64}"),
            &format!("containerd://{hex64}"),
            &format!("image sha256:{hex64} is gone"),
        ] {
            assert!(!found(text), "{text}");
        }
    }

    #[test]
    fn hexadecimal_keys_are_random_where_no_prefix_says_digest() {
        let hex64 = hex::encode(Sha256::digest("x"));
        assert!(found(&hex64) && found(&hex64[..32]) && found(&format!("x {hex64}")) && found(&format!("/{hex64}")));
        assert!(!found(&hex64[..31]));
    }

    /// A statement about chance, held with a fixed choice of a thousand strings.
    #[test]
    fn of_a_thousand_random_strings_nearly_all_are_told() {
        let engines = [
            base64::engine::general_purpose::STANDARD,
            base64::engine::general_purpose::URL_SAFE_NO_PAD,
        ];
        for (name, bytes) in [("24 bytes", 24), ("32 bytes", 32)] {
            let told = (0..1000u32)
                .filter(|i| found(&engines[(i % 2) as usize].encode(&Sha256::digest(i.to_be_bytes())[..bytes])))
                .count();
            assert!(told >= 980, "{name}: {told} of 1000");
        }
    }
}
