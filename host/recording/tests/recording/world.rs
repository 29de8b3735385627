//! A cluster full of secrets, and a component that reads all of it and says what it read.

use async_trait::async_trait;
use dreamops_domain::alert::{Alert, AlertStatus, Hints, Source};
use dreamops_domain::finding::{Assessment, Diagnosis, Evidence, Finding, Verdict};
use dreamops_domain::id::TenantId;
use dreamops_domain::incident::{ClusterId, Incident};
use dreamops_domain::manifest::{Manifest, StrategyInfo};
use dreamops_domain::object::ObjectRef;
use dreamops_domain::phase::Mode;
use dreamops_domain::plan::{Action, Plan, Step};
use dreamops_domain::ports::{CallContext, CallError, Clock, ClusterRead, Execution, IncidentView, Strategies};
use dreamops_domain::read::{
    EventFact, Health, ListQuery, LogQuery, LogText, Object, Page, ReadError, ReadRequest, ReadResponse, Revision,
    Scope,
};
use dreamops_domain::redact::Redactor;
use dreamops_domain::time::Timestamp;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub const DIGEST: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
pub const FILE: &[u8] = b"\0asm the component's file";
/// Each stands somewhere in the cluster, the settings or the component's own words.
pub const SECRETS: [&str; 6] = [
    "s3cr3t-in-a-Secret-Zk29",
    "s3cr3t-in-the-environment-Qm17",
    "s3cr3t-in-the-log-Vb83",
    "s3cr3t-in-an-event-Hd55",
    "s3cr3t-in-a-setting-Lp41",
    "s3cr3t-made-up-by-the-component-Xw02",
];

pub fn redactor() -> Redactor {
    Redactor::new(b"the key of a team")
}

pub fn web() -> ObjectRef {
    ObjectRef::new("Deployment", "shop", "web", "uid-web")
}

pub fn pod() -> ObjectRef {
    ObjectRef::new("Pod", "shop", "web-1", "uid-web-1")
}

