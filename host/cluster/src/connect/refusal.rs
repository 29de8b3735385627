//! What is not taken from a user, and what would be.

use super::address::ForbiddenAddress;

/// Something in what a user gave. No text shows a credential.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// The field holds something that cannot be used.
    #[error("{field} cannot be used: {why}")]
    BadField {
        /// The field, as [`super::Given`] or the kubeconfig names it.
        field: &'static str,
        /// What is wrong, and what would be right.
        why: String,
    },
    /// More than a credential has.
    #[error("{field} is longer than {limit} bytes; give that of one cluster alone")]
    TooLong {
        /// The field.
        field: &'static str,
        /// The most that is taken, in bytes.
        limit: usize,
    },
    /// The upload is no kubeconfig. Its text is not shown: it may hold a credential.
    #[error(
        "the kubeconfig is not well-formed YAML of that form{place}; upload one that `kubectl config view --raw --minify --flatten` prints"
    )]
    NotKubeconfig {
        /// ` (line 3, column 5)`, where it is known.
        place: String,
    },
    /// The kubeconfig uses anchors or several documents, or has more parts or depth than any kubeconfig.
    #[error(
        "the kubeconfig uses YAML anchors or several documents, or has more parts than a kubeconfig can need; upload one that `kubectl config view --raw --minify --flatten` prints"
    )]
    TooIntricate,
    /// Two entries have one name.
    #[error("the kubeconfig has two {what} of the name {name:?}; leave one of them")]
    Duplicate {
        /// `contexts`, `clusters` or `users`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// No context is chosen.
    #[error("the kubeconfig names no current-context; set it to one of: {}", there.join(", "))]
    NoCurrentContext {
        /// The contexts there are.
        there: Vec<String>,
    },
    /// The current context does not exist.
    #[error("the kubeconfig has no context {wanted:?}, which its current-context names; there are: {}", there.join(", "))]
    NoSuchContext {
        /// What `current-context` says.
        wanted: String,
        /// The contexts there are.
        there: Vec<String>,
    },
    /// The context names a cluster or user that the kubeconfig lacks.
    #[error("the kubeconfig's current context names the {what} {name:?}, which is not there; correct the context")]
    Dangling {
        /// `cluster` or `user`.
        what: &'static str,
        /// The missing one.
        name: String,
    },
    /// A field that an upload may not have.
    #[error("the kubeconfig's {field} is not allowed in an upload: {why}")]
    FieldNotAllowed {
        /// The field, as the kubeconfig names it.
        field: &'static str,
        /// What it would do, and what to give instead.
        why: &'static str,
    },
    /// The kubeconfig is another server's.
    #[error(
        "the kubeconfig's server is {server}, the endpoint is {endpoint}; give the endpoint that the kubeconfig names, or that cluster's kubeconfig"
    )]
    OtherServer {
        /// The kubeconfig's.
        server: String,
        /// The given one.
        endpoint: String,
    },
    /// The kubeconfig turns the check of the server's certificate off, the user does not.
    #[error(
        "the kubeconfig's insecure-skip-tls-verify turns the check of the server's certificate off; give its authority as ca_certificate, or turn it off by name with verify_ssl false"
    )]
    SkipsVerification,
    /// The kubeconfig says something else than the field.
    #[error("{field} and the kubeconfig's {of_kubeconfig} differ; leave one of them")]
    Contradiction {
        /// The field.
        field: &'static str,
        /// The kubeconfig's.
        of_kubeconfig: &'static str,
    },
    /// More than one credential: where the first fails, the server would take the other one.
    #[error(
        "there is a token and a client certificate; give one of them, so that no failure of one is hidden by the other"
    )]
    TwoCredentials,
    /// No credential.
    #[error(
        "the kubeconfig's user has no credential; upload one with a token or client-certificate-data and client-key-data"
    )]
    NoCredential,
    /// Plain http where it would leave this machine.
    #[error("{field} is http, which protects no credential on the way; use https")]
    PlainHttp {
        /// The field.
        field: &'static str,
    },
    /// An address that is not connected to.
    #[error("{0}")]
    Address(ForbiddenAddress),
    /// A stored document that is none of ours, or of a later version.
    #[error("the stored credential is not a document of this version; connect the cluster again")]
    BadDocument,
}
