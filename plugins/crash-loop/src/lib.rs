//! Why containers keep ending or cannot be started.
//!
//! | told by | cause | remedy |
//! | --- | --- | --- |
//! | nothing wrong with any pod, no restart in the last ten minutes | already healthy | none |
//! | a Job has failed and its pods are gone | its own conditions and events | a person: a finished Job is not changed |
//! | pods cannot be made (quota, service account, Pod Security), or no node takes them | what the rollout asks for | undo where it explains it, else a person, with the reason |
//! | waiting for an image | image | hand over to `image-pull` |
//! | last reason `OOMKilled` | memory | hand over to `out-of-memory` |
//! | `CreateContainerConfigError`, `FailedMount`: a ConfigMap, Secret or key is missing | configuration | undo to a revision that needs none of it, else a person |
//! | a `Killing` event names the liveness or startup probe | the probe | undo if probe or image changed, else probe values are proposed |
//! | `StartError`, `ContainerCannotRun`, `RunContainerError`; exit 126, 127, 128 where the command changed | command | undo to a revision with another command or image |
//! | the log names a setting or flag that is missing or invalid, and revisions differ in it | bad rollout | undo |
//! | the log names a host that refuses, is unknown or silent | dependency | a rollout that changed the address is undone; a Service without endpoints is handed over to `service-down`; else a person. The victim is not restarted, unless what it needs is back and a long back-off keeps it down |
//! | an init container does not end | what it waits for | as above |
//! | one replica, while others run the same revision well | node or transient | restart that pod, once |
//! | a StatefulSet's pod of an older revision | its rollout waits for a pod that never becomes ready | that pod is deleted |
//! | nothing explains it, but every pod of the new revision fails and an older one worked | bad rollout | undo |
//!
//! # Evidence of health
//!
//! An undo goes to the newest revision with evidence that it worked, as [`dreamops_sdk::revision`] defines it. Where
//! a rollout left no old pod (`Recreate`, a StatefulSet or DaemonSet of one pod) and nothing else tells, a revision that
//! nothing speaks against is taken on one condition only: the part that explains the failure (the variable that the log
//! names, the missing ConfigMap, the command, the probe) differs in it. The confidence is then 0.8 at most, and 0.6
//! where the difference explains nothing, which asks a person.

mod assess;
mod cause;
mod command;
mod configuration;
mod dependency;
mod elsewhere;
mod endpoint;
mod job;
mod probe;
mod replica;
mod rollout;
mod scene;
mod setting;
mod signs;
mod unplaced;

use dreamops_sdk::prelude::*;
use dreamops_sdk::remedy;
use dreamops_sdk::strategy::healed_or_waiting;

/// The strategy.
pub struct CrashLoop;

/// After this long, containers that still end show that the plan does not help. A pod that is replaced may end once
/// more on its way out.
const PATIENCE_MS: u64 = 60_000;

impl Strategy for CrashLoop {
    fn assess(incident: &Incident) -> Result<Assessment, Failure> {
        assess::assess(incident)
    }

    fn diagnose(incident: &Incident) -> Result<Finding, Failure> {
        cause::diagnose(incident)
    }

    fn plan(_: &Incident, diagnosis: &Diagnosis, draft: &Draft) -> Result<(), Failure> {
        match remedy::of(diagnosis) {
            remedy::UNDO => remedy::undo(diagnosis, draft),
            remedy::RESTART_POD => remedy::restart_pod(diagnosis, draft),
            remedy::PATCH => remedy::patch(diagnosis, draft),
            remedy::WAIT => Ok(()),
            _ => remedy::escalate(diagnosis, draft),
        }
    }

    fn verify(_: &Incident, execution: &Execution) -> Result<Verdict, Failure> {
        let verdict = healed_or_waiting(execution);
        let acted = execution.finished_ms();
        let present = execution.present();
        let late = dreamops_sdk::host::now_ms() > acted + PATIENCE_MS;
        let still_ends = present.last_restart_ms.is_some_and(|at| at > acted + PATIENCE_MS / 2);
        if verdict != Verdict::Healed && late && still_ends && !present.unready_pods.is_empty() {
            return Ok(Verdict::Worse(format!(
                "containers still end after the change: {present}"
            )));
        }
        Ok(verdict)
    }
}

dreamops_sdk::export!(CrashLoop);
