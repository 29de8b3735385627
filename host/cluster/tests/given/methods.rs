//! Each method reaches the server with its own credential, and with nothing else when that is refused.

use crate::server::{Authority, Behaviour, Server, TOKEN};
use crate::world::{connect, fails, given, token};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use dreamops_cluster::connect::{ConnectError, Connection, Given, Method};
use dreamops_domain::time::Timestamp;

async fn started(behaviour: Behaviour) -> (Authority, Server, String) {
    let authority = Authority::make();
    let server = Server::start(&authority, behaviour).await;
    let endpoint = format!("https://{}", server.address);
    (authority, server, endpoint)
}

fn learned(connection: &Connection, endpoint: &str) {
    assert_eq!(connection.version, "v1.34.4");
    assert_eq!(connection.platform, "linux/amd64");
    assert_eq!(connection.cluster.name, "prod");
    assert_eq!(connection.cluster.key, "u-1");
    assert_eq!(connection.cluster.address, endpoint);
    assert_eq!(connection.namespace, "shop");
}

fn kubeconfig(endpoint: &str, user: &str) -> Method {
    let text = format!(
        "kind: Config\ncurrent-context: a\ncontexts: [{{name: a, context: {{cluster: c, user: u}}}}]\n\
         clusters: [{{name: c, cluster: {{server: '{endpoint}'}}}}]\nusers: [{{name: u, user: {{{user}}}}}]\n"
    );
    Method::Kubeconfig { text: text.into() }
}

/// Only the given credential was shown to the server.
fn shown_alone(server: &Server, authorization: Option<&str>, certificate: bool) {
    let requests = server.requests();
    assert!(!requests.is_empty());
    for seen in requests {
        assert_eq!(seen.authorization.as_deref(), authorization, "{}", seen.path);
        assert_eq!(seen.certificate, certificate, "{}", seen.path);
    }
}

#[tokio::test]
async fn a_service_accounts_token_connects() {
    let (authority, server, endpoint) = started(Behaviour::default()).await;
    let connection = connect(&given(token(TOKEN), endpoint.clone(), &authority.pem)).await;
    learned(&connection, &endpoint);
    assert_eq!(connection.expires_at, None);
    assert_eq!(connection.may_list_namespaces().await.ok(), Some(true));
    shown_alone(&server, Some("Bearer the-right-token"), false);
}

#[tokio::test]
async fn a_client_certificate_connects_and_tells_its_end() {
    let (authority, server, endpoint) = started(Behaviour::default()).await;
    let (certificate, key) = authority.client();
    let method = Method::ClientCert {
        certificate: STANDARD.encode(certificate),
        key: key.into(),
    };
    let connection = connect(&given(method, endpoint.clone(), &STANDARD.encode(&authority.pem))).await;
    learned(&connection, &endpoint);
    assert_eq!(connection.expires_at, Timestamp::parse("2095-01-01T00:00:00Z").ok());
    shown_alone(&server, None, true);
}

#[tokio::test]
async fn an_uploaded_kubeconfig_connects_by_token_and_by_certificate() {
    let (authority, server, endpoint) = started(Behaviour::default()).await;
    let by_token = kubeconfig(&endpoint, "token: the-right-token");
    learned(
        &connect(&given(by_token, endpoint.clone(), &authority.pem)).await,
        &endpoint,
    );
    shown_alone(&server, Some("Bearer the-right-token"), false);
    let (certificate, key) = authority.client();
    let (certificate, key) = (STANDARD.encode(certificate), STANDARD.encode(key));
    let pair = format!("client-certificate-data: {certificate}, client-key-data: {key}");
    let by_certificate = kubeconfig(&endpoint, &pair);
    let given = given(by_certificate, endpoint.clone(), &authority.pem);
    learned(&connect(&given).await, &endpoint);
    learned(&connect(&given.kept().unwrap()).await, &endpoint);
}

