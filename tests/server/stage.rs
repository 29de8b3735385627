//! A simulated cluster with a fault, for a server to work on.

use dreamops_simulator::{FastClock, Simulator, scenarios};
use dreamops_tests::serving::Serving;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::runtime::Runtime;

/// The name by which servers know it.
pub(crate) const NAME: &str = "staging";

/// The cluster, and what keeps it alive.
pub(crate) struct Stage {
    simulator: Simulator,
    _runtime: Runtime,
}

impl Stage {
    /// A cluster that the scenario has broken; it lives in real time.
    pub(crate) fn new(scenario: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let scenario = scenarios().iter().find(|s| s.name == scenario).unwrap();
        let simulator = runtime
            .block_on(Simulator::start(scenario, Arc::new(FastClock::new(1))))
            .unwrap();
        Self {
            simulator,
            _runtime: runtime,
        }
    }

    /// Connects it, by its kubeconfig.
    pub(crate) fn connect(&self, server: &Serving) {
        let request = json!({
            "auth_method": "kubeconfig", "cluster_name": NAME, "kubeconfig_data": self.simulator.kubeconfig(),
        });
        let answer = server.ask("POST", "/api/v1/kubernetes/agno/connect-cluster", &request);
        assert_eq!(answer.code, 200, "{}", answer.text);
    }

    /// The alert that the fault raises, as Alertmanager's webhook.
    pub(crate) fn alert(&self) -> Value {
        let mut webhook = self.simulator.alert();
        for alert in webhook["alerts"].as_array_mut().unwrap() {
            alert["labels"]["cluster"] = json!(NAME);
        }
        webhook
    }

    /// Every Deployment's generation, by name: how often each was written to.
    pub(crate) fn generations(&self) -> Vec<(String, i64)> {
        let state = self.simulator.state();
        let deployments = state.iter().filter(|(key, _)| key.starts_with("Deployment/"));
        deployments
            .map(|(key, object)| {
                (
                    key.clone(),
                    object["metadata"]["generation"].as_i64().unwrap_or_default(),
                )
            })
            .collect()
    }
}
