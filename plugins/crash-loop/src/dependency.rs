//! A program that cannot reach what it needs. The victim is not restarted: that cures nothing and adds load.

use crate::endpoint::Endpoint;
use crate::replica::ONCE_MS;
use crate::rollout::{Fault, to_person, undo_or_escalate};
use crate::scene::Scene;
use crate::setting::ends;
use crate::signs::How;
use dreamops_sdk::change::{Change, Part};
use dreamops_sdk::cluster::Service;
use dreamops_sdk::host::now_ms;
use dreamops_sdk::json;
use dreamops_sdk::prelude::*;
use dreamops_sdk::revision::Record;
use serde_json::Value;

/// What is behind a host's name.
enum Behind {
    /// A Service of the incident's namespace.
    Service(Box<Service>),
    /// No Service of that name in the incident's namespace.
    Nothing(String),
    /// Another namespace, or outside the cluster.
    OutOfScope,
}

/// Concludes about a place that a program waits for.
pub(crate) fn conclude(
    incident: &Incident,
    scene: &Scene,
    record: &Record,
    mut inquiry: Inquiry,
    at: &Endpoint,
    how: How,
    line: &str,
) -> Result<Finding, Failure> {
    let place = at.port.map_or_else(|| at.host.clone(), |p| format!("{}:{p}", at.host));
    let fails = match how {
        How::Refused => "refuses connections",
        How::NoSuchHost => "is an unknown name",
        How::Silent => "does not answer",
    };
    let cause = format!(
        "{} needs {place}, which {fails} ({}): \"{line}\"",
        scene.title(),
        ends(scene)
    );
    let behind = look_behind(scene, &mut inquiry, &at.host)?;
    if let Some(fits) = readdressed(scene, record, at, &behind) {
        let fault = Fault {
            cause: format!("{cause}; the address was changed by the rollout"),
            certainty: 0.95,
            explained: true,
            by_hand: String::new(),
        };
        return undo_or_escalate(&scene.subject, record, inquiry, fault, |r| fits.contains(&r.uid));
    }
    match behind {
        Behind::Service(service) => Ok(of_service(incident, scene, inquiry, &service, at, &cause)),
        Behind::Nothing(name) => no_service(scene, inquiry, &name, at, &cause),
        Behind::OutOfScope => {
            let by_hand = format!(
                "restore {place}, which is outside this incident's namespace {}; nothing in {} has to change",
                scene.subject.object.namespace, scene.subject.object
            );
            Ok(person(
                scene,
                inquiry,
                cause,
                by_hand,
                "what it needs is out of this incident's scope",
            ))
        }
    }
}

fn person(scene: &Scene, inquiry: Inquiry, cause: String, by_hand: String, why: &str) -> Finding {
    let fault = Fault {
        cause,
        certainty: 0.85,
        explained: false,
        by_hand,
    };
    to_person(&scene.subject, inquiry, fault, why)
}

fn look_behind(scene: &Scene, inquiry: &mut Inquiry, host: &str) -> Result<Behind, Failure> {
    let namespace = &scene.subject.object.namespace;
    let parts: Vec<&str> = host.split('.').collect();
    if parts.len() == 4 && parts.iter().all(|p| p.parse::<u8>().is_ok()) {
        return by_address(inquiry, namespace, host);
    }
    // NAME, NAME.NS, NAME.NS.svc…, and for one pod of a headless Service POD.NAME[.NS.svc…]
    let (path, ns) = match parts.iter().position(|p| *p == "svc") {
        Some(at) if at >= 2 => (&parts[..at - 1], parts[at - 1]),
        _ if parts.len() == 2 && parts[1] == namespace => (&parts[..1], parts[1]),
        _ => (parts.as_slice(), namespace.as_str()),
    };
    let name = match path {
        [name] | [_, name] if ns == namespace => *name,
        _ => return Ok(Behind::OutOfScope),
    };
    let found = cluster::found(cluster::service(namespace, name));
    match inquiry.look(format!("Service/{name}"), found)?.flatten() {
        Some(service) => Ok(Behind::Service(Box::new(service))),
        // two parts that name no Service here are a name in another namespace or outside
        None if parts.len() == 2 && parts[1] != namespace => Ok(Behind::OutOfScope),
        None => Ok(Behind::Nothing(name.to_owned())),
    }
}

