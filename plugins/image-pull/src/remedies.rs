//! What is done about an image that is not there.

use crate::cause::Scene;
use crate::reason;
use dreamops_sdk::change;
use dreamops_sdk::image;
use dreamops_sdk::json;
use dreamops_sdk::prelude::*;
use dreamops_sdk::revision::Standing;
use dreamops_sdk::template;

/// Give the workload the host's credential for a registry.
pub(crate) const PULL_SECRET: &str = "set-pull-secret";

/// Why nothing is changed.
#[derive(Clone, Copy)]
pub(crate) enum Wait {
    /// The registry's limit on pulls.
    Limit,
    /// The registry or the way to it.
    Registry,
}

/// Nothing is changed: the host watches, and tells a person if the fault stays.
pub(crate) fn wait(scene: &Scene, mut inquiry: Inquiry, why: Wait) -> Finding {
    let image = &scene.container.image;
    let registry = image::parse(image).registry;
    let (what, reason) = match why {
        Wait::Limit => (
            "limits pulls",
            "the registry's limit passes by itself; a credential or a mirror raises it",
        ),
        Wait::Registry => (
            "cannot be reached from the node",
            "the registry or the network is broken, and no change of the workload repairs it",
        ),
    };
    let mut cause = format!(
        "{} cannot start: registry {registry} {what} ({}), so image {image} is not pulled",
        scene.title(),
        reason::brief(&scene.said)
    );
    // a person may want to know that the registry is new; that it cannot be reached does not prove its name wrong
    let before = scene
        .record
        .others()
        .find_map(|(r, _)| scene.image_in(r).map(|i| (r, image::parse(i).registry)))
        .filter(|(_, before)| *before != registry);
    if let Some((revision, before)) = before {
        cause = format!(
            "{cause}; {} pulled from {before}: if {registry} is a wrong name, \
             `kubectl -n {} rollout undo {} --to-revision={}`",
            revision.title(),
            scene.subject.object.namespace,
            scene.subject.object.kubectl(),
            revision.number
        );
    }
    inquiry.rule_out(format!("{}: its image was not refused", scene.subject.object));
    inquiry.decide_wait(reason);
    inquiry.cause("image-pull", &scene.subject.object, cause, 0.9)
}

/// The newest fitting revision whose image runs, ran, or is on a node; with what tells so.
pub(crate) fn known_good(
    scene: &Scene,
    inquiry: &mut Inquiry,
    fits: impl Fn(&Revision) -> bool,
) -> Result<Option<(Revision, String, f64)>, Failure> {
    let best = scene.record.best(&fits);
    if let Some((revision, standing @ Standing::Ready(_))) = best {
        return Ok(Some((revision.clone(), standing.sentence(), 0.95)));
    }
    for (revision, standing) in scene.record.others().filter(|(r, _)| fits(r)) {
        match standing {
            Standing::Ill(_) => continue,
            Standing::Sound(why) => return Ok(Some((revision.clone(), why.clone(), 0.9))),
            _ => {}
        }
        if let Some(sentence) = held_by_a_node(inquiry, revision)? {
            return Ok(Some((revision.clone(), sentence, 0.85)));
        }
    }
    Ok(None)
}

/// Whether nodes hold every image of a revision.
fn held_by_a_node(inquiry: &mut Inquiry, revision: &Revision) -> Result<Option<String>, Failure> {
    let mut held = Vec::new();
    for list in ["/spec/initContainers", "/spec/containers"] {
        for container in json::items(&revision.template, list) {
            let image = json::text(container, "/image");
            let nodes = inquiry.look(format!("nodes with image {image}"), cluster::node_images(image))?;
            match nodes.unwrap_or_default().first() {
                Some(node) => held.push(format!("node {node} holds {image}")),
                None => return Ok(None),
            }
        }
    }
    Ok((!held.is_empty()).then(|| held.join(", ")))
}

