//! Through a proxy: the given one or the surroundings', told the judged address, and itself judged.

use crate::proxy::{Kind, Proxy};
use crate::server::{Authority, Behaviour, Server, TOKEN};
use crate::world::{connect, fails, given, options, token};
use dreamops_cluster::connect::{self, ConnectError, Given, ProxySettings, Refusal};

const BOTH: [(Kind, &str); 2] = [(Kind::Connect, "http"), (Kind::Socks5, "socks5")];

async fn started() -> (Authority, Server) {
    let authority = Authority::make();
    let server = Server::start(&authority, Behaviour::default()).await;
    (authority, server)
}

fn through(authority: &Authority, endpoint: String, proxy: String) -> Given {
    Given {
        proxy_url: Some(proxy.into()),
        ..given(token(TOKEN), endpoint, &authority.pem)
    }
}

#[tokio::test]
async fn a_given_proxy_is_used_with_its_user_and_password() {
    let (authority, server) = started().await;
    for (kind, scheme) in BOTH {
        let proxy = Proxy::start(kind, Some("user:pa@ss"), None).await;
        let address = format!("{scheme}://user:pa%40ss@{}", proxy.address);
        let endpoint = format!("https://{}", server.address);
        let connection = connect(&through(&authority, endpoint, address)).await;
        assert_eq!(connection.version, "v1.34.4");
        assert!(!proxy.wanted().is_empty(), "{kind:?}");
        assert!(
            proxy.wanted().iter().all(|w| *w == server.address.to_string()),
            "{kind:?}"
        );
    }
}

#[tokio::test]
async fn a_proxy_is_told_the_address_and_not_the_name() {
    let (authority, server) = started().await;
    for (kind, scheme) in BOTH {
        let proxy = Proxy::start(kind, None, None).await;
        let endpoint = format!("https://localhost:{}", server.address.port());
        // the server listens on one of the addresses of the name alone
        let outcome = connect::with(
            &through(&authority, endpoint, format!("{scheme}://{}", proxy.address)),
            &options(),
        )
        .await;
        let wanted = proxy.wanted();
        assert!(
            !wanted.is_empty() && wanted.iter().all(|w| !w.contains("localhost")),
            "{wanted:?}"
        );
        assert!(
            outcome.is_ok() || wanted.iter().all(|w| w.starts_with("[::1]")),
            "{wanted:?}"
        );
    }
}

#[tokio::test]
async fn a_name_that_only_the_proxy_knows_is_reached_through_it() {
    let (authority, server) = started().await;
    for (kind, scheme) in BOTH {
        let proxy = Proxy::start(kind, None, Some(server.address)).await;
        let address = format!("{scheme}://{}", proxy.address);
        connect(&through(&authority, "https://api.invalid:6443".to_owned(), address)).await;
        assert!(proxy.wanted().iter().all(|w| w == "api.invalid:6443"));
    }
}

#[tokio::test]
async fn the_surroundings_proxy_is_the_operators_and_is_not_judged() {
    let (authority, server) = started().await;
    let proxy = Proxy::start(Kind::Connect, None, Some(server.address)).await;
    let mut given = given(token(TOKEN), "https://api.invalid:6443".to_owned(), &authority.pem);
    given.loopback_allowed = false;
    let mut options = options();
    options.proxy = ProxySettings {
        https_proxy: format!("http://{}", proxy.address),
        no_proxy: String::new(),
    };
    let connection = connect::with(&given, &options).await;
    assert!(connection.is_ok() && !proxy.wanted().is_empty());
    let before = proxy.wanted().len();
    options.proxy.no_proxy = "api.invalid".to_owned();
    let error = connect::with(&given, &options).await.err().unwrap();
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
    assert_eq!(proxy.wanted().len(), before);
}

#[tokio::test]
async fn a_proxy_on_this_machine_is_an_administrators_to_allow() {
    let (authority, _server) = started().await;
    for (kind, scheme) in BOTH {
        for host in ["127.0.0.1", "localhost"] {
            let proxy = Proxy::start(kind, None, None).await;
            let address = format!("{scheme}://{host}:{}", proxy.address.port());
            let mut given = through(&authority, "https://10.0.0.1:6443".to_owned(), address);
            given.loopback_allowed = false;
            let error = fails(&given).await;
            assert!(
                matches!(&error, ConnectError::Refused { refusal: Refusal::Address(a), .. } if a.host == host),
                "{error}"
            );
            assert!(proxy.wanted().is_empty());
        }
    }
}

#[tokio::test]
async fn a_proxy_is_never_asked_for_a_forbidden_address() {
    let (authority, _server) = started().await;
    for (kind, scheme) in BOTH {
        let proxy = Proxy::start(kind, None, None).await;
        let address = format!("{scheme}://{}", proxy.address);
        let given = through(&authority, "https://169.254.169.254".to_owned(), address);
        assert!(matches!(fails(&given).await, ConnectError::Refused { .. }));
        assert!(proxy.wanted().is_empty());
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_or_is_gone_is_named_without_its_password() {
    let (authority, server) = started().await;
    for (kind, scheme) in BOTH {
        let endpoint = format!("https://{}", server.address);
        let proxy = Proxy::start(kind, Some("user:right"), None).await;
        let address = format!("{scheme}://user:hunter2@{}", proxy.address);
        let given = through(&authority, endpoint, address);
        for _ in ["refuses", "is gone"] {
            let error = fails(&given).await;
            assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
            let text = error.to_string();
            assert!(
                text.contains("through the proxy 127.0.0.1") && !text.contains("hunter2"),
                "{text}"
            );
            proxy.stop();
        }
    }
    assert_eq!(server.connections(), 0);
}
