//! Proxies of others that ask for a password.

use crate::part::{Part, free};
use tempfile::TempDir;

/// Who may use them, and with what.
const USER: &str = "dreamops";
const PASSWORD: &str = "only-for-tests-of-proxies";

/// A proxy that runs.
pub(crate) struct Proxy {
    part: Part,
    scheme: &'static str,
    address: String,
    _folder: TempDir,
}

impl Proxy {
    /// `tinyproxy` at an address of this thread's network: HTTP with CONNECT.
    pub(crate) fn http(host: &str) -> Self {
        let (folder, address) = (tempfile::tempdir().unwrap(), free(host));
        let settings = format!(
            "Port {}\nListen {host}\nTimeout 600\nLogLevel Connect\nBasicAuth {USER} {PASSWORD}\nConnectPort 6443\n",
            address.port()
        );
        std::fs::write(folder.path().join("tinyproxy.conf"), settings).unwrap();
        let arguments = ["-d", "-c", "tinyproxy.conf"];
        Self {
            part: Part::start("/usr/bin/tinyproxy", &arguments, folder.path(), address),
            scheme: "http",
            address: address.to_string(),
            _folder: folder,
        }
    }

    /// `microsocks` at an address of this thread's network: SOCKS5.
    pub(crate) fn socks(host: &str) -> Self {
        let (folder, address) = (tempfile::tempdir().unwrap(), free(host));
        let port = address.port().to_string();
        let arguments = ["-i", host, "-p", &port, "-u", USER, "-P", PASSWORD];
        Self {
            part: Part::start("/usr/bin/microsocks", &arguments, folder.path(), address),
            scheme: "socks5",
            address: address.to_string(),
            _folder: folder,
        }
    }

    /// Its address with user and password.
    pub(crate) fn url(&self) -> String {
        self.url_with(PASSWORD)
    }

    /// Its address with a password of the test's choice.
    pub(crate) fn url_with(&self, password: &str) -> String {
        format!("{}://{USER}:{password}@{}", self.scheme, self.address)
    }

    /// How often it has connected somebody to a server.
    pub(crate) fn connections_to(&self, server: &str) -> usize {
        let said = self.part.said();
        let told =
            |line: &&str| line.contains(server) && (line.contains("Established") || line.contains("connected to"));
        said.lines().filter(told).count()
    }
}
