//! A Service with what is behind it.
//!
//! Endpoints come from its `EndpointSlices`. A pod may stand in several of them (two address
//! families, ports by name): it is one endpoint here, with all its ports; ready if any slice says
//! so. Pods on their way out are left out.

use super::{Stop, elements, live, members, pods, reference, selector, text};
use crate::api::Api;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::read::{Endpoint, ServiceFact, ServicePort};
use serde_json::Value;
use std::collections::BTreeMap;

/// The pods and endpoints behind a Service.
pub(crate) struct Behind {
    /// Pods that the selector matches and that count.
    pub(crate) selected: Vec<Value>,
    /// Ready endpoints.
    pub(crate) ready: Vec<Endpoint>,
    /// The others.
    pub(crate) not_ready: Vec<Endpoint>,
}

pub(crate) async fn of(api: &Api, object: &ObjectRef) -> Result<ServiceFact, Stop> {
    let service = live(api, object).await?;
    let behind = behind(api, &service).await?;
    Ok(ServiceFact {
        object: reference(&service),
        kind: kind(&service).to_owned(),
        selector: members(&service, "/spec/selector")
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect(),
        ports: elements(&service, "/spec/ports").iter().map(port).collect(),
        ready: behind.ready,
        not_ready: behind.not_ready,
        selected: behind.selected.iter().map(reference).collect(),
    })
}

/// What is behind a Service.
pub(crate) async fn behind(api: &Api, service: &Value) -> Result<Behind, Stop> {
    let namespace = text(service, "/metadata/namespace");
    let of_service = format!("kubernetes.io/service-name={}", text(service, "/metadata/name"));
    let slices = api.list_all("EndpointSlice", namespace, &of_service, "");
    let (slices, mut selected) = match selector::of_service(&service["spec"]["selector"]) {
        Some(labels) => futures::try_join!(slices, api.list_all("Pod", namespace, &labels, ""))?,
        None => (slices.await?, Vec::new()),
    };
    selected.retain(pods::counts);
    let (ready, not_ready) = endpoints(&slices);
    Ok(Behind {
        selected,
        ready,
        not_ready,
    })
}

fn kind(service: &Value) -> &str {
    if text(service, "/spec/clusterIP") == "None" {
        return "Headless";
    }
    match text(service, "/spec/type") {
        "" => "ClusterIP",
        other => other,
    }
}

fn port(port: &Value) -> ServicePort {
    let number = small(&port["port"]);
    ServicePort {
        name: text(port, "/name").to_owned(),
        port: number,
        target_port: match &port["targetPort"] {
            Value::String(name) => name.clone(),
            Value::Number(target) => target.to_string(),
            _ => number.to_string(),
        },
        protocol: match text(port, "/protocol") {
            "" => "TCP",
            protocol => protocol,
        }
        .to_owned(),
    }
}

/// Ready endpoints, and the others.
fn endpoints(slices: &[Value]) -> (Vec<Endpoint>, Vec<Endpoint>) {
    let mut found: BTreeMap<String, (bool, Endpoint)> = BTreeMap::new();
    for slice in slices {
        let ports: Vec<u16> = elements(slice, "/ports")
            .iter()
            .map(|p| small(&p["port"]))
            .filter(|&p| p > 0)
            .collect();
        for endpoint in elements(slice, "/endpoints") {
            if endpoint["conditions"]["terminating"] == true {
                continue;
            }
            // an absent condition is to be read as ready (EndpointConditions of discovery.k8s.io/v1)
            let ready = endpoint["conditions"]["ready"] != false;
            let pod = pod(&endpoint["targetRef"]);
            let address = endpoint["addresses"][0].as_str().unwrap_or_default();
            let key = pod.as_ref().map_or_else(|| address.to_owned(), |p| p.uid.clone());
            let (so_far, entry) = found
                .entry(key)
                .or_insert_with(|| (false, Endpoint { pod, ports: Vec::new() }));
            *so_far |= ready;
            entry.ports.extend(&ports);
        }
    }
    let (ready, others): (Vec<_>, Vec<_>) = found
        .into_values()
        .map(|(ready, mut endpoint)| {
            endpoint.ports.sort_unstable();
            endpoint.ports.dedup();
            (ready, endpoint)
        })
        .partition(|(ready, _)| *ready);
    let only = |list: Vec<(bool, Endpoint)>| list.into_iter().map(|(_, endpoint)| endpoint).collect();
    (only(ready), only(others))
}

fn pod(target: &Value) -> Option<ObjectRef> {
    (target["kind"] == "Pod").then(|| {
        ObjectRef::new(
            "Pod",
            text(target, "/namespace"),
            text(target, "/name"),
            text(target, "/uid"),
        )
    })
}

fn small(number: &Value) -> u16 {
    number.as_u64().and_then(|n| u16::try_from(n).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn endpoint(pod: &str, conditions: &Value) -> Value {
        json!({"addresses": ["10.88.0.5"], "conditions": conditions, "targetRef": {"kind": "Pod", "namespace": "shop", "name": pod, "uid": pod}})
    }

    #[test]
    fn a_pod_in_two_slices_is_one_endpoint_with_both_ports() {
        let up = json!({"ready": true});
        let slices = [
            json!({"ports": [{"port": 80}], "endpoints": [endpoint("a", &up), endpoint("b", &json!({"ready": false}))]}),
            json!({"ports": [{"port": 81}], "endpoints": [endpoint("a", &up)]}),
        ];
        let (ready, others) = endpoints(&slices);
        assert_eq!((ready.len(), others.len()), (1, 1));
        assert_eq!(ready[0].ports, [80, 81]);
    }

    #[test]
    fn an_endpoint_whose_port_name_nothing_bears_has_no_port() {
        let slices = [json!({"ports": null, "endpoints": [endpoint("a", &json!({}))]})];
        assert_eq!(endpoints(&slices).0[0].ports, [] as [u16; 0]);
    }

    #[test]
    fn a_pod_on_its_way_out_is_no_endpoint() {
        let leaving = json!({"ready": false, "serving": true, "terminating": true});
        let (ready, others) = endpoints(&[json!({"ports": [{"port": 80}], "endpoints": [endpoint("a", &leaving)]})]);
        assert!(ready.is_empty() && others.is_empty());
    }

    #[test]
    fn kinds_and_ports_are_read_with_their_defaults() {
        assert_eq!(
            kind(&json!({"spec": {"clusterIP": "None", "type": "ClusterIP"}})),
            "Headless"
        );
        assert_eq!(kind(&json!({"spec": {"type": "NodePort"}})), "NodePort");
        let named = port(&json!({"name": "http", "port": 80, "targetPort": "web", "protocol": "UDP"}));
        assert_eq!((named.target_port.as_str(), named.protocol.as_str()), ("web", "UDP"));
        assert_eq!(port(&json!({"port": 80})).target_port, "80");
    }
}
