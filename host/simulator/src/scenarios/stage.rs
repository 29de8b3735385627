//! How a scenario builds its world: as the people of the shop would, with time in between.

use crate::error::SimulatorError;
use crate::fields;
use crate::kubelet::program::{IMAGE_BYTES, Program};
use crate::world::World;
use crate::world::kind::Kind;
use crate::world::refusal::Refusal;
use serde_json::{Value, json};

/// How long before the present the world begins.
const HISTORY: u64 = 3 * 24 * 3600 * 1000;
/// Where `kubectl apply` keeps what it was given.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// A world in the making.
pub(crate) struct Stage {
    world: World,
    present: u64,
}

impl Stage {
    /// Begins a world some days before the present: nodes, namespaces, nothing else.
    pub(crate) fn begin(seed: u64, present: u64) -> Self {
        let mut stage = Self::empty(seed, present.saturating_sub(HISTORY), present);
        for (name, zone) in [("node-a", "a"), ("node-b", "b")] {
            stage.node(name, zone);
        }
        stage
    }

    /// A world that begins at a moment, without nodes.
    pub(crate) fn empty(seed: u64, begin: u64, present: u64) -> Self {
        let mut stage = Self {
            world: World::new(seed, begin),
            present,
        };
        for name in ["default", "kube-system", "kube-public"] {
            stage.namespace(name);
        }
        stage
    }

    /// The world as it is.
    pub(crate) fn world(&mut self) -> &mut World {
        &mut self.world
    }

    pub(crate) fn end(self) -> World {
        self.world
    }

    /// The present, in milliseconds since 1970.
    pub(crate) fn present(&self) -> u64 {
        self.present
    }

    /// A number that differs from world to world.
    pub(crate) fn number(&mut self) -> u64 {
        self.world.names.below(u64::MAX)
    }

    /// Lets the world live until so many minutes before the present.
    pub(crate) fn until_minutes_ago(&mut self, minutes: u64) {
        self.world.live_until(self.present.saturating_sub(minutes * 60_000));
    }

    /// Lets it live until the present.
    pub(crate) fn until_present(&mut self) {
        self.world.live_until(self.present);
    }

    /// Puts an image into its registry.
    pub(crate) fn image(&mut self, image: &str, program: Program) {
        self.world.registry.push(image, program);
    }

