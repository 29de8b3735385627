//! An incident for tests, with a cluster that answers from a function.

use async_trait::async_trait;
use dreamops_domain::finding::{Diagnosis, Finding};
use dreamops_domain::manifest::StrategyInfo;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::ports::{CallContext, Clock, ClusterRead, Execution, IncidentView};
use dreamops_domain::read::{Health, ReadError, ReadRequest, ReadResponse, Scope};
use dreamops_domain::time::Timestamp;
use dreamops_sandbox::{Exchange, Origin, Recorder, Sandbox, Settings};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A clock that stands still.
pub struct Still;

#[async_trait]
impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000)
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    async fn sleep_until(&self, _: Duration) {}
}

type Answers = dyn Fn(ReadRequest) -> Result<ReadResponse, ReadError> + Send + Sync;

/// A cluster that answers from a function, after a time if need be.
pub struct Cluster {
    pub answers: Box<Answers>,
    pub delay: Duration,
}

#[async_trait]
impl ClusterRead for Cluster {
    #[allow(
        clippy::disallowed_methods,
        reason = "a cluster that is slow in real time is what is tested"
    )]
    async fn read(&self, _: &Scope, request: ReadRequest) -> Result<ReadResponse, ReadError> {
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        (self.answers)(request)
    }
}

pub fn nothing_there(_: ReadRequest) -> Result<ReadResponse, ReadError> {
    Err(ReadError::NotFound { what: "it".into() })
}

pub fn deployment() -> ObjectRef {
    ObjectRef::new("Deployment", "shop", "web", "uid-web")
}

pub fn pod() -> ObjectRef {
    ObjectRef::new("Pod", "shop", "web-1", "uid-web-1")
}

/// An incident about a pod of a Deployment; the log goes to the second value.
pub fn incident(cluster: Cluster) -> (CallContext, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&lines);
    let context = CallContext {
        incident: Arc::new(IncidentView {
            id: "0001".into(),
            cluster: "kind".into(),
            namespace: "shop".into(),
            title: "web is down".into(),
            description: String::new(),
            severity: "critical".into(),
            labels: vec![("app".into(), "web".into())],
            container: Some("main".into()),
            started_at: None,
            target: pod(),
            owner: deployment(),
            managed_by: None,
            handed_over: None,
            history: Vec::new(),
        }),
        scope: Scope {
            namespaces: vec!["shop".into()],
        },
        reads: Arc::new(cluster),
        known: Arc::default(),
        log: Arc::new(move |line| log.lock().unwrap().push(line)),
        clock: Arc::new(Still),
    };
    (context, lines)
}

/// An incident in an empty cluster.
pub fn quiet() -> CallContext {
    incident(Cluster {
        answers: Box::new(nothing_there),
        delay: Duration::ZERO,
    })
    .0
}

pub fn cause() -> Finding {
    Finding::Cause(Diagnosis {
        fault: "crash-loop".into(),
        root_cause: "it exits".into(),
        confidence: 0.9,
        target: deployment(),
        evidence: Vec::new(),
        ruled_out: Vec::new(),
        facts: vec![("revision".into(), "uid-rs".into())],
    })
}

pub fn execution() -> Execution {
    Execution {
        steps: Vec::new(),
        started_at: Timestamp::from_millis(1),
        finished_at: Timestamp::from_millis(2),
        baseline: Health::default(),
        present: Health::default(),
        finding: cause(),
    }
}

/// Keeps every exchange.
#[derive(Default)]
pub struct Tape(pub Mutex<Vec<Exchange>>);

impl Recorder for Tape {
    fn record(&self, exchange: Exchange) {
        self.0.lock().unwrap().push(exchange);
    }
}

/// A sandbox for tests: few slots, so that the pool costs little.
pub fn sandbox(change: impl FnOnce(&mut Settings)) -> Arc<Sandbox> {
    let mut settings = Settings {
        slots: 16,
        concurrent: 8,
        ..Settings::default()
    };
    change(&mut settings);
    Sandbox::new(settings).expect("a sandbox")
}

pub async fn load(sandbox: &Sandbox, guest: &crate::guests::Guest) -> StrategyInfo {
    sandbox
        .load(guest.component(), Origin::FirstParty)
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}
