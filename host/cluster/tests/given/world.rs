//! What the tests give, and when it is.

use async_trait::async_trait;
use dreamops_cluster::connect::{ConnectError, Connection, Given, Method, Options, ProxySettings, with};
use dreamops_domain::ports::Clock;
use dreamops_domain::redact::Redactor;
use dreamops_domain::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// A fixed moment.
struct Noon;

#[async_trait]
impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::parse("2026-06-01T12:00:00Z").unwrap()
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    async fn sleep_until(&self, _: Duration) {}
}

pub(crate) fn options() -> Options {
    Options {
        context: None,
        proxy: ProxySettings::default(),
        clock: Arc::new(Noon),
        redactor: Redactor::new(b"a tenant's key"),
    }
}

/// As an administrator allows a cluster on this machine.
pub(crate) fn given(method: Method, endpoint: String, authority: &str) -> Given {
    Given {
        method,
        name: "prod".to_owned(),
        endpoint,
        namespace: "shop".to_owned(),
        ca_certificate: Some(authority.to_owned()),
        verify_ssl: true,
        proxy_url: None,
        loopback_allowed: true,
    }
}

pub(crate) fn token(text: &str) -> Method {
    Method::ServiceAccount { token: text.into() }
}

pub(crate) async fn connect(given: &Given) -> Connection {
    with(given, &options()).await.unwrap_or_else(|e| panic!("{e}"))
}

pub(crate) async fn fails(given: &Given) -> ConnectError {
    match with(given, &options()).await {
        Ok(_) => panic!("{given:?} was connected"),
        Err(error) => error,
    }
}
