//! crash-loop: containers that start and end, again and again.

use super::Scenario;
use super::shop::{self, REGISTRY, SHOP, Workload};
use super::stage::Stage;
use crate::alert::Raised;
use crate::error::SimulatorError;
use crate::kubelet::program::Program;
use dreamops_domain::phase::Phase;
use serde_json::json;

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
    crashing(stage, "web")
}

/// The fault is another one's: what it needs is not there.
pub(super) const DEPENDENCY: Scenario = Scenario {
    name: "crash-loop-dependency",
    summary: "the crashing pods are fine; what they depend on was scaled to zero",
    story: &[
        "Deployment checkout asks Service prices for every order, and ends when it cannot reach it.",
        "Ten minutes ago somebody scaled Deployment prices to zero, to save a little.",
        "The alert names checkout. Nothing about checkout is wrong, and no restart helps it.",
    ],
    fault: "service-down",
    ends: Phase::Resolved,
    credentials: &[],
    setup: dependency,
};

fn dependency(stage: &mut Stage) -> Result<Raised, SimulatorError> {
    shop::open(stage)?;
    stage.image(&format!("{REGISTRY}/prices:1.1.0"), Program::default());
    let asks = Program {
        peers: &["$PRICES_URL"],
        ..Program::default()
    };
    stage.image(&format!("{REGISTRY}/checkout:3.2.0"), asks);
    stage.apply(&Workload::deployment("prices", 2, "prices:1.1.0").manifest())?;
    stage.apply(&shop::service("prices", "prices", 80))?;
    let checkout = Workload::deployment("checkout", 2, "checkout:3.2.0").variable("PRICES_URL", "http://prices:80/v1");
    stage.apply(&checkout.manifest())?;
    stage.apply(&shop::service("checkout", "checkout", 80))?;
    stage.until_minutes_ago(10);
    stage.scale(SHOP, "prices", 0)?;
    stage.until_present();
    crashing(stage, "checkout")
}

/// A StatefulSet waits for ever for the pod that cannot become ready.
pub(super) const STATEFUL_SET: Scenario = Scenario {
    name: "crash-loop-statefulset",
    summary: "a StatefulSet's rollout is stuck at its last pod, and an undo alone does not free it",
    story: &[
        "StatefulSet orders-db has three pods, replaced one by one, the last first.",
        "Its new release lacks DATA_PASSWORD: orders-db-2 crashes, and the set waits for it.",
        "With OrderedReady the controller waits even for a pod that a good template would replace.",
    ],
    fault: "crash-loop",
    ends: Phase::Resolved,
    credentials: &[],
    setup: stateful_set,
};

fn stateful_set(stage: &mut Stage) -> Result<Raised, SimulatorError> {
    shop::open(stage)?;
    let database = Program {
        needs: &[("DATA_PASSWORD", "")],
        memory_mib: 70,
        ..Program::default()
    };
    for image in ["orders-db:15.1", "orders-db:15.2"] {
        stage.image(&format!("{REGISTRY}/{image}"), database.clone());
    }
    let good = Workload {
        kind: "StatefulSet",
        ..Workload::deployment("orders-db", 3, "orders-db:15.1")
    }
    .variable("DATA_PASSWORD", "s3cret-in-the-demo");
    stage.apply(&good.manifest())?;
    stage.apply(&shop::service("orders-db", "orders-db", 5432))?;
    stage.until_minutes_ago(8);
    let bad = Workload {
        image: "orders-db:15.2".to_owned(),
        cause: "upgrade to 15.2",
        env: Vec::new(),
        ..good
    };
    stage.apply(&bad.manifest())?;
    stage.until_present();
    let mut raised = crashing(stage, "orders-db")?;
    raised.labels.push(("statefulset", "orders-db".to_owned()));
    Ok(raised)
}

/// There is nothing to go back to.
pub(super) const FIRST_REVISION: Scenario = Scenario {
    name: "crash-loop-first-revision",
    summary: "a new workload never ran, so there is nothing to go back to",
    story: &[
        "Deployment reports was made eight minutes ago, for the first time.",
        "Its program needs REPORT_BUCKET, which its manifest never set.",
        "There is no earlier revision: only a person knows the value.",
    ],
    fault: "crash-loop",
    ends: Phase::Escalated,
    credentials: &[],
    setup: first_revision,
};

fn first_revision(stage: &mut Stage) -> Result<Raised, SimulatorError> {
    shop::open(stage)?;
    let program = Program {
        needs: &[("REPORT_BUCKET", "")],
        ..Program::default()
    };
    stage.image(&format!("{REGISTRY}/reports:0.1.0"), program);
    stage.until_minutes_ago(8);
    stage.apply(&Workload::deployment("reports", 1, "reports:0.1.0").manifest())?;
    stage.until_present();
    crashing(stage, "reports")
}

