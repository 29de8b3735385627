//! Requests that a responder may send, and what is answered where nothing is wrong, or the request is.

use crate::exchange::Request;
use crate::faults::ready;
use crate::pair::Pair;
use crate::replay::{hold_answers, hold_live};
use dreamops_tests::workloads::{daemon_set, deployment, memory_quota, service, stateful_set, with_memory};
use serde_json::{Value, json};

const WEB: &str = "/apis/apps/v1/namespaces/NS/deployments/web";
const CONTAINER: &str = "/spec/template/spec/containers/0";

/// A shop that does well, in both clusters.
fn shop(name: &str) -> Pair {
    let pair = Pair::new(name);
    let mut web = with_memory(deployment("web", 2, &[("LOG_LINE", "hello")]), "64Mi");
    web["metadata"]["annotations"] = json!({ "kubernetes.io/change-cause": "first release" });
    pair.create(&[
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "settings" }, "data": { "a": "1" } }),
        web,
        service("web", "web"),
        with_memory(stateful_set("db", 1, &[]), "64Mi"),
        with_memory(daemon_set("agent", &[]), "64Mi"),
        json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": { "name": "web" },
            "spec": { "minAvailable": 2, "selector": { "matchLabels": { "app": "web" } } },
        }),
    ]);
    pair.wait("four ready pods", |objects| ready(objects, 4));
    pair
}

fn object<'a>(objects: &'a [Value], kind: &str, app: &str) -> &'a Value {
    let of_app =
        |o: &&Value| o["kind"] == kind && (o["metadata"]["labels"]["app"] == app || o["metadata"]["name"] == app);
    objects.iter().find(of_app).unwrap()
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap()
}

fn uid(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap()
}

fn reads(pair: &Pair, objects: &[Value]) -> Vec<Request> {
    let pod = name(object(objects, "Pod", "web"));
    [
        "/api/v1/namespaces/kube-system",
        WEB,
        "/apis/apps/v1/namespaces/NS/statefulsets/db",
        "/apis/apps/v1/namespaces/NS/daemonsets/agent",
        "/api/v1/nodes?limit=500",
        "/api/v1/nodes/node-1",
        "/api/v1/pods?fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed&limit=500",
        "/api/v1/namespaces/NS/services/web",
        "/api/v1/namespaces/NS/configmaps/settings",
        "/api/v1/namespaces/NS/serviceaccounts/default",
        "/apis/policy/v1/namespaces/NS/poddisruptionbudgets/web",
        &format!("/api/v1/namespaces/NS/pods/{pod}"),
        "/api/v1/namespaces/NS/pods?labelSelector=app%3Dweb&limit=500",
        "/api/v1/namespaces/NS/pods?labelSelector=app+in+%28web%2Cdb%29&limit=500",
        "/api/v1/namespaces/NS/pods?labelSelector=%21app&limit=500",
        "/api/v1/namespaces/NS/pods?fieldSelector=status.phase%21%3DRunning&limit=500",
        "/api/v1/namespaces/NS/pods?fieldSelector=status.nothing%3DRunning",
        "/api/v1/namespaces/NS/pods?limit=0&continue=nonsense",
        "/apis/apps/v1/namespaces/NS/replicasets?labelSelector=app%3Dweb&limit=500",
        "/apis/apps/v1/namespaces/NS/controllerrevisions?limit=500",
        "/apis/discovery.k8s.io/v1/namespaces/NS/endpointslices?limit=500",
        "/apis/autoscaling/v2/namespaces/NS/horizontalpodautoscalers?limit=500",
        "/apis/networking.k8s.io/v1/namespaces/NS/networkpolicies?limit=500",
        "/apis/batch/v1/namespaces/NS/jobs?limit=500",
        "/api/v1/namespaces/NS/persistentvolumeclaims?limit=500",
        "/api/v1/namespaces/NS/events?fieldSelector=involvedObject.kind%3DDeployment&limit=500",
        "/api/v1/namespaces/NS/events?fieldSelector=involvedObject.kind%3DPod&limit=500",
        "/api/v1/namespaces/absent/pods?limit=500",
        // what is not there
        "/apis/apps/v1/namespaces/NS/deployments/absent",
        "/api/v1/namespaces/NS/pods/absent",
        "/api/v1/namespaces/absent",
        "/apis/batch/v1/namespaces/NS/jobs/absent",
        "/apis/autoscaling/v2/namespaces/NS/horizontalpodautoscalers/absent",
        "/nowhere",
        "/apis/apps/v1/namespaces/NS/nothings",
        "/apis/apps/v1/namespaces/NS/nothings/web",
        "/apis/nothing.example/v1/namespaces/NS/things",
        // logs
        &format!("/api/v1/namespaces/NS/pods/{pod}/log?container=app&tailLines=100&limitBytes=1048576"),
        &format!("/api/v1/namespaces/NS/pods/{pod}/log?tailLines=1"),
        &format!("/api/v1/namespaces/NS/pods/{pod}/log?container=app&tailLines=100&limitBytes=23"),
        &format!("/api/v1/namespaces/NS/pods/{pod}/log?container=app&previous=true&tailLines=100&limitBytes=1048576"),
        &format!("/api/v1/namespaces/NS/pods/{pod}/log?container=absent&tailLines=100"),
        "/api/v1/namespaces/NS/pods/absent/log?container=app&tailLines=100",
        "/version",
    ]
    .map(|path| Request::get(pair.path(path)))
    .into()
}

