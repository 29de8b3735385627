//! Server mode: the HTTP side, and what stands between a request and the store.
//!
//! | file | subject |
//! | --- | --- |
//! | [`http`] | the API: routes, credentials, limits, problems, the description of it all |
//! | [`intake`] | from a delivery to the incidents that it opens |
//! | [`engine`] | the workers, and a person's word on its way to them |
//! | [`upkeep`] | credentials that run out, and what is older than its time |
//! | [`ports`] | what a person's word sets going, proving a cluster, simulator runs |
//!
//! Invariants: the server reaches storage, clusters and workers only through ports; a request that needs a credential is
//! not read further without one; what belongs to another tenant does not exist; an alert is committed before its sender
//! gets a 2xx.

pub mod engine;
pub mod http;
pub mod intake;
pub mod ports;
pub mod upkeep;
