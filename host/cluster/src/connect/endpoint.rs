//! The address of an API server as a user writes it.
//!
//! Promise: two spellings of one address are equal once parsed (case, default port, final slashes, forms of IP
//! addresses), so that a kubeconfig's server can be compared with the endpoint.

use super::address::Rule;
use super::refusal::Refusal;
use http::Uri;
use url::{Host, Url};

/// The longest address, in bytes.
const LONGEST: usize = 2048;

/// Reads an address. Its text is not shown where it is none: it may hold a password.
pub(crate) fn parse(field: &'static str, text: &str) -> Result<Uri, Refusal> {
    let bad = |why: &str| Refusal::BadField {
        field,
        why: why.to_owned(),
    };
    if text.len() > LONGEST {
        return Err(Refusal::TooLong { field, limit: LONGEST });
    }
    let url = Url::parse(text.trim()).map_err(|_| bad("it is no URL; write https://HOST:PORT"))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(bad("its scheme is not https; write https://HOST:PORT"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad(
            "it holds a user or password, which Kubernetes does not take; leave them out",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad("it has a query or fragment; an API server's address has none"));
    }
    // a name that ends in a dot is the same name
    let host = match url.host() {
        Some(Host::Domain(name)) => name.trim_end_matches('.').to_owned(),
        Some(address) => address.to_string(),
        None => String::new(),
    };
    if host.is_empty() {
        return Err(bad("it names no host; write https://HOST:PORT"));
    }
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let path = url.path().trim_end_matches('/');
    format!("{}://{host}{port}{path}", url.scheme())
        .parse()
        .map_err(|_| bad("it is no URL of a server; write https://HOST:PORT"))
}

/// As it is shown, without the final slash.
pub(crate) fn shown(server: &Uri) -> String {
    server.to_string().trim_end_matches('/').to_owned()
}

/// Whether nothing protects what is sent there.
pub(crate) fn is_plain(server: &Uri) -> bool {
    server.scheme_str() == Some("http")
}

/// What can be told of an address before its name is resolved.
pub(crate) fn check(server: &Uri, through_proxy: bool, rule: Rule) -> Result<(), Refusal> {
    let host = server.host().unwrap_or_default();
    let here = host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse()
            .is_ok_and(|ip: std::net::IpAddr| ip.to_canonical().is_loopback());
    if is_plain(server) && (through_proxy || !here) {
        return Err(Refusal::PlainHttp { field: "endpoint" });
    }
    rule.judge_literal(host).map_err(Refusal::Address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        parse("endpoint", a).unwrap() == parse("endpoint", b).unwrap()
    }

    #[test]
    fn spellings_of_one_address_are_equal() {
        assert!(same("https://API.shop:443/", "https://api.shop"));
        assert!(same("HTTPS://api.shop.:6443//", " https://api.shop:6443 "));
        assert!(same("https://0x7f.1:6443", "https://127.0.0.1:6443"));
        assert!(same("https://[FD00:0::7]", "https://[fd00::7]:443"));
        assert!(same("https://gate.way/k8s/x/../c-1/", "https://gate.way/k8s/c-1"));
    }

    #[test]
    fn addresses_that_differ_are_not_equal() {
        assert!(!same("https://api.shop:6443", "https://api.shop"));
        assert!(!same("https://api.shop", "http://api.shop"));
        assert!(!same("https://api.shop/a", "https://api.shop/b"));
        assert!(!same("https://api.shop", "https://shop"));
    }

    #[test]
    fn what_is_no_servers_address_is_refused_without_its_text() {
        for bad in [
            "",
            "api.shop",
            "api.shop:6443",
            "ftp://api.shop",
            "https://",
            "https://user:hunter2@api.shop",
            "https://api.shop?x=hunter2",
            "https://api.shop#hunter2",
            "https://api.shop:hunter2",
            "file:///etc/passwd",
            "https://[fe80::1%25eth0]",
        ] {
            let refusal = parse("endpoint", bad).unwrap_err();
            assert!(matches!(refusal, Refusal::BadField { field: "endpoint", .. }), "{bad}");
            assert!(!refusal.to_string().contains("hunter2"), "{refusal}");
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_alone() {
        let rule = Rule::Guarded {
            loopback: true,
            plain: true,
        };
        let checked = |text: &str, proxy| check(&parse("endpoint", text).unwrap(), proxy, rule);
        assert_eq!(checked("http://127.0.0.1:8080", false), Ok(()));
        assert_eq!(checked("http://localhost:8080", false), Ok(()));
        assert_eq!(checked("http://[::1]:8080", false), Ok(()));
        let plain = Err(Refusal::PlainHttp { field: "endpoint" });
        assert_eq!(checked("http://api.shop", false), plain);
        assert_eq!(checked("http://10.0.0.1", false), plain);
        assert_eq!(checked("http://127.0.0.1:8080", true), plain);
    }
}