fn patches(pair: &Pair, objects: &[Value]) -> Vec<Request> {
    let web = object(objects, "Deployment", "web");
    let at = |rest: &str| format!("{CONTAINER}/{rest}");
    let dry = pair.path(&format!(
        "{WEB}?fieldManager=dreamops&fieldValidation=Strict&dryRun=All"
    ));
    let one = |op: &str, path: &str, value: Value| json!([{ "op": op, "path": path, "value": value }]);
    let mut all: Vec<Request> = [
        json!([
            { "op": "test", "path": "/metadata/uid", "value": uid(web) },
            { "op": "test", "path": "/metadata/generation", "value": web["metadata"]["generation"] },
            { "op": "replace", "path": "/spec/replicas", "value": 3 },
        ]),
        json!([]),
        one(
            "add",
            "/spec/template/metadata/annotations",
            json!({ "kubectl.kubernetes.io/restartedAt": "2026-01-31T03:00:00Z" }),
        ),
        one(
            "replace",
            &at("resources"),
            json!({ "limits": { "memory": "1024Mi", "cpu": "0.5" } }),
        ),
        // tests that fail, and one that does not
        one("test", "/metadata/uid", json!("another")),
        one("test", "/spec/replicas", json!(99)),
        one("test", "/spec/paused", Value::Null),
        one("test", "/spec/absent/deeper", Value::Null),
        one("replace", "/spec/nowhere/at/all", json!(1)),
        json!([{ "op": "remove", "path": "/spec/paused" }]),
        json!([{ "op": "remove", "path": at("env/7") }]),
        // what would not be valid
        one("replace", "/spec/replicas", json!(-1)),
        one("replace", "/spec/selector/matchLabels/app", json!("other")),
        one("replace", "/spec/template/metadata/labels/app", json!("other")),
        one("replace", &at("resources/requests/memory"), json!("1Gi")),
        one("replace", &at("image"), json!("")),
        one("replace", &at("name"), json!("")),
        one("replace", &at("resources/limits/memory"), json!("much")),
        one("replace", &at("readinessProbe/periodSeconds"), json!(-1)),
        one("replace", "/spec/replicas", json!("many")),
        one("replace", "/spec/template/spec", json!("text")),
        one("add", "/spec/unknown", json!(1)),
        one("add", &at("unknown"), json!(1)),
        // another object
        one("replace", "/metadata/uid", json!("another")),
        one("replace", "/metadata/resourceVersion", json!("1")),
        one("replace", "/metadata/name", json!("other")),
        one("replace", "/metadata/namespace", json!("other")),
        // no patch at all
        json!([{ "op": "dance", "path": "/spec" }]),
        json!({ "op": "add" }),
    ]
    .iter()
    .map(|operations| Request::patch(&dry, operations))
    .collect();
    let absent = pair.path("/apis/apps/v1/namespaces/NS/deployments/absent?fieldManager=dreamops&dryRun=All");
    all.push(Request::patch(absent, &one("replace", "/spec/replicas", json!(1))));
    let pod = name(object(objects, "Pod", "web"));
    let pod = pair.path(&format!(
        "/api/v1/namespaces/NS/pods/{pod}?fieldManager=dreamops&dryRun=All"
    ));
    all.push(Request::patch(
        &pod,
        &one("add", "/spec/containers/0/env/0/value", json!("other")),
    ));
    let service =
        pair.path("/api/v1/namespaces/NS/services/web?fieldManager=dreamops&fieldValidation=Strict&dryRun=All");
    all.push(Request::patch(
        &service,
        &one("replace", "/spec/selector/app", json!("wbe")),
    ));
    all.push(Request::patch(
        &service,
        &one("replace", "/spec/ports/0/targetPort", json!("http")),
    ));
    all.push(Request::patch(
        &service,
        &one("replace", "/spec/ports/0/port", json!(0)),
    ));
    all.push(Request::new(
        "PATCH",
        dry,
        "application/merge-patch+json",
        r#"{"spec":{"replicas":3}}"#,
    ));
    all
}

