//! From credentials to a client, bound to one cluster.
//!
//! Promises:
//! - A connection uses the source that was named and no other: no default kubeconfig, no in-cluster
//!   account, no variable of the environment.
//! - It is made only after the API server has accepted the credential, within [`CONNECT_DEADLINE`].
//! - Every failure says what is wrong and what to do, and shows no credential.
//!
//! | from | by | rules |
//! | --- | --- | --- |
//! | a kubeconfig file that an operator named | [`kubeconfig()`] | what kubectl does |
//! | a credential that a user gave | [`with`] | inline fields, checked addresses, nothing run or read here |

mod address;
mod certificate;
mod client;
mod credential;
mod endpoint;
mod error;
mod given;
mod kubeconfig;
mod plugin;
mod proxy;
mod refusal;
mod refused;
mod target;
mod upload;

pub use address::ForbiddenAddress;
pub(crate) use credential::Credential;
pub use error::{ConnectError, Holder};
pub use given::{Given, Method, Secret};
pub use proxy::ProxySettings;
pub use refusal::Refusal;

use crate::api::{Access, Api, ServerVersion};
use crate::error::{ApiError, Failure};
use address::{Lookup, Resolver, system_lookup};
use dreamops_domain::incident::ClusterId;
use dreamops_domain::ports::Clock;
use dreamops_domain::redact::Redactor;
use dreamops_domain::time::Timestamp;
use refused::{address, refused};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use target::{Bearer, Target, in_force};

/// A connection is there by then, or has failed.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(8);
/// Its uid lives as long as the cluster.
const NAMESPACE_OF_THE_CLUSTER: &str = "kube-system";

/// Whom an API server takes a caller for that shows it no credential.
const ANONYMOUS: &str = "\"system:anonymous\"";

/// What a connection needs beside the credential.
#[derive(Clone)]
pub struct Options {
    /// The context; `None` means the kubeconfig's current one. For kubeconfig files alone.
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
    /// Which cluster it is. Its name is the context's, or the one that the user gave.
    pub cluster: ClusterId,
    /// The namespace of the context or the given one; `default` where there is none.
    pub namespace: String,
    /// The API server's version: `v1.34.4`.
    pub version: String,
    /// What the API server runs on: `linux/amd64`.
    pub platform: String,
    /// When the client certificate or the token runs out; `None` where it does not say, or is renewed by itself.
    pub expires_at: Option<Timestamp>,
}

impl Connection {
    /// The names of the cluster's namespaces; `None` where they may not be listed or the server does not say.
    pub async fn namespaces(&self) -> Option<Vec<String>> {
        let all = self.api.list_all("Namespace", "", "", "").await.ok()?;
        let name = |n: &serde_json::Value| Some(n.pointer("/metadata/name")?.as_str()?.to_owned());
        Some(all.iter().filter_map(name).collect())
    }

    /// Whether the credential may list the cluster's namespaces, by the cluster's own word.
    pub async fn may_list_namespaces(&self) -> Result<bool, ApiError> {
        let access = Access {
            verb: "list",
            kind: "Namespace",
            ..Access::default()
        };
        self.api.access_review(access).await
    }
}

/// Connects as a context of a kubeconfig says.
pub async fn kubeconfig(path: &Path, options: &Options) -> Result<Connection, ConnectError> {
    let now = options.clock.now();
    let target = kubeconfig::target(path, options.context.as_deref(), &options.proxy, now)?;
    reach(target, options).await
}

/// Connects with what a user gave.
///
/// A failure before anybody is asked is [`ConnectError::Refused`], or tells that the credential has run out.
pub async fn with(given: &Given, options: &Options) -> Result<Connection, ConnectError> {
    with_lookup(given, options, system_lookup()).await
}

async fn with_lookup(given: &Given, options: &Options, lookup: Lookup) -> Result<Connection, ConnectError> {
    let target = given.target(&options.proxy, options.clock.now(), lookup)?;
    reach(target, options).await
}

