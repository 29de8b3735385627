//! From a container that waits for its image to the cause.

use crate::reason::{self, Reason};
use crate::remedies::{self, Wait};
use dreamops_sdk::image;
use dreamops_sdk::owner::{self, Kind, Subject};
use dreamops_sdk::prelude::*;
use dreamops_sdk::revision::{self, Record};

/// A container that waits for its image, with what is around it.
pub(crate) struct Scene {
    pub(crate) subject: Subject,
    pub(crate) pod: Pod,
    pub(crate) container: Container,
    /// What the runtime said.
    pub(crate) said: String,
    pub(crate) record: Record,
}

/// The first pod and container that wait for an image.
pub(crate) fn waiting(subject: &Subject) -> Option<(&Pod, Container)> {
    subject.pods.iter().find_map(|pod| {
        pod.containers()
            .into_iter()
            .find(Container::lacks_image)
            .map(|c| (pod, c))
    })
}

pub(crate) fn diagnose(incident: &Incident) -> Result<Finding, Failure> {
    let mut inquiry = Inquiry::new();
    let subject = owner::subject(incident)?;
    let Some((pod, container)) = waiting(&subject) else {
        return elsewhere(&subject, inquiry);
    };
    let (pod, container) = (pod.clone(), container);
    inquiry.saw(pod.reference(), container.to_string());
    let about = format!("events of {}", pod.reference());
    let events = inquiry
        .look(&about, cluster::events(pod.reference()))?
        .unwrap_or_default();
    let said = reason::said(&container, &events);
    if !container.waiting_message().contains(&said) {
        inquiry.saw(&about, said.as_str());
    }
    let record = if subject.kind == Kind::Workload {
        revision::record(incident, &subject, &mut inquiry)?
    } else {
        Record::default()
    };
    let scene = Scene {
        subject,
        pod,
        container,
        said,
        record,
    };
    let reason = reason::read(scene.container.waiting(), &scene.said);
    match reason {
        Reason::TooMany => Ok(remedies::wait(&scene, inquiry, Wait::Limit)),
        Reason::Unreachable => Ok(remedies::wait(&scene, inquiry, Wait::Registry)),
        Reason::NotFound | Reason::InvalidName | Reason::NeverPull => wrong_name(&scene, inquiry, reason),
        Reason::Denied | Reason::DeniedOrUnknown => denied(&scene, inquiry, reason),
        Reason::Node | Reason::Unknown => Ok(remedies::to_person(
            &scene,
            inquiry,
            format!(
                "{} cannot have its image {}: {}",
                scene.title(),
                scene.container.image,
                reason::brief(&scene.said)
            ),
            if reason == Reason::Node { 0.85 } else { 0.6 },
            &format!(
                "look at node {}: kubectl describe node {}; crictl pull {}",
                scene.pod.node(),
                scene.pod.node(),
                scene.container.image
            ),
            "neither the name nor a credential is the cause",
        )),
    }
}

/// No container waits for an image.
fn elsewhere(subject: &Subject, mut inquiry: Inquiry) -> Result<Finding, Failure> {
    if let Some((pod, container)) = subject
        .unready()
        .find_map(|p| p.culprit().filter(Container::in_trouble).map(|c| (p, c)))
    {
        inquiry.saw(pod.reference(), container.to_string());
        let fault = if container.out_of_memory() {
            "out-of-memory"
        } else {
            "crash-loop"
        };
        let reason = format!("no container waits for an image; {} {container}", pod.name());
        return Ok(inquiry.hand_over(fault, &subject.object, reason));
    }
    let health = inquiry.look(&subject.object, cluster::health(&subject.object))?;
    let Some(health) = health else {
        return Ok(inquiry.unknown());
    };
    inquiry.saw(&subject.object, format!("{health}; no container waits for an image"));
    Ok(if health.whole() {
        inquiry.healthy()
    } else {
        inquiry.unknown()
    })
}

impl Scene {
    /// `container web of Deployment/web`.
    pub(crate) fn title(&self) -> String {
        let init = if self.container.init { "init " } else { "" };
        format!("{init}container {} of {}", self.container.name, self.subject.object)
    }

