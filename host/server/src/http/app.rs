//! What the HTTP side is made of: ports, settings, and what lives as long as the server.

use super::idempotency::Answers;
use super::limits::Limits;
use super::metrics::Metrics;
use crate::ports::{Connector, Desk, Redactors, Rehearsals};
use dreamops_domain::access::Access;
use dreamops_domain::audit::Audit;
use dreamops_domain::fleet::Fleet;
use dreamops_domain::intake::{Intake, Queue};
use dreamops_domain::maintenance::Maintenance;
use dreamops_domain::phase::Mode;
use dreamops_domain::ports::{Clock, Store};
use dreamops_domain::upkeep::Upkeep;
use std::num::NonZeroU32;
use std::ops::Deref;
use std::sync::Arc;
use tokio::sync::watch;
use zeroize::Zeroizing;

/// The ports that requests reach.
#[derive(Clone)]
pub struct Ports {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Incidents and the emergency stop.
    pub store: Arc<dyn Store>,
    /// Where deliveries are committed.
    pub intake: Arc<dyn Intake>,
    /// What waits to be worked on.
    pub queue: Arc<dyn Queue>,
    /// Tokens and sources.
    pub access: Arc<dyn Access>,
    /// Clusters.
    pub fleet: Arc<dyn Fleet>,
    /// The audit.
    pub audit: Arc<dyn Audit>,
    /// Acting on a person's word.
    pub desk: Arc<dyn Desk>,
    /// Proving clusters.
    pub connector: Arc<dyn Connector>,
    /// Simulator runs.
    pub rehearsals: Arc<dyn Rehearsals>,
    /// Redaction.
    pub redactors: Arc<dyn Redactors>,
    /// Windows of maintenance.
    pub maintenance: Arc<dyn Maintenance>,
    /// Work on the store as a whole.
    pub upkeep: Arc<dyn Upkeep>,
}

/// What an operator may set.
pub struct Settings {
    /// The mode where a cluster has none of its own.
    pub mode: Mode,
    /// Whether the Kubernetes integration is on (`K8S_ENABLED`): off, alerts are stored and cluster routes answer 503.
    pub kubernetes: bool,
    /// The secrets of PagerDuty's short route, any of which may sign (`PAGERDUTY_WEBHOOK_SECRETS`); none: it answers 503.
    pub pagerduty_secrets: Vec<Zeroizing<String>>,
    /// Why there is no MCP server, for `test-connection`.
    pub no_mcp: String,
    /// Requests per second of one token; ten seconds' worth may come at once.
    pub requests_per_token: NonZeroU32,
    /// Deliveries per second of one source; ten seconds' worth may come at once.
    pub deliveries_per_source: NonZeroU32,
    /// Connections that are open at the same time; more wait to be accepted.
    pub connections: usize,
    /// Certificate and key, where the server itself speaks TLS.
    pub tls: Option<Arc<rustls::ServerConfig>>,
}

/// Generous: a storm of deliveries is what the server is for.
const DELIVERIES: NonZeroU32 = NonZeroU32::MIN.saturating_add(499);
const REQUESTS: NonZeroU32 = NonZeroU32::MIN.saturating_add(99);

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            kubernetes: true,
            pagerduty_secrets: Vec::new(),
            no_mcp: "no MCP server is configured".to_owned(),
            requests_per_token: REQUESTS,
            deliveries_per_source: DELIVERIES,
            connections: 1024,
            tls: None,
        }
    }
}

/// The state that every request sees. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// What an [`App`] holds.
pub struct Inner {
    ports: Ports,
    /// What the operator set.
    pub settings: Settings,
    /// What is counted; the workers may add to it.
    pub metrics: Metrics,
    pub(super) limits: Limits,
    pub(super) answers: Answers,
    /// Turns true when the server stops: what waits or streams ends then.
    closing: watch::Sender<bool>,
}

impl Deref for App {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Deref for Inner {
    type Target = Ports;
    fn deref(&self) -> &Ports {
        &self.ports
    }
}

impl App {
    /// The state of one server.
    pub fn new(ports: Ports, settings: Settings) -> Self {
        let limits = Limits::new(
            settings.requests_per_token,
            settings.deliveries_per_source,
            ports.clock.clone(),
        );
        Self(Arc::new(Inner {
            answers: Answers::new(ports.clock.clone()),
            ports,
            settings,
            metrics: Metrics::new(),
            limits,
            closing: watch::Sender::new(false),
        }))
    }

    /// Whether the server is stopping, and a way to be told.
    pub(super) fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }

    pub(super) fn close(&self) {
        self.closing.send_replace(true);
    }
}