fn by_address(inquiry: &mut Inquiry, namespace: &str, address: &str) -> Result<Behind, Failure> {
    let listed = cluster::list(&Query::of("Service", namespace));
    let service = inquiry
        .look("Services", listed)?
        .and_then(|all| {
            all.items
                .into_iter()
                .find(|s| json::text(&s.body, "/spec/clusterIP") == address)
        })
        .map(|s| cluster::service(namespace, &s.reference.name));
    Ok(match service {
        Some(answer) => inquiry
            .look(format!("Service of {address}"), answer)?
            .map_or(Behind::OutOfScope, |s| Behind::Service(Box::new(s))),
        None => Behind::OutOfScope,
    })
}

/// The revisions in which the address is another one: a value, flag or command that names the host (or, where a
/// Service is there without that port, the port) now and did not then; where no such Service exists, also a value
/// that is hidden and differs.
fn readdressed(scene: &Scene, record: &Record, at: &Endpoint, behind: &Behind) -> Option<Vec<String>> {
    let current = record.current()?;
    let port = at.port.map(|p| p.to_string());
    let wrong_port = match behind {
        Behind::Service(s) => at.port.is_some_and(|p| !s.ports.iter().any(|q| q.port == p)),
        _ => false,
    };
    // a Service that is there under the right port is down by itself; the address is right
    if matches!(behind, Behind::Service(_)) && !wrong_port {
        return None;
    }
    let names_it = |value: Option<&Value>| {
        let text = value.map(words).unwrap_or_default();
        let host = text.contains(&at.host) && !wrong_port;
        let number = wrong_port && port.as_ref().is_some_and(|p| text.contains(p.as_str()));
        (host || number, text.contains("‹secret:") || text.contains("valueFrom"))
    };
    let missing = matches!(behind, Behind::Nothing(_));
    let explains = |c: &Change| {
        let own = c.container.as_deref() == Some(scene.container.name.as_str());
        let carries = matches!(c.part, Part::Env(_) | Part::Command);
        let ((now, hidden), (then, _)) = (names_it(c.new.as_ref()), names_it(c.old.as_ref()));
        own && carries && ((now && !then) || (missing && hidden && c.old.is_some()))
    };
    let fits: Vec<String> = record
        .others()
        .filter(|(r, _)| {
            dreamops_sdk::change::between(&r.template, &current.template)
                .iter()
                .any(explains)
        })
        .map(|(r, _)| r.uid.clone())
        .collect();
    (!fits.is_empty()).then_some(fits)
}

fn words(value: &Value) -> String {
    match value.get("value").and_then(Value::as_str) {
        Some(text) => text.to_owned(),
        None => value.to_string(),
    }
}

/// The pod that a restart cures: what it needs is back, and its back-off has become longer than anybody wants to wait.
/// Only where it is the only one, and only once.
fn restartable<'a>(incident: &Incident, scene: &'a Scene) -> Option<&'a Pod> {
    let message = scene.container.waiting_message();
    // `back-off 1m20s restarting failed container`: under a minute it passes by itself
    let minutes = message
        .strip_prefix("back-off ")
        .and_then(|rest| rest.split_whitespace().next())
        .is_some_and(|wait| wait.contains('m') && !wait.ends_with("ms"));
    let alone = scene.failing_equals().count() == 1;
    let again = incident.did("restart-pod", now_ms(), ONCE_MS);
    (scene.changeable() && minutes && alone && !again).then_some(&scene.pod)
}

