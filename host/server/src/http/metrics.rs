//! What is counted, in the form that Prometheus reads. No tenant, token, name or path parameter is a label.

use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// One kind of answer.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    /// The route as it is registered, with `{id}`; empty where no route matched.
    route: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfRoute {
    route: String,
}

/// What came of deliveries.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TakenIn {
    source: &'static str,
    outcome: &'static str,
}

/// What a server counts.
pub struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<Answered, Counter>,
    durations: Family<OfRoute, Histogram, fn() -> Histogram>,
    deliveries: Family<TakenIn, Counter>,
    waiting: Gauge,
    streams: Gauge,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let metrics = Self {
            registry: Mutex::default(),
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 2.0, 15))),
            deliveries: Family::default(),
            waiting: Gauge::default(),
            streams: Gauge::default(),
        };
        metrics.register(|registry| {
            registry.register("dreamops_http_requests", "Requests answered", metrics.requests.clone());
            registry.register(
                "dreamops_http_request_duration_seconds",
                "From the head of a request to the head of its answer",
                metrics.durations.clone(),
            );
            registry.register(
                "dreamops_deliveries",
                "Deliveries by what came of them: stored, repeated, ignored, refused, failed",
                metrics.deliveries.clone(),
            );
            registry.register(
                "dreamops_incidents_waiting",
                "Incidents that are due and held by no worker",
                metrics.waiting.clone(),
            );
            registry.register("dreamops_event_streams", "Open event streams", metrics.streams.clone());
        });
        metrics
    }

    /// Adds what another part of the server counts.
    pub fn register(&self, add: impl FnOnce(&mut Registry)) {
        add(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn answered(&self, method: &axum::http::Method, route: &str, status: u16, took: Duration) {
        let method = known(method);
        let route = route.to_owned();
        self.durations
            .get_or_create(&OfRoute { route: route.clone() })
            .observe(took.as_secs_f64());
        self.requests.get_or_create(&Answered { method, route, status }).inc();
    }

    pub(super) fn delivery(&self, source: &'static str, outcome: &'static str) {
        self.deliveries.get_or_create(&TakenIn { source, outcome }).inc();
    }

    pub(super) fn waiting(&self, incidents: u64) {
        self.waiting.set(i64::try_from(incidents).unwrap_or(i64::MAX));
    }

    /// Counts a stream for as long as the value lives.
    pub(super) fn stream(&self) -> Streaming {
        self.streams.inc();
        Streaming(self.streams.clone())
    }

    /// How many streams are open.
    pub(super) fn streams(&self) -> usize {
        usize::try_from(self.streams.get()).unwrap_or(0)
    }

    pub(super) fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry.lock().unwrap_or_else(PoisonError::into_inner))?;
        Ok(text)
    }
}

/// An open stream; counted until it is dropped.
pub(super) struct Streaming(Gauge);

impl Drop for Streaming {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// A method's name; invented ones share one, so that a sender cannot make labels.
fn known(method: &axum::http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "PATCH" => "PATCH",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
