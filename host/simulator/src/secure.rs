//! The API over TLS, with an authority made for this one cluster.
//!
//! kubectl sends a token over TLS alone; so this is what the kubeconfig names. A client that does not finish its
//! handshake holds nobody up.

use crate::error::SimulatorError;
use axum::serve::Listener;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::server::TlsStream;

/// A handshake ends by then.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many connections may wait to be served.
const WAITING: usize = 64;

/// What the server shows, and what a client trusts.
pub(crate) struct Identity {
    /// The authority's certificate, as PEM.
    pub(crate) authority: String,
    config: Arc<ServerConfig>,
}

impl Identity {
    /// An authority and a server's certificate for the loopback address. Their keys never leave this process.
    pub(crate) fn make() -> Result<Self, SimulatorError> {
        let mut above = CertificateParams::default();
        above.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        above.distinguished_name.push(DnType::CommonName, "simulated-ca");
        above.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().map_err(failed)?;
        let authority = above.self_signed(&key).map_err(failed)?;
        let issuer = Issuer::new(above, key);
        let mut own = CertificateParams::default();
        own.distinguished_name.push(DnType::CommonName, "simulated");
        own.subject_alt_names = vec![rcgen::SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST))];
        own.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        own.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = own.signed_by(&key, &issuer).map_err(failed)?;
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .map_err(failed)?;
        Ok(Self {
            authority: pem(authority.der()),
            config: Arc::new(config),
        })
    }
}

fn failed(error: impl std::fmt::Display) -> SimulatorError {
    SimulatorError::Certificate(error.to_string())
}

/// A certificate in the form that kubeconfigs hold.
fn pem(certificate: &[u8]) -> String {
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for (place, letter) in STANDARD.encode(certificate).chars().enumerate() {
        if place > 0 && place % 64 == 0 {
            text.push('\n');
        }
        text.push(letter);
    }
    text.push_str("\n-----END CERTIFICATE-----\n");
    text
}

/// Connections whose handshake is done.
pub(crate) struct SecureListener {
    address: SocketAddr,
    streams: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    accepting: JoinHandle<()>,
}

impl SecureListener {
    /// Listens on the loopback device.
    pub(crate) async fn bind(identity: &Identity) -> Result<Self, SimulatorError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(SimulatorError::Listen)?;
        let address = listener.local_addr().map_err(SimulatorError::Listen)?;
        let acceptor = TlsAcceptor::from(Arc::clone(&identity.config));
        let (sender, streams) = mpsc::channel(WAITING);
        let accepting = tokio::spawn(accept(listener, acceptor, sender));
        Ok(Self {
            address,
            streams,
            accepting,
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn accept(
    mut listener: TcpListener,
    acceptor: TlsAcceptor,
    sender: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    loop {
        let (stream, peer) = Listener::accept(&mut listener).await;
        let (acceptor, sender) = (acceptor.clone(), sender.clone());
        tokio::spawn(async move {
            match tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await {
                // with nobody left to serve it, the connection ends
                Ok(Ok(secured)) => drop(sender.send((secured, peer)).await),
                Ok(Err(error)) => tracing::debug!(%error, "a handshake failed"),
                Err(_) => tracing::debug!("a handshake took too long"),
            }
        });
    }
}

impl Listener for SecureListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.streams.recv().await {
            Some(accepted) => accepted,
            // the accepting task ends only with this listener
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.address)
    }
}

impl Drop for SecureListener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
