//! Proposals: the typed actions that a strategy drafts. A plan writes nothing.

use crate::object::ObjectRef;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Amounts for one container; what is `None` stays as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Amounts {
    /// Processor, in thousandths of a core.
    pub cpu_millis: Option<u64>,
    /// Memory, in bytes.
    pub memory_bytes: Option<u64>,
}

/// One proposed action. Every target carries the uid that the host returned in this incident.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "action")]
pub enum Action {
    /// Delete an unready pod, or evict a ready one, that a controller will replace.
    RestartPod {
        /// The pod.
        pod: ObjectRef,
    },
    /// Roll all pods of a workload anew with the same template.
    RestartWorkload {
        /// The workload.
        workload: ObjectRef,
    },
    /// Go back to an earlier revision of a Deployment, StatefulSet or DaemonSet.
    UndoRollout {
        /// The workload.
        workload: ObjectRef,
        /// The uid of the ReplicaSet or ControllerRevision to go back to.
        revision: String,
    },
    /// Set the number of replicas; never to zero and never lower than now.
    Scale {
        /// The workload.
        workload: ObjectRef,
        /// The wanted count.
        replicas: u32,
    },
    /// Set requests and limits of one container.
    SetResources {
        /// The workload.
        workload: ObjectRef,
        /// The container.
        container: String,
        /// New requests.
        requests: Amounts,
        /// New limits.
        limits: Amounts,
    },
    /// Give a workload the pull credential that the host holds for a registry.
    SetPullSecret {
        /// The workload.
        workload: ObjectRef,
        /// The registry's host, as image names write it (`docker.io` for bare names).
        registry: String,
    },
    /// Set one field of the shipped table of harmless ones (probe timings, Service selector and ports, HPA maximum).
    Patch {
        /// The object.
        target: ObjectRef,
        /// Where, as a JSON pointer: `/spec/selector/app`.
        path: String,
        /// The new value as JSON text; empty removes the field.
        value: String,
    },
    /// Hand over to a person, with the exact change to make.
    Escalate {
        /// What it is about.
        target: ObjectRef,
        /// The change a person should make.
        proposal: String,
    },
}

impl Action {
    /// The action's name, as grants, audit and reports write it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RestartPod { .. } => "restart-pod",
            Self::RestartWorkload { .. } => "restart-workload",
            Self::UndoRollout { .. } => "undo-rollout",
            Self::Scale { .. } => "scale",
            Self::SetResources { .. } => "set-resources",
            Self::SetPullSecret { .. } => "set-pull-secret",
            Self::Patch { .. } => "patch",
            Self::Escalate { .. } => "escalate",
        }
    }

    /// The object that the action is about.
    pub fn target(&self) -> &ObjectRef {
        match self {
            Self::RestartPod { pod } => pod,
            Self::RestartWorkload { workload }
            | Self::UndoRollout { workload, .. }
            | Self::Scale { workload, .. }
            | Self::SetResources { workload, .. }
            | Self::SetPullSecret { workload, .. } => workload,
            Self::Patch { target, .. } | Self::Escalate { target, .. } => target,
        }
    }

    /// Whether carrying it out writes to the cluster.
    pub fn writes(&self) -> bool {
        !matches!(self, Self::Escalate { .. })
    }

    /// Whether it changes a spec, which an owner such as Helm or Argo CD would set back.
    pub fn changes_spec(&self) -> bool {
        !matches!(
            self,
            Self::Escalate { .. } | Self::RestartPod { .. } | Self::RestartWorkload { .. }
        )
    }
}

/// One action with its reason.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Step {
    /// What to do.
    pub action: Action,
    /// Why, for the person who approves it.
    pub reason: String,
    /// What should be true after it.
    pub expect: String,
}

/// What a strategy proposes, in the order in which it should happen. Empty means no action.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
}

/// What an approval binds: if any part differs when the plan is about to run, the approval is void.
#[derive(Serialize)]
pub struct Binding<'a> {
    /// The steps.
    pub plan: &'a Plan,
    /// The sha256 of the component that drafted them.
    pub component: &'a str,
    /// The objects as they were rehearsed: uid and generation (or what stands in for it).
    pub versions: &'a [crate::rehearsal::ObjectVersion],
    /// The digest of the policy that allowed them.
    pub policy: &'a str,
}

impl Binding<'_> {
    /// SHA-256 over the canonical JSON of the parts, as lower-case hexadecimal.
    pub fn digest(&self) -> String {
        let text = serde_json::to_vec(self).unwrap_or_default();
        hex::encode(Sha256::digest(text))
    }
}
