//! Strategies that answer as a test says.

use async_trait::async_trait;
use dreamops_domain::finding::{Assessment, Bearing, Diagnosis, Evidence, Finding, Signal, Verdict};
use dreamops_domain::manifest::{Manifest, StrategyInfo};
use dreamops_domain::object::ObjectRef;
use dreamops_domain::plan::{Action, Plan, Step};
use dreamops_domain::ports::{CallContext, CallError, Execution, Strategies};
use dreamops_domain::read::ReadRequest;
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex};

type Diagnose = Arc<dyn Fn(&CallContext) -> Result<Finding, CallError> + Send + Sync>;
type Draft = Arc<dyn Fn(&CallContext) -> Result<Plan, CallError> + Send + Sync>;
type Verify = Arc<dyn Fn(&Execution) -> Result<Verdict, CallError> + Send + Sync>;

#[derive(Clone)]
pub struct Script {
    pub name: &'static str,
    pub version: &'static str,
    /// What it claims; `None`: it fails at being asked.
    pub claim: Option<f64>,
    /// A kind that it reads at `assess` and `diagnose`, and fails where it may not.
    pub needs: Option<&'static str>,
    pub diagnose: Diagnose,
    pub plan: Draft,
    pub verify: Verify,
}

impl Script {
    /// Claims 0.9, finds a cause in the owner, proposes `steps`, and leaves the verdict to the host's eyes.
    pub fn new(name: &'static str, steps: Vec<Step>) -> Self {
        Self {
            name,
            version: "0.1.0",
            claim: Some(0.9),
            needs: None,
            diagnose: Arc::new(|context| Ok(cause(&context.incident.owner))),
            plan: Arc::new(move |_| Ok(Plan { steps: steps.clone() })),
            verify: Arc::new(|execution| {
                Ok(if execution.present.whole() {
                    Verdict::Healed
                } else {
                    Verdict::Waiting { retry_after_ms: 500 }
                })
            }),
        }
    }

    pub fn claiming(mut self, claim: f64) -> Self {
        self.claim = Some(claim);
        self
    }

    pub fn finding(mut self, find: impl Fn(&CallContext) -> Finding + Send + Sync + 'static) -> Self {
        self.diagnose = Arc::new(move |context| Ok(find(context)));
        self
    }

    pub fn saying(mut self, verdict: Verdict) -> Self {
        self.verify = Arc::new(move |_| Ok(verdict.clone()));
        self
    }

    fn info(&self) -> StrategyInfo {
        StrategyInfo {
            manifest: Manifest {
                format: 1,
                name: self.name.into(),
                version: self.version.into(),
                summary: String::new(),
                faults: vec![self.name.into()],
                grants: [].into(),
            },
            digest: self.digest(),
            first_party: true,
        }
    }

    /// What stands for its file.
    fn file(&self) -> Vec<u8> {
        format!("{} {}", self.name, self.version).into_bytes()
    }

    pub fn digest(&self) -> String {
        hex::encode(Sha256::digest(self.file()))
    }

    async fn look(&self, context: &CallContext) -> Result<(), CallError> {
        let Some(kind) = self.needs else { return Ok(()) };
        let request = ReadRequest::Get {
            kind: kind.into(),
            namespace: "shop".into(),
            name: "web".into(),
            mask: Vec::new(),
        };
        let read = context.reads.read(&context.scope, request).await;
        // in its own words, which name no right
        read.map(|_| ())
            .map_err(|_| CallError::Failure("it could not look".into()))
    }
}

/// The scripts, and which calls were made.
#[derive(Default)]
pub struct Scripts {
    pub installed: Mutex<Vec<Script>>,
    /// Those that are not installed any more, and would be again what they were if their file came back.
    pub removed: Mutex<Vec<Script>>,
    pub revived: Mutex<Vec<Script>>,
    pub calls: Mutex<Vec<String>>,
}

