//! A server, asked over HTTP. Certificates are checked against the platform's authorities and those of a file that is named.

use crate::config::{Config, ServerPlace};
use crate::exit::Failure;
use anyhow::{Context, anyhow};
use dreamops_domain::ports::Clock;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use std::error::Error;
use std::path::Path;
use std::time::Duration;
use url::{Host, Url};

/// An answer is there by then: the server gives up after 30 s.
const PATIENCE: Duration = Duration::from_secs(45);
/// Longer answers are not read.
const LONGEST: usize = 64 << 20;

/// A server, and the token for it.
pub(crate) struct Remote {
    address: String,
    token: HeaderValue,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Remote {
    pub(super) fn new(config: &Config, place: &ServerPlace) -> Result<Self, Failure> {
        let url = address(&place.url).map_err(Failure::usage)?;
        let mut token = HeaderValue::from_str(&format!("Bearer {}", *config.token_for(is_loopback(&url))?))
            .map_err(|_| Failure::usage(anyhow!("the token for the server holds characters that no token has")))?;
        token.set_sensitive(true);
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(PATIENCE));
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls(place.authorities.as_deref())?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        Ok(Self {
            address: url.as_str().trim_end_matches('/').to_owned(),
            token,
            client: Client::builder(TokioExecutor::new()).build(https),
        })
    }

    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Vec<u8>), Failure> {
        let body = body
            .map(serde_json::to_vec)
            .transpose()
            .context("cannot write the request")?;
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.address))
            .header(AUTHORIZATION, self.token.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body.unwrap_or_default())))
            .context("cannot write the request")
            .map_err(Failure::usage)?;
        let clock = crate::clock::SystemClock::new();
        let deadline = clock.monotonic() + PATIENCE;
        tokio::select! {
            answer = self.answer(request) => Ok(answer?),
            () = clock.sleep_until(deadline) => Err(Failure::from(anyhow!(
                "{} did not answer within {} s; what was asked may have been done: look before asking again",
                self.address,
                PATIENCE.as_secs()
            ))),
        }
    }

    async fn answer(&self, request: Request<Full<Bytes>>) -> anyhow::Result<(StatusCode, Vec<u8>)> {
        let answer = self.client.request(request).await;
        let answer = answer.map_err(|error| unreached(&self.address, &innermost(&error)))?;
        let (parts, body) = answer.into_parts();
        let bytes = Limited::new(body, LONGEST).collect().await;
        let bytes = bytes.map_err(|error| anyhow!("the answer of {} broke off ({error})", self.address))?;
        Ok((parts.status, bytes.to_bytes().to_vec()))
    }
}

/// Why there is no answer, and what to do.
fn unreached(address: &str, why: &str) -> anyhow::Error {
    if why.contains("certificate") {
        return anyhow!(
            "the certificate of {address} is not accepted ({why}); name its authority with --server-ca FILE, and the server as its certificate does"
        );
    }
    anyhow!("cannot reach the server {address} ({why}); is it running, and is the address right?")
}

/// What the layers above only pass on.
fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// The address of a server: scheme, host and port. A token goes unencrypted to this machine only.
fn address(text: &str) -> anyhow::Result<Url> {
    let form = "write it as https://dreamops.example.com or http://127.0.0.1:8000";
    let url = Url::parse(text).map_err(|error| anyhow!("{text:?} is no address of a server ({error}); {form}"))?;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() || !plain {
        // not shown: it may hold a password
        return Err(anyhow!(
            "the address of the server is not a plain http or https one; {form}"
        ));
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err(anyhow!(
            "{text} would carry the token unencrypted; use https, or go through a tunnel to this machine"
        ));
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn tls(authorities: Option<&Path>) -> Result<ClientConfig, Failure> {
    let mut roots = RootCertStore::empty();
    // a machine without authorities still reaches a server whose own is named
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = authorities {
        add(&mut roots, file)
            .with_context(|| format!("the authorities in {} cannot be used", file.display()))
            .map_err(Failure::usage)?;
    }
    Ok(ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth())
}

fn add(roots: &mut RootCertStore, file: &Path) -> anyhow::Result<()> {
    for certificate in CertificateDer::pem_file_iter(file)? {
        roots.add(certificate?)?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_sent_in_the_clear_over_a_network() {
        assert!(address("http://127.0.0.1:8000").is_ok());
        assert!(address("http://[::1]:8000").is_ok());
        assert!(address("http://localhost").is_ok());
        assert!(address("https://dreamops.example.com/").is_ok());
        // another spelling of the same host, and one that only looks like it
        assert!(address("http://0x7f.1:8000").is_ok());
        for bad in [
            "http://10.0.0.1:8000",
            "http://localhost.example.com",
            "ftp://a",
            "a",
            "",
        ] {
            assert!(address(bad).is_err(), "{bad}");
        }
        let secret = address("https://user:hunter2@example.com").unwrap_err().to_string();
        assert!(!secret.contains("hunter2"), "{secret}");
    }
}
