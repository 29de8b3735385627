//! What uses too much processor or memory.
//!
//! An alert says so; the metrics API has to agree. Each of its samples is an average over its own window (10 to 15
//! seconds on most clusters); this strategy looks twice, and counts use as lasting where two samples, the alert's own age or
//! an autoscaler's figures tell so. Else its confidence stays below what acts without a person.
//!
//! | told by | remedy |
//! | --- | --- |
//! | no metrics to be had | a person is told so; nothing is guessed |
//! | below the threshold when looked at | none |
//! | a container was killed for memory, or crashes | hand over |
//! | memory near its limit and growing, or all but at it | hand over to `out-of-memory` before it happens |
//! | memory near its limit and steady | a person gets the numbers |
//! | processor: one of several equal replicas uses far more than the others | restart of that pod, once |
//! | processor at its limit, the autoscaler is below its maximum | more replicas within its range |
//! | … at its maximum | a higher maximum, for which a person is asked |
//! | … no autoscaler, or one that would set it back | a person gets the numbers |
//! | a container without a limit fills its node | a person gets its name and limits for it |

mod assess;
mod autoscale;
mod cause;
mod measure;
mod memory;
mod neighbour;
mod processor;
mod room;

use dreamops_sdk::prelude::*;
use dreamops_sdk::strategy::healed_or_waiting;
use dreamops_sdk::{remedy, replicas};

/// The strategy.
pub struct HighUsage;

impl Strategy for HighUsage {
    fn describe() -> Descriptor {
        Descriptor {
            settings: vec![
                (
                    measure::CPU_SETTING.into(),
                    "from this share of its limit on, in percent, a container's use of processor is high; 80 by default".into(),
                ),
                (
                    measure::MEMORY_SETTING.into(),
                    "from this share of its limit on, in percent, a container's use of memory is high; 80 by default".into(),
                ),
            ],
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
            remedy::PATCH => remedy::patch(diagnosis, draft),
            remedy::RESTART_POD => remedy::restart_pod(diagnosis, draft),
            replicas::SCALE => replicas::scale(diagnosis, draft),
            _ => remedy::escalate(diagnosis, draft),
        }
    }

    /// Healed when all is ready and no sample taken since shows the container above the threshold.
    fn verify(incident: &Incident, execution: &Execution) -> Result<Verdict, Failure> {
        let verdict = healed_or_waiting(execution);
        if verdict != Verdict::Healed || !measure::still_hot(incident, execution)? {
            return Ok(verdict);
        }
        Ok(Verdict::Waiting(5_000))
    }
}

dreamops_sdk::export!(HighUsage);
