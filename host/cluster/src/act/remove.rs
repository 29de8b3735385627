//! Pods that go, and objects of ours that go.
//!
//! Whether a pod is deleted or evicted is decided by its readiness at the moment of the call: an unready pod is
//! deleted (its eviction may be refused for ever by a disruption budget), a ready one is evicted (so that the budget
//! is kept). Each call is bound to the uid: a successor of the same name is never hit.

use crate::act::apply::Present;
use crate::act::{Actor, pods, pointer};
use crate::error::{ApiError, Failure};
use crate::read::pods::{leaving, ready};
use dreamops_domain::journal::WriteOutcome;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::ports::ActError;
use serde_json::Value;
use std::time::Duration;

/// How long a delete of a `StatefulSet`'s pod waits for the controller to have seen the new template.
const CONTROLLER_DEADLINE: Duration = Duration::from_secs(5);
/// How often it looks.
const CONTROLLER_INTERVAL: Duration = Duration::from_millis(100);

impl Actor {
    pub(super) async fn delete(&self, target: &ObjectRef) -> Result<WriteOutcome, ActError> {
        let answer = self
            .api
            .delete(&target.kind, &target.namespace, &target.name, &target.uid, false)
            .await;
        self.removed(answer)
    }

    pub(super) async fn remove_pod(&self, target: &ObjectRef) -> Result<WriteOutcome, ActError> {
        let pod = match self.read_for(target).await? {
            Present::Same(pod) => pod,
            Present::Gone(_) => return Ok(WriteOutcome::AlreadySo),
        };
        if leaving(&pod) {
            return Ok(WriteOutcome::AlreadySo);
        }
        if let Some(set) = pods::controller(&pod).filter(|o| o.kind == "StatefulSet")
            && self.rolls_by_itself(&set, &pod).await
        {
            return Ok(WriteOutcome::AlreadySo);
        }
        if ready(&pod) {
            let answer = self
                .api
                .evict(&target.namespace, &target.name, &target.uid, false)
                .await;
            return self.removed(answer);
        }
        self.delete(target).await
    }

    fn removed(&self, answer: Result<Value, ApiError>) -> Result<WriteOutcome, ActError> {
        match answer {
            Ok(_) => Ok(WriteOutcome::Applied { version: None }),
            // gone, or a successor has its name: what was meant is no more
            Err(e) if matches!(e.failure, Failure::NotFound | Failure::Conflict) => Ok(WriteOutcome::AlreadySo),
            Err(e) => self.refusal(e),
        }
    }

    /// Whether a `StatefulSet` replaces this pod without our help: it is ready and of another revision.
    ///
    /// Waits until the controller has seen the present template: before that, it would make a deleted pod anew from
    /// the old one. A set that cannot be read is not waited for.
    async fn rolls_by_itself(&self, set: &ObjectRef, pod: &Value) -> bool {
        let deadline = self.clock.monotonic() + CONTROLLER_DEADLINE;
        while let Ok(live) = self.api.get(&set.kind, &set.namespace, &set.name).await {
            let seen = pointer::count(&live, "/status/observedGeneration");
            let now = self.clock.monotonic();
            if seen >= pointer::count(&live, "/metadata/generation") || now >= deadline {
                let wanted = pointer::text(&live, "/status/updateRevision");
                return ready(pod) && pod["metadata"]["labels"]["controller-revision-hash"] != wanted;
            }
            self.clock.sleep_until(now + CONTROLLER_INTERVAL).await;
        }
        false
    }
}
