//! What the runtime says when a pull fails.

use dreamops_sdk::prelude::*;

/// Why an image is not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reason {
    /// The registry is there and does not know the name, or not for this platform.
    NotFound,
    /// The name is no image name.
    InvalidName,
    /// It may not be pulled, and the node does not have it.
    NeverPull,
    /// The registry wants a credential, or another one.
    Denied,
    /// The registry does not tell an unknown repository from one that is not for us.
    DeniedOrUnknown,
    /// The registry or the way to it is broken.
    Unreachable,
    /// The registry's limit on pulls.
    TooMany,
    /// The node cannot take it.
    Node,
    /// Nothing that is known here.
    Unknown,
}

/// Texts of runtimes and registries (containerd, CRI-O, Docker Hub, GHCR, ECR, GCR, Quay, Harbor), the most telling
/// first: a message about a name's look-up also says that it "failed to resolve reference".
const TEXTS: [(Reason, &[&str]); 6] = [
    (
        Reason::TooMany,
        &["toomanyrequests", "too many requests", "rate limit", ": 429"],
    ),
    (
        Reason::Node,
        &[
            "no space left",
            "disk pressure",
            "layers from manifest don't match",
            "failed to extract layer",
            "read-only file system",
        ],
    ),
    (
        Reason::Unreachable,
        &[
            "no such host",
            "server misbehaving",
            "i/o timeout",
            "timeout",
            "timed out",
            "deadline exceeded",
            "connection refused",
            "connection reset",
            "no route to host",
            "network is unreachable",
            "x509",
            "tls:",
            "certificate",
            "gave http response to https",
            "unexpected eof",
            ": eof",
            "bad gateway",
            "service unavailable",
            "gateway timeout",
            "internal server error",
            "temporary failure in name resolution",
        ],
    ),
    (
        Reason::DeniedOrUnknown,
        &[
            "repository does not exist or may require",
            "insufficient_scope",
            "requested access to the resource is denied",
        ],
    ),
    (
        Reason::Denied,
        &[
            "401 unauthorized",
            "403 forbidden",
            "unauthorized",
            "authentication required",
            "authorization failed",
            "no basic auth",
            "access denied",
            "denied",
            "forbidden",
        ],
    ),
    (
        Reason::NotFound,
        &[
            "not found",
            "manifest unknown",
            "name unknown",
            "manifest_unknown",
            "name_unknown",
            "no match for platform",
            "does not exist",
        ],
    ),
];

/// The reason behind a container's waiting reason and what was said about it.
pub(crate) fn read(waiting: &str, said: &str) -> Reason {
    match waiting {
        "InvalidImageName" => return Reason::InvalidName,
        "ErrImageNeverPull" => return Reason::NeverPull,
        "SignatureValidationFailed" => return Reason::Unknown,
        _ => {}
    }
    let said = said.to_ascii_lowercase();
    if said.contains("invalid reference format") || said.contains("couldn't parse image") {
        return Reason::InvalidName;
    }
    TEXTS
        .iter()
        .find(|(_, texts)| texts.iter().any(|t| said.contains(t)))
        .map_or(Reason::Unknown, |(reason, _)| *reason)
}

/// What was said, without what every failed pull says: `rpc error: code = NotFound desc = failed to pull and unpack
/// image "x": failed to resolve reference "x": `.
pub(crate) fn brief(said: &str) -> &str {
    if let Some((_, rest)) = said.split_once("failed to do request: ") {
        return rest;
    }
    let heads = [
        "failed to resolve reference \"",
        "failed to pull and unpack image \"",
        "Failed to pull image \"",
    ];
    let rest = heads
        .iter()
        .find_map(|head| said.split_once(head))
        .map(|(_, rest)| rest);
    rest.and_then(|rest| rest.split_once("\": "))
        .map_or(said, |(_, rest)| rest)
}

/// What was said about the image of a container: in its state while the pull fails, in events while the kubelet backs
/// off. The last word counts.
pub(crate) fn said(container: &Container, events: &[Event]) -> String {
    let image = &container.image;
    let state = container.waiting_message();
    // the back-off's own message names the image only, on clusters before 1.32
    let bare = state.is_empty() || state == format!("Back-off pulling image \"{image}\"");
    if !bare {
        // newer clusters put the last failure behind the back-off
        return state
            .split_once(": ErrImagePull: ")
            .map_or(state, |(_, failure)| failure)
            .to_owned();
    }
    cluster::with_reason(events, &["Failed", "InspectFailed", "ErrImageNeverPull"])
        .filter(|e| e.message.contains(image.as_str()))
        .last()
        .map_or_else(|| state.to_owned(), |e| e.message.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_failed_pull_says_is_left_out_of_sentences() {
        for (said, left) in [
            (
                "failed to pull and unpack image \"x\": failed to resolve reference \"x\": x: not found",
                "x: not found",
            ),
            (
                "failed to resolve reference \"x\": failed to do request: Head \"https://r\": no such host",
                "Head \"https://r\": no such host",
            ),
            (
                "failed to pull and unpack image \"x\": no space left on device",
                "no space left on device",
            ),
            ("something else", "something else"),
        ] {
            assert_eq!(brief(said), left);
        }
    }

    #[test]
    fn what_runtimes_say_is_told_apart() {
        let head = "rpc error: code = Unknown desc = failed to pull and unpack image \"docker.io/library/x:1\": failed to resolve reference \"docker.io/library/x:1\": ";
        for (reason, said) in [
            (Reason::NotFound, "docker.io/library/x:1: not found"),
            (
                Reason::NotFound,
                "manifest unknown: manifest tagged by \"1\" is not found",
            ),
            (Reason::NotFound, "no match for platform in manifest: not found"),
            (
                Reason::DeniedOrUnknown,
                "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
            ),
            (
                Reason::Denied,
                "failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token: 401 Unauthorized",
            ),
            (
                Reason::Denied,
                "unexpected status from HEAD request to https://r.test/v2/x/manifests/1: 403 Forbidden",
            ),
            (Reason::Denied, "no basic auth credentials"),
            (
                Reason::Unreachable,
                "failed to do request: Head \"https://r.test/v2/x/manifests/1\": dial tcp: lookup r.test on 10.0.0.2:53: no such host",
            ),
            (
                Reason::Unreachable,
                "failed to authorize: failed to fetch anonymous token: Get \"https://auth.docker.io/token\": dial tcp 1.2.3.4:443: i/o timeout",
            ),
            (
                Reason::Unreachable,
                "failed to do request: Head \"https://r.test/v2/\": tls: failed to verify certificate: x509: certificate signed by unknown authority",
            ),
            (
                Reason::Unreachable,
                "unexpected status from HEAD request to https://r.test/v2/x: 503 Service Unavailable",
            ),
            (
                Reason::TooMany,
                "unexpected status code 429 Too Many Requests: toomanyrequests: You have reached your pull rate limit",
            ),
            (Reason::Node, "write /var/lib/containerd/x: no space left on device"),
            (Reason::Unknown, "something else"),
        ] {
            assert_eq!(read("ErrImagePull", &format!("{head}{said}")), reason, "{said}");
        }
        assert_eq!(
            read(
                "InvalidImageName",
                "Failed to apply default image tag \"X\": couldn't parse image"
            ),
            Reason::InvalidName
        );
        assert_eq!(
            read(
                "ErrImageNeverPull",
                "Container image \"x\" is not present with pull policy of Never"
            ),
            Reason::NeverPull
        );
    }
}
