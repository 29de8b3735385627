//! Accepting connections, with or without TLS, and stopping without cutting anybody off.
//!
//! Stopping: no connection is accepted any more, event streams and waiting requests end, requests at work are finished, for
//! [`GRACE`] at most.

use super::{App, routes};
use axum::Router;
use futures::future::{Either, select};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// How long requests may go on after the server was told to stop.
pub const GRACE: Duration = Duration::from_secs(20);
/// How long a client may take to shake hands, and to send the head of a request.
const HEAD_IN: Duration = Duration::from_secs(10);
/// The pause after the system refused to give a connection (too many open files).
const PAUSE: Duration = Duration::from_millis(100);

/// Answers requests until `shutdown` is ready, and then for as long as those at work take, no longer than [`GRACE`].
pub async fn serve(app: App, listener: TcpListener, shutdown: impl Future<Output = ()> + Send) -> io::Result<()> {
    let connections = Connections {
        router: routes::router(&app),
        tls: app.settings.tls.clone().map(TlsAcceptor::from),
        app: app.clone(),
    };
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(app.settings.connections.max(1)));
    let mut open = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        while open.try_join_next().is_some() {}
        let next = pin!(next(&app, &listener, room.clone()));
        let (stream, permit) = match select(shutdown.as_mut(), next).await {
            Either::Left(_) => break,
            Either::Right((Some(accepted), _)) => accepted,
            Either::Right((None, _)) => return Ok(()),
        };
        let connection = connections.clone().answer(stream, permit, graceful.watcher());
        open.spawn(connection);
    }
    drop(listener);
    app.close();
    let until = app.clock.monotonic() + GRACE;
    let finished = pin!(graceful.shutdown());
    if let Either::Right(_) = select(finished, app.clock.sleep_until(until)).await {
        tracing::warn!(
            open = open.len(),
            "requests were still at work after {} s",
            GRACE.as_secs()
        );
    }
    Ok(())
}

/// The next connection, as soon as there is room for one.
async fn next(app: &App, listener: &TcpListener, room: Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let permit = room.acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return Some((stream, permit)),
            Err(error) => {
                tracing::warn!(%error, "no connection could be accepted");
                app.clock.sleep_until(app.clock.monotonic() + PAUSE).await;
            }
        }
    }
}

#[derive(Clone)]
struct Connections {
    app: App,
    router: Router,
    tls: Option<TlsAcceptor>,
}

impl Connections {
    async fn answer(self, stream: TcpStream, permit: OwnedSemaphorePermit, watcher: Watcher) {
        // small answers at once; a socket that refuses it works all the same
        let _ = stream.set_nodelay(true);
        match self.tls.clone() {
            None => self.speak(stream, watcher).await,
            Some(tls) => {
                let until = self.app.clock.monotonic() + HEAD_IN;
                let clock = self.app.clock.clone();
                let shaken = match select(pin!(tls.accept(stream)), clock.sleep_until(until)).await {
                    Either::Left((Ok(stream), _)) => Some(stream),
                    _ => None,
                };
                if let Some(stream) = shaken {
                    self.speak(stream, watcher).await;
                }
            }
        }
        drop(permit);
    }

    async fn speak(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, watcher: Watcher) {
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_IN)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(self.router));
        // a client that breaks off is its own affair
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%error, "a connection broke off");
        }
    }
}