fn removals(pair: &Pair, objects: &[Value]) -> Vec<Request> {
    let options = |uid: &str, dry: bool| {
        let mut options = json!({ "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": { "uid": uid } });
        if dry {
            options["dryRun"] = json!(["All"]);
        }
        options
    };
    let mut all = Vec::new();
    for app in ["web", "db"] {
        let pod = object(objects, "Pod", app);
        let path = pair.path(&format!("/api/v1/namespaces/NS/pods/{}", name(pod)));
        let eviction = |uid: &str| {
            json!({
                "apiVersion": "policy/v1", "kind": "Eviction",
                "metadata": { "name": name(pod), "namespace": pair.namespace }, "deleteOptions": options(uid, true),
            })
        };
        all.extend([
            Request::delete(&path, &options("another", false)),
            Request::delete(&path, &options(uid(pod), true)),
            Request::post(format!("{path}/eviction"), &eviction("another")),
            Request::post(format!("{path}/eviction"), &eviction(uid(pod))),
        ]);
    }
    let absent = pair.path("/api/v1/namespaces/NS/pods/absent");
    all.push(Request::delete(&absent, &options("another", false)));
    let config = pair.path("/api/v1/namespaces/NS/configmaps/settings");
    all.push(Request::delete(&config, &options("another", false)));
    all
}

fn creations(pair: &Pair) -> Vec<Request> {
    let query = "fieldManager=dreamops&fieldValidation=Strict&dryRun=All";
    let secrets = pair.path(&format!("/api/v1/namespaces/NS/secrets?{query}"));
    let configs = pair.path(&format!("/api/v1/namespaces/NS/configmaps?{query}"));
    let secret = |metadata: Value| {
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "kubernetes.io/dockerconfigjson",
            "data": { ".dockerconfigjson": "e30=" },
        })
    };
    let config = |kind: &str| json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": "settings" } });
    let access = |verb: &str, group: &str, resource: &str, subresource: &str| {
        json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": {
                "verb": verb, "group": group, "resource": resource, "subresource": subresource,
                "namespace": pair.namespace, "name": "",
            }},
        })
    };
    let reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews?fieldManager=dreamops&fieldValidation=Strict";
    vec![
        Request::post(&secrets, &secret(json!({ "name": "pull" }))),
        Request::post(&secrets, &secret(json!({ "generateName": "pull-" }))),
        Request::post(&secrets, &secret(json!({}))),
        Request::post(&secrets, &secret(json!({ "name": "pull", "namespace": "other" }))),
        Request::post(&configs, &config("ConfigMap")),
        Request::post(&configs, &config("Secret")),
        Request::new("POST", &configs, "application/json", "no JSON"),
        Request::post(reviews, &access("patch", "apps", "deployments", "")),
        Request::post(reviews, &access("create", "", "pods", "eviction")),
    ]
}

