//! TLS by configuration.

use crate::client::{Asking, read};
use crate::world::World;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

#[tokio::test]
async fn a_server_with_a_certificate_speaks_tls_and_nothing_else() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = CertificateDer::from(made.cert.der().to_vec());
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let server = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key);
    let world = World::with(|s| s.tls = Some(Arc::new(server.unwrap()))).await;

    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(world.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(client))
        .connect(name, stream)
        .await
        .unwrap();
    let asking = Asking::new(world.address, "GET", "/api/v1/mode").token("viewer");
    let answer = read(asking.open_on(stream).await).await;
    assert_eq!(answer.status, 200);
    assert_ne!(answer.header("strict-transport-security"), "");

    let plain = TcpStream::connect(world.address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(plain))
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::get("/healthz").body(String::new()).unwrap();
    assert!(sender.send_request(request).await.is_err());
}
