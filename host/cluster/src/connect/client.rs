//! The client: TLS, proxy, time-outs.
//!
//! Promises: each request is sent once (whether a write is tried again is the caller's decision); a
//! connection attempt, TLS and proxy included, ends within [`REACH_DEADLINE`]; client certificates of
//! every X.509 version are presented (`openssl x509 -req` still makes version 1, which the API server
//! takes and rustls' own loading of pairs does not).

use super::address::{Guarded, Pinned, Reach, Resolver};
use super::certificate::{self, Identity};
use super::error::ConnectError;
use super::target::Target;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Uri};
use hyper_rustls::{FixedServerNameResolver, HttpsConnectorBuilder};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ConfigExt};
use percent_encoding::percent_decode_str;
use rustls::ClientConfig;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use std::sync::Arc;
use std::time::Duration;
use tower::{BoxError, Service, ServiceBuilder};

/// How long one attempt to reach the server may take.
const REACH_DEADLINE: Duration = Duration::from_secs(5);

/// A field of the kubeconfig that cannot be used, and why.
type BadField = (&'static str, String);

/// A client for a target; nothing is asked yet.
pub(crate) fn of(target: &Target) -> Result<kube::Client, ConnectError> {
    build(target).map_err(|(field, why)| ConnectError::BadField {
        of: target.holder.clone(),
        field,
        why,
    })
}

fn build(target: &Target) -> Result<kube::Client, BadField> {
    let mut config = kube::Config::new(target.server.clone());
    config.root_cert = (!target.authorities.is_empty()).then(|| target.authorities.clone());
    config.accept_invalid_certs = target.insecure;
    config.auth_info = target.rest.clone();
    let mut tls = config
        .rustls_client_config()
        .map_err(|e| ("certificate-authority", e.to_string()))?;
    let proxy_tls = tls.clone();
    if let Some(identity) = &target.identity {
        let pair = pair(&tls, identity)?;
        tls.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(pair));
    }
    let reach = &target.reach;
    let rule = if target.proxy.is_some() {
        reach.proxy
    } else {
        reach.server
    };
    let mut direct = HttpConnector::new_with_resolver(Resolver::new(rule, reach.lookup.clone()));
    direct.enforce_http(false);
    let direct = Guarded {
        rule,
        connector: direct,
    };
    match &target.proxy {
        None => assemble(&config, target, tls, direct),
        Some(proxy) if proxy.scheme_str() == Some("socks5") => {
            let mut socks = SocksV5::new(proxy.clone(), direct);
            if let Some((user, password)) = userinfo(proxy) {
                socks = socks.with_auth(user, password);
            }
            assemble(&config, target, tls, pinned(reach, socks))
        }
        Some(proxy) if proxy.scheme_str() == Some("https") => {
            let to_proxy = HttpsConnectorBuilder::new()
                .with_tls_config(proxy_tls)
                .https_only()
                .enable_http1()
                .wrap_connector(direct);
            assemble(&config, target, tls, pinned(reach, tunnel(proxy, to_proxy)?))
        }
        Some(proxy) => assemble(&config, target, tls, pinned(reach, tunnel(proxy, direct)?)),
    }
}

fn assemble<C>(
    config: &kube::Config,
    target: &Target,
    tls: ClientConfig,
    connector: C,
) -> Result<kube::Client, BadField>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response:
        hyper_util::client::legacy::connect::Connection + hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    let mut secure = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    if let Some(name) = &target.server_name {
        let name = name
            .clone()
            .try_into()
            .map_err(|_| ("tls-server-name", "it is neither a host name nor an address".to_owned()))?;
        secure = secure.with_server_name_resolver(FixedServerNameResolver::new(name));
    }
    let mut timed = TimeoutConnector::new(secure.enable_http1().wrap_connector(connector));
    timed.set_connect_timeout(Some(REACH_DEADLINE));
    let client: HyperClient<_, Body> = HyperClient::builder(TokioExecutor::new()).build(timed);
    let header = |e: kube::Error| ("user", format!("it cannot be sent in a request's header: {e}"));
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer().map_err(header)?)
        .layer(config.extra_headers_layer().map_err(header)?)
        .map_err(BoxError::from)
        .service(client);
    Ok(kube::Client::new(service, target.namespace.clone()))
}

/// A connector through a proxy, which is told the server's judged address.
fn pinned<C>(reach: &Reach, connector: C) -> Pinned<C> {
    Pinned {
        resolver: Resolver::new(reach.server, reach.lookup.clone()),
        connector,
    }
}

/// Certificate and key, which belong to each other.
fn pair(tls: &ClientConfig, identity: &Identity) -> Result<CertifiedKey, BadField> {
    let chain = certificate::bundle(&identity.certificate).map_err(|why| ("client-certificate", why))?;
    let key = certificate::private_key(&identity.key).map_err(|why| ("client-key", why))?;
    let key = tls
        .crypto_provider()
        .key_provider
        .load_private_key(key)
        .map_err(|e| ("client-key", e.to_string()))?;
    let certified = certificate::public_key(&identity.certificate).map_err(|why| ("client-certificate", why))?;
    if key.public_key().is_some_and(|own| own.as_ref() != certified) {
        return Err(("client-key", "it does not belong to the client certificate".to_owned()));
    }
    Ok(CertifiedKey::new(chain.into_iter().map(Into::into).collect(), key))
}

fn tunnel<C>(proxy: &Uri, connector: C) -> Result<Tunnel<C>, BadField> {
    let tunnel = Tunnel::new(proxy.clone(), connector);
    let Some((user, password)) = userinfo(proxy) else {
        return Ok(tunnel);
    };
    let text = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    let mut header =
        HeaderValue::try_from(text).map_err(|_| ("proxy-url", "its user and password cannot be sent".to_owned()))?;
    header.set_sensitive(true);
    Ok(tunnel.with_auth(header))
}

/// User and password of a proxy's address.
fn userinfo(proxy: &Uri) -> Option<(String, String)> {
    let (userinfo, _) = proxy.authority()?.as_str().rsplit_once('@')?;
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    let decoded = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
    Some((decoded(user), decoded(password)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxys_password_is_decoded() {
        let proxy = Uri::from_static("http://user:pa%40ss%3Aword@proxy:3128");
        assert_eq!(userinfo(&proxy), Some(("user".to_owned(), "pa@ss:word".to_owned())));
        assert_eq!(userinfo(&Uri::from_static("http://proxy:3128")), None);
    }
}
