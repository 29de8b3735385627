//! Real proxies in the cluster's network.

use crate::daemon::{Daemon, free};
use crate::programs::programs;
use tempfile::TempDir;

/// Who may use them, and with what.
const USER: &str = "dreamops";
const PASSWORD: &str = "only-for-tests-of-proxies";

/// A proxy that runs, and asks for a password.
pub(crate) struct Proxy {
    daemon: Daemon,
    scheme: &'static str,
    address: String,
    _folder: TempDir,
}

impl Proxy {
    /// Debian's `tinyproxy` at an address of the calling thread's network: HTTP with CONNECT.
    pub(crate) fn http(host: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = free(host);
        let settings = folder.path().join("tinyproxy.conf");
        let text = format!(
            "Port {}\nListen {host}\nTimeout 600\nMaxClients 100\nLogLevel Connect\nBasicAuth {USER} {PASSWORD}\nConnectPort 6443\n",
            address.port()
        );
        std::fs::write(&settings, text).unwrap();
        let daemon = Daemon::start(
            programs().tinyproxy().arg("-d").arg("-c").arg(&settings),
            folder.path(),
            address,
        );
        Self {
            daemon,
            scheme: "http",
            address: address.to_string(),
            _folder: folder,
        }
    }

    /// Debian's `microsocks` at an address of the calling thread's network: SOCKS5.
    pub(crate) fn socks(host: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = free(host);
        let port = address.port().to_string();
        let arguments = ["-i", host, "-p", &port, "-u", USER, "-P", PASSWORD];
        let daemon = Daemon::start(programs().microsocks().args(arguments), folder.path(), address);
        Self {
            daemon,
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
        let said = self.daemon.said();
        let told =
            |line: &&str| line.contains(server) && (line.contains("Established") || line.contains("connected to"));
        said.lines().filter(told).count()
    }
}
