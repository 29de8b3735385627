//! Reads against a server that answers from a table and remembers what it was asked.

use super::*;
use dreamops_domain::read::{EventFact, ListQuery, LogQuery};
use http::{Request, Response, StatusCode};
use kube::client::Body;
use serde_json::json;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

/// Path, without its query, to status and body; a text is sent as it is.
type Answers = Vec<(&'static str, u16, Value)>;

struct Server {
    reader: Reader,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn with(answers: Answers) -> Self {
        let answers: BTreeMap<_, _> = answers
            .into_iter()
            .map(|(path, code, body)| (path, (code, body)))
            .collect();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let remembers = asked.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let line = format!("{} {}", request.method(), request.uri());
            remembers.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            let nothing = (404, status(404, "NotFound", "pods \"x\" not found"));
            let (code, body) = answers.get(request.uri().path()).cloned().unwrap_or(nothing);
            let bytes = match body {
                Value::String(text) => text.into_bytes(),
                body => body.to_string().into_bytes(),
            };
            let mut answer = Response::new(Body::from(bytes));
            *answer.status_mut() = StatusCode::from_u16(code).unwrap_or_default();
            async move { Ok::<_, Infallible>(answer) }
        });
        let api = Api::new(kube::Client::new(service, "default"));
        Self {
            reader: Reader::new(api, Redactor::new(b"k")),
            asked,
        }
    }

    async fn read(&self, request: ReadRequest) -> Result<ReadResponse, ReadError> {
        let scope = Scope {
            namespaces: vec!["shop".into()],
        };
        self.reader.read(&scope, request).await
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message})
}

fn list(items: &[Value]) -> Value {
    json!({"kind": "List", "metadata": {}, "items": items})
}

fn pod(name: &str, owner: &str, ready: bool) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "uid": format!("uid-{name}"), "labels": {"app": "web"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "uid": format!("uid-{owner}"), "controller": true}]},
        "spec": {"containers": [{"name": "web", "env": [{"name": "API_TOKEN", "value": "hunter2-hunter2"}]}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}],
            "containerStatuses": [{"name": "web", "state": {"running": {}}, "restartCount": 0}]}})
}

fn template(image: &str) -> Value {
    json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": image}]}})
}

fn set(name: &str, number: &str, image: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": name, "namespace": "shop", "uid": format!("uid-{name}"), "annotations": {"deployment.kubernetes.io/revision": number},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "uid-web", "controller": true}]},
        "spec": {"template": template(image)}})
}

fn deployment() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "uid": "uid-web", "generation": 2, "annotations": {"meta.helm.sh/release-name": "web"}},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": template("i:2")},
        "status": {"observedGeneration": 2}})
}

const PODS: &str = "/api/v1/namespaces/shop/pods";
const SETS: &str = "/apis/apps/v1/namespaces/shop/replicasets";
const WEB: &str = "/apis/apps/v1/namespaces/shop/deployments/web";

fn shop() -> Answers {
    vec![
        (WEB, 200, deployment()),
        (SETS, 200, list(&[set("web-1", "1", "i:1"), set("web-2", "2", "i:2")])),
        (
            "/apis/apps/v1/namespaces/shop/replicasets/web-2",
            200,
            set("web-2", "2", "i:2"),
        ),
        // labels alone would catch the last one, which belongs to somebody else
        (
            PODS,
            200,
            list(&[
                pod("a", "web-2", true),
                pod("b", "web-1", false),
                pod("c", "other", true),
            ]),
        ),
        ("/api/v1/namespaces/shop/pods/a", 200, pod("a", "web-2", true)),
    ]
}

fn get(kind: &str, namespace: &str, name: &str) -> ReadRequest {
    ReadRequest::Get {
        kind: kind.into(),
        namespace: namespace.into(),
        name: name.into(),
        mask: Vec::new(),
    }
}

