//! Actions: rehearsed without effect, applied with preconditions, settled by reading, taken back.
//!
//! | module | what it does |
//! | --- | --- |
//! | `diff`, `pointer` | minimal JSON patches with tests, on raw JSON |
//! | `restart_pod` … `patch` | one action each: what it wants, and its bounds |
//! | `rehearse`, `dry_run`, `rights`, `shown` | tried forward and back, the checks, the diff that a person reads |
//! | `checks` | quota, limit ranges, room on nodes, a pod tried dry |
//! | `apply`, `remove`, `settle`, `breach`, `revert` | one write; what came of it; whether it still holds; taking it back |
//!
//! Promises:
//! - Three forms of write and no other: a JSON patch, a delete or eviction bound to a uid, a create of an object
//!   that we name. Nothing is replaced whole.
//! - Nothing is touched outside the scope's namespaces, and nothing whose uid is not the one that was named.
//! - Replicas never go down, a workload is never deleted, a Secret that is not ours is neither read nor changed.
//! - Raw values stay inside [`Write`]; whatever else leaves has passed the redactor.

mod apply;
mod bounds;
mod breach;
mod checks;
mod diff;
mod draft;
mod dry_run;
mod patch;
mod pods;
mod pointer;
mod rehearse;
mod remove;
mod restart_pod;
mod restart_workload;
mod revert;
mod rights;
mod scale;
mod set_pull_secret;
mod set_resources;
mod settle;
mod shown;
mod undo_rollout;
mod version;

#[cfg(test)]
mod mishaps;
#[cfg(test)]
mod scripted;

pub use bounds::Bounds;

use crate::api::Api;
use crate::error::ApiError;
use async_trait::async_trait;
use dreamops_domain::journal::WriteOutcome;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::plan::{Action, Step};
use dreamops_domain::ports::{ActError, Clock, ClusterRead, ClusterWrite, RegistryCredentials};
use dreamops_domain::read::{Health, ReadError, ReadRequest, ReadResponse, Scope};
use dreamops_domain::redact::Redactor;
use dreamops_domain::rehearsal::{Rehearsal, Write};
use rehearse::Attempt;
use serde_json::Value;
use std::sync::Arc;

/// How often a rehearsal begins anew because the object changed meanwhile: a Deployment's controller moves the
/// generation once more, right after each change, when it numbers the revision.
const ATTEMPTS: u32 = 4;

/// Writes of one cluster.
pub struct Actor {
    api: Api,
    redactor: Redactor,
    reads: Arc<dyn ClusterRead>,
    credentials: Arc<dyn RegistryCredentials>,
    clock: Arc<dyn Clock>,
    bounds: Bounds,
}

impl Actor {
    /// Acts through `api`; `reads` answers how an object does, on the same cluster.
    pub fn new(
        api: Api,
        redactor: Redactor,
        reads: Arc<dyn ClusterRead>,
        credentials: Arc<dyn RegistryCredentials>,
        clock: Arc<dyn Clock>,
        bounds: Bounds,
    ) -> Self {
        Self {
            api,
            redactor,
            reads,
            credentials,
            clock,
            bounds,
        }
    }

    /// The object as it is, if it is the one that is meant.
    async fn live(&self, scope: &Scope, object: &ObjectRef) -> Result<Value, ActError> {
        within(scope, object)?;
        let live = self
            .api
            .get(&object.kind, &object.namespace, &object.name)
            .await
            .map_err(|e| self.act(e))?;
        if object.uid.is_empty() || pointer::text(&live, "/metadata/uid") != object.uid {
            return Err(ActError::Read(ReadError::NotFound {
                what: format!("{object} with uid {}", object.uid),
            }));
        }
        Ok(live)
    }

    async fn attempt(&self, scope: &Scope, step: &Step) -> Result<Attempt, ActError> {
        let target = step.action.target();
        let live = self.live(scope, target).await?;
        let draft = match &step.action {
            Action::RestartPod { pod } => {
                return Ok(Attempt {
                    rehearsal: self.rehearse_restart(pod, &live).await?,
                    moved: false,
                });
            }
            Action::RestartWorkload { workload } => self.restart_workload(workload, live).await?,
            Action::UndoRollout { workload, revision } => self.undo_rollout(workload, live, revision).await?,
            Action::Scale { workload, replicas } => self.scale(workload, live, *replicas).await?,
            Action::SetResources {
                workload,
                container,
                requests,
                limits,
            } => {
                let asked = set_resources::Asked {
                    container,
                    requests: *requests,
                    limits: *limits,
                };
                self.set_resources(workload, live, &asked).await?
            }
            Action::SetPullSecret { workload, registry } => self.set_pull_secret(workload, live, registry).await?,
            Action::Patch { target, path, value } => self.patch_field(target, live, path, value).await?,
            Action::Escalate { .. } => {
                return Err(not_allowed("an escalation changes nothing; a person carries it out"));
            }
        };
        self.rehearse_draft(draft).await
    }

    fn act(&self, error: ApiError) -> ActError {
        error.into_act(&self.redactor)
    }
}

/// Objects elsewhere do not exist for an incident.
fn within(scope: &Scope, object: &ObjectRef) -> Result<(), ActError> {
    if scope.namespaces.contains(&object.namespace) {
        Ok(())
    } else {
        Err(ActError::Read(ReadError::NotFound {
            what: format!("{object} in namespace {}", object.namespace),
        }))
    }
}

fn not_allowed(why: impl Into<String>) -> ActError {
    ActError::NotAllowed { why: why.into() }
}

#[async_trait]
impl ClusterWrite for Actor {
    async fn rehearse(&self, scope: &Scope, step: &Step) -> Result<Rehearsal, ActError> {
        for _ in 1..ATTEMPTS {
            let attempt = self.attempt(scope, step).await?;
            if !attempt.moved {
                return Ok(attempt.rehearsal);
            }
        }
        Ok(self.attempt(scope, step).await?.rehearsal)
    }

    async fn apply(&self, scope: &Scope, write: &Write) -> Result<WriteOutcome, ActError> {
        within(scope, write.target())?;
        self.apply_write(write).await
    }

    async fn settle(&self, scope: &Scope, write: &Write) -> Result<Option<WriteOutcome>, ActError> {
        within(scope, write.target())?;
        self.settle_write(write).await
    }

    async fn obstacle(&self, scope: &Scope, write: &Write) -> Result<Option<String>, ActError> {
        within(scope, write.target())?;
        self.obstacle_to(write).await
    }

    fn inverse(&self, done: &Write, outcome: &WriteOutcome) -> Option<Write> {
        revert::inverse(done, outcome)
    }

    async fn breach(&self, scope: &Scope, write: &Write) -> Result<Option<String>, ActError> {
        within(scope, write.target())?;
        self.breach_of(write).await
    }

    async fn health(&self, scope: &Scope, object: &ObjectRef) -> Result<Health, ReadError> {
        let request = ReadRequest::Health { object: object.clone() };
        match self.reads.read(scope, request).await? {
            ReadResponse::Health(health) => Ok(health),
            _ => Err(ReadError::Invalid {
                why: format!("the reader answered something else than the health of {object}"),
            }),
        }
    }
}
