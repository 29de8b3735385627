//! From credentials to a client, bound to one cluster.
//!
//! Promises:
//! - A connection uses the source that was named and no other: no default kubeconfig, no in-cluster
//!   account, no variable of the environment.
//! - It is made only after the API server has accepted the credential, within [`CONNECT_DEADLINE`].
//! - Every failure says what is wrong and what to do, and shows no credential.

mod certificate;
mod client;
mod credential;
mod error;
mod kubeconfig;
mod plugin;
mod proxy;

pub(crate) use credential::Credential;
pub use error::ConnectError;
pub use proxy::ProxySettings;

use crate::api::Api;
use crate::error::{ApiError, Failure};
use crate::transport::Trouble;
use dreamops_domain::incident::ClusterId;
use dreamops_domain::ports::Clock;
use dreamops_domain::redact::Redactor;
use kubeconfig::{Bearer, Target};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A connection is there by then, or has failed.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(8);
/// Its uid lives as long as the cluster.
const NAMESPACE_OF_THE_CLUSTER: &str = "kube-system";

/// What a connection needs beside the kubeconfig.
#[derive(Clone)]
pub struct Options {
    /// The context; `None` means the kubeconfig's current one.
    pub context: Option<String>,
    /// The proxy settings of the surroundings.
    pub proxy: ProxySettings,
    /// Tells whether certificates and tokens are in force.
    pub clock: Arc<dyn Clock>,
    /// Redacts what plugins and servers say.
    pub redactor: Redactor,
}

/// A cluster that has accepted the credential.
pub struct Connection {
    /// Calls to its API server.
    pub api: Api,
    /// Which cluster it is. Its name is the context's.
    pub cluster: ClusterId,
    /// The namespace of the context; `default` where it has none.
    pub namespace: String,
    /// The API server's version: `v1.34.4`.
    pub version: String,
}

impl Connection {
    /// The names of the cluster's namespaces; `None` where they may not be listed or the server does not say.
    pub async fn namespaces(&self) -> Option<Vec<String>> {
        let all = self.api.list_all("Namespace", "", "", "").await.ok()?;
        let name = |n: &serde_json::Value| Some(n.pointer("/metadata/name")?.as_str()?.to_owned());
        Some(all.iter().filter_map(name).collect())
    }
}

/// Connects as a context of a kubeconfig says.
pub async fn kubeconfig(path: &Path, options: &Options) -> Result<Connection, ConnectError> {
    let now = options.clock.now();
    let target = kubeconfig::target(path, options.context.as_deref(), &options.proxy, now)?;
    let address = address(&target);
    match tokio::time::timeout(CONNECT_DEADLINE, connect(target, options)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(ConnectError::Unreachable {
            address,
            why: format!("no answer within {} s", CONNECT_DEADLINE.as_secs()),
        }),
    }
}

async fn connect(mut target: Target, options: &Options) -> Result<Connection, ConnectError> {
    let issued = match &target.bearer {
        Bearer::Plugin(plugin) => Some(plugin.run(&options.redactor).await?),
        _ => None,
    };
    if let Some(identity) = issued.as_ref().and_then(|i| i.identity.clone()) {
        kubeconfig::in_force(&target.context, &identity, options.clock.now())?;
        target.identity = Some(identity);
    }
    let bearer = std::mem::replace(&mut target.bearer, Bearer::None);
    let credential = Credential::new(bearer, issued.as_ref(), options.clock.clone(), options.redactor.clone())
        .map_err(|why| ConnectError::BadField {
            context: target.context.clone(),
            field: "token",
            why,
        })?
        .map(Arc::new);
    let api = Api::with_credential(client::of(&target)?, credential.clone());
    let (version, system) = tokio::join!(api.version(), api.get("Namespace", "", NAMESPACE_OF_THE_CLUSTER));
    let version = match version {
        Ok(version) if !version.is_empty() => version,
        Ok(_) => {
            return Err(ConnectError::NotKubernetes {
                address: address(&target),
                why: "it tells no version".to_owned(),
            });
        }
        Err(error) => return Err(refused(&target, credential.as_deref(), &error, options).await),
    };
    let uid = match system {
        Ok(namespace) => namespace
            .pointer("/metadata/uid")
            .and_then(|u| u.as_str())
            .map(str::to_owned),
        Err(error) => match error.failure {
            Failure::Forbidden | Failure::NotFound | Failure::Denied => None,
            _ => return Err(refused(&target, credential.as_deref(), &error, options).await),
        },
    };
    Ok(Connection {
        api,
        cluster: cluster_id(&target, uid),
        namespace: target.namespace,
        version,
    })
}