#[tokio::test]
async fn what_was_stored_connects_as_what_was_given() {
    let (authority, _server, endpoint) = started(Behaviour::default()).await;
    let given = given(token(TOKEN), endpoint.clone(), &authority.pem);
    let document = given.to_document().unwrap();
    let stored = Given::from_document(&document).unwrap();
    learned(&connect(&stored).await, &endpoint);
}

#[tokio::test]
async fn a_refused_token_is_told_and_nothing_else_is_tried() {
    let (authority, server, endpoint) = started(Behaviour::default()).await;
    let claims = URL_SAFE_NO_PAD.encode(r#"{"exp":4000000000}"#);
    let wrong = format!("e30.{claims}.hunter2");
    let error = fails(&given(token(&wrong), endpoint, &authority.pem)).await;
    let ConnectError::Unauthorized { .. } = &error else {
        panic!("{error}");
    };
    let text = error.to_string();
    assert!(
        text.contains("cluster \"prod\"") && text.contains("take a fresh one"),
        "{text}"
    );
    assert!(!format!("{text}{error:?}").contains("hunter2"), "{text}");
    shown_alone(&server, Some(&format!("Bearer {wrong}")), false);
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused_and_nothing_else_is_tried() {
    let (authority, server, endpoint) = started(Behaviour::default()).await;
    let (certificate, key) = Authority::make().client();
    let method = Method::ClientCert {
        certificate,
        key: key.into(),
    };
    let error = fails(&given(method, endpoint, &authority.pem)).await;
    assert!(matches!(error, ConnectError::Tls { .. }), "{error}");
    assert!(error.to_string().contains("fresh credential"), "{error}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_key_of_another_certificate_is_refused_before_anybody_is_asked() {
    let (authority, server, endpoint) = started(Behaviour::default()).await;
    let method = Method::ClientCert {
        certificate: authority.client().0,
        key: authority.client().1.into(),
    };
    let error = fails(&given(method, endpoint, &authority.pem)).await;
    assert!(
        matches!(
            error,
            ConnectError::BadField {
                field: "client-key",
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_credential_that_a_gateway_takes_away_is_not_taken_for_accepted() {
    let behaviour = Behaviour {
        loses_credentials: true,
        ..Behaviour::default()
    };
    let (authority, _server, endpoint) = started(behaviour).await;
    let error = fails(&given(token(TOKEN), endpoint, &authority.pem)).await;
    assert!(matches!(error, ConnectError::Unauthorized { .. }), "{error}");
    assert!(error.to_string().contains("system:anonymous"), "{error}");
}

#[tokio::test]
async fn an_authority_that_did_not_sign_the_server_is_told() {
    let (_authority, server, endpoint) = started(Behaviour::default()).await;
    let other = Authority::make();
    let mut given = given(token(TOKEN), endpoint, &other.pem);
    let error = fails(&given).await;
    assert!(matches!(error, ConnectError::Tls { .. }), "{error}");
    assert!(error.to_string().contains("ca_certificate"), "{error}");
    given.ca_certificate = None;
    let error = fails(&given).await;
    assert!(error.to_string().contains("no authority was given"), "{error}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn without_verification_any_server_is_taken_and_its_authority_proves_nothing() {
    let (_authority, _server, endpoint) = started(Behaviour::default()).await;
    let mut given = given(token(TOKEN), endpoint.clone(), &Authority::make().pem);
    given.verify_ssl = false;
    let connection = connect(&given).await;
    learned(&connection, &endpoint);
    assert_eq!(connection.cluster.ca_digest, "");
}

#[tokio::test]
async fn nobody_listening_is_told_with_the_address() {
    let (authority, server, endpoint) = started(Behaviour::default()).await;
    let given = given(token(TOKEN), endpoint.clone(), &authority.pem);
    drop(server);
    let error = fails(&given).await;
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains(&endpoint), "{error}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let behaviour = Behaviour {
        redirects: true,
        ..Behaviour::default()
    };
    let (authority, server, endpoint) = started(behaviour).await;
    let error = fails(&given(token(TOKEN), endpoint, &authority.pem)).await;
    assert!(error.to_string().contains("redirect"), "{error}");
    assert!(server.requests().len() <= 2);
}
