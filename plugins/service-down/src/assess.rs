//! How sure this strategy is that a case is its own.
//!
//! An alert about a Service that does not answer begins here, whatever its pods do: they are handed over by name.

use crate::scene::Scene;
use crate::{cause, find, port};
use dreamops_sdk::elsewhere;
use dreamops_sdk::prelude::*;

pub(crate) fn assess(incident: &Incident) -> Result<Assessment, Failure> {
    let Some(service) = find::service(incident)? else {
        return Ok(Assessment::not_mine("service", "the alert is about no Service"));
    };
    let scene = match Scene::of(&service) {
        Ok(scene) => scene,
        Err(ReadFailure::NotFound(what)) => return Ok(Assessment::not_mine("service", what)),
        Err(other) => return Err(other.into()),
    };
    let (ready, selected) = (scene.service.ready.len(), scene.pods.len());
    let seen = format!("{service} has {ready} ready endpoints, its selector matches {selected} pods");
    let about_service = incident.target().kind == "Service";
    // pods that fail are the surest case of others; what an alert says of the Service itself begins here
    if ready == 0 && (about_service || selected == 0) {
        return Ok(Assessment::claiming(1.0).agrees("endpoints", seen));
    }
    if port::wrong(&scene).is_some() {
        return Ok(Assessment::claiming(1.0).agrees("target-port", seen));
    }
    if scene.pods.iter().any(|p| !p.ready()) {
        return Ok(Assessment::claiming(0.6).agrees("endpoints", seen));
    }
    if about_service && elsewhere::alert_says(incident, &find::WORDS) {
        if cause::strangers_among(&scene)? {
            return Ok(Assessment::claiming(0.8).agrees("selector", seen));
        }
        if let Some(other) = cause::empty_service(&service)? {
            let seen = format!("{service} has endpoints, {other} has none");
            return Ok(Assessment::claiming(0.6).agrees("another-service", seen));
        }
    }
    Ok(Assessment::not_mine("endpoints", seen))
}
