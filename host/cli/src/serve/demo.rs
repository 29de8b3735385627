//! `serve --demo`: a fault a minute on a simulated cluster, so that one sees the server work without having a cluster.
//!
//! Each fault is a scenario on a cluster of its own, connected under the scenario's name and alerted of through the same intake as
//! any other. The simulated clusters live in real time.

use super::clusters::Clusters;
use crate::app::App;
use crate::private::private_file;
use crate::registered::LocalFile;
use anyhow::Context;
use dreamops_domain::alert;
use dreamops_domain::fleet::{AuthMethod, ClusterRecord, ConnectionStatus, Fleet};
use dreamops_domain::id::{ClusterRecordId, TenantId};
use dreamops_domain::incident::ClusterId;
use dreamops_domain::intake::Intake;
use dreamops_domain::phase::Mode;
use dreamops_server::engine::Engine;
use dreamops_server::intake::{Origin, prepare};
use dreamops_server::ports::{Desk, Redactors};
use dreamops_simulator::{Scenario, Simulator, scenarios};
use std::sync::Arc;
use std::time::Duration;
use tempfile::NamedTempFile;
use tokio::sync::watch;
use zeroize::Zeroizing;

/// How often something breaks.
const EVERY: Duration = Duration::from_mins(1);
/// Clusters that are kept: an older one's incident is long over.
const KEPT: usize = 10;
/// Who connects them, for the audit.
const BY: &str = "demo";

/// What breaks clusters.
pub(super) struct Faults {
    pub(super) app: Arc<App>,
    pub(super) clusters: Arc<Clusters>,
    pub(super) engine: Arc<Engine>,
}

/// A simulated cluster with the file that leads to it.
struct Stage {
    simulator: Simulator,
    _kubeconfig: NamedTempFile,
}

impl Faults {
    /// Breaks one cluster after the other until `stop` turns true.
    pub(super) async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut stages: Vec<Stage> = Vec::new();
        for (number, scenario) in scenarios().iter().cycle().enumerate() {
            if *stop.borrow() {
                break;
            }
            match self.fault(scenario, number).await {
                Ok(stage) => stages.push(stage),
                Err(error) => tracing::warn!("the scenario {} did not begin: {error:#}", scenario.name),
            }
            if stages.len() > KEPT {
                stages.remove(0).simulator.shutdown().await;
            }
            let next = self.app.clock.monotonic() + EVERY;
            tokio::select! {
                () = self.app.clock.sleep_until(next) => {}
                changed = stop.changed() => if changed.is_err() { break },
            }
        }
        for stage in stages {
            stage.simulator.shutdown().await;
        }
    }

    async fn fault(&self, scenario: &'static Scenario, number: usize) -> anyhow::Result<Stage> {
        let tenant = TenantId::DEFAULT;
        let simulator = Simulator::start(scenario, Arc::clone(&self.app.clock)).await?;
        let kubeconfig = private_file(&simulator.kubeconfig())?;
        let name = format!("{}-{}", scenario.name, number + 1);
        let record = self.connected(&name, &kubeconfig).await?;
        let body = serde_json::to_vec(&simulator.alert()).context("the alert cannot be written")?;
        let mut delivery = alert::parse(&body)?;
        // the same scenario comes again: another fault, not a repeated delivery
        delivery.key = format!("{name} {}", delivery.key);
        let origin = Origin {
            cluster: Some(record.name.clone()),
            ..Origin::of(tenant)
        };
        for alert in &mut delivery.alerts {
            alert.hints.cluster = Some(record.name.clone());
        }
        let redactor = self.clusters.redactor(tenant).await?;
        let now = self.app.clock.now();
        let new = prepare(self.app.store.as_ref(), &origin, delivery, &redactor, Mode::Yolo, now).await?;
        self.app.store.take_in(&new).await?;
        self.engine.nudge();
        eprintln!("dreamops: {name}: {}", scenario.summary);
        Ok(Stage {
            simulator,
            _kubeconfig: kubeconfig,
        })
    }

    async fn connected(&self, name: &str, kubeconfig: &NamedTempFile) -> anyhow::Result<ClusterRecord> {
        let connection = self
            .app
            .connect_to(kubeconfig.path(), None)
            .await
            .map_err(|f| f.error)?;
        let now = self.app.clock.now();
        let record = ClusterRecord {
            id: ClusterRecordId::new(now),
            tenant: TenantId::DEFAULT,
            name: name.to_owned(),
            auth_method: AuthMethod::Local,
            namespace: connection.namespace.clone(),
            status: ConnectionStatus::Connected,
            status_reason: String::new(),
            version: connection.version.clone(),
            platform: connection.platform.clone(),
            cluster: ClusterId {
                name: name.to_owned(),
                ..connection.cluster.clone()
            },
            mode: None,
            expires_at: None,
            created_at: now,
            updated_at: now,
            last_used_at: None,
        };
        let file = LocalFile {
            path: kubeconfig.path().to_owned(),
            context: None,
        };
        let document = Zeroizing::new(serde_json::to_string(&file).context("the path cannot be written")?);
        self.app.store.add(&record, &document, BY).await?;
        Ok(record)
    }
}