/// A release changed the probe, and the probe kills a slow starter.
pub(super) const PROBE: Scenario = Scenario {
    name: "crash-loop-probe",
    summary: "a release made the liveness probe impatient, and it kills a program that starts slowly",
    story: &[
        "Deployment import reads its index for fifteen seconds before it listens.",
        "Its last release asks after one second, and gives up after the second failure.",
        "The program ends by a signal, again and again, with nothing wrong in its log.",
    ],
    fault: "crash-loop",
    ends: Phase::Resolved,
    credentials: &[],
    setup: probe,
};

fn probe(stage: &mut Stage) -> Result<Raised, SimulatorError> {
    shop::open(stage)?;
    let slow = Program {
        starts_in: 15_000,
        greeting: &["index read, listening on :8080"],
        ..Program::default()
    };
    stage.image(&format!("{REGISTRY}/import:5.0.0"), slow);
    let import = Workload::deployment("import", 2, "import:5.0.0");
    let with_probe = |cause: &str, delay: u32, period: u32, failures: u32| {
        let mut manifest = import.manifest();
        manifest["metadata"]["annotations"]["kubernetes.io/change-cause"] = json!(cause);
        let container = &mut manifest["spec"]["template"]["spec"]["containers"][0];
        container["livenessProbe"] = json!({"httpGet": {"path": "/healthz", "port": "http"},
            "initialDelaySeconds": delay, "periodSeconds": period, "failureThreshold": failures});
        manifest
    };
    stage.apply(&with_probe("first release", 30, 10, 3))?;
    stage.until_minutes_ago(8);
    stage.apply(&with_probe("quicker probes", 1, 2, 2))?;
    stage.until_present();
    crashing(stage, "import")
}

/// A release names a key that is not there.
pub(super) const CONFIGURATION: Scenario = Scenario {
    name: "crash-loop-config",
    summary: "a release reads a ConfigMap key that does not exist",
    story: &[
        "Deployment mail takes its sender from ConfigMap mail-config.",
        "Its last release also reads reply-to, and nobody added that key.",
        "The container cannot even be made: CreateContainerConfigError.",
    ],
    fault: "crash-loop",
    ends: Phase::Resolved,
    credentials: &[],
    setup: configuration,
};

fn configuration(stage: &mut Stage) -> Result<Raised, SimulatorError> {
    shop::open(stage)?;
    stage.apply(&json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "mail-config", "namespace": SHOP},
        "data": {"sender": "shop@shop.example"},
    }))?;
    let from = |name: &str, key: &str| json!({"name": name, "valueFrom": {"configMapKeyRef": {"name": "mail-config", "key": key}}});
    let mut mail = Workload {
        cause: "sender from the ConfigMap",
        ..Workload::deployment("mail", 2, "mail:0.9.3")
    };
    mail.env.push(from("SENDER", "sender"));
    stage.until_minutes_ago(25 * 60);
    stage.apply(&mail.manifest())?;
    stage.until_minutes_ago(8);
    mail.cause = "answers go elsewhere";
    mail.env.push(from("REPLY_TO", "reply-to"));
    stage.apply(&mail.manifest())?;
    stage.until_present();
    shop::raised_for_pod(
        stage,
        "KubeContainerWaiting",
        "mail",
        "has a container that has been waiting",
    )
}

/// A release names a program that is not in the image.
pub(super) const COMMAND: Scenario = Scenario {
    name: "crash-loop-command",
    summary: "a release starts a program that is not in its image",
    story: &[
        "Deployment cart has always run /app/server.",
        "Its last release writes /app/sever. There is no such file in the image.",
        "The container ends with code 128 before it began.",
    ],
    fault: "crash-loop",
    ends: Phase::Resolved,
    credentials: &[],
    setup: command,
};

fn command(stage: &mut Stage) -> Result<Raised, SimulatorError> {
    shop::open(stage)?;
    stage.until_minutes_ago(8);
    let mut manifest = Workload {
        cause: "explicit command",
        ..Workload::deployment("cart", 2, "cart:2.1.0")
    }
    .manifest();
    manifest["spec"]["template"]["spec"]["containers"][0]["command"] = json!(["/app/sever"]);
    stage.apply(&manifest)?;
    stage.until_present();
    crashing(stage, "cart")
}

fn crashing(stage: &mut Stage, app: &str) -> Result<Raised, SimulatorError> {
    shop::raised_for_pod(stage, "KubePodCrashLooping", app, "is crash looping")
}
