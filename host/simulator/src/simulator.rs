//! A running simulated cluster.

use crate::alert::Raised;
use crate::clock::Present;
use crate::error::SimulatorError;
use crate::ground::Ground;
use crate::http::{self, Served};
use crate::scenarios::Scenario;
use crate::scenarios::stage::Stage;
use crate::secure::{Identity, SecureListener};
use axum::Router;
use axum::serve::Listener;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dreamops_domain::ports::Clock;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A simulated cluster behind an address of the loopback device.
///
/// It is broken when it starts, and lives by the clock that it was given. It ends with [`Simulator::shutdown`], or
/// when it is dropped.
pub struct Simulator {
    address: SocketAddr,
    served: Arc<Served>,
    namespace: String,
    raised: Option<Raised>,
    secure: SocketAddr,
    authority: String,
    stop: Option<watch::Sender<()>>,
    serving: [JoinHandle<()>; 2],
}

impl Simulator {
    /// Builds the scenario's world, lets it live until the present, and serves it.
    pub async fn start(scenario: &Scenario, clock: Arc<dyn Clock>) -> Result<Self, SimulatorError> {
        let present = Present::new(clock);
        let (seed, _) = uuid::Uuid::new_v4().as_u64_pair();
        let mut stage = Stage::begin(seed, present.millis());
        let raised = (scenario.setup)(&mut stage)?;
        let namespace = raised.namespace.clone();
        Self::serve(stage, present, namespace, Some(raised)).await
    }

    /// Serves a cluster without a story, on which nothing has happened yet.
    pub async fn on(ground: &Ground, clock: Arc<dyn Clock>) -> Result<Self, SimulatorError> {
        let present = Present::new(clock);
        let (seed, _) = uuid::Uuid::new_v4().as_u64_pair();
        let stage = ground.stage(seed, present.millis());
        let namespace = ground.namespaces.first().map_or("default", String::as_str).to_owned();
        Self::serve(stage, present, namespace, None).await
    }

    async fn serve(
        stage: Stage,
        present: Present,
        namespace: String,
        raised: Option<Raised>,
    ) -> Result<Self, SimulatorError> {
        let mut world = stage.end();
        world.live_until(present.millis());
        let token = uuid::Uuid::new_v4().simple().to_string();
        let served = Arc::new(Served {
            world: Mutex::new(world),
            present,
            token,
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(SimulatorError::Listen)?;
        let address = listener.local_addr().map_err(SimulatorError::Listen)?;
        let identity = Identity::make()?;
        let secured = SecureListener::bind(&identity).await?;
        let secure = secured.address();
        let (stop, stopped) = watch::channel(());
        let router = http::router(Arc::clone(&served));
        let serving = [
            tokio::spawn(run(listener, router.clone(), stopped.clone())),
            tokio::spawn(run(secured, router, stopped)),
        ];
        Ok(Self {
            address,
            served,
            namespace,
            raised,
            secure,
            authority: identity.authority,
            stop: Some(stop),
            serving,
        })
    }

    /// Where it listens without TLS. The token is wanted here as well.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A kubeconfig with address, authority and token, as YAML. The token opens nothing else.
    pub fn kubeconfig(&self) -> String {
        format!(
            "apiVersion: v1
kind: Config
clusters:
- name: simulated
  cluster:
    server: https://{}
    certificate-authority-data: {}
users:
- name: simulated
  user:
    token: {}
contexts:
- name: simulated
  context:
    cluster: simulated
    user: simulated
    namespace: {}
current-context: simulated
",
            self.secure,
            STANDARD.encode(&self.authority),
            self.served.token,
            self.namespace
        )
    }

    /// The token that opens it, and nothing else.
    pub fn token(&self) -> &str {
        &self.served.token
    }

    /// The alert that the broken world raises, as an Alertmanager webhook; null where there is no story.
    pub fn alert(&self) -> Value {
        self.raised.as_ref().map_or(Value::Null, Raised::alertmanager)
    }

    /// The same alert from each source: Alertmanager, PagerDuty, `process-incident`.
    pub fn alerts(&self) -> [Value; 3] {
        [Raised::alertmanager, Raised::pagerduty, Raised::process_incident]
            .map(|form| self.raised.as_ref().map_or(Value::Null, form))
    }

    /// All objects as they are now, by `Kind/namespace/name` (`Kind/name` for objects of the cluster).
    pub fn state(&self) -> BTreeMap<String, Value> {
        let world = self.served.now();
        world
            .all()
            .map(|((kind, namespace, name), object)| {
                let kind = kind.row().name;
                let key = if namespace.is_empty() {
                    format!("{kind}/{name}")
                } else {
                    format!("{kind}/{namespace}/{name}")
                };
                (key, object.clone())
            })
            .collect()
    }

    /// Stops serving.
    pub async fn shutdown(mut self) {
        drop(self.stop.take());
        for serving in &mut self.serving {
            // a client that keeps its connection open must not keep the program
            serving.abort();
            let _ = serving.await;
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.serving.iter().for_each(JoinHandle::abort);
    }
}

/// Serves until the other end of `stopped` is gone.
async fn run<L>(listener: L, router: Router, mut stopped: watch::Receiver<()>)
where
    L: Listener,
    L::Addr: std::fmt::Debug,
{
    let until = async move {
        // there is never a word: the sender being gone is the sign
        let _ = stopped.changed().await;
    };
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(until).await {
        tracing::error!(%error, "the simulated cluster stopped serving");
    }
}