fn cluster_id(target: &Target, uid: Option<String>) -> ClusterId {
    let address = address(target);
    let ca_digest = if target.authorities.is_empty() {
        String::new()
    } else {
        certificate::digest(&target.authorities)
    };
    ClusterId {
        name: target.context.clone(),
        key: uid.unwrap_or_else(|| format!("{address} {ca_digest}")),
        address,
        ca_digest,
    }
}

fn address(target: &Target) -> String {
    target.server.to_string().trim_end_matches('/').to_owned()
}

/// Why the first question went unanswered.
async fn refused(
    target: &Target,
    credential: Option<&Credential>,
    error: &ApiError,
    options: &Options,
) -> ConnectError {
    let address = address(target);
    let said = error.said(&options.redactor);
    if error.failure == Failure::Unauthorized {
        return unauthorized(target, credential, address, &said).await;
    }
    let by_proxy = match &target.proxy {
        Some(proxy) => format!(" (through the proxy {})", proxy.host().unwrap_or_default()),
        None => String::new(),
    };
    match error.trouble() {
        Some(Trouble::UnknownCa) => {
            let what_to_do = if target.authorities.is_empty() {
                "the kubeconfig has no certificate-authority: take one that has"
            } else {
                "the kubeconfig's certificate-authority is another cluster's or an older one: take a fresh kubeconfig"
            };
            ConnectError::Tls {
                address,
                why: format!("{said}; {what_to_do}"),
            }
        }
        Some(Trouble::WrongName(_)) => ConnectError::Tls {
            address,
            why: format!("{said}; use an address that the certificate names, or set tls-server-name"),
        },
        Some(Trouble::ServerExpired) => ConnectError::Tls {
            address,
            why: format!("{said}; have the cluster's certificates renewed, and check this machine's clock"),
        },
        Some(Trouble::ClientCertificate(_)) => ConnectError::Tls {
            address,
            why: format!("{said}; take a fresh kubeconfig"),
        },
        Some(Trouble::Tls(_)) => ConnectError::Tls { address, why: said },
        Some(_) => ConnectError::Unreachable {
            address,
            why: format!("{said}{by_proxy}"),
        },
        None if error.code == 0 || error.code >= 500 => ConnectError::Unreachable {
            address,
            why: format!("{said}{by_proxy}"),
        },
        None if error.failure == Failure::Forbidden => ConnectError::Unauthorized {
            address,
            context: target.context.clone(),
            why: format!("it may not even ask for the version: {said}"),
        },
        None => ConnectError::NotKubernetes { address, why: said },
    }
}

async fn unauthorized(target: &Target, credential: Option<&Credential>, address: String, said: &str) -> ConnectError {
    let ended = match credential {
        Some(credential) => credential.ended().await,
        None => None,
    };
    let why = match (ended, target.identity.is_some(), credential.is_some()) {
        (Some(ended), _, _) => format!("its token expired on {ended}; take a fresh one"),
        (None, _, true) => format!("{said}; its token is not (any longer) valid there: take a fresh one"),
        (None, true, false) => {
            format!("{said}; its certificate is not signed by an authority of this cluster: take a fresh kubeconfig")
        }
        (None, false, false) => format!("{said}; the context's user holds no credential that can be used"),
    };
    ConnectError::Unauthorized {
        address,
        context: target.context.clone(),
        why,
    }
}
