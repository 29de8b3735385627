//! A fault on the real cluster, healed by us and by kubectl.

use super::figure::{Bound, Figure, median};
use crate::build;
use anyhow::{Context, bail};
use dreamops_test_cluster::Cluster;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

/// How often each is run; the middle counts.
const ROUNDS: usize = 3;
/// How long the cluster may take for anything.
const PATIENCE: Duration = Duration::from_mins(2);

/// Measures from the start of the fix until the workload is healthy.
pub(crate) fn measure() -> anyhow::Result<Vec<Figure>> {
    let program = build::program(true)?;
    let cluster = Cluster::start("bench")?;
    let figures = measure_on(&cluster, &program);
    Cluster::stop("bench")?;
    figures
}

fn measure_on(cluster: &Cluster, program: &Path) -> anyhow::Result<Vec<Figure>> {
    let data = std::env::temp_dir().join(format!("dreamops-heal-{}", std::process::id()));
    // the first run compiles the components
    ours(cluster, program, &data)?;
    let (mut by_us, mut by_kubectl) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        by_kubectl.push(kubectl(cluster)?);
        by_us.push(ours(cluster, program, &data)?);
    }
    std::fs::remove_dir_all(&data).ok();
    Ok(vec![Figure {
        name: "heal",
        ours: median(by_us),
        floor: median(by_kubectl),
        unit: "s",
        bound: Bound::More(3.0),
    }])
}

/// A Deployment that runs, then a rollout to an image that does not exist.
fn broken(cluster: &Cluster) -> anyhow::Result<String> {
    let namespace = cluster.namespace("heal")?;
    cluster.apply_in(&namespace, WEB)?;
    cluster.kubectl(&[
        "-n",
        &namespace,
        "rollout",
        "status",
        "deployment/web",
        "--timeout=120s",
    ])?;
    cluster.kubectl(&[
        "-n",
        &namespace,
        "set",
        "image",
        "deployment/web",
        "web=docker.io/library/stage:missing",
    ])?;
    cluster.wait_for("the new pod to fail pulling", PATIENCE, || {
        let pods = cluster.kubectl_json(&["-n", &namespace, "get", "pods"])?;
        Ok(pods.to_string().contains("ErrImagePull") || pods.to_string().contains("ImagePullBackOff"))
    })?;
    Ok(namespace)
}

/// Seconds from `kubectl rollout undo` until all is well.
fn kubectl(cluster: &Cluster) -> anyhow::Result<f64> {
    let namespace = broken(cluster)?;
    let start = Instant::now();
    cluster.kubectl(&["-n", &namespace, "rollout", "undo", "deployment/web"])?;
    cluster.wait_for("the undone rollout", PATIENCE, || {
        let web = cluster.kubectl_json(&["-n", &namespace, "get", "deployment", "web"])?;
        Ok(web["status"]["readyReplicas"] == web["spec"]["replicas"]
            && web["status"]["updatedReplicas"] == web["spec"]["replicas"]
            && web["status"]["replicas"] == web["spec"]["replicas"]
            && web["status"]["observedGeneration"] == web["metadata"]["generation"])
    })?;
    let taken = start.elapsed().as_secs_f64();
    cluster.kubectl(&["delete", "namespace", &namespace, "--wait=false"])?;
    Ok(taken)
}

/// Seconds from process start until `healed_at`.
fn ours(cluster: &Cluster, program: &Path, data: &Path) -> anyhow::Result<f64> {
    let namespace = broken(cluster)?;
    let alert = data.join("alert.json");
    std::fs::create_dir_all(data)?;
    let body = json!({
        "alert_id": namespace, "title": "ImagePullBackOff", "description": "deployment web does not start",
        "severity": "high", "metadata": { "namespace": namespace, "deployment": "web" },
    });
    std::fs::write(&alert, body.to_string())?;
    let start = std::time::SystemTime::now();
    let output = cluster
        .command(program)
        .arg("respond")
        .arg(&alert)
        .arg("--kubeconfig")
        .arg(cluster.admin_kubeconfig())
        .args(["--mode", "yolo", "--output", "json"])
        .env("DREAMOPS_DATA_DIR", data)
        .output()
        .context("cannot start dreamops")?;
    let report: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("no document: {}", String::from_utf8_lossy(&output.stderr)))?;
    if report["phase"] != "resolved" {
        bail!("the incident ended as {}: {}", report["phase"], report["escalation"]);
    }
    let healed = report["verification"]["healed_at"].as_str().context("no healed_at")?;
    cluster.kubectl(&["delete", "namespace", &namespace, "--wait=false"])?;
    let healed: dreamops_domain::time::Timestamp =
        dreamops_domain::time::Timestamp::parse(healed).context("healed_at is no time")?;
    let began = start.duration_since(std::time::UNIX_EPOCH)?.as_secs_f64();
    Ok(healed.millis() as f64 / 1000.0 - began)
}

const WEB: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: web
          image: docker.io/library/stage:1
          readinessProbe: { httpGet: { path: /readyz, port: 8080 }, periodSeconds: 1 }
";
