//! Whether the target ports of a Service are ports of its pods, and which would be.
//!
//! A name has to be the name of a container's port. A number is taken as it is by the cluster, so it is judged by the
//! ports that the containers declare; where they declare none, by the ports that their probes ask.

use crate::scene::Scene;
use dreamops_sdk::cluster::ServicePort;
use dreamops_sdk::json;
use dreamops_sdk::prelude::*;
use serde_json::{Value, json};

use crate::labels::close;

/// A port of a pod.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PodPort {
    /// The name; empty where it has none.
    pub(crate) name: String,
    pub(crate) number: i64,
    protocol: String,
    /// Declared by the container, not only asked by a probe.
    declared: bool,
}

impl PodPort {
    /// `8080 (http)`.
    fn show(&self) -> String {
        if self.name.is_empty() {
            self.number.to_string()
        } else {
            format!("{} ({})", self.number, self.name)
        }
    }
}

/// A port of the Service that leads nowhere.
pub(crate) struct Wrong {
    /// Its place in `spec.ports`.
    place: usize,
    port: ServicePort,
    /// What the pods have.
    has: Vec<PodPort>,
}

/// The ports of a pod or template.
pub(crate) fn ports(template: &Value) -> Vec<PodPort> {
    let sidecars = json::items(template, "/spec/initContainers")
        .iter()
        .filter(|c| json::text(c, "/restartPolicy") == "Always");
    let containers: Vec<&Value> = json::items(template, "/spec/containers")
        .iter()
        .chain(sidecars)
        .collect();
    let declared = containers
        .iter()
        .flat_map(|c| json::items(c, "/ports"))
        .filter_map(|p| {
            Some(PodPort {
                name: json::text(p, "/name").into(),
                number: json::number(p, "/containerPort")?,
                protocol: match json::text(p, "/protocol") {
                    "" => "TCP".into(),
                    other => other.into(),
                },
                declared: true,
            })
        });
    let mut all: Vec<PodPort> = declared.collect();
    if all.is_empty() {
        for container in containers {
            for probe in ["readinessProbe", "livenessProbe", "startupProbe"] {
                for how in ["httpGet", "tcpSocket", "grpc"] {
                    let number = json::number(container, &format!("/{probe}/{how}/port"));
                    if let Some(number) = number.filter(|n| all.iter().all(|p| p.number != *n)) {
                        all.push(PodPort {
                            name: String::new(),
                            number,
                            protocol: "TCP".into(),
                            declared: false,
                        });
                    }
                }
            }
        }
    }
    all
}

/// Whether a target port is a port of these; where a number is asked and none is known, nothing speaks against it.
pub(crate) fn fits(port: &ServicePort, has: &[PodPort]) -> bool {
    let of_protocol = || has.iter().filter(|p| p.protocol == port.protocol);
    match port.target_port.parse::<i64>() {
        Ok(number) => of_protocol().next().is_none() || of_protocol().any(|p| p.number == number),
        Err(_) => of_protocol().any(|p| p.name == port.target_port),
    }
}

/// The first port of the Service that is no port of any of its pods.
pub(crate) fn wrong(scene: &Scene) -> Option<Wrong> {
    // a rollout may be under way: a port that some pods have is right
    scene.service.ports.iter().enumerate().find_map(|(place, port)| {
        let served = scene.pods.iter().any(|pod| fits(port, &ports(pod.body())));
        (!scene.pods.is_empty() && !served).then(|| Wrong {
            place,
            port: port.clone(),
            has: scene.pods.first().map(|p| ports(p.body())).unwrap_or_default(),
        })
    })
}

/// The one port that should be meant, with what tells so and how sure it is.
fn meant(scene: &Scene, wrong: &Wrong) -> Option<(PodPort, String, f64)> {
    let others: Vec<&str> = scene
        .service
        .ports
        .iter()
        .enumerate()
        .filter(|(place, _)| *place != wrong.place)
        .map(|(_, p)| p.target_port.as_str())
        .collect();
    let free: Vec<&PodPort> = wrong
        .has
        .iter()
        .filter(|p| p.protocol == wrong.port.protocol)
        .filter(|p| !others.contains(&p.name.as_str()) && !others.contains(&p.number.to_string().as_str()))
        .collect();
    let only = |fits: &dyn Fn(&PodPort) -> bool| {
        let mut fitting = free.iter().filter(|p| fits(p));
        match (fitting.next(), fitting.next()) {
            (Some(one), None) => Some((*one).clone()),
            _ => None,
        }
    };
    let asked = wrong.port.target_port.as_str();
    if let Some(before) = applied_target(scene, wrong)
        && let Some(port) = only(&|p| p.name == before || p.number.to_string() == before)
    {
        return Some((port, format!("it was {before} when the Service was last applied"), 0.95));
    }
    let by_name = only(&|p| !p.name.is_empty() && (p.name == wrong.port.name || close(&p.name, asked)));
    if let Some(port) = by_name {
        return Some((port, "its name fits".into(), 0.9));
    }
    // metrics and health ports stand beside the one that serves
    let serves = |p: &PodPort| {
        !["metrics", "prom", "health", "admin", "debug"]
            .iter()
            .any(|w| p.name.contains(w))
    };
    let port = only(&|_| true).or_else(|| only(&serves))?;
    let certainty = if port.declared { 0.85 } else { 0.7 };
    Some((port, "it is the only one".into(), certainty))
}

