//! Why no connection came about, and what a person can do about it.

use dreamops_domain::time::Timestamp;
use std::path::PathBuf;

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
    #[error("{field} of context {context:?} cannot be used: {why}")]
    BadField {
        /// The context.
        context: String,
        /// The field, as the kubeconfig names it.
        field: &'static str,
        /// What is wrong, and what would be right.
        why: String,
    },
    /// The client certificate is out of date.
    #[error(
        "the client certificate of context {context:?} expired on {since}; have it renewed and take a fresh kubeconfig"
    )]
    Expired {
        /// The context.
        context: String,
        /// The end of its life.
        since: Timestamp,
    },
    /// The client certificate's life has not begun.
    #[error("the client certificate of context {context:?} is valid only from {from} on; check this machine's clock")]
    NotYetValid {
        /// The context.
        context: String,
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
    #[error(
        "the API server {address} cannot be reached: {why}; check the address in the kubeconfig, the network, and the proxy"
    )]
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
    #[error("the API server {address} does not accept the credential of context {context:?}: {why}")]
    Unauthorized {
        /// The API server.
        address: String,
        /// The context.
        context: String,
        /// What is wrong with it, where that can be told, and what to do.
        why: String,
    },
    /// Something answers there, but no Kubernetes API server.
    #[error("{address} answers, but not as a Kubernetes API server: {why}; check the address in the kubeconfig")]
    NotKubernetes {
        /// The address.
        address: String,
        /// What it answered.
        why: String,
    },
}