    pub(crate) fn namespace(&mut self, name: &str) {
        let namespace = json!({
            "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        });
        // the stage is empty here: nothing can be in the way
        let _ = self.world.create(Kind::Namespace, namespace, "kube-apiserver", false);
        let account = json!({"metadata": {"name": "default", "namespace": name}});
        let _ = self
            .world
            .create(Kind::ServiceAccount, account, "kube-controller-manager", false);
    }

    pub(crate) fn node(&mut self, name: &str, zone: &str) {
        let room = json!({"cpu": "4", "memory": "8Gi", "pods": "110", "ephemeral-storage": "96Gi"});
        let now = fields::time(self.world.now());
        let condition = |kind: &str, status: &str, reason: &str, message: &str| {
            json!({"type": kind, "status": status, "reason": reason, "message": message,
                "lastHeartbeatTime": now, "lastTransitionTime": now})
        };
        let node = json!({
            "metadata": {"name": name, "labels": {
                "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
                "topology.kubernetes.io/zone": zone,
            }},
            "spec": {},
            "status": {
                "capacity": room,
                "allocatable": room,
                "conditions": [
                    condition(
                        "MemoryPressure",
                        "False",
                        "KubeletHasSufficientMemory",
                        "kubelet has sufficient memory available",
                    ),
                    condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                    condition(
                        "PIDPressure",
                        "False",
                        "KubeletHasSufficientPID",
                        "kubelet has sufficient PID available",
                    ),
                    condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
                ],
                "addresses": [{"type": "Hostname", "address": name}],
                "nodeInfo": {"kubeletVersion": "v1.34.4", "containerRuntimeVersion": "containerd://2.1.4",
                    "operatingSystem": "linux", "architecture": "amd64"},
                "images": [],
            },
        });
        let _ = self.world.create(Kind::Node, node, "kubelet", false);
    }

    /// Has a node hold every image of every registry.
    pub(crate) fn pull_all(&mut self, node: &str) {
        let Some(node) = self.world.get(Kind::Node, "", node).cloned() else {
            return;
        };
        let mut status = node["status"].clone();
        status["images"] = self
            .world
            .registry
            .names()
            .map(|name| json!({"names": [name], "sizeBytes": IMAGE_BYTES}))
            .collect();
        self.world.set_status(Kind::Node, &node, status);
    }

    /// `kubectl apply`: makes the object, or gives it the spec, and keeps what was given beside it.
    pub(crate) fn apply(&mut self, manifest: &Value) -> Result<(), SimulatorError> {
        let (kind, namespace, name) = place(manifest)?;
        let mut wanted = manifest.clone();
        let kept = manifest.to_string();
        let outcome = match self.world.get(kind, &namespace, &name).cloned() {
            None => {
                fields::set(&mut wanted, &["metadata", "annotations", LAST_APPLIED], kept);
                self.world.create(kind, wanted, "kubectl-client-side-apply", false)
            }
            Some(mut live) => {
                for (key, value) in fields::members(manifest, "") {
                    if !matches!(key, "apiVersion" | "kind" | "metadata") {
                        live[key] = value.clone();
                    }
                }
                for (key, value) in fields::members(manifest, "/metadata/annotations") {
                    fields::set(&mut live, &["metadata", "annotations", key], value.clone());
                }
                fields::set(&mut live, &["metadata", "annotations", LAST_APPLIED], kept);
                self.world.update(kind, live, "kubectl-client-side-apply", false)
            }
        };
        outcome.map(|_| ()).map_err(|r| refused(&r))
    }

    /// `kubectl edit`: sets fields, given as a merge patch.
    pub(crate) fn edit(
        &mut self,
        kind: Kind,
        namespace: &str,
        name: &str,
        change: &Value,
    ) -> Result<(), SimulatorError> {
        let mut object = self.get(kind, namespace, name)?;
        ::json_patch::merge(&mut object, change);
        self.world
            .update(kind, object, "kubectl-edit", false)
            .map(|_| ())
            .map_err(|r| refused(&r))
    }

    /// `kubectl create`: makes the object and keeps nothing beside it.
    pub(crate) fn create(&mut self, manifest: &Value) -> Result<(), SimulatorError> {
        let (kind, _, _) = place(manifest)?;
        let outcome = self.world.create(kind, manifest.clone(), "kubectl-create", false);
        outcome.map(|_| ()).map_err(|r| refused(&r))
    }

    /// `kubectl scale`.
    pub(crate) fn scale(&mut self, namespace: &str, deployment: &str, replicas: u32) -> Result<(), SimulatorError> {
        let change = json!({"spec": {"replicas": replicas}});
        self.edit(Kind::Deployment, namespace, deployment, &change)
    }

    /// An object that has to be there.
    pub(crate) fn get(&self, kind: Kind, namespace: &str, name: &str) -> Result<Value, SimulatorError> {
        let found = self.world.get(kind, namespace, name).cloned();
        found.ok_or_else(|| SimulatorError::Scenario(format!("there is no {} {namespace}/{name}", kind.row().name)))
    }

    /// The name of a pod of a workload that is (or is not) ready, the first by name.
    pub(crate) fn pod_of(&self, namespace: &str, app: &str, ready: bool) -> Result<String, SimulatorError> {
        self.world
            .within(Kind::Pod, namespace)
            .find(|p| {
                p["metadata"]["labels"]["app"] == app && fields::holds(p, "Ready") == ready && !fields::leaving(p)
            })
            .map(|p| fields::name(p).to_owned())
            .ok_or_else(|| {
                let how = if ready { "ready" } else { "unready" };
                SimulatorError::Scenario(format!("no pod of {namespace}/{app} is {how}"))
            })
    }
}

fn place(manifest: &Value) -> Result<(Kind, String, String), SimulatorError> {
    let kind = fields::text(manifest, "/kind");
    let known = Kind::named(kind).ok_or_else(|| SimulatorError::Scenario(format!("there is no kind {kind:?}")))?;
    Ok((
        known,
        fields::namespace(manifest).to_owned(),
        fields::name(manifest).to_owned(),
    ))
}

fn refused(refusal: &Refusal) -> SimulatorError {
    SimulatorError::Scenario(refusal.message.clone())
}
