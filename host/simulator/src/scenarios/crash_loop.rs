//! crash-loop: containers that start and end, again and again.

use super::Scenario;
use super::shop::{self, SHOP, Workload};
use super::stage::Stage;
use crate::alert::Raised;
use crate::error::SimulatorError;
use dreamops_domain::phase::Phase;

/// A release dropped a setting that the program needs.
pub(super) const DROPPED_VARIABLE: Scenario = Scenario {
    name: "crash-loop",
    summary: "a release dropped an environment variable, and the new pods crash",
    story: &[
        "The shop's storefront runs as Deployment web, three replicas, release 1.4.2.",
        "Eight minutes ago release 1.5.0 rolled out. Its manifest lost DATABASE_URL on the way.",
        "The new pods end with code 1 as soon as they start; the rollout stands still.",
    ],
    fault: "crash-loop",
    ends: Phase::Resolved,
    credentials: &[],
    setup: dropped_variable,
};

fn dropped_variable(stage: &mut Stage) -> Result<Raised, SimulatorError> {
    let good = shop::with_web(stage)?;
    stage.until_minutes_ago(8);
    let mut bad = Workload {
        image: "web:1.5.0".to_owned(),
        cause: "release 1.5.0",
        ..good
    };
    bad.env.retain(|v| v["name"] != "DATABASE_URL");
    stage.apply(&bad.manifest())?;
    stage.until_present();
    raised(stage, "web")
}

/// What the usual rule raises about a workload's pod.
fn raised(stage: &mut Stage, app: &'static str) -> Result<Raised, SimulatorError> {
    let pod = stage.pod_of(SHOP, app, false)?;
    Ok(Raised {
        rule: "KubePodCrashLooping",
        title: format!("Pod {pod} in namespace {SHOP} is crash looping"),
        description: format!("Pod {SHOP}/{pod} ({app}) is in waiting state (reason: \"CrashLoopBackOff\")."),
        severity: "critical",
        namespace: SHOP.to_owned(),
        labels: vec![("pod", pod), ("container", app.to_owned())],
        since: stage.present() - 5 * 60_000,
        number: stage.number(),
    })
}
