//! Names that lead elsewhere than they seem to.

use super::*;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

struct Noon;

#[async_trait::async_trait]
impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::parse("2026-06-01T12:00:00Z").unwrap()
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    async fn sleep_until(&self, _: Duration) {}
}

fn options() -> Options {
    Options {
        context: None,
        proxy: ProxySettings::default(),
        clock: Arc::new(Noon),
        redactor: Redactor::new(b"a tenant's key"),
    }
}

fn given(endpoint: String) -> Given {
    Given {
        method: Method::ServiceAccount { token: "abc".into() },
        name: "prod".to_owned(),
        endpoint,
        namespace: String::new(),
        ca_certificate: None,
        verify_ssl: true,
        proxy_url: None,
        loopback_allowed: true,
    }
}

fn leads_to(addresses: &'static [&'static str]) -> Lookup {
    Arc::new(move |_| {
        let found = addresses.iter().filter_map(|a| a.parse().ok()).collect();
        Box::pin(async move { Ok(found) })
    })
}

/// Counts connections, and answers each request on a connection of its own as an API server over plain http does.
async fn plain_server() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await?);
                }
                let body = r#"{"gitVersion":"v1.34.4","platform":"linux/amd64","metadata":{"uid":"u-1"}}"#;
                let length = body.len();
                let answer = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
                stream.write_all(answer.as_bytes()).await
            });
        }
    });
    (port, count)
}

async fn fails(given: &Given, lookup: Lookup) -> ConnectError {
    match with_lookup(given, &options(), lookup).await {
        Ok(_) => panic!("{given:?} was connected"),
        Err(error) => error,
    }
}

fn is_address(error: &ConnectError) -> bool {
    matches!(
        error,
        ConnectError::Refused {
            refusal: Refusal::Address(_),
            ..
        }
    )
}

#[tokio::test]
async fn a_name_that_leads_to_a_forbidden_address_is_refused() {
    for addresses in [
        &["169.254.169.254"][..],
        &["::ffff:169.254.169.254"],
        &["fe80::1"],
        &["10.0.0.1", "169.254.169.254"],
        &["0.0.0.0"],
        &["fd00:ec2::254"],
    ] {
        let error = fails(&given("https://api.shop:6443".to_owned()), leads_to(addresses)).await;
        assert!(is_address(&error), "{addresses:?}: {error}");
        assert!(error.to_string().contains("api.shop has the address"), "{error}");
    }
}

#[tokio::test]
async fn a_name_that_leads_here_is_refused_unless_an_administrator_allowed_it() {
    let (port, count) = plain_server().await;
    let mut given = given(format!("https://api.shop:{port}"));
    given.loopback_allowed = false;
    let error = fails(&given, leads_to(&["127.0.0.1"])).await;
    assert!(is_address(&error), "{error}");
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_proxys_name_that_leads_to_a_forbidden_address_is_refused() {
    for scheme in ["http", "https", "socks5"] {
        let mut given = given("https://10.0.0.1:6443".to_owned());
        given.proxy_url = Some(format!("{scheme}://proxy.shop:3128").into());
        let error = fails(&given, leads_to(&["169.254.169.254"])).await;
        assert!(
            is_address(&error) && error.to_string().contains("proxy.shop"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn plain_http_leaves_this_machine_under_no_name() {
    let error = fails(&given("http://localhost:6443".to_owned()), leads_to(&["10.0.0.1"])).await;
    assert!(is_address(&error) && error.to_string().contains("use https"), "{error}");
}

#[tokio::test]
async fn a_name_that_changes_its_mind_is_judged_with_each_connection() {
    let (port, count) = plain_server().await;
    let now = Arc::new(Mutex::new(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    let asked = Arc::clone(&now);
    let lookup: Lookup = Arc::new(move |_| {
        let found = asked
            .lock()
            .map(|address| vec![*address])
            .map_err(|_| io::Error::other("poisoned"));
        Box::pin(async move { found })
    });
    let connection = with_lookup(&given(format!("http://localhost:{port}")), &options(), lookup).await;
    let connection = connection.unwrap_or_else(|e| panic!("{e}"));
    assert!(connection.api.server_version().await.is_ok());
    let before = count.load(Ordering::SeqCst);
    *now.lock().unwrap() = "169.254.169.254".parse().unwrap();
    let error = connection.api.server_version().await.unwrap_err();
    let forbidden = error
        .trouble()
        .is_some_and(|t| matches!(t, crate::transport::Trouble::Forbidden(_)));
    assert!(forbidden && !error.in_doubt(), "{error:?}");
    assert_eq!(count.load(Ordering::SeqCst), before);
}

#[tokio::test]
async fn what_was_judged_is_what_is_connected_to() {
    let (port, _) = plain_server().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    // a second question would lead to where nobody listens
    let lookup: Lookup = Arc::new(move |_| {
        let first = counted.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
        let address = if first { "127.0.0.1" } else { "127.0.0.2" };
        let found = vec![address.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))];
        Box::pin(async move { Ok(found) })
    });
    let target = given(format!("http://localhost:{port}"))
        .target(&ProxySettings::default(), Noon.now(), lookup)
        .unwrap_or_else(|e| panic!("{e}"));
    let api = Api::new(client::of(&target).unwrap_or_else(|e| panic!("{e}")));
    assert!(api.server_version().await.is_ok());
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}