/// The target port at the last `kubectl apply`, where it was another.
fn applied_target(scene: &Scene, wrong: &Wrong) -> Option<String> {
    let applied = scene.last_applied()?;
    let port = json::items(&applied, "/spec/ports")
        .iter()
        .find(|p| json::number(p, "/port") == Some(i64::from(wrong.port.port)))?;
    let target = match port.get("targetPort")? {
        Value::String(name) => name.clone(),
        other => other.to_string(),
    };
    (target != wrong.port.target_port).then_some(target)
}

/// Concludes about a port that leads nowhere.
pub(crate) fn conclude(scene: &Scene, mut inquiry: Inquiry, wrong: &Wrong) -> Finding {
    let object = scene.object();
    let asked = &wrong.port.target_port;
    let list: Vec<String> = wrong.has.iter().map(PodPort::show).collect();
    let list = if list.is_empty() {
        "none".to_owned()
    } else {
        list.join(", ")
    };
    inquiry.saw(
        object,
        format!("port {} leads to {asked}; ports of its pods: {list}", wrong.port.port),
    );
    inquiry.rule_out(format!(
        "the selector: {} matches {} pods",
        scene.selector_text(),
        scene.pods.len()
    ));
    let cause = format!(
        "port {} of {object} leads to target port {asked}, which is no port of its pods (they have {list})",
        wrong.port.port
    );
    let path = format!("/spec/ports/{}/targetPort", wrong.place);
    let Some((port, told, certainty)) = meant(scene, wrong) else {
        inquiry.decide_escalate(
            "no port, or more than one, could be meant",
            format!(
                "set targetPort of port {} to the one that serves it ({list}): kubectl -n {} patch service {} --type=json \
                 -p '[{{\"op\":\"replace\",\"path\":\"{path}\",\"value\":PORT}}]'",
                wrong.port.port, object.namespace, object.name
            ),
        );
        return inquiry.cause("service-down", object, cause, 0.9);
    };
    // the form stays: a name for a name where there is one, a number for a number
    let by_number = asked.parse::<u16>().is_ok() || port.name.is_empty();
    let value = if by_number {
        json!(port.number)
    } else {
        json!(port.name)
    };
    inquiry.decide_patch(
        object,
        &path,
        &value.to_string(),
        &format!("set the target port to {}: {told}", port.show()),
        "connections to the Service reach its pods",
    );
    inquiry.cause("service-down", object, cause, certainty)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(target: &str) -> ServicePort {
        ServicePort {
            name: String::new(),
            port: 80,
            target_port: target.into(),
            protocol: "TCP".into(),
        }
    }

    #[test]
    fn names_have_to_be_there_and_numbers_must_not_be_denied() {
        let named = ports(&json!({"spec": {"containers": [{"ports": [{"name": "http", "containerPort": 8080}]}]}}));
        assert!(fits(&port("http"), &named) && fits(&port("8080"), &named));
        assert!(!fits(&port("web"), &named) && !fits(&port("80"), &named));
        let silent = ports(&json!({"spec": {"containers": [{}]}}));
        assert!(fits(&port("80"), &silent) && !fits(&port("http"), &silent));
        let probed = ports(&json!({"spec": {"containers": [{"readinessProbe": {"httpGet": {"port": 8080}}}]}}));
        assert!(fits(&port("8080"), &probed) && !fits(&port("80"), &probed));
        let udp = ports(
            &json!({"spec": {"containers": [{"ports": [{"name": "dns", "containerPort": 53, "protocol": "UDP"}]}]}}),
        );
        assert!(!fits(&port("dns"), &udp));
    }

    #[test]
    fn a_sidecars_port_counts_and_an_init_containers_does_not() {
        let template = |policy: &str| {
            json!({"spec": {"containers": [{"ports": [{"containerPort": 1}]}],
                "initContainers": [{"restartPolicy": policy, "ports": [{"name": "proxy", "containerPort": 2}]}]}})
        };
        assert!(fits(&port("proxy"), &ports(&template("Always"))));
        assert!(!fits(&port("proxy"), &ports(&template(""))));
    }
}
