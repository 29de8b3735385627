//! How sure this strategy is that a case is its own.

use crate::scene::Scene;
use crate::{cause, node, scene};
use dreamops_sdk::prelude::*;
use dreamops_sdk::{elsewhere, owner};

pub(crate) fn assess(incident: &Incident) -> Result<Assessment, Failure> {
    let subject = owner::subject(incident)?;
    let subject = match Scene::killed(subject, incident.container().as_deref()) {
        Ok(scene) => {
            let seen = format!("{}: {}", scene.pod.name(), scene.container);
            return Ok(Assessment::claiming(0.98).agrees("last-termination", seen));
        }
        Err(subject) => *subject,
    };
    let target = incident.target();
    if let Some(eviction) = node::eviction(&target, &subject)? {
        return Ok(Assessment::claiming(0.8).agrees("eviction", eviction.said));
    }
    // the alert may name the wrong object: then the one that is killed is worth naming
    if elsewhere::alert_says(incident, &cause::WORDS)
        && let Some(other) = elsewhere::failing_pod(&subject, |pod| scene::kills(pod).next().is_some())?
    {
        let seen = format!("{} is not killed for memory, {} is", subject.object, other.name());
        return Ok(Assessment::claiming(0.7).agrees("another-object", seen));
    }
    let seen = format!("no container of {} was killed for memory lately", subject.object);
    Ok(Assessment::not_mine("last-termination", seen))
}
