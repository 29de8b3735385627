//! The API over HTTP.
//!
//! | file | subject |
//! | --- | --- |
//! | `app` | ports, settings, state |
//! | [`serve`] | connections, TLS, stopping |
//! | `routes` | which path is answered by what, behind which guard |
//! | [`local`] | the same routes without a socket |
//! | `layers` | what happens to every request |
//! | `caller` | tokens and rights |
//! | `limits`, [`idempotency`] | too many requests; the same request again |
//! | `extract`, [`problem`] | reading requests; what is answered when they are not done |
//! | `describe` | `/openapi.json` |
//! | `view` | what the API shows of an incident, a cluster, a page |
//! | `agno`, `webhooks`, `signature` | alerts and clusters coming in |
//! | `incidents`, `alerts`, `clusters`, `tokens`, `sources`, `audit`, `events`, `stop`, `maintenance`, `keys`, `status` | the rest of the routes |
//!
//! Invariants: every route but health and the webhooks is behind the guard; a webhook proves itself before its body is
//! parsed; every error is a problem document; the ids of other tenants are answered as unknown ones.

mod agno;
mod alerts;
mod app;
mod audit;
mod caller;
mod clusters;
mod describe;
mod events;
mod extract;
pub mod idempotency;
mod incidents;
mod keys;
mod layers;
mod limits;
pub mod local;
mod maintenance;
mod metrics;
pub mod problem;
mod routes;
pub mod serve;
mod signature;
mod sources;
mod status;
mod stop;
mod tenants;
mod tokens;
mod view;
mod webhooks;

pub use app::{App, Ports, Settings};
pub use describe::description;
pub use metrics::Metrics;
pub use serve::serve;

/// The longest body of PagerDuty's that is read: theirs stay below 100 KiB.
pub const PAGERDUTY_BODY: usize = 256 * 1024;
/// The longest body elsewhere, in bytes; alerts end at [`MAX_BODY`](dreamops_domain::alert::MAX_BODY).
pub const GENERAL_BODY: usize = 2 * 1024 * 1024;
