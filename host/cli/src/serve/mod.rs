//! `serve`: the server, wired. Alerts come in over HTTP, workers walk them, until the process is asked to stop.
//!
//! | file | subject |
//! | --- | --- |
//! | `clusters` | connecting what tenants gave; a responder per cluster |
//! | `away` | a cluster that is not there: what can be recorded without one |
//! | `admin` | the first administrator's token |
//! | `rehearse` | `test-remediation` in the simulator |
//! | `demo` | `--demo`: a fault a minute |

mod admin;
mod away;
mod clusters;
mod demo;
mod rehearse;

use crate::app::App;
use crate::args::ServeArgs;
use crate::clock::SystemClock;
use crate::exit::{Failure, Outcome};
use anyhow::Context;
use clusters::Clusters;
use dreamops_domain::phase::Mode;
use dreamops_server::engine::{self, Engine};
use dreamops_server::{http, upkeep};
use dreamops_store::worker;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Runs until SIGTERM or Ctrl-C.
pub(crate) async fn run(args: ServeArgs) -> Outcome {
    let mut app = if args.demo {
        App::in_memory(Arc::new(SystemClock::new())).await?
    } else {
        App::open().await?
    };
    if args.demo {
        app.config.mode = Mode::Yolo;
    }
    let app = Arc::new(app);
    let address = args.listen.clone().unwrap_or_else(|| app.config.server.listen.clone());
    let listener = TcpListener::bind(&address)
        .await
        .with_context(|| format!("cannot listen on {address}; choose another with --listen ADDRESS:PORT"))
        .map_err(Failure::usage)?;
    let token = admin::first_token(&app, args.demo).await?;
    let bound = listener.local_addr().context("the listener has no address")?;
    let server = Server::build(&app).await?;
    eprintln!("dreamops: listening on http://{bound}");
    token.announce(bound);
    server.run(&app, listener, args.demo).await
}

/// The parts of a running server.
struct Server {
    engine: Arc<Engine>,
    clusters: Arc<Clusters>,
    http: http::App,
}

impl Server {
    async fn build(app: &Arc<App>) -> Result<Self, Failure> {
        let clusters = Arc::new(Clusters::new(Arc::clone(app), app.sandbox().await?)?);
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