    /// Ready pods of the same revision: the image is there for them.
    fn ready_equals(&self) -> usize {
        let hash = self.pod.revision_hash();
        self.subject
            .pods
            .iter()
            .filter(|p| p.ready() && !hash.is_empty() && p.revision_hash() == hash)
            .count()
    }

    /// The image of the container in a revision.
    pub(crate) fn image_in<'a>(&self, revision: &'a Revision) -> Option<&'a str> {
        use dreamops_sdk::json::{named, text};
        let name = &self.container.name;
        named(&revision.template, "/spec/containers", name)
            .or_else(|| named(&revision.template, "/spec/initContainers", name))
            .map(|c| text(c, "/image"))
    }

    /// `with image shop/web:1`, or `without container setup`.
    pub(crate) fn having(&self, revision: &Revision) -> String {
        match self.image_in(revision) {
            Some(image) => format!("with image {image}"),
            None => format!("without container {}", self.container.name),
        }
    }
}

fn wrong_name(scene: &Scene, mut inquiry: Inquiry, reason: Reason) -> Result<Finding, Failure> {
    let image = &scene.container.image;
    let what = match reason {
        Reason::InvalidName => "is no valid name of an image",
        Reason::NeverPull => "is not on its node, and its pull policy is Never",
        _ if scene.said.contains("platform") => "does not exist for its node's platform",
        _ => "does not exist in its registry",
    };
    let cause = format!("{} cannot start: image {image} {what}", scene.title());
    if reason == Reason::NotFound {
        inquiry.rule_out("the registry: it answered");
    }
    if scene.ready_equals() > 0 {
        let by_hand = format!(
            "push image {image} again, or give {} one that exists: {}",
            scene.subject.object,
            set_image(scene)
        );
        let cause = format!(
            "{cause} any more; {} other pods of the revision run with it",
            scene.ready_equals()
        );
        let why = "the revision works where its image is still there: the rollout is not the cause";
        return Ok(remedies::to_person(scene, inquiry, cause, 0.85, &by_hand, why));
    }
    let by_hand = set_image(scene);
    // a revision without the container is as free of the image as one where it has another
    remedies::undo_or_person(scene, inquiry, cause, 0.95, &by_hand, |revision| {
        scene.image_in(revision).is_none_or(|i| i != image)
    })
}

fn set_image(scene: &Scene) -> String {
    let object = &scene.subject.object;
    format!(
        "kubectl -n {} set image {} {}=IMAGE_THAT_EXISTS",
        object.namespace,
        object.kubectl(),
        scene.container.name
    )
}

fn denied(scene: &Scene, mut inquiry: Inquiry, reason: Reason) -> Result<Finding, Failure> {
    let image = &scene.container.image;
    let name = image::parse(image);
    let cause = format!(
        "{} cannot start: registry {} does not give it image {image} ({})",
        scene.title(),
        name.registry,
        scene.said.rsplit(": ").next().unwrap_or("denied")
    );
    inquiry.rule_out("the registry: it answered");
    // the rollout took the credential away, or asks for a repository that may not exist
    let secrets = |revision: &Revision| {
        ["/spec/imagePullSecrets", "/spec/serviceAccountName"].map(|p| revision.template.pointer(p).cloned())
    };
    let fits = |revision: &Revision| {
        let Some(then) = scene.image_in(revision).map(image::parse) else {
            return false;
        };
        let current = scene.record.current();
        let lost_secret = then.registry == name.registry && current.is_some_and(|c| secrets(c) != secrets(revision));
        let other = then.registry == name.registry && then.repository != name.repository;
        lost_secret || (reason == Reason::DeniedOrUnknown && other)
    };
    if remedies::known_good(scene, &mut inquiry, fits)?.is_some() {
        return remedies::undo_or_person(scene, inquiry, cause, 0.9, &set_image(scene), fits);
    }
    remedies::pull_secret(scene, inquiry, cause, &name.registry)
}