#[test]
fn reads_are_answered_alike() {
    let pair = shop("same-reads");
    let objects = pair.learn(&pair.real);
    hold_live(&pair, &reads(&pair, &objects));
}

#[test]
fn writes_are_answered_alike() {
    let pair = shop("same-writes");
    let objects = pair.learn(&pair.real);
    let all = [patches(&pair, &objects), removals(&pair, &objects), creations(&pair)].concat();
    hold_live(&pair, &all);
}

#[test]
fn what_admission_refuses_is_refused_alike() {
    let pair = Pair::new("same-admission");
    pair.create(&[memory_quota("128Mi"), with_memory(deployment("web", 1, &[]), "64Mi")]);
    pair.wait("a ready pod", |objects| ready(objects, 1));
    let pods = pair.path("/api/v1/namespaces/NS/pods?fieldManager=dreamops&fieldValidation=Strict&dryRun=All");
    let pod = |memory: Option<&str>| {
        let template = match memory {
            Some(amount) => with_memory(deployment("web", 1, &[]), amount),
            None => deployment("web", 1, &[]),
        };
        let mut pod = template["spec"]["template"].clone();
        pod["apiVersion"] = json!("v1");
        pod["kind"] = json!("Pod");
        pod["metadata"]["generateName"] = json!("web-");
        Request::post(&pods, &pod)
    };
    hold_live(
        &pair,
        &[
            Request::get(pair.path("/api/v1/namespaces/NS/resourcequotas?limit=500")),
            pod(Some("64Mi")),
            pod(Some("65Mi")),
            pod(None),
        ],
    );
    let range = json!({
        "apiVersion": "v1", "kind": "LimitRange", "metadata": { "name": "bounds" },
        "spec": { "limits": [{
            "type": "Container", "max": { "memory": "60Mi" }, "default": { "memory": "50Mi" },
            "defaultRequest": { "memory": "40Mi" },
        }] },
    });
    pair.create(&[range]);
    hold_live(
        &pair,
        &[
            Request::get(pair.path("/api/v1/namespaces/NS/limitranges?limit=500")),
            pod(Some("61Mi")),
            pod(None),
        ],
    );
}

#[test]
fn a_stranger_is_turned_away_alike() {
    let pair = Pair::new("same-stranger");
    let (mut proxy, real) = pair.without_credential();
    let request = Request::get(pair.path("/api/v1/namespaces/NS/pods"));
    let answers = (
        pair.ask_as_a_stranger(&real, &request),
        pair.ask_as_a_stranger(&pair.simulated, &request),
    );
    proxy.kill().unwrap();
    proxy.wait().unwrap();
    hold_answers(&pair, &request, &answers.0, &answers.1);
}

#[test]
fn usage_is_answered_alike() {
    let pair = Pair::new("same-usage");
    pair.create(&[with_memory(deployment("web", 1, &[("BURN_CPU", "50")]), "64Mi")]);
    pair.wait("a ready pod", |objects| ready(objects, 1));
    let list =
        Request::get(pair.path("/apis/metrics.k8s.io/v1beta1/namespaces/NS/pods?labelSelector=app%3Dweb&limit=500"));
    pair.wait_for_answers(&list, |answer| {
        answer.body["items"].as_array().is_some_and(|i| !i.is_empty())
    });
    let absent = Request::get(pair.path("/apis/metrics.k8s.io/v1beta1/namespaces/NS/pods/absent"));
    hold_live(&pair, &[list, absent]);
}