#[tokio::test]
async fn beyond_the_scope_nothing_is_asked_whatever_the_read() {
    let server = Server::with(shop());
    let elsewhere = ObjectRef::new("Pod", "bank", "a", "");
    let requests = [
        get("Pod", "bank", "a"),
        get("Secret", "shop", "a"),
        ReadRequest::List(ListQuery {
            kind: "Pod".into(),
            namespace: "bank".into(),
            ..ListQuery::default()
        }),
        ReadRequest::Events {
            object: elsewhere.clone(),
        },
        ReadRequest::Logs(LogQuery {
            pod: elsewhere.clone(),
            container: String::new(),
            previous: false,
            tail_lines: 0,
        }),
        ReadRequest::Owners {
            object: elsewhere.clone(),
        },
        ReadRequest::Revisions {
            workload: ObjectRef::new("Deployment", "bank", "a", ""),
        },
        ReadRequest::Health {
            object: elsewhere.clone(),
        },
        ReadRequest::Service {
            namespace: "bank".into(),
            name: "a".into(),
        },
        ReadRequest::Quota {
            namespace: "bank".into(),
        },
        ReadRequest::Usage { object: elsewhere },
    ];
    for request in requests {
        let shown = format!("{request:?}");
        assert!(server.read(request).await.is_err(), "{shown}");
    }
    assert_eq!(server.asked(), [] as [&str; 0]);
}

#[tokio::test]
async fn an_object_is_shown_redacted_with_its_uid() {
    let server = Server::with(shop());
    let Ok(ReadResponse::Object(object)) = server.read(get("Pod", "shop", "a")).await else {
        panic!("no object");
    };
    assert_eq!(object.reference, ObjectRef::new("Pod", "shop", "a", "uid-a"));
    assert!(!object.body.to_string().contains("hunter2"), "{:?}", object.body);
}

#[tokio::test]
async fn a_mask_does_not_uncover_what_redaction_hides() {
    let server = Server::with(shop());
    let request = ReadRequest::Get {
        kind: "Pod".into(),
        namespace: "shop".into(),
        name: "a".into(),
        mask: vec!["/spec/containers/0/env/0/value".into()],
    };
    let Ok(ReadResponse::Object(object)) = server.read(request).await else {
        panic!("no object");
    };
    let value = object.body.pointer("/spec/containers/0/env/0/value");
    assert!(
        value.is_some_and(|v| !v.to_string().contains("hunter2")),
        "{:?}",
        object.body
    );
}

#[tokio::test]
async fn a_successor_of_the_same_name_is_not_the_object() {
    let server = Server::with(shop());
    for uid in ["uid-a", ""] {
        let object = ObjectRef::new("Pod", "shop", "a", uid);
        assert!(server.read(ReadRequest::Health { object }).await.is_ok(), "{uid:?}");
    }
    let object = ObjectRef::new("Pod", "shop", "a", "uid-of-the-one-before");
    let answer = server.read(ReadRequest::Health { object }).await;
    assert!(matches!(answer, Err(ReadError::NotFound { .. })), "{answer:?}");
}

#[tokio::test]
async fn health_counts_the_workloads_own_pods() {
    let server = Server::with(shop());
    let object = ObjectRef::new("Deployment", "shop", "web", "");
    let Ok(ReadResponse::Health(health)) = server.read(ReadRequest::Health { object }).await else {
        panic!("no health");
    };
    assert_eq!((health.desired, health.ready, health.updated), (1, 1, 1));
    assert!(!health.settled, "the pod of the old revision is still there");
    assert_eq!(health.unready_pods, [ObjectRef::new("Pod", "shop", "b", "uid-b")]);
}

#[tokio::test]
async fn revisions_come_newest_first_with_their_ready_pods() {
    let server = Server::with(shop());
    let workload = ObjectRef::new("Deployment", "shop", "web", "");
    let Ok(ReadResponse::Revisions(revisions)) = server.read(ReadRequest::Revisions { workload }).await else {
        panic!("no revisions");
    };
    let facts: Vec<_> = revisions
        .iter()
        .map(|r| (r.uid.as_str(), r.number, r.current, r.ready_pods))
        .collect();
    assert_eq!(facts, [("uid-web-2", 2, true, 1), ("uid-web-1", 1, false, 0)]);
    assert_eq!(
        revisions[0].template.pointer("/spec/containers/0/image"),
        Some(&json!("i:2"))
    );
}

