//! A client of the simulated API, and a world whose time the test moves.

use dreamops_domain::ports::Clock;
use dreamops_domain::time::Timestamp;
use dreamops_simulator::{ManualClock, Scenario, Simulator, scenarios};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// The present when a world starts.
const PRESENT: &str = "2026-03-01T03:00:00Z";

/// A served world.
pub(crate) struct Cluster {
    pub(crate) simulator: Simulator,
    clock: Arc<ManualClock>,
    token: String,
}

/// The scenario of a name.
pub(crate) fn scenario(name: &str) -> &'static Scenario {
    scenarios()
        .iter()
        .find(|s| s.name == name)
        .unwrap_or_else(|| panic!("no scenario {name}"))
}

/// What the server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    /// The object of an answer that has to be good.
    pub(crate) fn good(self) -> Value {
        assert!((200..300).contains(&self.code), "{} {}", self.code, self.text);
        self.json()
    }

    /// Code and message of a refusal.
    pub(crate) fn refused(self) -> (u16, String) {
        let status = self.json();
        assert_eq!(
            (&status["kind"], &status["status"]),
            (&json!("Status"), &json!("Failure")),
            "{status}"
        );
        (self.code, status["message"].as_str().unwrap_or_default().to_owned())
    }
}

impl Cluster {
    pub(crate) async fn of(name: &str) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::parse(PRESENT).unwrap()));
        let simulator = Simulator::start(scenario(name), Arc::clone(&clock) as Arc<dyn Clock>)
            .await
            .unwrap();
        let config = simulator.kubeconfig();
        let token = config
            .lines()
            .find_map(|l| l.trim().strip_prefix("token: "))
            .unwrap()
            .to_owned();
        Self {
            simulator,
            clock,
            token,
        }
    }

    /// Lets simulated time pass.
    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) async fn send(&self, method: &str, path: &str, kind: &str, body: &Value) -> Answer {
        self.send_as(&self.token, method, path, kind, body).await
    }

    pub(crate) async fn send_as(&self, token: &str, method: &str, path: &str, kind: &str, body: &Value) -> Answer {
        self.exchange(token, (method, path), (kind, "application/json"), body)
            .await
    }

    /// A list or object as kubectl asks for it.
    pub(crate) async fn table(&self, path: &str) -> Value {
        let accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
        self.exchange(&self.token, ("GET", path), ("application/json", accept), &Value::Null)
            .await
            .good()
    }

    async fn exchange(
        &self,
        token: &str,
        (method, path): (&str, &str),
        (kind, accept): (&str, &str),
        body: &Value,
    ) -> Answer {
        let stream = tokio::net::TcpStream::connect(self.simulator.address()).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let request = hyper::Request::builder()
            .method(method)
            .uri(path)
            .header("Host", "simulated")
            .header("Authorization", format!("Bearer {token}"))
            .header("Content-Type", kind)
            .header("Accept", accept)
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        let answer = sender.send_request(request).await.unwrap();
        let code = answer.status().as_u16();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        Answer {
            code,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "application/json", &Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, "application/json", body).await
    }

    pub(crate) async fn delete(&self, path: &str, body: &Value) -> Answer {
        self.send("DELETE", path, "application/json", body).await
    }

    pub(crate) async fn patch(&self, path: &str, operations: &Value) -> Answer {
        let path = format!(
            "{path}{}fieldManager=dreamops",
            if path.contains('?') { "&" } else { "?" }
        );
        self.send("PATCH", &path, "application/json-patch+json", operations)
            .await
    }

    /// Items of a list.
    pub(crate) async fn items(&self, path: &str) -> Vec<Value> {
        self.get(path).await.good()["items"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    }

    pub(crate) async fn deployment(&self, name: &str) -> Value {
        self.get(&deployment(name)).await.good()
    }

    /// Pods of an app that are not on their way out.
    pub(crate) async fn pods(&self, app: &str) -> Vec<Value> {
        let mut pods = self
            .items(&format!("/api/v1/namespaces/shop/pods?labelSelector=app%3D{app}"))
            .await;
        pods.retain(|p| p["metadata"]["deletionTimestamp"].is_null());
        pods
    }

    /// (ready, all) pods of an app.
    pub(crate) async fn ready(&self, app: &str) -> (usize, usize) {
        let pods = self.pods(app).await;
        (pods.iter().filter(|p| is_ready(p)).count(), pods.len())
    }

    /// Ready endpoints of a Service.
    pub(crate) async fn endpoints(&self, service: &str) -> usize {
        let path = format!(
            "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices?labelSelector=kubernetes.io/service-name%3D{service}"
        );
        let slices = self.items(&path).await;
        let endpoints = slices
            .iter()
            .flat_map(|s| s["endpoints"].as_array().cloned().unwrap_or_default());
        endpoints.filter(|e| e["conditions"]["ready"] == true).count()
    }

    /// Reasons and messages of events about an object.
    pub(crate) async fn events(&self, uid: &str) -> Vec<(String, String)> {
        let events = self
            .items(&format!(
                "/api/v1/namespaces/shop/events?fieldSelector=involvedObject.uid%3D{uid}"
            ))
            .await;
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        events
            .iter()
            .map(|e| (text(&e["reason"]), text(&e["message"])))
            .collect()
    }

    /// Sets the template of a Deployment back to that of an earlier revision.
    pub(crate) async fn undo(&self, name: &str, number: &str) {
        let sets = self
            .items(&format!(
                "/apis/apps/v1/namespaces/shop/replicasets?labelSelector=app%3D{name}"
            ))
            .await;
        let set = sets
            .iter()
            .find(|s| s["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == number)
            .unwrap_or_else(|| panic!("no revision {number} of {name}"));
        let mut template = set["spec"]["template"].clone();
        template["metadata"]["labels"]
            .as_object_mut()
            .unwrap()
            .shift_remove("pod-template-hash");
        self.patch(
            &deployment(name),
            &json!([{"op": "replace", "path": "/spec/template", "value": template}]),
        )
        .await
        .good();
    }

    /// The objects of other workloads, but for what moves by itself.
    pub(crate) fn bystanders(&self, apps: &[&str]) -> Vec<(String, Value)> {
        let state = self.simulator.state().into_iter();
        state
            .filter(|(key, _)| !key.starts_with("Event/") && !key.starts_with("Node/"))
            .filter(|(key, _)| !apps.iter().any(|app| key.contains(&format!("/{app}"))))
            .collect()
    }
}

pub(crate) fn deployment(name: &str) -> String {
    format!("/apis/apps/v1/namespaces/shop/deployments/{name}")
}

pub(crate) fn uid(object: &Value) -> String {
    object["metadata"]["uid"].as_str().unwrap_or_default().to_owned()
}

pub(crate) fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

pub(crate) fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions.is_some_and(|c| c.iter().any(|c| c["type"] == "Ready" && c["status"] == "True"))
}

impl Cluster {
    /// Ready endpoints of a Service that lead to a port.
    pub(crate) async fn serving(&self, service: &str) -> usize {
        let path = format!(
            "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices?labelSelector=kubernetes.io/service-name%3D{service}"
        );
        let slices = self.items(&path).await;
        let with_ports = slices.iter().filter(|s| s["ports"].is_array());
        let endpoints = with_ports.flat_map(|s| s["endpoints"].as_array().cloned().unwrap_or_default());
        endpoints.filter(|e| e["conditions"]["ready"] == true).count()
    }

    /// Millicores that each pod of an app uses.
    pub(crate) async fn cpu(&self, app: &str) -> Vec<u64> {
        let path = format!("/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods?labelSelector=app%3D{app}");
        let samples = self.items(&path).await;
        let of = |s: &Value| {
            let text = s["containers"][0]["usage"]["cpu"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            text.strip_suffix('m')
                .map_or_else(|| text.parse().unwrap_or(0) * 1000, |n| n.parse().unwrap_or(0))
        };
        samples.iter().map(of).collect()
    }

    /// A pod of an app that is not ready.
    pub(crate) async fn broken(&self, app: &str) -> Value {
        let pods = self.pods(app).await;
        pods.into_iter()
            .find(|p| !is_ready(p))
            .unwrap_or_else(|| panic!("no pod of {app} is broken"))
    }

    /// Deletes a pod by name and uid.
    pub(crate) async fn restart(&self, pod: &Value) {
        let path = format!("/api/v1/namespaces/shop/pods/{}", name(pod));
        self.delete(&path, &json!({"preconditions": {"uid": uid(pod)}}))
            .await
            .good();
    }

    /// Rolls a Deployment anew with the same template.
    pub(crate) async fn roll(&self, app: &str) {
        let annotation = json!({"dreamops.dev/restarted-at": "now"});
        let patch = json!([{"op": "add", "path": "/spec/template/metadata/annotations", "value": annotation}]);
        self.patch(&deployment(app), &patch).await.good();
    }

    /// Sets one field of a Deployment.
    pub(crate) async fn set(&self, app: &str, path: &str, value: Value) {
        self.patch(&deployment(app), &json!([{"op": "add", "path": path, "value": value}]))
            .await
            .good();
    }
}

/// Why a pod's first container waits.
pub(crate) fn waiting(pod: &Value) -> (&str, &str) {
    let waiting = &pod["status"]["containerStatuses"][0]["state"]["waiting"];
    (
        waiting["reason"].as_str().unwrap_or_default(),
        waiting["message"].as_str().unwrap_or_default(),
    )
}
