//! What a strategy drafted.

use crate::incident::ObjectRef;
use crate::strategy::{Amounts, Why};

/// One drafted step.
#[derive(Clone, PartialEq, Debug)]
pub enum Step {
    /// Delete an unready pod, or evict a ready one.
    RestartPod {
        /// The pod.
        pod: ObjectRef,
        /// Why.
        why: Why,
    },
    /// Roll all pods anew with the same template.
    RestartWorkload {
        /// The workload.
        workload: ObjectRef,
        /// Why.
        why: Why,
    },
    /// Go back to a revision.
    UndoRollout {
        /// The workload.
        workload: ObjectRef,
        /// The uid of the revision.
        revision: String,
        /// Why.
        why: Why,
    },
    /// Set the number of replicas.
    Scale {
        /// The workload.
        workload: ObjectRef,
        /// The wanted count.
        replicas: u32,
        /// Why.
        why: Why,
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
        /// Why.
        why: Why,
    },
    /// Give a workload the host's pull credential for a registry.
    SetPullSecret {
        /// The workload.
        workload: ObjectRef,
        /// The registry.
        registry: String,
        /// Why.
        why: Why,
    },
    /// Set one allowed field.
    Patch {
        /// The object.
        target: ObjectRef,
        /// The field, as a JSON pointer.
        path: String,
        /// The value, as JSON text.
        value: String,
        /// Why.
        why: Why,
    },
    /// Hand over to a person.
    Escalate {
        /// What it is about.
        about: ObjectRef,
        /// The change to make.
        proposal: String,
        /// Why.
        why: Why,
    },
}

impl Step {
    /// The action's name, as grants write it.
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

    /// What it acts upon.
    pub fn target(&self) -> &ObjectRef {
        match self {
            Self::RestartPod { pod, .. } => pod,
            Self::RestartWorkload { workload, .. }
            | Self::UndoRollout { workload, .. }
            | Self::Scale { workload, .. }
            | Self::SetResources { workload, .. }
            | Self::SetPullSecret { workload, .. } => workload,
            Self::Patch { target, .. } => target,
            Self::Escalate { about, .. } => about,
        }
    }

    /// Whether it would write to the cluster.
    pub fn writes(&self) -> bool {
        !matches!(self, Self::Escalate { .. })
    }

    /// What a person is asked to do; empty for steps that write.
    pub fn proposal(&self) -> &str {
        match self {
            Self::Escalate { proposal, .. } => proposal,
            _ => "",
        }
    }
}
