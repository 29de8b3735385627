//! image-pull: images that do not come.

use super::shop::{self, Workload};
use super::stage::Stage;
use super::{PullCredential, Scenario};
use crate::alert::Raised;
use crate::error::SimulatorError;
use crate::kubelet::program::Program;
use dreamops_domain::phase::Phase;
use serde_json::json;

/// The registry that wants a credential.
const PRIVATE: PullCredential = PullCredential {
    registry: "private.shop.example",
    username: "robot",
    password: "pull-in-the-demo",
};

/// A tag that nobody pushed.
pub(super) const NOT_FOUND: Scenario = Scenario {
    name: "image-pull",
    summary: "a release names an image tag that does not exist",
    story: &[
        "The storefront runs release 1.4.2.",
        "Eight minutes ago somebody released 1.5.O, with a letter where the zero should be.",
        "The registry knows no such tag; the new pods wait for an image that will never come.",
    ],
    fault: "image-pull",
    ends: Phase::Resolved,
    credentials: &[],
    setup: not_found,
};

fn not_found(stage: &mut Stage) -> Result<Raised, SimulatorError> {
    let good = shop::with_web(stage)?;
    stage.until_minutes_ago(8);
    let bad = Workload {
        image: "web:1.5.O".to_owned(),
        cause: "release 1.5.0",
        ..good
    };
    stage.apply(&bad.manifest())?;
    stage.until_present();
    waiting(stage, "web")
}

/// The registry wants a credential, and the operator has given us one.
pub(super) const DENIED: Scenario = Scenario {
    name: "image-pull-private",
    summary: "the image is in a private registry, and the workload has no pull secret",
    story: &[
        "Deployment billing is new. Its image is in the private registry private.shop.example.",
        "Nobody gave it a pull secret: the registry answers 401.",
        "The operator has given us a credential for that registry and this namespace.",
    ],
    fault: "image-pull",
    ends: Phase::Resolved,
    credentials: &[PRIVATE],
    setup: denied,
};

/// The registry wants a credential, and there is none.
pub(super) const NO_CREDENTIAL: Scenario = Scenario {
    name: "image-pull-no-credential",
    summary: "the image is in a private registry, and nobody has given us a credential",
    story: &[
        "Deployment billing is new. Its image is in the private registry private.shop.example.",
        "Nobody gave it a pull secret: the registry answers 401.",
        "We hold no credential for that registry: a person has to give one.",
    ],
    fault: "image-pull",
    ends: Phase::Escalated,
    credentials: &[],
    setup: denied,
};

fn denied(stage: &mut Stage) -> Result<Raised, SimulatorError> {
    shop::open(stage)?;
    stage
        .world()
        .registry
        .private(PRIVATE.registry, PRIVATE.username, PRIVATE.password);
    stage.image(&format!("{}/billing:1.0.0", PRIVATE.registry), Program::default());
    stage.until_minutes_ago(8);
    let mut manifest = Workload::deployment("billing", 2, "billing:1.0.0").manifest();
    manifest["spec"]["template"]["spec"]["containers"][0]["image"] =
        json!(format!("{}/billing:1.0.0", PRIVATE.registry));
    stage.apply(&manifest)?;
    stage.until_present();
    waiting(stage, "billing")
}

/// The registry itself cannot be found: nothing in the workload is wrong.
pub(super) const NO_REGISTRY: Scenario = Scenario {
    name: "image-pull-no-registry",
    summary: "the registry's name does not resolve; nothing in the workload is wrong",
    story: &[
        "Deployment ads pulls from registry.partner.example, whose name no server knows any more.",
        "Whatever is changed in the workload, the image will not come.",
        "All one can do is wait, and then tell a person.",
    ],
    fault: "image-pull",
    ends: Phase::Escalated,
    credentials: &[],
    setup: no_registry,
};

fn no_registry(stage: &mut Stage) -> Result<Raised, SimulatorError> {
    shop::open(stage)?;
    stage.until_minutes_ago(8);
    let mut manifest = Workload::deployment("ads", 1, "ads:1.0.0").manifest();
    manifest["spec"]["template"]["spec"]["containers"][0]["image"] = json!("registry.partner.example/ads:1.0.0");
    stage.apply(&manifest)?;
    stage.until_present();
    waiting(stage, "ads")
}

fn waiting(stage: &mut Stage, app: &'static str) -> Result<Raised, SimulatorError> {
    let mut raised = shop::raised_for_pod(stage, "KubeContainerWaiting", app, "cannot pull its image")?;
    raised.labels.push(("deployment", app.to_owned()));
    Ok(raised)
}
