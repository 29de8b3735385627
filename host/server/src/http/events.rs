//! `/api/v1/events`: the tenant's audit as it grows, as server-sent events.
//!
//! `id` is the sealed position, `event` the event's name, `data` the event as `/api/v1/audit` shows it. A stream begins after
//! `Last-Event-ID` (or the parameter `after`), without either at the present end. It says something every [`HEARTBEAT`], so that
//! proxies keep it open; it ends when the server stops.

use super::App;
use super::audit::EventView;
use super::caller::{May, Read};
use super::extract::{Asked, bad_parameter};
use super::metrics::Streaming;
use super::problem::{Kind, Problem};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, Sse};
use dreamops_domain::id::TenantId;
use futures::future::{Either, select};
use futures::stream::{self, Stream};
use serde::Deserialize;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::watch;
use utoipa::IntoParams;

/// How long a stream is silent at most.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often the store is asked. Events are sealed at most a second behind.
const LOOK: Duration = Duration::from_secs(1);
/// Of the connections, one in so many may be a stream: requests need room too.
const SHARE: usize = 4;
/// How many events are read at a time.
const AT_ONCE: u32 = 100;

/// Where a stream begins.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Begin {
    /// After this position. `Last-Event-ID` goes before it.
    after: Option<i64>,
}

/// Events as they happen
///
/// A stream of server-sent events that does not end by itself.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "audit",
    params(Begin, ("Last-Event-ID" = Option<String>, Header, description = "the position to go on after")),
    responses((status = 200, content_type = "text/event-stream", body = String))
)]
pub(super) async fn events(
    State(app): State<App>,
    May(by, ..): May<Read>,
    headers: HeaderMap,
    Asked(begin): Asked<Begin>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    if app.metrics.streams() >= (app.settings.connections / SHARE).max(1) {
        return Err(Problem::new(
            Kind::Unavailable,
            "too many event streams are open",
            "close one, or read GET /api/v1/audit now and then",
        )
        .retry_after(60));
    }
    let last = match headers.get("last-event-id") {
        None => begin.after,
        Some(value) => {
            let position = value.to_str().ok().and_then(|v| v.trim().parse::<i64>().ok());
            Some(position.ok_or_else(|| bad_parameter("Last-Event-ID", "position of an event"))?)
        }
    };
    let position = match last {
        Some(position) => position,
        None => app.audit.head(by.tenant).await?.position,
    };
    let watching = Watching {
        closing: app.closing(),
        counted: app.metrics.stream(),
        said_at: app.clock.monotonic(),
        app,
        tenant: by.tenant,
        position,
        ready: VecDeque::new(),
    };
    Ok(Sse::new(stream::unfold(watching, Watching::next)))
}

struct Watching {
    app: App,
    tenant: TenantId,
    /// The last event that was sent.
    position: i64,
    ready: VecDeque<EventView>,
    said_at: Duration,
    closing: watch::Receiver<bool>,
    #[expect(dead_code, reason = "counts the stream for as long as it lives")]
    counted: Streaming,
}

impl Watching {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if *self.closing.borrow() {
                return None;
            }
            if let Some(event) = self.ready.pop_front() {
                return Some(self.said(&event));
            }
            self.read().await?;
            if self.ready.is_empty() {
                let now = self.app.clock.monotonic();
                if now.saturating_sub(self.said_at) >= HEARTBEAT {
                    self.said_at = now;
                    return Some((Ok(Event::default().comment("still here")), self));
                }
                self.pause(now + LOOK).await;
            }
        }
    }

    /// Reads what is new; `None` where the store fails: the stream ends, and its reader comes back with the last id.
    async fn read(&mut self) -> Option<()> {
        let audit = &self.app.audit;
        match audit.events_after(self.tenant, self.position, AT_ONCE).await {
            Ok(events) => {
                if let Some(last) = events.last() {
                    self.position = last.position;
                }
                self.ready.extend(events.into_iter().map(EventView::of));
                Some(())
            }
            Err(error) => {
                tracing::warn!(%error, "an event stream ends because the audit cannot be read");
                None
            }
        }
    }

    fn said(mut self, event: &EventView) -> (Result<Event, Infallible>, Self) {
        self.said_at = self.app.clock.monotonic();
        let text = serde_json::to_string(event).unwrap_or_default();
        let sent = Event::default()
            .id(event.position().to_string())
            .event(event.name())
            .data(text);
        (Ok(sent), self)
    }

    async fn pause(&mut self, until: Duration) {
        let closed = pin!(self.closing.changed());
        if let Either::Left((Err(_), _)) = select(closed, self.app.clock.sleep_until(until)).await {
            tracing::debug!("the server is gone");
        }
    }
}