#[tokio::test]
async fn owners_are_followed_to_the_top_and_their_keeper_is_told() {
    let server = Server::with(shop());
    let object = ObjectRef::new("Pod", "shop", "a", "");
    let Ok(ReadResponse::Owners(owners)) = server.read(ReadRequest::Owners { object }).await else {
        panic!("no owners");
    };
    let names: Vec<_> = owners
        .iter()
        .map(|o| (o.object.to_string(), o.managed_by.as_deref()))
        .collect();
    assert_eq!(
        names,
        [
            ("ReplicaSet/web-2".to_owned(), None),
            ("Deployment/web".to_owned(), Some("Helm"))
        ]
    );
}

#[tokio::test]
async fn a_workload_that_nothing_controls_is_its_own_owner() {
    let server = Server::with(shop());
    let object = ObjectRef::new("Deployment", "shop", "web", "");
    let Ok(ReadResponse::Owners(owners)) = server.read(ReadRequest::Owners { object }).await else {
        panic!("no owners");
    };
    assert_eq!((owners.len(), owners[0].managed_by.as_deref()), (1, Some("Helm")));
}

#[tokio::test]
async fn a_list_is_capped_and_says_so() {
    let mut page = list(&[pod("a", "web-2", true)]);
    page["metadata"]["continue"] = json!("more");
    let server = Server::with(vec![(PODS, 200, page)]);
    for (limit, cut, sent) in [(0, true, 200), (1000, true, 200), (1, false, 1)] {
        let query = ListQuery {
            kind: "Pod".into(),
            namespace: "shop".into(),
            labels: "app=web".into(),
            limit,
            ..ListQuery::default()
        };
        let Ok(ReadResponse::Page(page)) = server.read(ReadRequest::List(query)).await else {
            panic!("no page");
        };
        assert_eq!((page.cut, page.cursor.as_str()), (cut, "more"), "{limit}");
        let last = server.asked().pop().unwrap_or_default();
        assert_eq!(last, format!("GET {PODS}?labelSelector=app%3Dweb&limit={sent}"));
    }
}

#[tokio::test]
async fn events_are_asked_for_by_uid_or_by_name_and_come_newest_last() {
    let event = |reason: &str, at: &str| json!({"reason": reason, "type": "Warning", "lastTimestamp": at, "involvedObject": {"kind": "Pod", "name": "a"}});
    let events = list(&[
        event("Late", "2026-01-01T00:00:09Z"),
        event("Early", "2026-01-01T00:00:01Z"),
    ]);
    let server = Server::with(vec![("/api/v1/namespaces/shop/events", 200, events)]);
    for (uid, fields) in [
        ("u-1", "involvedObject.uid%3Du-1"),
        ("", "involvedObject.kind%3DPod%2CinvolvedObject.name%3Da"),
    ] {
        let object = ObjectRef::new("Pod", "shop", "a", uid);
        let Ok(ReadResponse::Events(events)) = server.read(ReadRequest::Events { object }).await else {
            panic!("no events");
        };
        let reasons: Vec<&str> = events.iter().map(|e: &EventFact| e.reason.as_str()).collect();
        assert_eq!(reasons, ["Early", "Late"]);
        assert!(server.asked().pop().is_some_and(|line| line.contains(fields)));
    }
}