fn pod_body() -> Value {
    json!({ "kind": "Pod", "metadata": { "name": "web-1", "uid": "uid-web-1" }, "spec": { "containers": [{
        "name": "main", "image": "registry.example/web@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "env": [{ "name": "DB_PASSWORD", "value": SECRETS[1] }, { "name": "PORT", "value": "8080" }] }] } })
}

/// Answers as the cluster adapter does: everything it shows has passed redaction.
pub struct Cluster;

#[async_trait]
impl ClusterRead for Cluster {
    async fn read(&self, _: &Scope, request: ReadRequest) -> Result<ReadResponse, ReadError> {
        let show = redactor();
        let object = |reference, body: Value| Object {
            reference,
            body: show.object(&body),
        };
        let at = Timestamp::from_millis(1_700_000_000_000);
        Ok(match request {
            ReadRequest::Get { .. } => ReadResponse::Object(object(pod(), pod_body())),
            ReadRequest::List(_) => {
                let secret = ObjectRef::new("Secret", "shop", "db", "uid-db");
                let body =
                    json!({ "kind": "Secret", "metadata": { "name": "db" }, "stringData": { "password": SECRETS[0] } });
                ReadResponse::Page(Page {
                    items: vec![object(secret, body)],
                    cursor: String::new(),
                    cut: false,
                })
            }
            ReadRequest::Logs(_) => ReadResponse::Log(LogText {
                text: show.text(&format!("starting\nconnect: password={}\nexit 1", SECRETS[2])),
                cut: true,
            }),
            ReadRequest::Events { object } => ReadResponse::Events(vec![EventFact {
                severity: "Warning".into(),
                reason: "BackOff".into(),
                message: show.text(&format!("Authorization: Bearer {}", SECRETS[3])),
                about: object,
                count: 3,
                first_seen: at,
                last_seen: at,
            }]),
            ReadRequest::Revisions { .. } => ReadResponse::Revisions(vec![Revision {
                uid: "uid-rs".into(),
                number: 2,
                name: "web-5d4f".into(),
                current: true,
                ready_pods: 0,
                created: at,
                template: show.object(&pod_body()),
                change_cause: None,
            }]),
            ReadRequest::Health { .. } => ReadResponse::Health(Health {
                desired: 2,
                ..Health::default()
            }),
            _ => return Err(ReadError::NotFound { what: "it".into() }),
        })
    }
}

/// A clock that goes on with each look at it.
#[derive(Default)]
pub struct Ticking(AtomicU64);

#[async_trait]
impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + self.0.fetch_add(1, Ordering::SeqCst))
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    async fn sleep_until(&self, _: Duration) {}
}

/// A component that reads and repeats what it read.
pub struct Talker {
    /// Whether it leaves a read out when it diagnoses.
    pub hasty: bool,
    /// What it scales to.
    pub replicas: u32,
}

impl Default for Talker {
    fn default() -> Self {
        Self {
            hasty: false,
            replicas: 3,
        }
    }
}

async fn read(context: &CallContext, request: ReadRequest) -> String {
    let found = context.reads.read(&context.scope, request).await;
    serde_json::to_string(&found.map_err(|error| error.to_string())).unwrap()
}

#[async_trait]
impl Strategies for Talker {
    fn installed(&self) -> Vec<StrategyInfo> {
        vec![StrategyInfo {
            manifest: Manifest {
                format: 1,
                name: "talker".into(),
                version: "1.0.0".into(),
                summary: String::new(),
                faults: vec!["crash-loop".into()],
                grants: [].into(),
            },
            digest: DIGEST.into(),
            first_party: true,
        }]
    }

    fn confidence_cap(&self, _: &str) -> f64 {
        1.0
    }

    fn file(&self, digest: &str) -> Option<Arc<[u8]>> {
        (digest == DIGEST).then(|| FILE.into())
    }

    fn at_hand(&self, digest: &str) -> bool {
        digest == DIGEST
    }

    async fn revive(&self, _: Vec<u8>) -> Result<StrategyInfo, CallError> {
        Ok(self.installed()[0].clone())
    }

    async fn assess(&self, _: &str, context: &CallContext) -> Result<Assessment, CallError> {
        let object = pod();
        read(context, ReadRequest::Health { object: web() }).await;
        read(context, ReadRequest::Usage { object }).await;
        Ok(Assessment {
            claim: f64::from(0.9_f32),
            signals: Vec::new(),
        })
    }

    async fn diagnose(&self, _: &str, context: &CallContext) -> Result<Finding, CallError> {
        let get = ReadRequest::Get {
            kind: "Pod".into(),
            namespace: "shop".into(),
            name: "web-1".into(),
            mask: Vec::new(),
        };
        let logs = ReadRequest::Logs(LogQuery {
            pod: pod(),
            container: "main".into(),
            previous: true,
            tail_lines: 0,
        });
        let mut seen = vec![read(context, get).await, read(context, logs).await];
        if !self.hasty {
            seen.push(read(context, ReadRequest::Events { object: pod() }).await);
        }
        seen.push(read(context, ReadRequest::List(ListQuery::default())).await);
        seen.push(read(context, ReadRequest::Revisions { workload: web() }).await);
        (context.log)(seen.concat());
        let evidence = seen.into_iter().map(|text| Evidence {
            source: "a read".into(),
            text,
        });
        Ok(Finding::Cause(Diagnosis {
            fault: "crash-loop".into(),
            root_cause: "it exits".into(),
            confidence: 0.95,
            target: web(),
            evidence: evidence.collect(),
            ruled_out: Vec::new(),
            facts: vec![("at".into(), context.clock.now().to_string())],
        }))
    }

    async fn plan(&self, _: &str, _: &CallContext, finding: &Finding) -> Result<Plan, CallError> {
        let Finding::Cause(cause) = finding else {
            return Err(CallError::Failure("no cause".into()));
        };
        Ok(Plan {
            steps: vec![Step {
                action: Action::Scale {
                    workload: cause.target.clone(),
                    replicas: self.replicas,
                },
                reason: format!("it is so: password={}", SECRETS[5]),
                expect: String::new(),
            }],
        })
    }

    async fn verify(&self, _: &str, _: &CallContext, _: &Execution) -> Result<Verdict, CallError> {
        Err(CallError::CpuLimit { budget_ms: 1000 })
    }
}

pub fn context() -> CallContext {
    CallContext {
        incident: Arc::new(IncidentView {
            id: "0001".into(),
            cluster: "test".into(),
            namespace: "shop".into(),
            title: "web is down".into(),
            description: String::new(),
            severity: "critical".into(),
            labels: vec![("pod".into(), "web-1".into())],
            container: None,
            started_at: Some(Timestamp::from_millis(5)),
            target: pod(),
            owner: web(),
            managed_by: None,
            handed_over: None,
            history: Vec::new(),
        }),
        scope: Scope {
            namespaces: vec!["shop".into()],
        },
        reads: Arc::new(Cluster),
        known: Arc::new(Mutex::new(vec![pod(), web()])),
        log: Arc::new(|_| {}),
        clock: Arc::new(Ticking::default()),
    }
}

pub fn incident() -> Incident {
    let alert = Alert {
        source: Source::Alertmanager,
        source_id: String::new(),
        fingerprint: "f1".into(),
        status: AlertStatus::Firing,
        title: "web is down".into(),
        description: String::new(),
        severity: "critical".into(),
        labels: [].into(),
        hints: Hints::default(),
        starts_at: None,
    };
    let cluster = ClusterId {
        name: "test".into(),
        address: "https://127.0.0.1:6443".into(),
        ca_digest: String::new(),
        key: "cluster-1".into(),
    };
    let now = Timestamp::from_millis(1_700_000_000_000);
    Incident::received(TenantId::DEFAULT, cluster, "shop", Mode::Yolo, vec![alert], now)
}

pub fn execution(finding: Finding) -> Execution {
    Execution {
        steps: Vec::new(),
        started_at: Timestamp::from_millis(1),
        finished_at: Timestamp::from_millis(2),
        baseline: Health::default(),
        present: Health::default(),
        finding,
    }
}

/// Asks all four questions.
pub async fn ask_all(strategies: &dyn Strategies) -> Plan {
    let context = context();
    strategies.assess(DIGEST, &context).await.unwrap();
    let finding = strategies.diagnose(DIGEST, &context).await.unwrap();
    let plan = strategies.plan(DIGEST, &context, &finding).await.unwrap();
    strategies
        .verify(DIGEST, &context, &execution(finding))
        .await
        .unwrap_err();
    plan
}
