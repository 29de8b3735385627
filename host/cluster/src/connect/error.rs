//! Why no connection came about, and what a person can do about it.

use super::refusal::Refusal;
use dreamops_domain::time::Timestamp;
use std::fmt;
use std::path::PathBuf;

/// Whose credential it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Holder {
    /// A context of a kubeconfig file.
    Context(String),
    /// A cluster that a user named.
    Cluster(String),
}

impl Holder {
    /// The context's or cluster's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Context(name) | Self::Cluster(name) => name,
        }
    }

    /// How a person gets a credential in place of one that does not work.
    pub(crate) fn renew(&self) -> &'static str {
        match self {
            Self::Context(_) => "take a fresh kubeconfig",
            Self::Cluster(_) => "give the cluster a fresh credential",
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Context(name) => write!(f, "context {name:?}"),
            Self::Cluster(name) => write!(f, "cluster {name:?}"),
        }
    }
}

/// Each says what is wrong and what to do next; none shows a credential.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig cannot be read.
    #[error("the kubeconfig {} cannot be read: {why}; check --kubeconfig", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// The file is no kubeconfig. Its text is not shown: it may hold a credential.
    #[error("{} is not a kubeconfig: it is not well-formed YAML of that form{place}; take a fresh one from the cluster's provider", path.display())]
    NotKubeconfig {
        /// The file.
        path: PathBuf,
        /// ` (line 3, column 5)`, where it is known.
        place: String,
    },
    /// The kubeconfig has no contexts.
    #[error("the kubeconfig {} has no contexts; add one with `kubectl config set-context`, or take a fresh one", path.display())]
    NoContexts {
        /// The file.
        path: PathBuf,
    },
    /// No context is chosen.
    #[error("the kubeconfig {} names no current context; choose one with --context: {}", path.display(), there.join(", "))]
    NoCurrentContext {
        /// The file.
        path: PathBuf,
        /// The contexts there are.
        there: Vec<String>,
    },
    /// The context does not exist.
    #[error("the kubeconfig {} has no context {wanted:?}; there are: {}", path.display(), there.join(", "))]
    NoSuchContext {
        /// The file.
        path: PathBuf,
        /// The context that was asked for.
        wanted: String,
        /// The contexts there are.
        there: Vec<String>,
    },
    /// The context names a cluster or user that the file lacks.
    #[error(
        "context {context:?} names the {what} {name:?}, which the kubeconfig does not have; correct the context, or take a fresh kubeconfig"
    )]
    Dangling {
        /// The context.
        context: String,
        /// `cluster` or `user`.
        what: &'static str,
        /// The missing one.
        name: String,
    },
    /// A field holds something that cannot be used.
    #[error("{field} of {of} cannot be used: {why}")]
    BadField {
        /// Whose it is.
        of: Holder,
        /// The field, as the kubeconfig names it.
        field: &'static str,
        /// What is wrong, and what would be right.
        why: String,
    },
    /// The client certificate or token is out of date.
    #[error("the {what} of {of} expired on {since}; have it renewed and {}", of.renew())]
    Expired {
        /// Whose it is.
        of: Holder,
        /// `client certificate` or `token`.
        what: &'static str,
        /// The end of its life.
        since: Timestamp,
    },
    /// The client certificate's life has not begun.
    #[error("the client certificate of {of} is valid only from {from} on; check this machine's clock")]
    NotYetValid {
        /// Whose it is.
        of: Holder,
        /// The beginning of its life.
        from: Timestamp,
    },
    /// The credential plugin (`exec`) gave none.
    #[error("the credential plugin {command:?} of context {context:?} gave no credential: {why}")]
    Plugin {
        /// The context.
        context: String,
        /// The command.
        command: String,
        /// What is wrong, with the kubeconfig's hint on how to install it.
        why: String,
    },
    /// No answer from the address.
    #[error("the API server {address} cannot be reached: {why}; check the address, the network, and the proxy")]
    Unreachable {
        /// The API server.
        address: String,
        /// What happened.
        why: String,
    },
    /// TLS with the server failed.
    #[error("no secure connection to the API server {address}: {why}")]
    Tls {
        /// The API server.
        address: String,
        /// What is wrong, and what to do.
        why: String,
    },
    /// The server does not accept the credential.
    #[error("the API server {address} does not accept the credential of {of}: {why}")]
    Unauthorized {
        /// The API server.
        address: String,
        /// Whose it is.
        of: Holder,
        /// What is wrong with it, where that can be told, and what to do.
        why: String,
    },
    /// Something answers there, but no Kubernetes API server.
    #[error("{address} answers, but not as a Kubernetes API server: {why}; check the address")]
    NotKubernetes {
        /// The address.
        address: String,
        /// What it answered.
        why: String,
    },
    /// What a user gave is not taken; nobody was asked.
    #[error("cluster {cluster:?} cannot be connected: {refusal}")]
    Refused {
        /// The name that the user gave.
        cluster: String,
        /// What is not taken, and what would be.
        refusal: Refusal,
    },
}

impl ConnectError {
    /// Whether the credential has run out: it worked once, and a new one is needed.
    pub fn is_expired(&self) -> bool {
        matches!(self, Self::Expired { .. })
    }
}
