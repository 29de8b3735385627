//! Alerts about what is over.

use super::Scenario;
use super::shop::{self, SHOP};
use super::stage::Stage;
use crate::alert::Raised;
use crate::error::SimulatorError;
use dreamops_domain::phase::Phase;

/// The alert is late: somebody has fixed it.
pub(super) const ALREADY_HEALTHY: Scenario = Scenario {
    name: "already-healthy",
    summary: "the alert is late: all pods have been healthy for an hour",
    story: &[
        "The alert says that the storefront crashes.",
        "Somebody has fixed that an hour ago, and the alert is still in the queue.",
        "The right thing to do is nothing.",
    ],
    fault: "crash-loop",
    ends: Phase::NoAction,
    credentials: &[],
    setup: already_healthy,
};

fn already_healthy(stage: &mut Stage) -> Result<Raised, SimulatorError> {
    shop::with_web(stage)?;
    stage.until_present();
    let pod = stage.pod_of(SHOP, "web", true)?;
    let title = format!("Pod {pod} in namespace {SHOP} is crash looping");
    Ok(shop::raised(
        stage,
        "KubePodCrashLooping",
        title,
        vec![("pod", pod), ("container", "web".to_owned())],
    ))
}
