//! A namespace of the real cluster, and a simulated cluster in the same state.

use crate::exchange::{Answer, Request, Server};
use crate::names::Names;
use dreamops_domain::time::Timestamp;
use dreamops_simulator::{Ground, ManualClock, Simulator};
use dreamops_test_cluster::{Cluster, wait_for};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The cluster that all tests share.
const CLUSTER: &str = "e2e";
/// How long the real cluster may take for anything.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long the simulated one may, by its own clock.
const SIMULATED_PATIENCE: Duration = Duration::from_mins(10);
/// When the simulated cluster begins, in milliseconds since 1970; times are not compared.
const BEGIN: u64 = 1_769_828_400_000;
/// How far the simulated clock goes at a time.
pub(crate) const STEP: Duration = Duration::from_millis(500);

/// Kinds whose objects are told from one another, with the paths of their collections.
const KINDS: [(&str, &str, &str); 8] = [
    ("Deployment", "apps/v1", "/apis/apps/v1/namespaces/NS/deployments"),
    ("StatefulSet", "apps/v1", "/apis/apps/v1/namespaces/NS/statefulsets"),
    ("DaemonSet", "apps/v1", "/apis/apps/v1/namespaces/NS/daemonsets"),
    ("Service", "v1", "/api/v1/namespaces/NS/services"),
    ("ReplicaSet", "apps/v1", "/apis/apps/v1/namespaces/NS/replicasets"),
    (
        "ControllerRevision",
        "apps/v1",
        "/apis/apps/v1/namespaces/NS/controllerrevisions",
    ),
    (
        "EndpointSlice",
        "discovery.k8s.io/v1",
        "/apis/discovery.k8s.io/v1/namespaces/NS/endpointslices",
    ),
    ("Pod", "v1", "/api/v1/namespaces/NS/pods"),
];

/// One of the two clusters.
pub(crate) struct Side {
    pub(crate) server: Server,
    token: String,
    pub(crate) names: RefCell<Names>,
}

/// Both.
pub(crate) struct Pair {
    pub(crate) runtime: Runtime,
    pub(crate) namespace: String,
    pub(crate) real: Side,
    pub(crate) simulated: Side,
    pub(crate) data: TempDir,
    cluster: Cluster,
    clock: Arc<ManualClock>,
    // stops serving when it is dropped
    _simulator: Simulator,
    proxy: Child,
}

