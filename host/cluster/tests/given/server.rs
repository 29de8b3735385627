//! As much of an API server as a connection asks for, over TLS.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// The token that the server accepts.
pub(crate) const TOKEN: &str = "the-right-token";

/// How the server takes what it is asked.
#[derive(Clone, Default)]
pub(crate) struct Behaviour {
    /// Rights that the caller lacks: verb and resource.
    pub(crate) denied: Vec<(&'static str, &'static str)>,
    /// Takes every caller for nobody, as behind a gateway that passes no credential on.
    pub(crate) loses_credentials: bool,
    /// Sends every caller elsewhere.
    pub(crate) redirects: bool,
}

/// One request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
    pub(crate) certificate: bool,
}

#[derive(Default)]
struct Noted {
    connections: usize,
    requests: Vec<Seen>,
}

/// An authority, which signs servers and clients.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate, as PEM.
    pub(crate) pem: String,
    der: Vec<u8>,
}

/// A listening server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    noted: Arc<Mutex<Noted>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Authority {
    pub(crate) fn make() -> Self {
        let mut about = CertificateParams::default();
        about.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        about.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().unwrap();
        let certificate = about.self_signed(&key).unwrap();
        Self {
            pem: pem("CERTIFICATE", certificate.der()),
            der: certificate.der().to_vec(),
            issuer: Issuer::new(about, key),
        }
    }

    /// A client's certificate until 2095-01-01, and its key, as PEM.
    pub(crate) fn client(&self) -> (String, String) {
        let mut about = CertificateParams::default();
        about.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        about.not_after = rcgen::date_time_ymd(2095, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = about.signed_by(&key, &self.issuer).unwrap();
        (
            pem("CERTIFICATE", certificate.der()),
            pem("PRIVATE KEY", &key.serialize_der()),
        )
    }

    fn server_config(&self) -> ServerConfig {
        let mut about = CertificateParams::new(vec!["localhost".to_owned(), "api.invalid".to_owned()]).unwrap();
        about
            .subject_alt_names
            .push(rcgen::SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        about.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = about.signed_by(&key, &self.issuer).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone().into()).unwrap();
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .allow_unauthenticated()
            .build()
            .unwrap();
        ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(clients)
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )
            .unwrap()
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        STANDARD.encode(der)
    )
}

impl Server {
    pub(crate) async fn start(authority: &Authority, behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let noted = Arc::new(Mutex::new(Noted::default()));
        let acceptor = TlsAcceptor::from(Arc::new(authority.server_config()));
        let notes = Arc::clone(&noted);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                notes.lock().unwrap().connections += 1;
                tokio::spawn(serve(acceptor.clone(), stream, behaviour.clone(), Arc::clone(&notes)));
            }
        });
        Self {
            address,
            noted,
            accepting,
        }
    }

    /// Connections that were made to it, TLS or not.
    pub(crate) fn connections(&self) -> usize {
        self.noted.lock().unwrap().connections
    }

    pub(crate) fn requests(&self) -> Vec<Seen> {
        self.noted.lock().unwrap().requests.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(acceptor: TlsAcceptor, stream: TcpStream, behaviour: Behaviour, noted: Arc<Mutex<Noted>>) {
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let certificate = stream.get_ref().1.peer_certificates().is_some();
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let (behaviour, noted) = (behaviour.clone(), Arc::clone(&noted));
        async move {
            let authorization = request.headers().get("authorization");
            let seen = Seen {
                path: request.uri().path().to_owned(),
                authorization: authorization.map(|v| v.to_str().unwrap().to_owned()),
                certificate,
            };
            noted.lock().unwrap().requests.push(seen.clone());
            let body = request.into_body().collect().await?.to_bytes();
            let (code, answer) = answer(&seen, &body, &behaviour);
            let mut response = Response::new(Full::new(Bytes::from(answer.to_string())));
            *response.status_mut() = StatusCode::from_u16(code).unwrap();
            if code == 307 {
                let elsewhere = "https://169.254.169.254/".parse().unwrap();
                response.headers_mut().insert("location", elsewhere);
            }
            Ok::<_, hyper::Error>(response)
        }
    });
    let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // the client goes when it likes
    let _ = connection.await;
}

fn answer(seen: &Seen, body: &[u8], behaviour: &Behaviour) -> (u16, Value) {
    let known = match &seen.authorization {
        Some(header) => *header == format!("Bearer {TOKEN}"),
        None => seen.certificate,
    };
    if behaviour.redirects {
        return (307, json!({}));
    }
    let anonymous = behaviour.loses_credentials;
    if !known && !anonymous {
        return (401, status(401, "Unauthorized", "Unauthorized"));
    }
    match seen.path.as_str() {
        "/version" => (200, json!({"gitVersion": "v1.34.4", "platform": "linux/amd64"})),
        "/api/v1/namespaces/kube-system" if anonymous => {
            let why =
                "namespaces \"kube-system\" is forbidden: User \"system:anonymous\" cannot get resource \"namespaces\"";
            (403, status(403, "Forbidden", why))
        }
        "/api/v1/namespaces/kube-system" => (200, json!({"metadata": {"name": "kube-system", "uid": "u-1"}})),
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews" => {
            let asked: Value = serde_json::from_slice(body).unwrap();
            let about = &asked["spec"]["resourceAttributes"];
            let denied = behaviour
                .denied
                .iter()
                .any(|(verb, resource)| about["verb"] == *verb && about["resource"] == *resource);
            (201, json!({"status": {"allowed": !denied}}))
        }
        _ => (404, status(404, "NotFound", "not found")),
    }
}

fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message})
}
