//! The shop: the namespace in which the faults happen, with workloads that do well and have to be left alone.

use super::stage::Stage;
use crate::alert::Raised;
use crate::error::SimulatorError;
use crate::kubelet::program::{Load, Program};
use serde_json::{Value, json};

/// The namespace.
pub(super) const SHOP: &str = "shop";
/// The registry of its images.
pub(super) const REGISTRY: &str = "registry.shop.example";

/// A workload, to be changed before it is applied.
#[derive(Clone)]
pub(super) struct Workload {
    pub(super) kind: &'static str,
    pub(super) name: &'static str,
    pub(super) replicas: u32,
    /// Name and tag: `web:1.4.2`.
    pub(super) image: String,
    pub(super) env: Vec<Value>,
    pub(super) port: u16,
    pub(super) memory: (&'static str, &'static str),
    pub(super) cpu: (&'static str, &'static str),
    pub(super) cause: &'static str,
}

impl Workload {
    pub(super) fn deployment(name: &'static str, replicas: u32, image: &str) -> Self {
        Self {
            kind: "Deployment",
            name,
            replicas,
            image: image.to_owned(),
            env: Vec::new(),
            port: 8080,
            memory: ("64Mi", "128Mi"),
            cpu: ("50m", "500m"),
            cause: "first release",
        }
    }

    pub(super) fn variable(mut self, name: &str, value: &str) -> Self {
        self.env.push(json!({"name": name, "value": value}));
        self
    }

    /// The manifest as its people keep it.
    pub(super) fn manifest(&self) -> Value {
        let labels = json!({"app": self.name});
        let mut spec = json!({
            "replicas": self.replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{
                    "name": self.name,
                    "image": format!("{REGISTRY}/{}", self.image),
                    "env": self.env,
                    "ports": [{"name": "http", "containerPort": self.port}],
                    "resources": {
                        "requests": {"memory": self.memory.0, "cpu": self.cpu.0},
                        "limits": {"memory": self.memory.1, "cpu": self.cpu.1},
                    },
                    "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 5},
                    "livenessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 10},
                }]},
            },
        });
        match self.kind {
            "Deployment" => {
                spec["strategy"] =
                    json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}});
            }
            "StatefulSet" => spec["serviceName"] = json!(self.name),
            _ => {
                spec.as_object_mut().map(|s| s.shift_remove("replicas"));
            }
        }
        json!({
            "apiVersion": "apps/v1",
            "kind": self.kind,
            "metadata": {
                "name": self.name,
                "namespace": SHOP,
                "labels": labels,
                "annotations": {"kubernetes.io/change-cause": self.cause},
            },
            "spec": spec,
        })
    }
}

/// A Service for the pods of an app.
pub(super) fn service(name: &str, app: &str, port: u16) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": SHOP, "labels": {"app": app}},
        "spec": {"selector": {"app": app}, "ports": [{"name": "http", "port": port, "targetPort": "http"}]},
    })
}

/// A budget that keeps one pod of an app.
fn budget(app: &str) -> Value {
    json!({
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": app, "namespace": SHOP},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": app}}},
    })
}

/// What is raised about an object of the shop some minutes after it broke.
pub(super) fn raised(
    stage: &mut Stage,
    rule: &'static str,
    title: String,
    labels: Vec<(&'static str, String)>,
) -> Raised {
    Raised {
        rule,
        description: format!("{title} for more than 3 minutes."),
        title,
        severity: "critical",
        namespace: SHOP.to_owned(),
        labels,
        since: stage.present().saturating_sub(5 * 60_000),
        number: stage.number(),
    }
}

/// What the usual rule raises about a pod of an app that is not ready.
pub(super) fn raised_for_pod(
    stage: &mut Stage,
    rule: &'static str,
    app: &str,
    what: &str,
) -> Result<Raised, SimulatorError> {
    let pod = stage.pod_of(SHOP, app, false)?;
    let title = format!("Pod {pod} in namespace {SHOP} {what}");
    Ok(raised(
        stage,
        rule,
        title,
        vec![("pod", pod), ("container", app.to_owned())],
    ))
}

/// The program of the storefront.
pub(super) fn storefront() -> Program {
    Program {
        needs: &[("DATABASE_URL", "postgres://")],
        memory_mib: 90,
        load: Load::Each(120),
        greeting: &["connected to the database", "listening on :8080"],
        ..Program::default()
    }
}

/// The storefront as it was released first.
pub(super) fn web() -> Workload {
    Workload::deployment("web", 3, "web:1.4.1")
        .variable(
            "DATABASE_URL",
            "postgres://web:s3cret-in-the-demo@orders-db:5432/orders",
        )
        .variable("LOG_LEVEL", "info")
}

/// The shop as it has been for days: storefront, cart, mail, a log agent on each node, all well.
pub(super) fn open(stage: &mut Stage) -> Result<(), SimulatorError> {
    stage.namespace(SHOP);
    for image in ["web:1.4.1", "web:1.4.2", "web:1.5.0"] {
        stage.image(&format!("{REGISTRY}/{image}"), storefront());
    }
    for image in ["cart:2.1.0", "mail:0.9.3", "log-agent:3.0.0"] {
        stage.image(&format!("{REGISTRY}/{image}"), Program::default());
    }
    for workload in [
        Workload::deployment("cart", 2, "cart:2.1.0"),
        Workload::deployment("mail", 1, "mail:0.9.3"),
    ] {
        stage.apply(&workload.manifest())?;
        stage.apply(&service(workload.name, workload.name, 80))?;
    }
    stage.apply(&budget("cart"))?;
    let agent = Workload {
        kind: "DaemonSet",
        ..Workload::deployment("log-agent", 0, "log-agent:3.0.0")
    };
    stage.apply(&agent.manifest())?;
    Ok(())
}

/// The storefront with its Service, in its second good release.
pub(super) fn with_web(stage: &mut Stage) -> Result<Workload, SimulatorError> {
    open(stage)?;
    stage.apply(&web().manifest())?;
    stage.apply(&service("web", "web", 80))?;
    stage.until_minutes_ago(26 * 60);
    let second = Workload {
        image: "web:1.4.2".to_owned(),
        cause: "release 1.4.2",
        ..web()
    };
    stage.apply(&second.manifest())?;
    stage.until_minutes_ago(60);
    Ok(second)
}
