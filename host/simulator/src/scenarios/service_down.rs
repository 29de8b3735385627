//! service-down: Services with nobody behind them.

use super::Scenario;
use super::shop::{self, REGISTRY, SHOP, Workload};
use super::stage::Stage;
use crate::alert::Raised;
use crate::error::SimulatorError;
use crate::kubelet::program::Program;
use crate::world::kind::Kind;
use dreamops_domain::phase::Phase;
use serde_json::json;

/// A slip in the selector.
pub(super) const SELECTOR: Scenario = Scenario {
    name: "service-down",
    summary: "a slip in the Service's selector: it selects no pod at all",
    story: &[
        "Service web sends the shop's customers to the storefront's pods.",
        "Eight minutes ago somebody edited it and wrote app: wbe.",
        "All pods are healthy, and none of them gets a request.",
    ],
    fault: "service-down",
    ends: Phase::Resolved,
    credentials: &[],
    setup: selector,
};

fn selector(stage: &mut Stage) -> Result<Raised, SimulatorError> {
    shop::with_web(stage)?;
    stage.until_minutes_ago(8);
    stage.edit(
        Kind::Service,
        SHOP,
        "web",
        &json!({"spec": {"selector": {"app": "wbe"}}}),
    )?;
    stage.until_present();
    Ok(down(stage, "web"))
}

/// A slip in the port's name.
pub(super) const PORT: Scenario = Scenario {
    name: "service-down-port",
    summary: "the Service sends requests to a port that its pods do not have",
    story: &[
        "Service web finds the storefront's port by its name, http.",
        "Eight minutes ago somebody edited it and wrote htpp.",
        "The pods are selected and ready; no port of theirs has that name.",
    ],
    fault: "service-down",
    ends: Phase::Resolved,
    credentials: &[],
    setup: port,
};

fn port(stage: &mut Stage) -> Result<Raised, SimulatorError> {
    shop::with_web(stage)?;
    stage.until_minutes_ago(8);
    let ports = json!([{"name": "http", "port": 80, "protocol": "TCP", "targetPort": "htpp"}]);
    stage.edit(Kind::Service, SHOP, "web", &json!({"spec": {"ports": ports}}))?;
    stage.until_present();
    Ok(down(stage, "web"))
}

/// The workload was scaled to zero.
pub(super) const SCALED_TO_ZERO: Scenario = Scenario {
    name: "service-down-scaled-to-zero",
    summary: "the workload behind the Service was scaled to zero",
    story: &[
        "Three storefront pods stood behind Service web.",
        "Ten minutes ago somebody scaled Deployment web to zero, and forgot it.",
        "No schedule and no owner holds it there.",
    ],
    fault: "service-down",
    ends: Phase::Resolved,
    credentials: &[],
    setup: scaled_to_zero,
};

fn scaled_to_zero(stage: &mut Stage) -> Result<Raised, SimulatorError> {
    shop::with_web(stage)?;
    stage.until_minutes_ago(10);
    stage.scale(SHOP, "web", 0)?;
    stage.until_present();
    Ok(down(stage, "web"))
}

/// Two workloads could be meant.
pub(super) const TWO_CANDIDATES: Scenario = Scenario {
    name: "service-down-two-candidates",
    summary: "two workloads could be meant by a Service that selects none",
    story: &[
        "Service api was made ten minutes ago, by hand. It selects app: api-x, and no pod has that label.",
        "Deployments api-a and api-b are one letter away from it, with the same port.",
        "Which one is meant, only a person knows.",
    ],
    fault: "service-down",
    ends: Phase::Escalated,
    credentials: &[],
    setup: two_candidates,
};

fn two_candidates(stage: &mut Stage) -> Result<Raised, SimulatorError> {
    shop::open(stage)?;
    stage.image(&format!("{REGISTRY}/api:1.0.0"), Program::default());
    for name in ["api-a", "api-b"] {
        stage.apply(&Workload::deployment(name, 2, "api:1.0.0").manifest())?;
    }
    stage.until_minutes_ago(10);
    stage.create(&shop::service("api", "api-x", 80))?;
    stage.until_present();
    Ok(down(stage, "api"))
}

fn down(stage: &mut Stage, service: &str) -> Raised {
    let title = format!("Service {service} in namespace {SHOP} has no ready endpoints");
    shop::raised(stage, "KubeServiceDown", title, vec![("service", service.to_owned())])
}
