//! restart-workload: rolls all pods anew with the same template, by an annotation of ours on it.

use crate::act::draft::{Draft, Effect};
use crate::act::{Actor, not_allowed, pods, pointer};
use dreamops_domain::object::ObjectRef;
use dreamops_domain::ports::ActError;
use serde_json::{Value, json};

/// The annotation on the pod template; its value is the time of the rehearsal.
pub(crate) const ANNOTATION: &str = "dreamops.dev/restarted-at";

impl Actor {
    pub(super) async fn restart_workload(&self, workload: &ObjectRef, live: Value) -> Result<Draft, ActError> {
        pods::rolls_by_itself(workload, &live)?;
        let mut wanted = live.clone();
        let path = ["spec", "template", "metadata", "annotations", ANNOTATION];
        if !pointer::set(&mut wanted, &path, json!(self.clock.now().to_string())) {
            return Err(not_allowed(format!("{workload} has no pod template")));
        }
        let mut draft = Draft::new(workload, live, wanted, Effect::Rollout);
        draft.stuck = self.stuck_pods(&draft).await?;
        Ok(draft)
    }
}
