//! high-usage: workloads that take all they are let.

use super::Scenario;
use super::shop::{self, REGISTRY, SHOP, Workload};
use super::stage::Stage;
use crate::alert::Raised;
use crate::error::SimulatorError;
use crate::fields;
use crate::kubelet::program::{Load, Program};
use crate::world::kind::Kind;
use dreamops_domain::phase::Phase;
use serde_json::{Value, json};

/// All pods of a workload are at their processor limit, and there may be more of them.
pub(super) const THROTTLED: Scenario = Scenario {
    name: "high-usage",
    summary: "both pods are at their processor limit, and the autoscaler allows more pods",
    story: &[
        "Deployment quotes has two pods with half a core each, and work for a whole core.",
        "Its autoscaler may have six pods, and gets no metrics: it stands still.",
        "Each pod is throttled; a third one would take what they cannot.",
    ],
    fault: "high-usage",
    ends: Phase::Resolved,
    credentials: &[],
    setup: throttled,
};

fn throttled(stage: &mut Stage) -> Result<Raised, SimulatorError> {
    quotes(stage, 2, Load::Shared(1000))?;
    stage.apply(&autoscaler(2, 6))?;
    stage.until_present();
    Ok(busy(stage, vec![("deployment", "quotes".to_owned())]))
}

/// One pod of several spins.
pub(super) const OUTLIER: Scenario = Scenario {
    name: "high-usage-outlier",
    summary: "one of four equal pods takes all the processor time it is let",
    story: &[
        "Deployment quotes has four pods with the same work.",
        "One of them has been spinning for ten minutes; the others take a sixth of that.",
        "More pods would not help. That one pod has to start anew.",
    ],
    fault: "high-usage",
    ends: Phase::Resolved,
    credentials: &[],
    setup: outlier,
};

fn outlier(stage: &mut Stage) -> Result<Raised, SimulatorError> {
    quotes(stage, 4, Load::Each(80))?;
    stage.until_minutes_ago(10);
    let pod = stage.pod_of(SHOP, "quotes", true)?;
    let uid = fields::uid(&stage.get(Kind::Pod, SHOP, &pod)?).to_owned();
    stage.world().kubelet.spin(&uid);
    stage.until_present();
    Ok(busy(stage, vec![("pod", pod), ("container", "quotes".to_owned())]))
}

fn quotes(stage: &mut Stage, replicas: u32, load: Load) -> Result<(), SimulatorError> {
    shop::open(stage)?;
    stage.image(
        &format!("{REGISTRY}/quotes:1.0.0"),
        Program {
            load,
            ..Program::default()
        },
    );
    let quotes = Workload {
        cpu: ("500m", "500m"),
        ..Workload::deployment("quotes", replicas, "quotes:1.0.0")
    };
    stage.apply(&quotes.manifest())?;
    stage.apply(&shop::service("quotes", "quotes", 80))
}

fn autoscaler(least: u32, most: u32) -> Value {
    json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "quotes", "namespace": SHOP},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "quotes"},
            "minReplicas": least,
            "maxReplicas": most,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu",
                "target": {"type": "Utilization", "averageUtilization": 70}}}],
        },
    })
}

fn busy(stage: &mut Stage, labels: Vec<(&'static str, String)>) -> Raised {
    let title = format!("Processor usage of quotes in namespace {SHOP} is above 90% of its limit");
    let raised = shop::raised(stage, "CPUThrottlingHigh", title, labels);
    Raised {
        severity: "warning",
        ..raised
    }
}
