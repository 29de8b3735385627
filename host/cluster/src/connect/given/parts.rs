//! The fields of what a user gave, read one by one; a refusal names the field.

use super::{LONGEST, Method, Secret};
use crate::connect::certificate::{self, Identity};
use crate::connect::endpoint;
use crate::connect::refusal::Refusal;
use crate::connect::upload::Upload;
use http::Uri;
use zeroize::Zeroizing;

/// The longest name of a namespace (RFC 1123 label).
const LONGEST_LABEL: usize = 63;

/// What a method gives: one of token and identity, and what a kubeconfig says of the cluster.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) token: Option<Zeroizing<String>>,
    pub(super) identity: Option<Identity>,
    pub(super) authority: Option<String>,
    pub(super) server_name: Option<String>,
    pub(super) proxy: Option<Secret>,
    pub(super) namespace: Option<String>,
}

impl Parts {
    /// Reads a method, and finds the server: `endpoint`, or an upload's own, which must be the same where both are given.
    pub(super) fn of(method: &Method, endpoint: Option<Uri>, verify: bool) -> Result<(Uri, Self), Refusal> {
        let parts = match method {
            Method::ServiceAccount { token: given } => Self {
                token: Some(token("token", given)?),
                ..Self::default()
            },
            Method::ClientCert { certificate, key } => Self {
                identity: Some(identity(("certificate", certificate), ("key", key))?),
                ..Self::default()
            },
            Method::Kubeconfig { text } => return Self::of_upload(Upload::parse(text.expose())?, endpoint, verify),
        };
        let server = endpoint.ok_or_else(|| bad("endpoint", "it is missing; write https://HOST:PORT"))?;
        Ok((server, parts))
    }

    fn of_upload(upload: Upload, endpoint: Option<Uri>, verify: bool) -> Result<(Uri, Self), Refusal> {
        let Upload {
            server: said,
            account,
            namespace,
            ..
        } = upload;
        let own = endpoint::parse("server", &said.address)?;
        if let Some(other) = endpoint.filter(|endpoint| *endpoint != own) {
            return Err(Refusal::OtherServer {
                server: endpoint::shown(&own),
                endpoint: endpoint::shown(&other),
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
        let parts = Self {
            token,
            identity,
            authority: said.certificate_authority_data,
            server_name: said.tls_server_name.filter(|n| !n.is_empty()),
            proxy: said.proxy_url,
            namespace,
        };
        Ok((own, parts))
    }
}

pub(super) fn bad(field: &'static str, why: impl Into<String>) -> Refusal {
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
pub(super) fn agreed<'a>(
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

pub(super) fn authorities(given: Option<&str>, kept: Option<&str>) -> Result<Vec<Vec<u8>>, Refusal> {
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

pub(super) fn namespace(given: &str, of_context: Option<String>) -> Result<String, Refusal> {
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