#[tokio::test]
async fn the_ended_run_of_a_container_that_waits_is_its_present_log() {
    for (state, previous) in [("running", true), ("waiting", false), ("terminated", false)] {
        let mut pod = pod("a", "web-2", false);
        pod["status"]["containerStatuses"][0]["state"] = json!({state: {}});
        let server = Server::with(vec![
            ("/api/v1/namespaces/shop/pods/a", 200, pod),
            ("/api/v1/namespaces/shop/pods/a/log", 200, json!("panic: no database\n")),
        ]);
        let pod = ObjectRef::new("Pod", "shop", "a", "");
        let query = LogQuery {
            pod,
            container: String::new(),
            previous: true,
            tail_lines: 5,
        };
        let Ok(ReadResponse::Log(log)) = server.read(ReadRequest::Logs(query)).await else {
            panic!("no log");
        };
        assert_eq!(log.text.as_str(), "panic: no database\n");
        let last = server.asked().pop().unwrap_or_default();
        assert_eq!(last.contains("previous=true"), previous, "{state}: {last}");
        assert!(last.contains("container=web") && last.contains("tailLines=5"), "{last}");
    }
}

#[tokio::test]
async fn a_cluster_without_metrics_says_what_to_do() {
    let metrics = "/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods/a";
    for (code, body) in [
        (404, json!("404 page not found\n")),
        (
            503,
            status(
                503,
                "ServiceUnavailable",
                "the server is currently unable to handle the request",
            ),
        ),
    ] {
        let mut answers = shop();
        answers.push((metrics, code, body));
        let object = ObjectRef::new("Pod", "shop", "a", "");
        let answer = Server::with(answers).read(ReadRequest::Usage { object }).await;
        assert!(
            matches!(&answer, Err(ReadError::NotAvailable { what, .. }) if what == "metrics API"),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn what_the_credential_may_not_see_of_the_nodes_is_named_and_no_failure() {
    let forbidden = status(
        403,
        "Forbidden",
        "nodes is forbidden: User \"x\" cannot list resource \"nodes\" in API group \"\" at the cluster scope",
    );
    let server = Server::with(vec![
        ("/api/v1/namespaces/shop/resourcequotas", 200, list(&[])),
        ("/api/v1/namespaces/shop/limitranges", 200, list(&[])),
        ("/api/v1/nodes", 403, forbidden.clone()),
        ("/api/v1/pods", 403, forbidden),
    ]);
    let request = ReadRequest::Quota {
        namespace: "shop".into(),
    };
    let Ok(ReadResponse::Quota(quota)) = server.read(request).await else {
        panic!("no quota");
    };
    assert_eq!((quota.largest_free_memory_bytes, quota.not_checked.len()), (None, 2));
    assert!(
        quota.not_checked[0].contains(r#"resources: ["nodes"]"#),
        "{:?}",
        quota.not_checked
    );
}

#[tokio::test]
async fn a_refused_credential_is_told_as_such() {
    let refused = status(401, "Unauthorized", "Unauthorized");
    let server = Server::with(vec![("/api/v1/namespaces/shop/pods/a", 401, refused)]);
    let answer = server.read(get("Pod", "shop", "a")).await;
    assert!(matches!(answer, Err(ReadError::Unauthorized { .. })), "{answer:?}");
}

fn scope() -> Scope {
    Scope {
        namespaces: vec!["shop".into()],
    }
}

#[test]
fn another_namespace_looks_like_nothing() {
    let elsewhere = ObjectRef::new("Pod", "bank", "vault", "");
    assert!(matches!(inside(&scope(), &elsewhere), Err(ReadError::NotFound { .. })));
}

#[test]
fn secrets_and_unknown_kinds_cannot_be_read() {
    for kind in ["Secret", "Namespace", "PodMetrics", "Widget", ""] {
        let object = ObjectRef::new(kind, "shop", "x", "");
        assert!(
            matches!(inside(&scope(), &object), Err(ReadError::Invalid { .. })),
            "{kind}"
        );
    }
}

#[test]
fn a_node_needs_no_namespace() {
    let node = inside(&scope(), &ObjectRef::new("Node", "shop", "n1", ""));
    assert_eq!(node, Ok(ObjectRef::new("Node", "", "n1", "")));
}

#[test]
fn an_object_without_its_namespace_is_a_mistake_and_no_way_around_the_scope() {
    let pod = ObjectRef::new("Pod", "", "web", "");
    assert!(matches!(inside(&scope(), &pod), Err(ReadError::Invalid { .. })));
}
