//! The kubeconfig: its authority vouches for the server that it names, and nobody else's does.

use crate::client::Cluster;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// A value of the kubeconfig.
fn value(config: &str, key: &str) -> String {
    let line = config.lines().find_map(|l| l.trim().strip_prefix(key));
    line.unwrap_or_else(|| panic!("no {key}")).trim().to_owned()
}

/// Asks for the version, trusting the authority of `trusted`.
async fn version(of: &str, trusted: &str) -> Result<String, std::io::Error> {
    let pem = STANDARD.decode(value(trusted, "certificate-authority-data:")).unwrap();
    let pem = String::from_utf8(pem).unwrap();
    let body: String = pem.lines().filter(|l| !l.starts_with("-----")).collect();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(STANDARD.decode(body).unwrap())).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let address = value(of, "server: https://");
    let stream = tokio::net::TcpStream::connect(&address).await?;
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::get("/version")
        .header("Host", &address)
        .header("Authorization", format!("Bearer {}", value(of, "token:")))
        .body(Empty::<Bytes>::new())
        .unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    Ok(String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn the_authority_vouches_for_its_own_cluster_alone() {
    let (one, other) = (
        Cluster::of("already-healthy").await,
        Cluster::of("already-healthy").await,
    );
    let (one, other) = (one.simulator.kubeconfig(), other.simulator.kubeconfig());
    assert!(version(&one, &one).await.is_ok_and(|v| v.contains("v1.34.4")));
    assert!(version(&one, &other).await.is_err());
}

#[tokio::test]
async fn a_client_that_never_shakes_hands_holds_nobody_up() {
    let cluster = Cluster::of("already-healthy").await;
    let config = cluster.simulator.kubeconfig();
    let silent = tokio::net::TcpStream::connect(value(&config, "server: https://"))
        .await
        .unwrap();
    assert!(version(&config, &config).await.is_ok());
    drop(silent);
}

#[tokio::test]
async fn kubectl_gets_tables() {
    let cluster = Cluster::of("crash-loop").await;
    let table = cluster
        .table("/api/v1/namespaces/shop/pods?labelSelector=app%3Dweb")
        .await;
    let columns = table["columnDefinitions"].as_array().unwrap();
    assert_eq!((&table["kind"], columns.len()), (&"Table".into(), 5));
    let rows = table["rows"].as_array().unwrap();
    let cells: Vec<_> = rows.iter().map(|r| (&r["cells"][1], &r["cells"][2])).collect();
    assert!(cells.contains(&(&"1/1".into(), &"Running".into())), "{cells:?}");
    assert!(
        cells.contains(&(&"0/1".into(), &"CrashLoopBackOff".into())),
        "{cells:?}"
    );
    assert_eq!(rows[0]["object"]["kind"], "PartialObjectMetadata");
    for path in [
        "/apis/apps/v1/namespaces/shop/deployments/web",
        "/apis/apps/v1/namespaces/shop/replicasets",
        "/apis/apps/v1/namespaces/shop/daemonsets",
        "/api/v1/namespaces/shop/services",
        "/api/v1/namespaces/shop/events",
        "/api/v1/nodes",
        "/api/v1/namespaces",
    ] {
        let table = cluster.table(path).await;
        let width = table["columnDefinitions"].as_array().unwrap().len();
        let rows = table["rows"].as_array().unwrap();
        assert!(!rows.is_empty(), "{path}");
        for row in rows {
            let cells = row["cells"].as_array().unwrap();
            assert!(
                cells.len() == width && cells.iter().all(|c| !c.is_null()),
                "{path}: {row}"
            );
        }
    }
}