async fn reach(target: Target, options: &Options) -> Result<Connection, ConnectError> {
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
    let own_end = end_of_certificate(&target);
    if let Some(identity) = issued.as_ref().and_then(|i| i.identity.clone()) {
        in_force(&target.holder, &identity, options.clock.now())?;
        target.identity = Some(identity);
    }
    let bearer = std::mem::replace(&mut target.bearer, Bearer::None);
    let credential = Credential::new(bearer, issued.as_ref(), options.clock.clone(), options.redactor.clone())
        .map_err(|why| ConnectError::BadField {
            of: target.holder.clone(),
            field: "token",
            why,
        })?
        .map(Arc::new);
    judge_proxy(&target).await?;
    let api = Api::with_credential(client::of(&target)?, credential.clone());
    let (server, uid) = ask(&api, &target, credential.as_deref(), options).await?;
    let end_of_token = match &credential {
        Some(credential) => credential.ends().await,
        None => None,
    };
    Ok(Connection {
        api,
        cluster: cluster_id(&target, uid),
        namespace: target.namespace,
        version: server.version,
        platform: server.platform,
        expires_at: [own_end, end_of_token].into_iter().flatten().min(),
    })
}

/// A plugin issues another certificate when its own ends; the target's own does not change.
fn end_of_certificate(target: &Target) -> Option<Timestamp> {
    let identity = target.identity.as_ref()?;
    certificate::validity(&identity.certificate).ok().map(|v| v.until)
}

/// Errors on the way to a proxy hide what they carry, so its address is judged beforehand as well; the connection
/// is made to an address that was judged then.
async fn judge_proxy(target: &Target) -> Result<(), ConnectError> {
    let Some(host) = target.proxy.as_ref().and_then(|proxy| proxy.host()) else {
        return Ok(());
    };
    let resolver = Resolver::new(target.reach.proxy, target.reach.lookup.clone());
    match resolver.resolve(host.to_owned()).await {
        Ok(_) => Ok(()),
        Err(error) => match error.downcast::<ForbiddenAddress>() {
            Ok(forbidden) => Err(ConnectError::Refused {
                cluster: target.holder.name().to_owned(),
                refusal: Refusal::Address(*forbidden),
            }),
            // the connection says it better
            Err(_) => Ok(()),
        },
    }
}

/// The first questions: the version, and the uid that tells the cluster from all others, where it may be read.
async fn ask(
    api: &Api,
    target: &Target,
    credential: Option<&Credential>,
    options: &Options,
) -> Result<(ServerVersion, Option<String>), ConnectError> {
    let (version, system) = tokio::join!(api.server_version(), api.get("Namespace", "", NAMESPACE_OF_THE_CLUSTER));
    let server = match version {
        Ok(server) if !server.version.is_empty() => server,
        Ok(_) => {
            return Err(ConnectError::NotKubernetes {
                address: address(target),
                why: "it tells no version".to_owned(),
            });
        }
        Err(error) => return Err(refused(target, credential, &error, options).await),
    };
    match system {
        Ok(namespace) => {
            let uid = namespace.pointer("/metadata/uid").and_then(|u| u.as_str());
            Ok((server, uid.map(str::to_owned)))
        }
        Err(error) => match error.failure {
            Failure::Forbidden if is_nobody(target, &error, options) => Err(ConnectError::Unauthorized {
                address: address(target),
                of: target.holder.clone(),
                why: "it takes the caller for nobody (system:anonymous), so the credential does not reach it; check that \
                      the cluster's client authority signed it, and that no gateway before the API server takes it away"
                    .to_owned(),
            }),
            Failure::Forbidden | Failure::NotFound | Failure::Denied => Ok((server, None)),
            _ => Err(refused(target, credential, &error, options).await),
        },
    }
}

/// Whether the server did not notice a given credential at all, while it answers anybody's question for its version.
fn is_nobody(target: &Target, error: &ApiError, options: &Options) -> bool {
    matches!(target.holder, Holder::Cluster(_)) && error.said(&options.redactor).contains(ANONYMOUS)
}

fn cluster_id(target: &Target, uid: Option<String>) -> ClusterId {
    let address = address(target);
    // an authority that nothing was checked against tells nothing
    let unproved = target.insecure && matches!(target.holder, Holder::Cluster(_));
    let ca_digest = if target.authorities.is_empty() || unproved {
        String::new()
    } else {
        certificate::digest(&target.authorities)
    };
    ClusterId {
        name: target.holder.name().to_owned(),
        key: uid.unwrap_or_else(|| format!("{address} {ca_digest}")),
        address,
        ca_digest,
    }
}

#[cfg(test)]
mod tests;
