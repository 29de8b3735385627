//! A connection from what a user gave: a service account's token, an uploaded kubeconfig, or a client
//! certificate.
//!
//! Promises:
//! - Everything is checked before anybody is asked; what is not taken is a [`Refusal`] that names the field.
//! - One credential is used, the given one. An upload with two is refused: where one failed, the API server
//!   would take the other.
//! - The server's certificate is checked unless `verify_ssl` is false; the system's authorities count where no
//!   `ca_certificate` is given.
//! - Only addresses that [`super::address`] allows are connected to.
//! - `Debug` shows no credential, and memory that held one is cleared.

use super::address::{Lookup, Reach, Rule};
use super::credential::jwt_end;
use super::endpoint;
use super::error::{ConnectError, Holder};
use super::proxy::{self, ProxySettings};
use super::refusal::Refusal;
use super::target::{Bearer, Target, in_force};
use super::upload::{self, Upload};
use dreamops_domain::fleet::AuthMethod;
use dreamops_domain::time::Timestamp;
use kube::config::AuthInfo;
use parts::{Parts, agreed, authorities, bad, namespace};
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::Zeroizing;

/// The version of the stored document.
const FORMAT: u32 = 1;
/// The longest token, certificate, key or authority, in bytes.
const LONGEST: usize = upload::LONGEST;

/// A text that is shown nowhere; its memory is cleared.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// How the host proves itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Method {
    /// A service account's token.
    ServiceAccount {
        /// The token, without `Bearer`.
        token: Secret,
    },
    /// An uploaded kubeconfig.
    Kubeconfig {
        /// Its text.
        text: Secret,
    },
    /// A client certificate.
    ClientCert {
        /// Certificate (and those between it and the authority): PEM, or base64 of PEM.
        certificate: String,
        /// Its key, in the same forms.
        key: Secret,
    },
}

/// What a user gave to connect a cluster.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// The credential.
    pub method: Method,
    /// The cluster's name, as the user calls it.
    pub name: String,
    /// The API server: `https://HOST:PORT`, with a path where a gateway has one.
    pub endpoint: String,
    /// The namespace where alerts name none; empty for the kubeconfig's, or else `default`.
    pub namespace: String,
    /// The authority of the server's certificate: PEM, or base64 of PEM.
    pub ca_certificate: Option<String>,
    /// Whether the server's certificate is checked.
    pub verify_ssl: bool,
    /// The proxy before the cluster: `http://`, `https://` or `socks5://`, with user and password where it needs them.
    pub proxy_url: Option<Secret>,
    /// Whether an administrator allowed this machine's own addresses. For the host to set, never for a request.
    #[serde(default)]
    pub loopback_allowed: bool,
}

#[derive(Serialize)]
struct Written<'a> {
    format: u32,
    given: &'a Given,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: u32,
    given: Given,
}

/// A document as JSON, in memory that is cleared and was never moved while it grew.
pub(crate) fn written<T: Serialize>(document: &T) -> Result<Zeroizing<String>, Refusal> {
    // room for the longest upload with each line break escaped, and the fields beside it
    let mut bytes = Zeroizing::new(Vec::with_capacity(4 * LONGEST));
    serde_json::to_writer(&mut *bytes, document).map_err(|_| Refusal::BadDocument)?;
    String::from_utf8(std::mem::take(&mut *bytes))
        .map(Zeroizing::new)
        .map_err(|_| Refusal::BadDocument)
}

impl Given {
    /// How the host proves itself.
    pub fn auth_method(&self) -> AuthMethod {
        match self.method {
            Method::ServiceAccount { .. } => AuthMethod::ServiceAccount,
            Method::Kubeconfig { .. } => AuthMethod::Kubeconfig,
            Method::ClientCert { .. } => AuthMethod::ClientCert,
        }
    }

    /// The same, with an uploaded kubeconfig cut down to the one context that is used: no other cluster's
    /// credential need be stored.
    pub fn kept(mut self) -> Result<Self, ConnectError> {
        if let Method::Kubeconfig { text } = &self.method {
            let kept = Upload::parse(text.expose()).and_then(Upload::text);
            let kept = kept.map_err(|refusal| self.refused(refusal))?;
            self.method = Method::Kubeconfig { text: Secret(kept) };
        }
        Ok(self)
    }

    /// As one document, to be sealed and stored.
    pub fn to_document(&self) -> Result<Zeroizing<String>, Refusal> {
        written(&Written {
            format: FORMAT,
            given: self,
        })
    }

    /// From the stored document.
    pub fn from_document(text: &str) -> Result<Self, Refusal> {
        // the parser's message may quote a value
        let stored: Stored = serde_json::from_str(text).map_err(|_| Refusal::BadDocument)?;
        if stored.format == FORMAT {
            Ok(stored.given)
        } else {
            Err(Refusal::BadDocument)
        }
    }

    fn refused(&self, refusal: Refusal) -> ConnectError {
        ConnectError::Refused {
            cluster: self.name.clone(),
            refusal,
        }
    }

    /// Checks all of it, as far as it can be without the cluster.
    pub(crate) fn target(
        &self,
        settings: &ProxySettings,
        now: Timestamp,
        lookup: Lookup,
    ) -> Result<Target, ConnectError> {
        let holder = Holder::Cluster(self.name.clone());
        let target = self.checked(holder.clone(), settings, lookup);
        let target = target.map_err(|refusal| self.refused(refusal))?;
        if let Some(identity) = &target.identity {
            in_force(&holder, identity, now)?;
        }
        if let Bearer::Token(token) = &target.bearer
            && let Some(since) = jwt_end(token).filter(|end| *end <= now)
        {
            return Err(ConnectError::Expired {
                of: holder,
                what: "token",
                since,
            });
        }
        Ok(target)
    }

    fn checked(&self, holder: Holder, settings: &ProxySettings, lookup: Lookup) -> Result<Target, Refusal> {
        let endpoint = Some(self.endpoint.trim()).filter(|e| !e.is_empty());
        let endpoint = endpoint.map(|e| endpoint::parse("endpoint", e)).transpose()?;
        let (server, parts) = Parts::of(&self.method, endpoint, self.verify_ssl)?;
        let own_proxy = agreed(
            ("proxy_url", self.proxy_url.as_ref().map(Secret::expose)),
            ("proxy-url", parts.proxy.as_ref().map(Secret::expose)),
            |a, b| a == b,
        )?;
        let rule = Rule::Guarded {
            loopback: self.loopback_allowed,
            plain: endpoint::is_plain(&server),
        };
        endpoint::check(&server, own_proxy.is_some(), rule)?;
        let proxy_field = own_proxy.map_or("the server's HTTPS_PROXY", |_| "proxy_url");
        let proxy = proxy::choose(&server, own_proxy, settings).map_err(|why| bad(proxy_field, why))?;
        Ok(Target {
            holder,
            namespace: namespace(&self.namespace, parts.namespace)?,
            authorities: authorities(self.ca_certificate.as_deref(), parts.authority.as_deref())?,
            insecure: !self.verify_ssl,
            server_name: parts.server_name,
            proxy,
            reach: Reach {
                server: rule,
                // the surroundings' proxy is the operator's choice
                proxy: own_proxy.map_or(Rule::Any, |_| Rule::Guarded {
                    loopback: self.loopback_allowed,
                    plain: false,
                }),
                lookup,
            },
            identity: parts.identity,
            bearer: parts.token.map_or(Bearer::None, Bearer::Token),
            rest: AuthInfo::default(),
            server,
        })
    }
}

mod parts;

#[cfg(test)]
mod tests;
