//! A selector that matches no pod, and the one workload that it should match.
//!
//! A workload is a candidate if its pods serve the Service's ports and either the selector that was last applied
//! matches them, or the present one does but for one label. Such a label has to be mistyped, or the workload has to bear
//! the Service's own name; a workload that another Service is for already is no candidate by mere likeness.

use crate::find::pod_labels;
use crate::labels::{Slip, matches, slip};
use crate::port;
use crate::scene::{Scene, matched};
use dreamops_sdk::cluster::Object;
use dreamops_sdk::fields;
use dreamops_sdk::json;
use dreamops_sdk::owner::equal;
use dreamops_sdk::prelude::*;
use dreamops_sdk::time;
use serde_json::{Value, json};

/// A workload that the Service may be meant for.
struct Candidate<'a> {
    workload: &'a Object,
    /// What the selector has to become.
    wanted: Vec<(String, String)>,
    /// What tells so.
    told: String,
    certainty: f64,
}

/// Concludes about a selector that matches no pod and no workload.
pub(crate) fn conclude(scene: &Scene, mut inquiry: Inquiry, workloads: &[Object]) -> Result<Finding, Failure> {
    let object = scene.object();
    note_writer(scene, &mut inquiry)?;
    let taken = inquiry
        .look(
            "Services of the namespace",
            cluster::list(&Query::of("Service", &object.namespace)),
        )?
        .map(|all| all.items)
        .unwrap_or_default();
    let cause = format!("the selector {} of {object} matches no pod", scene.selector_text());
    let candidates = candidates(scene, workloads, &taken);
    for candidate in &candidates {
        inquiry.saw(&candidate.workload.reference, &candidate.told);
    }
    match candidates.as_slice() {
        [only] => Ok(correct(scene, inquiry, only, &cause)),
        [] => Ok(nobody(scene, inquiry, workloads, cause)),
        several => {
            let lines: Vec<String> = several
                .iter()
                .map(|c| format!("{}: {}", c.workload.reference, command(object, scene, &c.wanted)))
                .collect();
            inquiry.decide_escalate(
                "more than one workload could be meant",
                format!("choose the workload that {object} is for: {}", lines.join("; or ")),
            );
            Ok(inquiry.cause("service-down", object, cause, 0.9))
        }
    }
}

/// Concludes with the selector that was last applied, where the present one leads to pods that do not serve the
/// Service's ports. None where history tells nothing.
pub(crate) fn by_history_alone(scene: &Scene, inquiry: Inquiry, workloads: &[Object]) -> Result<Finding, Inquiry> {
    let found: Vec<Candidate> = workloads.iter().filter_map(|w| by_history(scene, w)).collect();
    match found.as_slice() {
        [only] => {
            let cause = format!(
                "the selector {} of {} matches pods that do not serve its ports",
                scene.selector_text(),
                scene.object()
            );
            Ok(correct(scene, inquiry, only, &cause))
        }
        _ => Err(inquiry),
    }
}

fn note_writer(scene: &Scene, inquiry: &mut Inquiry) -> Result<(), Failure> {
    let object = scene.object();
    let source = format!("writers of {object}");
    let writer = inquiry
        .look(&source, fields::writer(object, &["spec", "selector"]))?
        .flatten();
    if let Some(writer) = writer {
        let ago = time::span(dreamops_sdk::host::now_ms().saturating_sub(writer.at_ms));
        inquiry.saw(
            source,
            format!(
                "the selector was set by {:?}, which wrote last {ago} ago",
                writer.manager
            ),
        );
    }
    Ok(())
}

fn candidates<'a>(scene: &Scene, workloads: &'a [Object], services: &[Object]) -> Vec<Candidate<'a>> {
    let by_history: Vec<Candidate> = workloads.iter().filter_map(|w| by_history(scene, w)).collect();
    if !by_history.is_empty() {
        return by_history;
    }
    let mut named = Vec::new();
    let mut alike = Vec::new();
    for workload in workloads.iter().filter(|w| serves(scene, &w.body)) {
        let labels = pod_labels(&workload.body);
        let selector = scene.selector();
        let Some(slip) = slip(&selector, &labels) else {
            continue;
        };
        let own_name = bears_name(scene, workload, &slip);
        let taken = services.iter().any(|s| {
            let theirs = json::pairs(&s.body, "/spec/selector");
            s.reference.uid != scene.object().uid && !theirs.is_empty() && matches(&theirs, &labels)
        });
        if !(own_name || (slip.near() && !taken)) {
            continue;
        }
        let (told, certainty) = match own_name {
            true if slip.near() => ("and it bears the Service's name", 0.95),
            true => ("but it bears the Service's name", 0.85),
            false => ("which is a typing mistake apart", 0.8),
        };
        let candidate = Candidate {
            workload,
            wanted: mended(&selector, &slip),
            told: format!("its pods serve the ports; {}, {told}", slip.sentence()),
            certainty,
        };
        if own_name {
            named.push(candidate);
        } else {
            alike.push(candidate);
        }
    }
    // who bears the Service's name is meant before who is merely alike
    if named.is_empty() { alike } else { named }
}

/// Whether the workload is called as the Service is, in its name or in the label in question.
fn bears_name(scene: &Scene, workload: &Object, slip: &Slip) -> bool {
    let name = scene.object().name.as_str();
    workload.reference.name == name
        || match slip {
            Slip::Value { has, .. } => has == name,
            Slip::Key { value, .. } => value == name,
            Slip::Extra { .. } => false,
        }
}

