//! Which addresses a cluster, or the proxy before it, may have when a user named it.
//!
//! A server that connects to what users name can be sent to places that only it can reach. So each name
//! is resolved here, every address that it has is judged, and the connection is made to an address that
//! was judged: nothing is resolved a second time, and a name that changes its mind (DNS rebinding) is
//! judged anew with each connection.
//!
//! | address | allowed |
//! | --- | --- |
//! | link-local `169.254.0.0/16`, `fe80::/10` | never: metadata services live there |
//! | metadata services elsewhere ([`METADATA`]) | never |
//! | unspecified `0.0.0.0/8`, `::`; multicast; broadcast | never |
//! | loopback `127.0.0.0/8`, `::1` | where an administrator allowed it |
//! | anything else, private networks included | yes; over plain http, no |
//!
//! An IPv6 address that carries one of IPv4 (mapped, NAT64, 6to4) is judged as that one. A name of which
//! any address is refused is refused whole.
//!
//! Through a proxy, the proxy is told the judged address. A name that only the proxy can resolve is told
//! as a name: whether it leads somewhere forbidden is then the proxy's to decide.

use futures::future::BoxFuture;
use http::Uri;
use http::uri::{Authority, Parts};
use hyper_util::client::legacy::connect::dns::Name;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{BoxError, Service};

/// Where clouds answer questions about a machine and hand out its credentials, beside the link-local ones:
/// AWS, Google (both IPv6), Alibaba, Azure's wire server, Oracle, Scaleway.
const METADATA: [IpAddr; 6] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42)),
];

/// An address that is not connected to.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{host} has the address {address}, which is {what}: {advice}")]
pub struct ForbiddenAddress {
    /// The host as it was named.
    pub host: String,
    /// The address.
    pub address: IpAddr,
    /// What kind of address that is.
    pub what: &'static str,
    /// What would be right.
    pub advice: &'static str,
}

/// The addresses of a name.
pub(crate) type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// Asks the system.
pub(crate) fn system_lookup() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    })
}

/// Which addresses may be connected to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rule {
    /// Any: the operator named the host.
    Any,
    /// What a user may name.
    Guarded {
        /// Whether an administrator allowed this machine itself.
        loopback: bool,
        /// Nothing protects what is sent: this machine alone will do.
        plain: bool,
    },
}

/// The rules of one connection, and how its names are resolved.
#[derive(Clone)]
pub(crate) struct Reach {
    /// For the API server.
    pub(crate) server: Rule,
    /// For the proxy before it.
    pub(crate) proxy: Rule,
    /// Resolves names.
    pub(crate) lookup: Lookup,
}

impl Reach {
    /// No rules.
    pub(crate) fn anywhere() -> Self {
        Self {
            server: Rule::Any,
            proxy: Rule::Any,
            lookup: system_lookup(),
        }
    }
}

impl Rule {
    /// Whether `address`, which `host` has, may be connected to.
    pub(crate) fn judge(self, host: &str, address: IpAddr) -> Result<(), ForbiddenAddress> {
        let Self::Guarded { loopback, plain } = self else {
            return Ok(());
        };
        let refused = |what, advice| {
            Err(ForbiddenAddress {
                host: host.to_owned(),
                address,
                what,
                advice,
            })
        };
        let meant = meant(address);
        if let Some(what) = never(meant) {
            return refused(what, "name the API server's own address");
        }
        match (meant.is_loopback(), loopback, plain) {
            (true, false, _) => refused(
                "this machine itself",
                "only an administrator may allow that, for a cluster that runs here",
            ),
            (false, _, true) => refused("another machine, and http protects nothing on the way", "use https"),
            _ => Ok(()),
        }
    }

    /// As [`Rule::judge`], where the host is an address.
    pub(crate) fn judge_literal(self, host: &str) -> Result<(), ForbiddenAddress> {
        match literal(host) {
            Some(address) => self.judge(host, address),
            None => Ok(()),
        }
    }
}

