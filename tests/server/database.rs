//! The databases that a server is tried on.

use dreamops_test_postgres::Postgres;

/// A `PostgreSQL` of the test's own; installed where the machine has none.
pub(crate) fn postgres() -> Postgres {
    static INSTALLED: std::sync::Once = std::sync::Once::new();
    INSTALLED.call_once(|| {
        if !Postgres::is_installed() {
            dreamops_test_cluster::install(&["postgresql"]).unwrap();
        }
    });
    Postgres::start().unwrap()
}

/// A key for what is sealed: with `PostgreSQL` it has to be given.
pub(crate) const KEY: &str = "b25seS1mb3ItdGVzdHMtb2Ytc2VydmVycy1pbi1lMmU=";
