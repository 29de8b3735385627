//! A setting or flag that the program complains about.

use crate::rollout::{Fault, undo_or_escalate};
use crate::scene::Scene;
use dreamops_sdk::change::{Change, Part};
use dreamops_sdk::json;
use dreamops_sdk::prelude::*;
use dreamops_sdk::revision::Record;
use serde_json::Value;

/// All variables that the container has in any revision.
pub(crate) fn variables(scene: &Scene, record: &Record) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let templates = record.others().map(|(r, _)| r).chain(record.current());
    for template in templates.map(|r| &r.template).chain([scene.pod.body()]) {
        for variable in scene.in_template(template).map_or(&[][..], |c| json::items(c, "/env")) {
            let name = json::text(variable, "/name").to_owned();
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

/// Those that differ between the current revision and another.
pub(crate) fn changed(changes: &[Change]) -> Vec<String> {
    changes
        .iter()
        .filter_map(|c| match &c.part {
            Part::Env(name) => Some(name.clone()),
            _ => None,
        })
        .collect()
}

/// What decides which settings a program needs.
const STARTED_WITH: [&str; 5] = ["image", "command", "args", "env", "envFrom"];

fn value<'a>(container: Option<&'a Value>, name: &str) -> Option<&'a Value> {
    json::named(container?, "/env", name)
}

/// Concludes about a variable.
pub(crate) fn of_variable(
    scene: &Scene,
    record: &Record,
    mut inquiry: Inquiry,
    name: &str,
    line: &str,
) -> Result<Finding, Failure> {
    let own = scene.wanted(record);
    let now = value(own, name).cloned();
    // a variable may come with a whole ConfigMap; an image may have begun to need one
    let differs = |revision: &Revision, field: &str| {
        let theirs = scene.in_template(&revision.template);
        theirs.is_some() && theirs.and_then(|c| c.get(field)) != own.and_then(|c| c.get(field))
    };
    let set_otherwise = |revision: &Revision| {
        let theirs = value(scene.in_template(&revision.template), name);
        theirs != now.as_ref() || (now.is_none() && differs(revision, "envFrom"))
    };
    let explained = record.others().any(|(r, _)| set_otherwise(r));
    let state = match &now {
        None => "is not set".to_owned(),
        Some(v) if v.get("value").is_some() => format!("is `{}`", json::text(v, "/value")),
        Some(v) => format!("comes from {}", v["valueFrom"]),
    };
    inquiry.saw(
        format!("template of {}", scene.subject.object),
        format!("{name} {state}"),
    );
    let object = &scene.subject.object;
    let by_map = if now.is_none() {
        from_maps(scene, record, &mut inquiry, name)?
    } else {
        None
    };
    let fault = Fault {
        cause: format!(
            "{} ends because of {name}, which {state} ({}): \"{line}\"",
            scene.title(),
            ends(scene)
        ),
        certainty: if explained { 0.95 } else { 0.85 },
        explained,
        by_hand: by_map.unwrap_or_else(|| {
            format!(
                "give {name} a value that the program accepts, here or in the ConfigMap or Secret it comes from: \
             kubectl -n {} set env {} -c {} {name}=VALUE",
                object.namespace,
                object.kubectl(),
                scene.container.name
            )
        }),
    };
    // where the variable itself was never set otherwise, what is started may have begun to need it
    undo_or_escalate(&scene.subject, record, inquiry, fault, |revision| {
        set_otherwise(revision) || (!explained && STARTED_WITH.iter().any(|field| differs(revision, field)))
    })
}

/// How a person sets a variable that should come with a whole ConfigMap: the one of those in use that lacks it.
fn from_maps(scene: &Scene, record: &Record, inquiry: &mut Inquiry, name: &str) -> Result<Option<String>, Failure> {
    let namespace = &scene.subject.object.namespace;
    let sources = scene.wanted(record).map_or(&[][..], |c| json::items(c, "/envFrom"));
    let mut lacking = None;
    for map in sources
        .iter()
        .map(|s| json::text(s, "/configMapRef/name"))
        .filter(|m| !m.is_empty())
    {
        let read = cluster::found(cluster::get("ConfigMap", namespace, map));
        let Some(found) = inquiry.look(format!("ConfigMap/{map}"), read)?.flatten() else {
            continue;
        };
        let keys: Vec<&str> = json::pairs(&found.body, "/data").into_iter().map(|(k, _)| k).collect();
        let has = keys.contains(&name);
        let tells = if has { "has it" } else { "lacks it" };
        inquiry.saw(&found.reference, format!("it {tells}; its keys: {}", keys.join(", ")));
        if !has && lacking.is_none() {
            lacking = Some(map.to_owned());
        }
    }
    let object = &scene.subject.object;
    Ok(lacking.map(|map| {
        format!(
            "kubectl -n {namespace} patch configmap {map} --type merge -p '{{\"data\":{{\"{name}\":\"VALUE\"}}}}'; then, since \
             pods read it at their start only: kubectl -n {namespace} rollout restart {}",
            object.kubectl()
        )
    }))
}

/// Concludes about a flag: a rollout that brought it, or an image that no longer knows it.
pub(crate) fn of_flag(
    scene: &Scene,
    record: &Record,
    inquiry: Inquiry,
    flag: &str,
    line: &str,
) -> Result<Finding, Failure> {
    let own = scene.wanted(record);
    let fields =
        |container: Option<&Value>| ["command", "args", "image"].map(|f| container.and_then(|c| c.get(f)).cloned());
    let now = fields(own);
    let object = &scene.subject.object;
    let fault = Fault {
        cause: format!(
            "{} is started with {flag}, which image {} does not accept ({}): \"{line}\"",
            scene.title(),
            scene.container.image,
            ends(scene)
        ),
        certainty: 0.95,
        explained: true,
        by_hand: format!(
            "correct {flag} in `args` of container {}: kubectl -n {} edit {}",
            scene.container.name,
            object.namespace,
            object.kubectl()
        ),
    };
    undo_or_escalate(&scene.subject, record, inquiry, fault, |revision| {
        let theirs = scene.in_template(&revision.template);
        theirs.is_some() && fields(theirs) != now
    })
}

/// How the container ends, for sentences.
pub(crate) fn ends(scene: &Scene) -> String {
    scene
        .container
        .last_end()
        .map_or_else(|| "it has not ended yet".into(), ToString::to_string)
}