impl Pair {
    /// A fresh namespace, and a simulated cluster with one of the same name.
    pub(crate) fn new(name: &str) -> Self {
        let cluster = Cluster::start(CLUSTER).unwrap();
        let namespace = cluster.namespace(name).unwrap();
        let data = tempfile::tempdir().unwrap();
        let (proxy, real) = proxied(&cluster, data.path().join("proxy"), &cluster.admin_kubeconfig());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(BEGIN)));
        let ground = Ground {
            // as config/kubelet.yaml sets it
            longest_back_off: Some(Duration::from_secs(10)),
            nodes: vec!["node-1".to_owned()],
            namespaces: vec![namespace.clone()],
            images: (1..=5).map(|n| format!("docker.io/library/stage:{n}")).collect(),
        };
        let simulator = runtime.block_on(Simulator::on(&ground, clock.clone())).unwrap();
        let pair = Self {
            simulated: Side {
                server: Server::Here(simulator.address()),
                token: simulator.token().to_owned(),
                names: RefCell::default(),
            },
            real,
            runtime,
            namespace,
            data,
            cluster,
            clock,
            _simulator: simulator,
            proxy,
        };
        wait_for("the proxy", PATIENCE, || Ok(pair.proxy_is_up())).unwrap();
        pair
    }

    fn proxy_is_up(&self) -> bool {
        let Server::Proxied(socket) = &self.real.server else {
            return true;
        };
        std::os::unix::net::UnixStream::connect(socket).is_ok()
    }

    /// A path with `NS` in the place of the namespace.
    pub(crate) fn path(&self, path: &str) -> String {
        path.replace("/NS", &format!("/{}", self.namespace))
    }

    /// What a side answers.
    pub(crate) fn ask(&self, side: &Side, request: &Request) -> Answer {
        self.runtime.block_on(side.server.send(&side.token, request))
    }

    /// What a side answers whoever has no token that it knows.
    pub(crate) fn ask_as_a_stranger(&self, side: &Side, request: &Request) -> Answer {
        self.runtime.block_on(side.server.send("not-a-token", request))
    }

    /// A real server that takes no one for the administrator.
    pub(crate) fn without_credential(&self) -> (Child, Side) {
        let mut config: Value =
            serde_json::from_slice(&std::fs::read(self.cluster.admin_kubeconfig()).unwrap()).unwrap();
        config["users"][0]["user"] = json!({ "token": "not-a-token" });
        let file = self.data.path().join("stranger.json");
        std::fs::write(&file, config.to_string()).unwrap();
        let (child, side) = proxied(&self.cluster, self.data.path().join("stranger"), &file);
        let Server::Proxied(socket) = &side.server else {
            unreachable!("it was just made")
        };
        let is_up = || Ok(std::os::unix::net::UnixStream::connect(socket).is_ok());
        wait_for("the other proxy", PATIENCE, is_up).unwrap();
        (child, side)
    }

    /// Makes objects in both clusters.
    pub(crate) fn create(&self, objects: &[Value]) {
        for object in objects {
            let collection = collection(object["kind"].as_str().unwrap());
            let target = format!("{}?fieldManager=people", self.path(collection));
            for side in [&self.real, &self.simulated] {
                let answer = self.ask(side, &Request::post(&target, object));
                assert_eq!(answer.code, 201, "{}", answer.body);
            }
        }
    }

    /// Changes an object in both clusters.
    pub(crate) fn patch(&self, object: &str, operations: &Value) {
        let target = format!("{}?fieldManager=people", self.path(object));
        for side in [&self.real, &self.simulated] {
            let answer = self.ask(side, &Request::patch(&target, operations));
            assert_eq!(answer.code, 200, "{}", answer.body);
        }
    }

    /// Moves the simulated clock.
    pub(crate) fn advance(&self) {
        self.clock.advance(STEP);
        self.learn(&self.simulated);
    }

    /// Waits until something holds of the objects in each cluster.
    pub(crate) fn wait(&self, what: &str, holds: impl Fn(&[Value]) -> bool) {
        self.wait_simulated(what, &holds);
        self.wait_real(what, &holds);
    }

    /// Waits until each cluster answers a request in a way.
    pub(crate) fn wait_for_answers(&self, request: &Request, is_it: impl Fn(&Answer) -> bool) {
        self.wait_simulated("an answer", &|_: &[Value]| is_it(&self.ask(&self.simulated, request)));
        self.wait_real("an answer", &|_: &[Value]| is_it(&self.ask(&self.real, request)));
    }

    fn wait_real(&self, what: &str, holds: &impl Fn(&[Value]) -> bool) {
        wait_for(what, PATIENCE, || Ok(holds(&self.learn(&self.real)))).unwrap();
    }

    fn wait_simulated(&self, what: &str, holds: &impl Fn(&[Value]) -> bool) {
        let steps = SIMULATED_PATIENCE.as_millis() / STEP.as_millis();
        for _ in 0..steps {
            if holds(&self.learn(&self.simulated)) {
                return;
            }
            self.clock.advance(STEP);
        }
        panic!("the simulated cluster did not come to this: {what}");
    }

    /// The objects of a side, which get their roles.
    pub(crate) fn learn(&self, side: &Side) -> Vec<Value> {
        let mut all = Vec::new();
        for (kind, version, path) in KINDS {
            let answer = self.ask(side, &Request::get(self.path(path)));
            let items = answer.body["items"].as_array().cloned().unwrap_or_default();
            all.extend(items.into_iter().map(|mut item| {
                item["kind"] = json!(kind);
                item["apiVersion"] = json!(version);
                item
            }));
        }
        side.names.borrow_mut().learn(&all);
        all
    }

    /// A request of the real cluster as the simulated one has to be asked.
    pub(crate) fn translated(&self, request: &Request) -> Request {
        let over = |text: &str| self.simulated.names.borrow().show(&self.real.names.borrow().hide(text));
        let translated = Request {
            target: over(&request.target),
            body: over(&request.body),
            ..request.clone()
        };
        self.with_present_version(translated)
    }

    /// A version that the real object had stands for the one that the simulated object has.
    fn with_present_version(&self, mut request: Request) -> Request {
        let Ok(Value::Array(mut operations)) = serde_json::from_str::<Value>(&request.body) else {
            return request;
        };
        for operation in &mut operations {
            let known = operation["value"]
                .as_str()
                .is_some_and(|v| self.real.names.borrow().has_had(v));
            if operation["path"] == "/metadata/resourceVersion" && known {
                let object = self.ask(&self.simulated, &Request::get(request.path()));
                operation["value"] = object.body["metadata"]["resourceVersion"].clone();
                request.body = Value::Array(operations).to_string();
                return request;
            }
        }
        request
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        // it ends by nothing else
        let _ = self.proxy.kill();
        let _ = self.proxy.wait();
        dreamops_tests::leave(&self.cluster, &self.namespace);
    }
}

/// The real API server behind a socket, with the credential of a kubeconfig.
fn proxied(cluster: &Cluster, socket: PathBuf, kubeconfig: &std::path::Path) -> (Child, Side) {
    let mut command = cluster.kubectl_as(kubeconfig);
    command.arg("proxy").arg("--unix-socket").arg(&socket);
    let child = command.stdout(Stdio::null()).stdin(Stdio::null()).spawn().unwrap();
    let side = Side {
        server: Server::Proxied(socket),
        token: String::new(),
        names: RefCell::default(),
    };
    (child, side)
}

fn collection(kind: &str) -> &'static str {
    let others = [
        ("ConfigMap", "/api/v1/namespaces/NS/configmaps"),
        ("Secret", "/api/v1/namespaces/NS/secrets"),
        ("ResourceQuota", "/api/v1/namespaces/NS/resourcequotas"),
        ("LimitRange", "/api/v1/namespaces/NS/limitranges"),
        (
            "PodDisruptionBudget",
            "/apis/policy/v1/namespaces/NS/poddisruptionbudgets",
        ),
        (
            "HorizontalPodAutoscaler",
            "/apis/autoscaling/v2/namespaces/NS/horizontalpodautoscalers",
        ),
    ];
    let known = KINDS.iter().map(|(kind, _, path)| (*kind, *path)).chain(others);
    let found = known.into_iter().find(|(known, _)| *known == kind);
    found.unwrap_or_else(|| panic!("no path is known for {kind}")).1
}