/// The Service is there.
fn of_service(
    incident: &Incident,
    scene: &Scene,
    mut inquiry: Inquiry,
    service: &Service,
    at: &Endpoint,
    cause: &str,
) -> Finding {
    let name = &service.object;
    inquiry.saw(
        name,
        format!(
            "{} ready endpoints, {} not ready",
            service.ready.len(),
            service.not_ready.len()
        ),
    );
    let ports: Vec<String> = service.ports.iter().map(|p| p.port.to_string()).collect();
    let wrong_port = at.port.filter(|p| !service.ports.iter().any(|q| q.port == *p));
    if let Some(port) = wrong_port.filter(|_| service.kind != "Headless") {
        let object = &scene.subject.object;
        let by_hand = format!(
            "{name} listens on {}; correct port {port} in the settings of container {}: kubectl -n {} edit {}",
            ports.join(", "),
            scene.container.name,
            object.namespace,
            object.kubectl()
        );
        let why = "no revision with another address is known";
        return person(scene, inquiry, cause.to_owned(), by_hand, why);
    }
    if service.ready.is_empty() {
        if service.kind == "ExternalName" {
            let by_hand = format!("restore what {name} points at; it is outside the cluster");
            return person(scene, inquiry, cause.to_owned(), by_hand, "it is out of scope");
        }
        let reason = format!("{cause}; {name} has no ready endpoint");
        return inquiry.hand_over("service-down", name, reason);
    }
    // the dependency is up: the program recovers at its next start
    inquiry.saw(name, "it is ready now");
    inquiry.rule_out(format!("{name}: it has {} ready endpoints now", service.ready.len()));
    if let Some(pod) = restartable(incident, scene) {
        inquiry.decide_restart(
            pod.reference(),
            "what it needs is ready now, and the kubelet's back-off would keep it down for minutes",
            "the new pod is ready and does not end",
        );
        let cause = format!("{cause}; {name} is ready now, and the back-off keeps it down");
        return inquiry.cause("crash-loop", &scene.subject.object, cause, 0.8);
    }
    inquiry.decide_wait("what it needs is ready now; the program recovers with its next start");
    let cause = format!("{cause}; {name} is ready now, so the next start should succeed");
    inquiry.cause("crash-loop", &scene.subject.object, cause, 0.8)
}

/// There is no such Service.
fn no_service(scene: &Scene, mut inquiry: Inquiry, name: &str, at: &Endpoint, cause: &str) -> Result<Finding, Failure> {
    let namespace = &scene.subject.object.namespace;
    let listed = cluster::list(&Query::of("Service", namespace).parts(&["/metadata/name"]));
    let services = inquiry.look("Services", listed)?.unwrap_or_default();
    let near: Vec<&str> = services
        .items
        .iter()
        .map(|s| s.reference.name.as_str())
        .filter(|n| edits(n, name) <= 2 || n.contains(name) || name.contains(*n))
        .collect();
    let guess = if near.is_empty() {
        String::new()
    } else {
        format!(" (there is {})", near.join(", "))
    };
    inquiry.saw("Services", format!("no Service {name} in namespace {namespace}{guess}"));
    let port = at.port.map_or_else(|| "PORT".into(), |p| p.to_string());
    let by_hand = format!(
        "either create the Service that it needs: kubectl -n {namespace} expose deployment NAME --name {name} \
         --port {port}; or correct the address{guess}: kubectl -n {namespace} edit {}",
        scene.subject.object.kubectl()
    );
    let cause = format!("{cause}; there is no Service {name}{guess}");
    Ok(person(
        scene,
        inquiry,
        cause,
        by_hand,
        "a Service is not made from here",
    ))
}

/// The least number of letters to insert, remove or replace.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

/// What an init container waits for, by its command, where its log says nothing: the host of the first word that
/// names a Service.
pub(crate) fn awaited(scene: &Scene, inquiry: &mut Inquiry) -> Result<Option<Endpoint>, Failure> {
    let Some(spec) = scene.in_template(scene.pod.body()) else {
        return Ok(None);
    };
    let text: Vec<&str> = ["/command", "/args"]
        .iter()
        .flat_map(|p| json::items(spec, p))
        .filter_map(Value::as_str)
        .collect();
    let text = text.join(" ");
    let by_url = crate::endpoint::find(&text);
    let listed = cluster::list(&Query::of("Service", &scene.subject.object.namespace).parts(&["/metadata/name"]));
    let services = inquiry.look("Services", listed)?.unwrap_or_default();
    let mut words = text
        .split(|c: char| c.is_whitespace() || "\"'`();|&$/".contains(c))
        .filter(|w| !w.is_empty());
    while let Some(word) = words.next() {
        let (host, port) = word.split_once(':').unwrap_or((word, ""));
        let first = host.split('.').next().unwrap_or(host);
        if services.items.iter().any(|s| s.reference.name == first) {
            let port = port.parse().ok().or_else(|| words.next().and_then(|w| w.parse().ok()));
            return Ok(Some(Endpoint {
                host: host.into(),
                port,
            }));
        }
    }
    Ok(by_url)
}
