//! A running simulated cluster.

use crate::alert::Raised;
use crate::clock::Present;
use crate::error::SimulatorError;
use crate::http::{self, Served};
use crate::scenarios::Scenario;
use crate::scenarios::stage::Stage;
use dreamops_domain::ports::Clock;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A simulated cluster behind an address of the loopback device.
///
/// It is broken when it starts, and lives by the clock that it was given. It ends with [`Simulator::shutdown`], or
/// when it is dropped.
pub struct Simulator {
    address: SocketAddr,
    served: Arc<Served>,
    raised: Raised,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Simulator {
    /// Builds the scenario's world, lets it live until the present, and serves it.
    pub async fn start(scenario: &Scenario, clock: Arc<dyn Clock>) -> Result<Self, SimulatorError> {
        let present = Present::new(clock);
        let (seed, _) = uuid::Uuid::new_v4().as_u64_pair();
        let mut stage = Stage::begin(seed, present.millis());
        let raised = (scenario.setup)(&mut stage)?;
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
        let (stop, stopped) = oneshot::channel::<()>();
        let router = http::router(Arc::clone(&served));
        let serving = tokio::spawn(async move {
            let until = async move {
                // a dropped sender means the same as a word from it
                let _ = stopped.await;
            };
            if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(until).await {
                tracing::error!(%error, "the simulated cluster stopped serving");
            }
        });
        Ok(Self {
            address,
            served,
            raised,
            stop: Some(stop),
            serving,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A kubeconfig with address and token, as YAML. The token opens nothing else.
    pub fn kubeconfig(&self) -> String {
        format!(
            "apiVersion: v1
kind: Config
clusters:
- name: simulated
  cluster:
    server: http://{}
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
            self.address, self.served.token, self.raised.namespace
        )
    }

    /// The alert that the broken world raises, as an Alertmanager webhook.
    pub fn alert(&self) -> Value {
        self.raised.alertmanager()
    }

    /// The same alert from each source: Alertmanager, PagerDuty, `process-incident`.
    pub fn alerts(&self) -> [Value; 3] {
        [
            self.raised.alertmanager(),
            self.raised.pagerduty(),
            self.raised.process_incident(),
        ]
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
        if let Some(stop) = self.stop.take() {
            // it may have ended by itself
            let _ = stop.send(());
        }
        // a client that keeps its connection open must not keep the program
        self.serving.abort();
        let _ = (&mut self.serving).await;
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
