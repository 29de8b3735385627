//! How sure this strategy is that a case is its own.

use crate::elsewhere;
use crate::job;
use crate::scene::Scene;
use crate::unplaced;
use dreamops_sdk::owner;
use dreamops_sdk::prelude::*;

pub(crate) fn assess(incident: &Incident) -> Result<Assessment, Failure> {
    let subject = owner::subject(incident)?;
    let scene = match Scene::of(subject) {
        Ok(scene) => scene,
        Err(subject) => {
            if let Some(told) = job::failure(&subject)? {
                return Ok(Assessment::claiming(0.7).agrees("job", told));
            }
            if let Some(unplaced) = unplaced::find(&subject)? {
                return Ok(Assessment::claiming(0.7).agrees("pods", unplaced.line()));
            }
            // the alert may name the wrong object: then the one that fails is worth naming
            if elsewhere::alert_tells_of_crashes(incident)
                && let Some(other) = elsewhere::failing_pod(&subject)?
            {
                let seen = format!("{} is not failing, {} is", subject.object, other.name());
                return Ok(Assessment::claiming(0.6).agrees("another-object", seen));
            }
            let seen = format!("no container of {} fails", subject.object);
            return Ok(Assessment::not_mine("container-state", seen));
        }
    };
    let (pod, container) = (&scene.pod, &scene.container);
    let seen = format!("{}: {container}", pod.name());
    if container.lacks_image() {
        return Ok(Assessment::not_mine("container-state", seen));
    }
    if container.out_of_memory() {
        // out-of-memory claims more; where it is not installed, the hand-over names what is needed
        return Ok(Assessment::claiming(0.55).agrees("last-termination", seen));
    }
    if container.crashes() {
        let claim = Assessment::claiming(0.9).agrees("container-state", seen);
        return Ok(match container.last_end() {
            Some(end) => claim.agrees("last-termination", end.to_string()),
            None => claim,
        });
    }
    if container.init {
        return Ok(Assessment::claiming(0.7).agrees("init-container", seen));
    }
    let reasons = ["FailedMount", "Unhealthy"];
    let events = cluster::events(pod.reference())?;
    let event = cluster::with_reason(&events, &reasons).last();
    Ok(match (event, &container.state) {
        (Some(event), _) => {
            // a volume that cannot be mounted keeps the program from starting; a probe may only be slow
            let claim = if event.reason == "FailedMount" { 0.8 } else { 0.6 };
            Assessment::claiming(claim).agrees("event", event.line())
        }
        (None, State::Running { .. }) if container.ready => Assessment::claiming(0.8).agrees("restarts", seen),
        _ => Assessment::not_mine("container-state", seen),
    })
}