impl Scripts {
    pub fn count(&self, call: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|c| *c == call).count()
    }

    /// Removes what is installed, and installs another version of it or nothing.
    pub fn replace(&self, by: Option<Script>) {
        let mut scripts = self.installed.lock().unwrap();
        self.removed.lock().unwrap().append(&mut scripts);
        scripts.extend(by);
    }

    fn loaded(&self) -> Vec<Script> {
        let mut all = self.installed.lock().unwrap().clone();
        all.extend(self.revived.lock().unwrap().iter().cloned());
        all
    }

    fn script(&self, digest: &str, call: &str) -> Result<Script, CallError> {
        let script = self.loaded().into_iter().find(|s| s.digest() == digest);
        let script = script.ok_or_else(|| CallError::Mismatch(format!("{digest} is not loaded")))?;
        let version = Some(script.version).filter(|v| *v != "0.1.0");
        let name = version.map_or_else(|| script.name.to_owned(), |v| format!("{} {v}", script.name));
        self.calls.lock().unwrap().push(format!("{name} {call}"));
        Ok(script)
    }
}

#[async_trait]
impl Strategies for Scripts {
    fn installed(&self) -> Vec<StrategyInfo> {
        self.installed.lock().unwrap().iter().map(Script::info).collect()
    }

    fn confidence_cap(&self, _: &str) -> f64 {
        1.0
    }

    fn file(&self, digest: &str) -> Option<Arc<[u8]>> {
        let found = self.loaded().into_iter().find(|s| s.digest() == digest);
        found.map(|s| s.file().into())
    }

    fn at_hand(&self, digest: &str) -> bool {
        self.file(digest).is_some()
    }

    async fn revive(&self, bytes: Vec<u8>) -> Result<StrategyInfo, CallError> {
        let removed = self.removed.lock().unwrap();
        let script = removed.iter().find(|s| s.file() == bytes).cloned();
        let script = script.ok_or_else(|| CallError::Mismatch("it is turned off".into()))?;
        self.revived.lock().unwrap().push(script.clone());
        Ok(script.info())
    }

    async fn assess(&self, digest: &str, context: &CallContext) -> Result<Assessment, CallError> {
        let script = self.script(digest, "assess")?;
        script.look(context).await?;
        let claim = script.claim.ok_or_else(|| CallError::Trap("unreachable".into()))?;
        let signal = Signal {
            name: "sign".into(),
            bearing: Bearing::Agrees,
            seen: String::new(),
        };
        Ok(Assessment {
            claim,
            signals: vec![signal],
        })
    }

    async fn diagnose(&self, digest: &str, context: &CallContext) -> Result<Finding, CallError> {
        let script = self.script(digest, "diagnose")?;
        script.look(context).await?;
        (script.diagnose)(context)
    }

    async fn plan(&self, digest: &str, context: &CallContext, _: &Finding) -> Result<Plan, CallError> {
        (self.script(digest, "plan")?.plan)(context)
    }

    async fn verify(&self, digest: &str, _: &CallContext, execution: &Execution) -> Result<Verdict, CallError> {
        (self.script(digest, "verify")?.verify)(execution)
    }
}

pub fn cause(target: &ObjectRef) -> Finding {
    Finding::Cause(Diagnosis {
        fault: "crash-loop".into(),
        root_cause: "the image is bad".into(),
        confidence: 0.95,
        target: target.clone(),
        evidence: vec![evidence("it says so")],
        ruled_out: Vec::new(),
        facts: Vec::new(),
    })
}

pub fn evidence(text: &str) -> Evidence {
    Evidence {
        source: "the log".into(),
        text: text.into(),
    }
}

pub fn hand_over(fault: &str, target: &ObjectRef) -> Finding {
    Finding::HandOver {
        fault: fault.into(),
        target: target.clone(),
        reason: format!("{fault} knows better"),
        evidence: Vec::new(),
    }
}

fn step(action: Action) -> Step {
    Step {
        action,
        reason: "it helps".into(),
        expect: "all is well".into(),
    }
}

/// Sets `/spec/image`.
pub fn set_image(target: &ObjectRef, image: &str) -> Step {
    set(target, "/spec/image", image)
}

pub fn set(target: &ObjectRef, path: &str, value: &str) -> Step {
    step(Action::Patch {
        target: target.clone(),
        path: path.into(),
        value: value.into(),
    })
}

pub fn restart(pod: &ObjectRef) -> Step {
    step(Action::RestartPod { pod: pod.clone() })
}

/// A step of two writes: on the Secret `part`, then on the workload.
pub fn two_writes(workload: &ObjectRef) -> Step {
    step(Action::RestartWorkload {
        workload: workload.clone(),
    })
}

pub fn tell(target: &ObjectRef, proposal: &str) -> Step {
    step(Action::Escalate {
        target: target.clone(),
        proposal: proposal.into(),
    })
}
