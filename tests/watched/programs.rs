//! What the tests need from Debian. It is fetched before a test moves into the cluster's network, from which there is no way out.

use dreamops_test_cluster::{install, unpacked};
use dreamops_test_postgres::Postgres;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// Programs that are run without being installed.
pub(crate) struct Programs {
    tinyproxy: PathBuf,
    microsocks: PathBuf,
    prometheus: PathBuf,
    alertmanager: PathBuf,
}

/// The programs; fetched where they are missing.
pub(crate) fn programs() -> &'static Programs {
    static FETCHED: OnceLock<Programs> = OnceLock::new();
    FETCHED.get_or_init(|| {
        if !Postgres::is_installed() {
            install(&["postgresql"]).unwrap();
        }
        let program = |package, program| unpacked(package, &format!("usr/bin/{program}")).unwrap();
        Programs {
            tinyproxy: program("tinyproxy-bin", "tinyproxy"),
            microsocks: program("microsocks", "microsocks"),
            prometheus: program("prometheus", "prometheus"),
            alertmanager: program("prometheus-alertmanager", "prometheus-alertmanager"),
        }
    })
}

impl Programs {
    /// A proxy of HTTP that knows CONNECT.
    pub(crate) fn tinyproxy(&self) -> Command {
        Command::new(&self.tinyproxy)
    }

    /// A proxy of SOCKS5.
    pub(crate) fn microsocks(&self) -> Command {
        Command::new(&self.microsocks)
    }

    /// Prometheus.
    pub(crate) fn prometheus(&self) -> Command {
        Command::new(&self.prometheus)
    }

    /// Alertmanager.
    pub(crate) fn alertmanager(&self) -> Command {
        Command::new(&self.alertmanager)
    }
}
