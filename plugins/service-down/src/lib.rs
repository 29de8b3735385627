//! Why nobody answers behind a Service. It works inward: Service, selector, pods, readiness, containers.
//!
//! | told by | remedy |
//! | --- | --- |
//! | every selected pod is ready and its ports answer | none; where the alert tells of a Service without endpoints, that one is named |
//! | no pod matches, and a workload with this selector has zero replicas | the last known count (scale events, last applied), within its autoscaler's range; a person where a schedule or an owner holds it there, or no count is known |
//! | no pod matches, and a workload with this selector cannot make pods | a person, with the refusal's words |
//! | no pod matches, and exactly one workload fits but for a slip in one label | patch of that label |
//! | … two workloads fit, or the slip takes two edits | a person, with the candidates |
//! | the target port is no port of the pods, and exactly one port fits | patch of the port |
//! | … none or several fit | a person, with the ports there are |
//! | pods are not scheduled | a person, with the scheduler's reason; taints, budgets and affinities stay |
//! | pods are unready | hand over to `image-pull`, `out-of-memory` or `crash-loop`, at the pods' workload |
//! | the selector matches pods of a second workload that does not serve the port | a person |
//! | `ExternalName`, or no selector | a person: the endpoints are kept by other means |

mod assess;
mod cause;
mod find;
mod labels;
mod made;
mod port;
mod scene;
mod several;
mod slip;
mod unready;
mod verify;
mod zero;

use dreamops_sdk::prelude::*;
use dreamops_sdk::{remedy, replicas};

/// The strategy.
pub struct ServiceDown;

impl Strategy for ServiceDown {
    fn assess(incident: &Incident) -> Result<Assessment, Failure> {
        assess::assess(incident)
    }

    fn diagnose(incident: &Incident) -> Result<Finding, Failure> {
        cause::diagnose(incident)
    }

    fn plan(_: &Incident, diagnosis: &Diagnosis, draft: &Draft) -> Result<(), Failure> {
        match remedy::of(diagnosis) {
            remedy::PATCH => remedy::patch(diagnosis, draft),
            replicas::SCALE => replicas::scale(diagnosis, draft),
            _ => remedy::escalate(diagnosis, draft),
        }
    }

    fn verify(_: &Incident, execution: &Execution) -> Result<Verdict, Failure> {
        verify::verify(execution)
    }
}

dreamops_sdk::export!(ServiceDown);