/// Undo to a revision that is known good, else a word to a person.
pub(crate) fn undo_or_person(
    scene: &Scene,
    mut inquiry: Inquiry,
    cause: String,
    certainty: f64,
    by_hand: &str,
    fits: impl Fn(&Revision) -> bool,
) -> Result<Finding, Failure> {
    if let Some(obstacle) = template::obstacle(&scene.subject, &mut inquiry)? {
        return Ok(to_person(scene, inquiry, cause, certainty, by_hand, &obstacle));
    }
    let workload = &scene.subject.object;
    let chosen = known_good(scene, &mut inquiry, &fits)?;
    let (Some((revision, standing, strength)), Some(current)) = (chosen, scene.record.current()) else {
        let untold = scene.record.others().find(|(r, s)| **s == Standing::Untold && fits(r));
        let (by_hand, why) = match untold {
            Some((revision, _)) => (
                format!(
                    "if {} {} worked: kubectl -n {} rollout undo {} --to-revision={}; else: {by_hand}",
                    revision.title(),
                    scene.having(revision),
                    workload.namespace,
                    workload.kubectl(),
                    revision.number
                ),
                "nothing tells that an earlier revision's image is still to be had",
            ),
            None => (
                by_hand.to_owned(),
                "there is no earlier revision without this image that worked",
            ),
        };
        return Ok(to_person(scene, inquiry, cause, certainty, &by_hand, why));
    };
    let differs = change::line(&change::between(&revision.template, &current.template));
    inquiry.saw(format!("{} to {}", revision.title(), current.title()), &differs);
    let having = scene.having(&revision);
    inquiry.decide_undo(
        &revision,
        &format!(
            "go back to {} {having}: {standing}; since then: {differs}",
            revision.title()
        ),
        &format!("all pods of {workload} run {having} and are ready"),
    );
    let cause = format!("{cause}; {} introduced it", current.title());
    Ok(inquiry.cause("image-pull", workload, cause, certainty.min(strength)))
}

/// Decides on the host's credential for a registry.
pub(crate) fn pull_secret(
    scene: &Scene,
    mut inquiry: Inquiry,
    cause: String,
    registry: &str,
) -> Result<Finding, Failure> {
    let by_hand = create_secret(scene, registry);
    if let Some(obstacle) = template::obstacle(&scene.subject, &mut inquiry)? {
        return Ok(to_person(scene, inquiry, cause, 0.9, &by_hand, &obstacle));
    }
    let object = &scene.subject.object;
    inquiry.fact("remedy", PULL_SECRET);
    inquiry.fact("registry", registry);
    inquiry.fact(
        "reason",
        format!("registry {registry} asks for a credential, and the host may hold one"),
    );
    inquiry.fact("expect", format!("all pods of {object} have their image and are ready"));
    inquiry.fact("proposal", by_hand);
    Ok(inquiry.cause("image-pull", object, cause, 0.9))
}

fn create_secret(scene: &Scene, registry: &str) -> String {
    let object = &scene.subject.object;
    let namespace = &object.namespace;
    format!(
        "kubectl -n {namespace} create secret docker-registry pull-{} --docker-server={registry} --docker-username=USER \
         --docker-password=PASSWORD; then name it: kubectl -n {namespace} patch {} --type merge -p \
         '{{\"spec\":{{\"template\":{{\"spec\":{{\"imagePullSecrets\":[{{\"name\":\"pull-{}\"}}]}}}}}}}}'",
        object.name,
        object.kubectl(),
        object.name
    )
}

/// Drafts [`PULL_SECRET`]; where the host refuses it, a person gets the commands.
pub(crate) fn set_pull_secret(diagnosis: &Diagnosis, draft: &Draft) -> Result<(), Failure> {
    let registry = diagnosis.fact("registry").unwrap_or("docker.io");
    let because = why(
        diagnosis.fact("reason").unwrap_or(&diagnosis.root_cause),
        diagnosis.fact("expect").unwrap_or(""),
    );
    match draft.set_pull_secret(&diagnosis.target, registry, &because) {
        Ok(()) => Ok(()),
        Err(Refusal::Invalid(reason)) => {
            let proposal = diagnosis.fact("proposal").unwrap_or("");
            draft.escalate(&diagnosis.target, proposal, &why(reason, ""))?;
            Ok(())
        }
        Err(other) => Err(other.into()),
    }
}

/// A word to a person with the exact change.
pub(crate) fn to_person(
    scene: &Scene,
    mut inquiry: Inquiry,
    cause: String,
    certainty: f64,
    by_hand: &str,
    why: &str,
) -> Finding {
    inquiry.decide_escalate(why, template::by_hand(&scene.subject, by_hand));
    inquiry.cause("image-pull", &scene.subject.object, cause, certainty)
}