/// The address that a URL's host is, if it is one.
fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn never(address: IpAddr) -> Option<&'static str> {
    if METADATA.contains(&address) {
        return Some("a cloud's metadata service");
    }
    let (link_local, unspecified) = match address {
        IpAddr::V4(v4) => (v4.is_link_local(), v4.octets()[0] == 0 || v4.is_broadcast()),
        IpAddr::V6(v6) => (v6.is_unicast_link_local(), v6.is_unspecified()),
    };
    match (link_local, unspecified, address.is_multicast()) {
        (true, _, _) => Some("link-local, where metadata services are"),
        (_, true, _) => Some("no machine's address"),
        (_, _, true) => Some("a multicast address"),
        _ => None,
    }
}

/// The address of IPv4 that one of IPv6 stands for, or the address itself.
fn meant(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else {
        return address;
    };
    if v6.is_loopback() || v6.is_unspecified() {
        return address;
    }
    let bits = match v6.segments() {
        // mapped (::ffff:0:0/96), translated (::ffff:0:0:0/96), compatible (::/96), NAT64 (64:ff9b::/96), 6to4 (2002::/16)
        [0, 0, 0, 0, 0, 0xffff | 0, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => Some((high, low)),
        _ => None,
    };
    bits.map_or(address, |(high, low)| {
        IpAddr::V4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
    })
}

/// Resolves names to addresses that a rule allows.
#[derive(Clone)]
pub(crate) struct Resolver {
    rule: Rule,
    lookup: Lookup,
}

impl Resolver {
    pub(crate) fn new(rule: Rule, lookup: Lookup) -> Self {
        Self { rule, lookup }
    }

    /// The addresses of a host, each allowed; the error carries a [`ForbiddenAddress`] where one is not.
    pub(crate) async fn resolve(self, host: String) -> Result<Vec<IpAddr>, BoxError> {
        let addresses = match literal(&host) {
            Some(address) => vec![address],
            None => (self.lookup)(host.clone()).await?,
        };
        for address in &addresses {
            self.rule.judge(&host, *address)?;
        }
        Ok(addresses)
    }
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolver = self.clone();
        Box::pin(async move {
            let found = resolver.resolve(name.as_str().to_owned()).await?;
            let sockets: Vec<_> = found.into_iter().map(|address| SocketAddr::new(address, 0)).collect();
            Ok(sockets.into_iter())
        })
    }
}

/// A connector that judges addresses in URLs, which no resolver sees.
#[derive(Clone)]
pub(crate) struct Guarded<C> {
    pub(crate) rule: Rule,
    pub(crate) connector: C,
}

impl<C> Service<Uri> for Guarded<C>
where
    C: Service<Uri>,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<C::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        if let Err(forbidden) = self.rule.judge_literal(to.host().unwrap_or_default()) {
            return Box::pin(async move { Err(forbidden.into()) });
        }
        let connecting = self.connector.call(to);
        Box::pin(async move { connecting.await.map_err(Into::into) })
    }
}

/// Before a proxy: puts the judged address in place of the server's name.
#[derive(Clone)]
pub(crate) struct Pinned<C> {
    pub(crate) resolver: Resolver,
    pub(crate) connector: C,
}

impl<C> Service<Uri> for Pinned<C>
where
    C: Service<Uri> + Clone + Send + 'static,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<C::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        // the one that is ready is used, its clone is kept
        let kept = self.connector.clone();
        let mut connector = std::mem::replace(&mut self.connector, kept);
        let resolver = self.resolver.clone();
        Box::pin(async move {
            let to = pin(to, resolver).await?;
            connector.call(to).await.map_err(Into::into)
        })
    }
}

async fn pin(to: Uri, resolver: Resolver) -> Result<Uri, BoxError> {
    if resolver.rule == Rule::Any {
        return Ok(to);
    }
    let found = match resolver.resolve(to.host().unwrap_or_default().to_owned()).await {
        Ok(found) => found,
        Err(error) if error.is::<ForbiddenAddress>() => return Err(error),
        // only the proxy knows the name
        Err(_) => return Ok(to),
    };
    let Some(address) = found.first() else {
        return Ok(to);
    };
    let port = to
        .port_u16()
        .unwrap_or(if to.scheme_str() == Some("http") { 80 } else { 443 });
    let authority: Authority = SocketAddr::new(*address, port).to_string().parse()?;
    let mut parts: Parts = to.into_parts();
    parts.authority = Some(authority);
    Ok(Uri::from_parts(parts)?)
}

#[cfg(test)]
mod tests;
