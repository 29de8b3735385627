//! Which proxy, if any, stands before an API server.
//!
//! The kubeconfig's `proxy-url` is taken as it is. Where there is none, `HTTPS_PROXY` counts for
//! `https` servers unless `NO_PROXY` excepts them. Both are values from the caller: nothing here
//! reads the environment.
//!
//! | entry of `NO_PROXY` | excepts |
//! | --- | --- |
//! | `*` | everything |
//! | `10.0.0.1`, `::1` | that address |
//! | `10.0.0.0/8`, `fd00::/8` | the addresses of that network |
//! | `example.org` | that host and all below it |
//! | `.example.org`, `*.example.org` | all hosts below it |
//! | any of them with `:PORT` | only that port |
//!
//! Loopback is never reached through a proxy. This is how Go programs such as kubectl read it
//! (`golang.org/x/net/http/httpproxy`).

use http::Uri;
use std::net::IpAddr;

/// Where a SOCKS proxy listens unless its address says otherwise (RFC 1928).
const SOCKS_PORT: u16 = 1080;

/// The caller's proxy settings, as the environment variables hold them; empty means none.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub struct ProxySettings {
    /// `HTTPS_PROXY`.
    pub https_proxy: String,
    /// `NO_PROXY`.
    pub no_proxy: String,
}

/// The proxy for `server`: the kubeconfig's, or the caller's where the kubeconfig has none.
pub(crate) fn choose(
    server: &Uri,
    of_kubeconfig: Option<&str>,
    settings: &ProxySettings,
) -> Result<Option<Uri>, String> {
    if let Some(own) = of_kubeconfig.map(str::trim).filter(|p| !p.is_empty()) {
        return parse(own).map(Some);
    }
    let shared = settings.https_proxy.trim();
    if shared.is_empty() || server.scheme_str() != Some("https") {
        return Ok(None);
    }
    let host = host(server);
    let port = server.port_u16().unwrap_or(443);
    if is_loopback(&host) || excepted(&host, port, &settings.no_proxy) {
        return Ok(None);
    }
    parse(shared).map(Some)
}

/// A proxy's address; without a scheme `http` is meant.
fn parse(text: &str) -> Result<Uri, String> {
    let with_scheme = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    // its text is not shown: it may hold a password
    let uri: Uri = with_scheme
        .parse()
        .map_err(|_| "the proxy's address is no URL; write http://HOST:PORT".to_owned())?;
    let named = uri.host().is_some_and(|host| !host.is_empty());
    match uri.scheme_str() {
        Some("socks5") if named && uri.port().is_none() => with_port(uri, SOCKS_PORT),
        Some("http" | "https" | "socks5") if named => Ok(uri),
        Some(other) if named => Err(format!(
            "a proxy of scheme {other} is not supported; http, https and socks5 are"
        )),
        _ => Err("the proxy's address is no URL; write http://HOST:PORT".to_owned()),
    }
}

fn with_port(uri: Uri, port: u16) -> Result<Uri, String> {
    let mut parts = uri.into_parts();
    let authority = parts.authority.map(|authority| format!("{authority}:{port}").parse());
    parts.authority = authority.and_then(Result::ok);
    Uri::from_parts(parts).map_err(|_| "the proxy's address is no URL; write socks5://HOST:PORT".to_owned())
}

