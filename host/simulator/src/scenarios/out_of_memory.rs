//! out-of-memory: containers that are killed for what they need.

use super::Scenario;
use super::shop::{self, REGISTRY, SHOP, Workload};
use super::stage::Stage;
use crate::alert::Raised;
use crate::error::SimulatorError;
use crate::kubelet::program::Program;
use dreamops_domain::phase::Phase;
use serde_json::json;

/// What the search index needs, in MiB: more than its limit, less than half as much again.
const INDEX_MIB: u64 = 170;

/// A release lowered the limit.
pub(super) const LOWERED: Scenario = Scenario {
    name: "out-of-memory",
    summary: "a release lowered the memory limit below what the program needs",
    story: &[
        "The storefront needs 90 MiB and has always had a limit of 128 MiB.",
        "Eight minutes ago a release to save memory set the limit to 64 MiB.",
        "The new pods fill their caches, and the kernel kills them.",
    ],
    fault: "out-of-memory",
    ends: Phase::Resolved,
    credentials: &[],
    setup: lowered,
};

fn lowered(stage: &mut Stage) -> Result<Raised, SimulatorError> {
    let good = shop::with_web(stage)?;
    stage.until_minutes_ago(8);
    let bad = Workload {
        memory: ("32Mi", "64Mi"),
        cause: "save memory",
        ..good
    };
    stage.apply(&bad.manifest())?;
    stage.until_present();
    killed(stage, "web")
}

/// The limit was always too low for what the program has grown to.
pub(super) const GROWTH: Scenario = Scenario {
    name: "out-of-memory-growth",
    summary: "the data has outgrown the limit; there is nothing to undo, the limit has to be raised",
    story: &[
        "Deployment search holds its index in memory, with a limit of 128 MiB.",
        "The index is 170 MiB by now. Every start is killed at the same point.",
        "No release is to blame: there is one revision, and it has to get more.",
    ],
    fault: "out-of-memory",
    ends: Phase::Resolved,
    credentials: &[],
    setup: growth,
};

fn growth(stage: &mut Stage) -> Result<Raised, SimulatorError> {
    shop::open(stage)?;
    search(stage)?;
    killed(stage, "search")
}

/// What prepares the data outgrew its limit, before the program itself is started.
pub(super) const INIT: Scenario = Scenario {
    name: "out-of-memory-init",
    summary: "an init container is killed for its memory, and the program behind it never starts",
    story: &[
        "Deployment search unpacks its index in an init container, with a limit of 64 MiB.",
        "Unpacking takes 80 MiB by now. The init container is killed in each run, and search itself never starts.",
        "The limit of that one container has to be raised.",
    ],
    fault: "out-of-memory",
    ends: Phase::Resolved,
    credentials: &[],
    setup: init,
};

fn init(stage: &mut Stage) -> Result<Raised, SimulatorError> {
    shop::open(stage)?;
    let unpack = Program {
        memory_mib: 80,
        greeting: &["unpacking the index"],
        ends: Some((3_000, 0)),
        ..Program::default()
    };
    stage.image(&format!("{REGISTRY}/unpack:1.3.0"), unpack);
    stage.image(&format!("{REGISTRY}/search:2.0.0"), Program::default());
    stage.until_minutes_ago(12);
    let mut search = Workload::deployment("search", 2, "search:2.0.0").manifest();
    search["spec"]["template"]["spec"]["initContainers"] = json!([{
        "name": "unpack",
        "image": format!("{REGISTRY}/unpack:1.3.0"),
        "resources": {"requests": {"memory": "32Mi"}, "limits": {"memory": "64Mi"}},
    }]);
    stage.apply(&search)?;
    stage.apply(&shop::service("search", "search", 80))?;
    stage.until_present();
    let mut raised = killed(stage, "search")?;
    raised.labels.retain(|(label, _)| *label != "container");
    raised.labels.push(("container", "unpack".to_owned()));
    Ok(raised)
}

/// It has to get more, and the namespace has no more.
pub(super) const QUOTA: Scenario = Scenario {
    name: "out-of-memory-quota",
    summary: "the limit has to be raised, and the namespace's quota forbids it",
    story: &[
        "Deployment search holds an index of 170 MiB in memory, with a limit of 128 MiB.",
        "The namespace's quota has 64 MiB left; two pods with half as much again would take 128 MiB more.",
        "A rollout would begin and never end. A quota is a person's decision.",
    ],
    fault: "out-of-memory",
    ends: Phase::Escalated,
    credentials: &[],
    setup: quota,
};

fn quota(stage: &mut Stage) -> Result<Raised, SimulatorError> {
    shop::open(stage)?;
    stage.apply(&json!({
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "shop-quota", "namespace": SHOP},
        "spec": {"hard": {"limits.memory": "960Mi", "pods": "40"}},
    }))?;
    search(stage)?;
    killed(stage, "search")
}

fn search(stage: &mut Stage) -> Result<(), SimulatorError> {
    let index = Program {
        memory_mib: INDEX_MIB,
        greeting: &["index loaded", "listening on :8080"],
        ..Program::default()
    };
    stage.image(&format!("{REGISTRY}/search:2.0.0"), index);
    stage.until_minutes_ago(12);
    stage.apply(&Workload::deployment("search", 2, "search:2.0.0").manifest())?;
    stage.apply(&shop::service("search", "search", 80))?;
    stage.until_present();
    Ok(())
}

fn killed(stage: &mut Stage, app: &'static str) -> Result<Raised, SimulatorError> {
    let mut raised = shop::raised_for_pod(stage, "KubeContainerOOMKilled", app, "is killed for its memory")?;
    raised.labels.push(("deployment", app.to_owned()));
    Ok(raised)
}
