//! `serve`: the server, wired. Alerts come in over HTTP, workers walk them, until the process is asked to stop.
//!
//! | file | subject |
//! | --- | --- |
//! | `clusters` | connecting what tenants gave; a responder per cluster |
//! | `away` | a cluster that is not there: what can be recorded without one |
//! | `admin` | the first administrator's token |
//! | `tls` | certificate and key, and putting others in their place while serving |
//! | `rehearse` | `test-remediation` in the simulator |
//! | `demo` | `--demo`: a fault a minute |

mod admin;
mod away;
mod clusters;
mod demo;
mod rehearse;
pub(crate) mod tls;

use crate::app::App;
use crate::args::ServeArgs;
use crate::clock::SystemClock;
use crate::exit::{Failure, Outcome};
use anyhow::Context;
use clusters::Clusters;
use dreamops_domain::phase::Mode;
use dreamops_sandbox::Sandbox;
use dreamops_server::engine::{self, Engine};
use dreamops_server::{http, upkeep};
use dreamops_store::worker;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Runs until SIGTERM or Ctrl-C.
pub(crate) async fn run(args: ServeArgs) -> Outcome {
    let mut app = if args.demo {
        App::in_memory(Arc::new(SystemClock::new())).await?
    } else {
        App::open_alone().await?
    };
    if args.demo {
        app.config.mode = Mode::Yolo;
    }
    let tls = app.config.server.tls.clone().map(tls::Tls::read).transpose();
    let tls = tls.map_err(Failure::usage)?;
    let address = args.listen.clone().unwrap_or_else(|| app.config.server.listen.clone());
    let listener = TcpListener::bind(&address)
        .await
        .with_context(|| format!("cannot listen on {address}; choose another with --listen ADDRESS:PORT"))
        .map_err(Failure::usage)?;
    let token = admin::first_token(&app, args.demo).await?;
    let bound = listener.local_addr().context("the listener has no address")?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    if let Some(lock) = &mut app.lock {
        lock.tell(&format!("{scheme}://{}", reached_at(bound)))?;
    }
    let app = Arc::new(app);
    let server = Server::build(&app, app.sandbox().await?, tls.as_ref().map(tls::Tls::settings))?;
    if tls.is_none() && !bound.ip().is_loopback() {
        eprintln!(
            "dreamops: {bound} is reached over the network without TLS, and tokens would travel in the clear: set DREAMOPS_TLS_CERTIFICATE and DREAMOPS_TLS_KEY, or listen on 127.0.0.1 behind a proxy that speaks TLS"
        );
    }
    eprintln!("dreamops: listening on {scheme}://{bound}");
    token.announce(scheme, bound);
    let _renewal = tls.map(tls::Tls::renew_on_hangup);
    server.run(&app, listener, args.demo).await
}

/// Where the server is reached from this machine.
fn reached_at(bound: SocketAddr) -> SocketAddr {
    let mut address = bound;
    if bound.ip().is_unspecified() {
        address.set_ip(match bound.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// The parts of a running server.
pub(crate) struct Server {
    engine: Arc<Engine>,
    clusters: Arc<Clusters>,
    /// The routes' state.
    pub(crate) http: http::App,
}

impl Server {
    pub(crate) fn build(
        app: &Arc<App>,
        strategies: Arc<Sandbox>,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> Result<Self, Failure> {
        let clusters = Arc::new(Clusters::new(Arc::clone(app), strategies)?);
        let store = Arc::clone(&app.store);
        let settings = engine::Settings {
            worker: worker::this_process(),
            workers: app.config.server.workers,
            lease: app.config.patience.lease,
        };
        let engine = Engine::new(
            Arc::clone(&store) as _,
            Arc::clone(&store) as _,
            Arc::clone(&store) as _,
            Arc::clone(&app.clock),
            Arc::clone(&clusters) as _,
            settings,
        );
        let ports = http::Ports {
            clock: Arc::clone(&app.clock),
            store: Arc::clone(&store) as _,
            intake: Arc::clone(&store) as _,
            queue: Arc::clone(&store) as _,
            access: Arc::clone(&store) as _,
            fleet: Arc::clone(&store) as _,
            audit: Arc::clone(&store) as _,
            maintenance: Arc::clone(&store) as _,
            upkeep: store,
            desk: Arc::clone(&engine) as _,
            connector: Arc::clone(&clusters) as _,
            rehearsals: Arc::new(rehearse::Simulated),
            redactors: Arc::clone(&clusters) as _,
        };
        let config = &app.config.server;
        let settings = http::Settings {
            mode: app.config.mode,
            kubernetes: config.kubernetes,
            pagerduty_secrets: config.pagerduty_secrets.iter().cloned().map(Into::into).collect(),
            tls,
            ..http::Settings::default()
        };
        Ok(Self {
            engine,
            clusters,
            http: http::App::new(ports, settings),
        })
    }

    /// Serves until the process is asked to stop; then takes nothing in any more, and lets work at hand end or gives it back.
    async fn run(self, app: &Arc<App>, listener: TcpListener, demo: bool) -> Outcome {
        let (stop, stopped) = watch::channel(false);
        let mut at_work = vec![tokio::spawn(Arc::clone(&self.engine).seal(stopped.clone()))];
        if app.config.server.kubernetes {
            at_work.push(tokio::spawn(Arc::clone(&self.engine).run(stopped.clone())));
        }
        at_work.push(tokio::spawn(upkeep::keep(
            Arc::clone(&app.store) as _,
            Arc::clone(&app.clock),
            app.config.server.retention,
            stopped.clone(),
        )));
        if demo {
            let faults = demo::Faults {
                app: Arc::clone(app),
                clusters: Arc::clone(&self.clusters),
                engine: Arc::clone(&self.engine),
            };
            at_work.push(tokio::spawn(faults.run(stopped)));
        }
        let asked = async {
            let signal = crate::respond::interrupted().await;
            if signal.is_ok() {
                eprintln!("dreamops: stopping; what is at hand ends, or is given back");
            }
            stop.send_replace(true);
        };
        let served = http::serve(self.http, listener, asked).await;
        for task in at_work {
            let _ended = task.await;
        }
        app.store.close().await;
        served.context("the server broke off")?;
        Ok(0)
    }
}