fn host(uri: &Uri) -> String {
    let host = uri.host().unwrap_or_default();
    host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase()
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn excepted(host: &str, port: u16, no_proxy: &str) -> bool {
    no_proxy
        .split(',')
        .map(|entry| entry.trim().to_ascii_lowercase())
        .filter(|entry| !entry.is_empty())
        .any(|entry| matches(host, port, &entry))
}

fn matches(host: &str, port: u16, entry: &str) -> bool {
    if entry == "*" {
        return true;
    }
    let address: Option<IpAddr> = host.parse().ok();
    if let Some((network, bits)) = entry.split_once('/') {
        return match (address, network.parse(), bits.parse()) {
            (Some(address), Ok(network), Ok(bits)) => contains(network, bits, address),
            _ => false,
        };
    }
    let (name, only_port) = match entry.rsplit_once(':') {
        // an address of IPv6 has colons of its own
        Some((name, digits)) if entry.parse::<IpAddr>().is_err() => match digits.parse::<u16>() {
            Ok(number) => (name, Some(number)),
            Err(_) => return false,
        },
        _ => (entry, None),
    };
    if only_port.is_some_and(|number| number != port) {
        return false;
    }
    let name = name.trim_start_matches('[').trim_end_matches(']');
    if let Ok(named) = name.parse::<IpAddr>() {
        return address == Some(named);
    }
    let below = name.strip_prefix("*.").or_else(|| name.strip_prefix('.'));
    match below {
        Some(domain) => host.ends_with(&format!(".{domain}")),
        None => host == name || host.ends_with(&format!(".{name}")),
    }
}

/// Whether the first `bits` of both addresses are the same.
fn contains(network: IpAddr, bits: u32, address: IpAddr) -> bool {
    let same = |a: u128, b: u128, width: u32| bits <= width && (bits == 0 || (a ^ b) >> (width - bits) == 0);
    match (network, address) {
        (IpAddr::V4(a), IpAddr::V4(b)) => same(a.to_bits().into(), b.to_bits().into(), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => same(a.to_bits(), b.to_bits(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(server: &str, own: Option<&str>, no_proxy: &str) -> Option<String> {
        let settings = ProxySettings {
            https_proxy: "http://proxy:3128".into(),
            no_proxy: no_proxy.into(),
        };
        let server = server.parse().unwrap_or_default();
        choose(&server, own, &settings).ok().flatten().map(|p| p.to_string())
    }

    #[test]
    fn the_kubeconfigs_proxy_comes_first_and_is_never_excepted() {
        let own = chosen("https://api.shop:6443", Some("socks5://127.0.0.1:1080"), "*");
        assert_eq!(own.as_deref(), Some("socks5://127.0.0.1:1080/"));
    }

    #[test]
    fn a_socks_proxy_has_its_own_port() {
        let own = chosen("https://api.shop", Some("socks5://u:p@proxy"), "");
        assert_eq!(own.as_deref(), Some("socks5://u:p@proxy:1080/"));
    }

    #[test]
    fn the_shared_proxy_is_for_https_beyond_this_machine() {
        assert!(chosen("https://api.shop:6443", None, "").is_some());
        assert!(chosen("http://api.shop:8080", None, "").is_none());
        assert!(chosen("https://127.0.0.1:6443", None, "").is_none());
        assert!(chosen("https://[::1]:6443", None, "").is_none());
        assert!(chosen("https://localhost:6443", None, "").is_none());
    }

    #[test]
    fn no_proxy_excepts_what_its_table_says() {
        let through = |server: &str, no_proxy: &str| chosen(server, None, no_proxy).is_some();
        assert!(!through("https://api.shop", "*"));
        assert!(!through("https://api.shop", "shop"));
        assert!(!through("https://api.shop", ".shop, other"));
        assert!(!through("https://API.shop", "*.shop"));
        assert!(through("https://shop", ".shop"));
        assert!(through("https://workshop", "shop"));
        assert!(!through("https://api.shop:6443", "shop:6443"));
        assert!(through("https://api.shop:6443", "shop:443"));
        assert!(!through("https://10.1.2.3:6443", "10.0.0.0/8"));
        assert!(through("https://11.1.2.3:6443", "10.0.0.0/8"));
        assert!(!through("https://10.1.2.3:6443", "10.1.2.3"));
        assert!(!through("https://[fd00::7]:6443", "fd00::/8"));
        assert!(!through("https://[fd00::7]:6443", "fd00::7"));
        assert!(!through("https://10.1.2.3", "0.0.0.0/0"));
        assert!(through("https://10.1.2.3", "10.0.0.0/99,nonsense/8,:,x:y"));
    }

    #[test]
    fn a_password_in_a_proxys_address_is_not_shown() {
        let settings = ProxySettings::default();
        let server = Uri::from_static("https://api.shop");
        for bad in [
            "ftp://u:hunter2@proxy",
            "http://u:hunter2@:x",
            "http://u:hunter2@pro xy",
        ] {
            let error = choose(&server, Some(bad), &settings).err().unwrap_or_default();
            assert!(!error.is_empty() && !error.contains("hunter2"), "{error}");
        }
    }
}
