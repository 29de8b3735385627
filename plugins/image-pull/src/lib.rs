//! Why images cannot be pulled.
//!
//! | told by | cause | remedy |
//! | --- | --- | --- |
//! | no container waits for an image | already healthy, or another fault | none, or hand over to `crash-loop` |
//! | not found, manifest unknown, no such platform, `InvalidImageName` | the name is wrong | undo to a revision whose image runs, ran, or is on a node; else a person |
//! | `ErrImageNeverPull` | no node has it and it may not be pulled | the same |
//! | unauthorized, denied, no basic auth | the registry asks for a credential | set-pull-secret with the one the host holds; a rollout that took the pull secret away, or that changed the repository where the registry does not tell "unknown" from "not yours", is undone |
//! | no such host, timeout, refused, TLS, 5xx | registry or network | nothing is changed: wait, then a person |
//! | too many requests | the registry's limit | wait |
//! | no space left, image broken | the node | a person |
//! | other pods of the same revision run | the image left the registry, or the node | a person |
//!
//! Node lists hold 50 images: an image that is not listed may be there. So absence proves nothing, and a revision of
//! which nothing tells that it worked is named to the person, not chosen.

mod cause;
mod reason;
mod remedies;

use dreamops_sdk::owner;
use dreamops_sdk::prelude::*;
use dreamops_sdk::remedy;

/// The strategy.
pub struct ImagePull;

impl Strategy for ImagePull {
    fn assess(incident: &Incident) -> Result<Assessment, Failure> {
        let subject = owner::subject(incident)?;
        Ok(match cause::waiting(&subject) {
            Some((pod, container)) => {
                Assessment::claiming(0.95).agrees("container-state", format!("{}: {container}", pod.name()))
            }
            None => Assessment::not_mine(
                "container-state",
                format!("no container of {} waits for an image", subject.object),
            ),
        })
    }

    fn diagnose(incident: &Incident) -> Result<Finding, Failure> {
        cause::diagnose(incident)
    }

    fn plan(_: &Incident, diagnosis: &Diagnosis, draft: &Draft) -> Result<(), Failure> {
        match remedy::of(diagnosis) {
            remedy::UNDO => remedy::undo(diagnosis, draft),
            remedies::PULL_SECRET => remedies::set_pull_secret(diagnosis, draft),
            remedy::WAIT => Ok(()),
            _ => remedy::escalate(diagnosis, draft),
        }
    }
}

dreamops_sdk::export!(ImagePull);
