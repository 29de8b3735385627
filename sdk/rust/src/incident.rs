//! The incident that a strategy is asked about, and names of objects.

use std::fmt;

#[cfg(target_arch = "wasm32")]
pub use crate::bindings::dreamops::incident::view::{Execution, Incident};
pub use crate::bindings::dreamops::incident::view::{Health, ObjectRef, PastAction};
#[cfg(not(target_arch = "wasm32"))]
pub use crate::mock::imports::{Execution, Incident};

/// Kinds that keep a number of pods alive and can be rolled out.
pub const WORKLOADS: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

impl ObjectRef {
    /// A reference with all its parts.
    pub fn new(kind: &str, namespace: &str, name: &str, uid: &str) -> Self {
        Self {
            kind: kind.into(),
            namespace: namespace.into(),
            name: name.into(),
            uid: uid.into(),
        }
    }

    /// Whether it is a Deployment, StatefulSet or DaemonSet.
    pub fn is_workload(&self) -> bool {
        WORKLOADS.contains(&self.kind.as_str())
    }

    /// As a fact of a diagnosis: `Pod/shop/web-1/UID`.
    pub fn to_fact(&self) -> String {
        format!("{}/{}/{}/{}", self.kind, self.namespace, self.name, self.uid)
    }

    /// The reference that [`ObjectRef::to_fact`] wrote.
    pub fn from_fact(fact: &str) -> Option<Self> {
        let mut parts = fact.splitn(4, '/');
        Some(Self::new(parts.next()?, parts.next()?, parts.next()?, parts.next()?))
    }

    /// As kubectl takes it: `deployment/web`.
    pub fn kubectl(&self) -> String {
        format!("{}/{}", self.kind.to_ascii_lowercase(), self.name)
    }
}

/// `Deployment/web`.
impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

impl Health {
    /// Everything that is wanted is there, is ready and is of the wanted revision; something is wanted.
    pub fn whole(&self) -> bool {
        self.desired > 0 && self.ready >= self.desired && self.updated >= self.desired && self.settled
    }

    /// [`Health::whole`], and no container has ended within `window_ms` before `now_ms`.
    pub fn steady(&self, now_ms: u64, window_ms: u64) -> bool {
        let quiet = self
            .last_restart_ms
            .is_none_or(|at| at.saturating_add(window_ms) <= now_ms);
        self.whole() && quiet
    }
}

/// `2 of 3 pods ready, 7 restarts`.
impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} pods ready", self.ready, self.desired)?;
        if self.updated < self.desired {
            write!(f, ", {} of the wanted revision", self.updated)?;
        }
        match self.restarts {
            0 => Ok(()),
            1 => write!(f, ", 1 restart"),
            n => write!(f, ", {n} restarts"),
        }
    }
}

impl Incident {
    /// Whether `action` was carried out on this owner within `window_ms`.
    pub fn did(&self, action: &str, now_ms: u64, window_ms: u64) -> bool {
        self.history()
            .iter()
            .any(|past| past.action == action && past.at_ms.saturating_add(window_ms) >= now_ms)
    }
}