/// The workload that the last applied selector matches, where that was another one.
fn by_history<'a>(scene: &Scene, workload: &'a Object) -> Option<Candidate<'a>> {
    let applied = scene.last_applied()?;
    let before = json::pairs(&applied, "/spec/selector");
    let mut now = scene.selector();
    let mut sorted = before.clone();
    now.sort_unstable();
    sorted.sort_unstable();
    let fits = !before.is_empty() && now != sorted && matches(&before, &pod_labels(&workload.body));
    (fits && serves(scene, &workload.body)).then(|| Candidate {
        workload,
        wanted: before.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        told: format!(
            "the selector that was last applied, {}, matches its pods",
            equal(&before)
        ),
        certainty: 0.95,
    })
}

/// Whether a workload's pods serve every port of the Service.
fn serves(scene: &Scene, workload: &Value) -> bool {
    let has = port::ports(&workload["spec"]["template"]);
    scene.service.ports.iter().all(|p| port::fits(p, &has))
}

fn mended(selector: &[(&str, &str)], slip: &Slip) -> Vec<(String, String)> {
    selector
        .iter()
        .filter_map(|(k, v)| {
            let (k, v) = ((*k).to_owned(), (*v).to_owned());
            match slip {
                Slip::Value { key, has, .. } if *key == k => Some((k, has.clone())),
                Slip::Key { asked, has, .. } if *asked == k => Some((has.clone(), v)),
                Slip::Extra { key, .. } if *key == k => None,
                _ => Some((k, v)),
            }
        })
        .collect()
}

/// The one edit of one label that leads from the present selector to the wanted one: path and value. None where it
/// takes more: an incident makes one change to an object.
fn one_edit(now: &[(&str, &str)], wanted: &[(String, String)]) -> Option<(String, String)> {
    let differing: Vec<(&str, Option<&str>)> = wanted
        .iter()
        .map(|(k, v)| (k.as_str(), Some(v.as_str())))
        .filter(|(k, v)| !now.iter().any(|(nk, nv)| nk == k && Some(*nv) == *v))
        .chain(
            now.iter()
                .map(|(k, _)| (*k, None))
                .filter(|(k, _)| !wanted.iter().any(|(wk, _)| wk == k)),
        )
        .collect();
    let [(key, value)] = differing.as_slice() else {
        return None;
    };
    let path = format!("/spec/selector/{}", key.replace('~', "~0").replace('/', "~1"));
    Some((path, value.map_or_else(String::new, |v| json!(v).to_string())))
}

/// The command by which a person sets the selector.
fn command(object: &ObjectRef, scene: &Scene, wanted: &[(String, String)]) -> String {
    let mut selector = serde_json::Map::new();
    for (key, _) in scene.selector() {
        selector.insert(key.to_owned(), Value::Null);
    }
    for (key, value) in wanted {
        selector.insert(key.clone(), json!(value));
    }
    format!(
        "kubectl -n {} patch service {} -p '{}'",
        object.namespace,
        object.name,
        json!({"spec": {"selector": selector}})
    )
}

fn correct(scene: &Scene, mut inquiry: Inquiry, candidate: &Candidate, cause: &str) -> Finding {
    let object = scene.object();
    let meant = &candidate.workload.reference;
    let pairs: Vec<(&str, &str)> = candidate.wanted.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let wanted = equal(&pairs);
    let cause = format!("{cause}; {meant} is meant: {}", candidate.told);
    let alone = !pairs.is_empty() && matched(std::slice::from_ref(candidate.workload), &pairs).len() == 1;
    match one_edit(&scene.selector(), &candidate.wanted).filter(|_| alone) {
        Some((path, value)) => inquiry.decide_patch(
            object,
            &path,
            &value,
            &format!("set the selector to {wanted}, which matches the pods of {meant}"),
            &format!("the pods of {meant} are endpoints of {object}"),
        ),
        None => inquiry.decide_escalate(
            "the selector differs in more than one label, which is a person's decision",
            command(object, scene, &candidate.wanted),
        ),
    }
    inquiry.cause("service-down", object, cause, candidate.certainty)
}

/// No workload could be meant.
fn nobody(scene: &Scene, mut inquiry: Inquiry, workloads: &[Object], cause: String) -> Finding {
    let object = scene.object();
    let names: Vec<String> = workloads
        .iter()
        .take(20)
        .map(|w| format!("{} ({})", w.reference, equal(&pod_labels(&w.body))))
        .collect();
    let list = if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    };
    inquiry.saw(format!("workloads of namespace {}", object.namespace), &list);
    inquiry.rule_out("a slip in one label: no workload that serves the Service's ports is that near");
    inquiry.decide_escalate(
        "no workload fits the selector, and none is near it",
        format!(
            "deploy what {object} is for, with pods labelled {}, or point the Service at an existing one: \
             kubectl -n {} set selector service {} KEY=VALUE (workloads here: {list})",
            scene.selector_text(),
            object.namespace,
            object.name
        ),
    );
    inquiry.cause("service-down", object, cause, 0.9)
}

#[cfg(test)]
mod tests {
    use super::one_edit;

    #[test]
    fn only_one_label_is_edited() {
        let own = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        };
        let now = [("app", "wbe"), ("a/b~c", "x")];
        assert_eq!(
            one_edit(&now, &own(&[("app", "web"), ("a/b~c", "x")])),
            Some(("/spec/selector/app".into(), "\"web\"".into()))
        );
        assert_eq!(
            one_edit(&now, &own(&[("app", "wbe")])),
            Some(("/spec/selector/a~1b~0c".into(), String::new()))
        );
        assert_eq!(one_edit(&now, &own(&[("name", "wbe"), ("a/b~c", "x")])), None);
        assert_eq!(one_edit(&now, &own(&[("app", "web"), ("a/b~c", "y")])), None);
    }
}
