//! Why containers are killed for memory.
//!
//! | told by | remedy |
//! | --- | --- |
//! | nothing was killed for memory in the last ten minutes, and nothing is near its limit | none |
//! | the pod was evicted, or killed while its node was out of memory, or it has no limit of its own | the node: nothing in the workload is changed; a person gets the numbers |
//! | pods have another limit than their template, or the limit was set back after a raise | a person; the writer is named, and not fought |
//! | a raise within the last day did not help, or a run lasts longer the higher the limit is | a leak: a person gets the growth rate. Where nothing was killed yet, one restart gives time |
//! | the last rollout lowered the limit | undo where nothing else changed or the older revision is known to work, else the old limit is set back |
//! | an older revision with another program worked with this limit | undo |
//! | killed in each run | the limit of this one container is raised by half, or to what it is known to need, at most to the cap; request and limit keep their proportion |
//! | quota, limit range or nodes have no room for that | a person gets the numbers; nothing is begun that cannot be finished |
//! | its pod is no workload's | a person gets the numbers |
//!
//! A case that was handed over before anything was killed (memory near its limit and growing) is treated alike.

mod assess;
mod cause;
mod declared;
mod leak;
mod node;
mod raise;
mod rollout;
mod room;
mod scene;
mod writer;

use dreamops_sdk::prelude::*;
use dreamops_sdk::remedy;

/// The strategy.
pub struct OutOfMemory;

impl Strategy for OutOfMemory {
    fn describe() -> Descriptor {
        Descriptor {
            settings: vec![(
                raise::CAP_SETTING.into(),
                "the most memory that a limit is raised to, such as `4Gi`; 8Gi by default. The host's own cap holds as well".into(),
            )],
        }
    }

    fn assess(incident: &Incident) -> Result<Assessment, Failure> {
        assess::assess(incident)
    }

    fn diagnose(incident: &Incident) -> Result<Finding, Failure> {
        cause::diagnose(incident)
    }

    fn plan(_: &Incident, diagnosis: &Diagnosis, draft: &Draft) -> Result<(), Failure> {
        match remedy::of(diagnosis) {
            remedy::UNDO => remedy::undo(diagnosis, draft),
            raise::SET => raise::draft(diagnosis, draft),
            leak::RESTART => leak::draft(diagnosis, draft),
            _ => remedy::escalate(diagnosis, draft),
        }
    }

    fn verify(incident: &Incident, execution: &Execution) -> Result<Verdict, Failure> {
        leak::verify(incident, execution)
    }
}

dreamops_sdk::export!(OutOfMemory);
