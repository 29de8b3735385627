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
use super::certificate::{self, Identity};
use super::credential::jwt_end;
use super::endpoint;
use super::error::{ConnectError, Holder};
use super::proxy::{self, ProxySettings};
use super::refusal::Refusal;
use super::target::{Bearer, Target, in_force};
use super::upload::{self, Upload};
use dreamops_domain::fleet::AuthMethod;
use dreamops_domain::time::Timestamp;
use http::Uri;
use kube::config::AuthInfo;
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::Zeroizing;

/// The version of the stored document.
const FORMAT: u32 = 1;
/// The longest token, certificate, key or authority, in bytes.
const LONGEST: usize = upload::LONGEST;
/// The longest name of a namespace (RFC 1123 label).
const LONGEST_LABEL: usize = 63;

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
        let server = endpoint::parse("endpoint", &self.endpoint)?;
        let parts = Parts::of(&self.method, &server, self.verify_ssl)?;
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
        let proxy = proxy::choose(&server, own_proxy, settings).map_err(|why| bad("proxy_url", why))?;
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

/// What a method gives: one of token and identity, and what a kubeconfig says of the cluster.
#[derive(Default)]
struct Parts {
    token: Option<Zeroizing<String>>,
    identity: Option<Identity>,
    authority: Option<String>,
    server_name: Option<String>,
    proxy: Option<Secret>,
    namespace: Option<String>,
}

impl Parts {
    fn of(method: &Method, server: &Uri, verify: bool) -> Result<Self, Refusal> {
        match method {
            Method::ServiceAccount { token: given } => Ok(Self {
                token: Some(token("token", given)?),
                ..Self::default()
            }),
            Method::ClientCert { certificate, key } => Ok(Self {
                identity: Some(identity(("certificate", certificate), ("key", key))?),
                ..Self::default()
            }),
            Method::Kubeconfig { text } => Self::of_upload(Upload::parse(text.expose())?, server, verify),
        }
    }

    fn of_upload(upload: Upload, server: &Uri, verify: bool) -> Result<Self, Refusal> {
        let Upload {
            server: said,
            account,
            namespace,
            ..
        } = upload;
        let own = endpoint::parse("server", &said.server)?;
        if own != *server {
            return Err(Refusal::OtherServer {
                server: endpoint::shown(&own),
                endpoint: endpoint::shown(server),
            });
        }
        if said.insecure_skip_tls_verify == Some(true) && verify {
            return Err(Refusal::SkipsVerification);
        }
        let given = |secret: Option<Secret>| secret.filter(|s| !s.expose().trim().is_empty());
        let certificate = account.client_certificate_data.filter(|c| !c.trim().is_empty());
        let (token, identity) = match (given(account.token), certificate, given(account.client_key_data)) {
            (None, None, None) => return Err(Refusal::NoCredential),
            (Some(given), None, None) => (Some(token("token", &given)?), None),
            (None, Some(certificate), Some(key)) => {
                let certificate = ("client-certificate-data", certificate.as_str());
                (None, Some(identity(certificate, ("client-key-data", &key))?))
            }
            (None, Some(_), None) => return Err(bad("client-key-data", "it is missing")),
            (None, None, Some(_)) => return Err(bad("client-certificate-data", "it is missing")),
            (Some(_), _, _) => return Err(Refusal::TwoCredentials),
        };
        Ok(Self {
            token,
            identity,
            authority: said.certificate_authority_data,
            server_name: said.tls_server_name.filter(|n| !n.is_empty()),
            proxy: said.proxy_url,
            namespace,
        })
    }
}

fn bad(field: &'static str, why: impl Into<String>) -> Refusal {
    Refusal::BadField { field, why: why.into() }
}

fn bounded(field: &'static str, text: &str) -> Result<(), Refusal> {
    if text.len() > LONGEST {
        return Err(Refusal::TooLong { field, limit: LONGEST });
    }
    Ok(())
}

fn token(field: &'static str, given: &Secret) -> Result<Zeroizing<String>, Refusal> {
    bounded(field, given.expose())?;
    let text = given.expose().trim();
    if text.is_empty() {
        return Err(bad(field, "it is empty; `kubectl create token` makes one"));
    }
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(bad(
            field,
            "it holds characters that no token has; give the bare token, in one line and without Bearer",
        ));
    }
    Ok(Zeroizing::new(text.to_owned()))
}

type Field<'a, T> = (&'static str, &'a T);

fn identity(certificate: Field<'_, str>, key: Field<'_, Secret>) -> Result<Identity, Refusal> {
    let (certificate_field, certificate) = certificate;
    let (key_field, key) = key;
    bounded(certificate_field, certificate)?;
    bounded(key_field, key.expose())?;
    let certificate = certificate::pem_or_base64(certificate).map_err(|why| bad(certificate_field, why))?;
    certificate::validity(&certificate).map_err(|why| bad(certificate_field, why))?;
    let key = certificate::pem_or_base64(key.expose()).map_err(|why| bad(key_field, why))?;
    certificate::private_key(&key).map_err(|why| bad(key_field, why))?;
    Ok(Identity {
        certificate: certificate.to_vec(),
        key,
    })
}

/// The one of two that is there, or both where they are the same.
fn agreed<'a>(
    (field, given): (&'static str, Option<&'a str>),
    (of_kubeconfig, kept): (&'static str, Option<&'a str>),
    same: impl Fn(&str, &str) -> bool,
) -> Result<Option<&'a str>, Refusal> {
    let filled = |text: Option<&'a str>| text.map(str::trim).filter(|t| !t.is_empty());
    match (filled(given), filled(kept)) {
        (Some(given), Some(kept)) if !same(given, kept) => Err(Refusal::Contradiction { field, of_kubeconfig }),
        (given, kept) => Ok(given.or(kept)),
    }
}

fn authorities(given: Option<&str>, kept: Option<&str>) -> Result<Vec<Vec<u8>>, Refusal> {
    let read = |field: &'static str, text: &str| {
        bounded(field, text)?;
        certificate::pem_or_base64(text)
            .and_then(|pem| certificate::bundle(&pem))
            .map_err(|why| bad(field, why))
    };
    let filled = |text: &&str| !text.trim().is_empty();
    let given = given
        .filter(filled)
        .map(|text| read("ca_certificate", text))
        .transpose()?;
    let kept = kept
        .filter(filled)
        .map(|text| read("certificate-authority-data", text))
        .transpose()?;
    match (given, kept) {
        (Some(given), Some(kept)) if given != kept => Err(Refusal::Contradiction {
            field: "ca_certificate",
            of_kubeconfig: "certificate-authority-data",
        }),
        (given, kept) => Ok(given.or(kept).unwrap_or_default()),
    }
}

fn namespace(given: &str, of_context: Option<String>) -> Result<String, Refusal> {
    let name = match (given.trim(), of_context) {
        ("", Some(name)) => name,
        ("", None) => return Ok("default".to_owned()),
        (name, _) => name.to_owned(),
    };
    let letters = name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !letters || name.len() > LONGEST_LABEL || name.starts_with('-') || name.ends_with('-') {
        return Err(bad(
            "namespace",
            "a namespace's name has up to 63 lower-case letters, digits and inner hyphens",
        ));
    }
    Ok(name)
}

#[cfg(test)]
mod tests;
