//! A namespace of a real cluster with an actor in it.

use anyhow::{Context, Result, anyhow, bail, ensure};
use async_trait::async_trait;
use dreamops_cluster::act::{Actor, Bounds};
use dreamops_cluster::api::Api;
use dreamops_cluster::connect::{self, Options, ProxySettings};
use dreamops_domain::journal::WriteOutcome;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::plan::{Action, Step};
use dreamops_domain::ports::{
    ActError, Clock, ClusterRead, ClusterWrite, RegistryCredential, RegistryCredentials, StoreError,
};
use dreamops_domain::read::{ReadError, ReadRequest, ReadResponse, Scope};
use dreamops_domain::redact::Redactor;
use dreamops_domain::rehearsal::{CheckOutcome, Rehearsal, Write};
use dreamops_domain::time::Timestamp;
use futures::FutureExt;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const VARIABLE: &str = "DREAMOPS_TEST_KUBECONFIG";
/// How long a cluster may take for what it does by itself.
const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) struct World {
    pub(crate) client: kube::Client,
    pub(crate) api: Api,
    pub(crate) actor: Actor,
    pub(crate) namespace: String,
    pub(crate) scope: Scope,
}

/// Runs `test` in a namespace of its own, which is deleted afterwards however it ends.
pub(crate) async fn on_cluster<F, Fut>(name: &str, test: F) -> Result<()>
where
    F: FnOnce(Arc<World>) -> Fut,
    Fut: Future<Output = Result<()>>,
{
    let Ok(path) = std::env::var(VARIABLE) else {
        eprintln!("skipped: {name} needs a real cluster; set {VARIABLE} to its kubeconfig");
        return Ok(());
    };
    let client = client(&path).await?;
    let api = api(&path).await?;
    let made = api
        .create(
            "Namespace",
            "",
            &json!({"apiVersion": "v1", "kind": "Namespace",
                "metadata": {"generateName": format!("dreamops-cluster-{name}-")}}),
            false,
        )
        .await
        .map_err(|e| anyhow!("{e:?}"))?;
    let text = |pointer: &str| {
        made.pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let namespace = text("/metadata/name");
    let world = Arc::new(World {
        actor: actor(api.clone()),
        scope: Scope {
            namespaces: vec![namespace.clone()],
        },
        client,
        api: api.clone(),
        namespace: namespace.clone(),
    });
    let outcome = AssertUnwindSafe(async {
        let account = ObjectRef::new("ServiceAccount", &namespace, "default", "");
        world.until("the service account", &account, |_| true).await?;
        test(Arc::clone(&world)).await
    })
    .catch_unwind()
    .await;
    api.delete("Namespace", "", &namespace, &text("/metadata/uid"), false)
        .await
        .map_err(|e| anyhow!("{e:?}"))?;
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}

/// For what tests do beside the program.
async fn client(kubeconfig: &str) -> Result<kube::Client> {
    let config =
        kube::Config::from_custom_kubeconfig(Kubeconfig::read_from(kubeconfig)?, &KubeConfigOptions::default()).await?;
    Ok(kube::Client::try_from(config)?)
}

/// As the program connects.
pub(crate) async fn api(path: &str) -> Result<Api> {
    let options = Options {
        context: None,
        proxy: ProxySettings::default(),
        clock: Arc::new(RealClock(Instant::now())),
        redactor: Redactor::new(b"a tenant's key"),
    };
    Ok(connect::kubeconfig(Path::new(path), &options).await?.api)
}

pub(crate) fn actor(api: Api) -> Actor {
    Actor::new(
        api,
        Redactor::new(b"a tenant's key"),
        Arc::new(NoReads),
        Arc::new(PrivateImages),
        Arc::new(RealClock(Instant::now())),
        Bounds::default(),
    )
}

impl World {
    /// Creates an object in the namespace.
    pub(crate) async fn create(&self, mut object: Value) -> Result<ObjectRef> {
        object["metadata"]["namespace"] = json!(self.namespace);
        let kind = object["kind"].as_str().unwrap_or_default().to_owned();
        let made = self
            .api
            .create(&kind, &self.namespace, &object, false)
            .await
            .map_err(|e| anyhow!("cannot create {kind}: {e:?}"))?;
        Ok(reference(&kind, &made))
    }

    pub(crate) async fn get(&self, object: &ObjectRef) -> Result<Value> {
        self.api
            .get(&object.kind, &object.namespace, &object.name)
            .await
            .map_err(|e| anyhow!("{e:?}"))
    }

    pub(crate) async fn list(&self, kind: &str, labels: &str) -> Result<Vec<Value>> {
        self.api
            .list_all(kind, &self.namespace, labels, "")
            .await
            .map_err(|e| anyhow!("{e:?}"))
    }

    /// A change that someone else makes.
    pub(crate) async fn meddle(&self, object: &ObjectRef, patch: Value) -> Result<Value> {
        let row = dreamops_cluster::resource::of(&object.kind).context("a known kind")?;
        let uri = format!(
            "{}/{}?fieldManager=meddler",
            row.collection(&self.namespace),
            object.name
        );
        let request = http::Request::patch(uri)
            .header("Content-Type", "application/strategic-merge-patch+json")
            .body(patch.to_string().into_bytes())?;
        Ok(self.client.request(request).await?)
    }

    /// Reads an object until it is as wanted.
    pub(crate) async fn until(&self, what: &str, object: &ObjectRef, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.api.get(&object.kind, &object.namespace, &object.name).await;
            match found {
                Ok(found) if wanted(&found) => return Ok(found),
                other if Instant::now() > deadline => bail!("waited in vain for {what}: {other:?}"),
                _ => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }

    /// Reads the pods of an application until they are as wanted.
    pub(crate) async fn until_pods(&self, what: &str, wanted: impl Fn(&[Value]) -> bool) -> Result<Vec<Value>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let pods = self.list("Pod", "").await?;
            if wanted(&pods) {
                return Ok(pods);
            }
            ensure!(Instant::now() < deadline, "waited in vain for {what}: {pods:#?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    pub(crate) async fn rehearse(&self, action: Action) -> Result<Rehearsal, ActError> {
        self.actor.rehearse(&self.scope, &step(action)).await
    }

    /// Rehearses, and holds that this changed nothing.
    pub(crate) async fn rehearse_quietly(&self, action: Action) -> Result<Rehearsal> {
        let target = action.target().clone();
        let before = self.until("its controller to have seen it", &target, is_seen).await?;
        let rehearsal = self.rehearse(action).await?;
        let after = self.get(&target).await?;
        assert_eq!(spec(&before), spec(&after), "a rehearsal changes nothing");
        assert_eq!(
            before["metadata"]["generation"], after["metadata"]["generation"],
            "a rehearsal changes nothing"
        );
        Ok(rehearsal)
    }

    pub(crate) async fn apply(&self, write: &Write) -> Result<WriteOutcome> {
        Ok(self.actor.apply(&self.scope, write).await?)
    }

    /// Applies all writes and holds that each took effect, can be told so by reading, and holds.
    pub(crate) async fn carry_out(&self, rehearsal: &Rehearsal) -> Result<Vec<WriteOutcome>> {
        assert_eq!(rehearsal.failure(), None, "{:#?}", rehearsal.checks);
        let mut outcomes = Vec::new();
        for write in &rehearsal.writes {
            assert_eq!(
                self.actor.settle(&self.scope, write).await?,
                None,
                "a write that was not made settles as not made"
            );
            let outcome = self.apply(write).await?;
            assert!(
                matches!(outcome, WriteOutcome::Applied { .. }),
                "{write:?}: {outcome:?}"
            );
            let settled = self.actor.settle(&self.scope, write).await?;
            assert!(
                matches!(settled, Some(WriteOutcome::Applied { .. })),
                "{write:?} settles as {settled:?}"
            );
            assert_eq!(self.apply(write).await?, WriteOutcome::AlreadySo, "{write:?}");
            assert_eq!(self.actor.breach(&self.scope, write).await?, None);
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }

    /// Takes all writes back in reverse order, and holds that the target's spec is `before` and our mark is gone.
    pub(crate) async fn take_back(
        &self,
        rehearsal: &Rehearsal,
        outcomes: &[WriteOutcome],
        before: &Value,
    ) -> Result<()> {
        for (write, outcome) in rehearsal.writes.iter().zip(outcomes).rev() {
            let Some(back) = self.actor.inverse(write, outcome) else {
                assert!(matches!(write, Write::Delete { .. } | Write::Evict { .. }));
                continue;
            };
            let outcome = self.apply(&back).await?;
            assert!(matches!(outcome, WriteOutcome::Applied { .. }), "{back:?}: {outcome:?}");
            assert_eq!(self.apply(&back).await?, WriteOutcome::AlreadySo);
        }
        let target = &rehearsal.versions[0].object;
        let now = self.get(target).await?;
        assert_eq!(spec(&now), spec(before), "the spec is as before");
        assert_eq!(now["metadata"]["labels"], before["metadata"]["labels"]);
        let managers: Vec<&str> = now["metadata"]["managedFields"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|e| e["manager"].as_str())
            .collect();
        assert!(!managers.contains(&"dreamops"), "{managers:?}");
        Ok(())
    }

    /// Rehearses, carries out, takes back.
    pub(crate) async fn there_and_back(&self, action: Action) -> Result<Rehearsal> {
        let before = self.get(action.target()).await?;
        let rehearsal = self.rehearse_quietly(action).await?;
        assert!(rehearsal.reversible, "{:#?}", rehearsal.checks);
        let outcomes = self.carry_out(&rehearsal).await?;
        self.take_back(&rehearsal, &outcomes, &before).await?;
        Ok(rehearsal)
    }
}

/// A Deployment's controller numbers its revision in an annotation, and that moves the generation.
fn is_seen(object: &Value) -> bool {
    let revision = "deployment.kubernetes.io/revision";
    let numbered = object["metadata"]["annotations"][revision].is_string();
    let observed = &object["status"]["observedGeneration"];
    match object["kind"].as_str() {
        Some("Deployment") => numbered && *observed == object["metadata"]["generation"],
        Some("StatefulSet" | "DaemonSet") => *observed == object["metadata"]["generation"],
        _ => true,
    }
}

pub(crate) fn step(action: Action) -> Step {
    Step {
        action,
        reason: "a test".into(),
        expect: "it works".into(),
    }
}

pub(crate) fn spec(object: &Value) -> &Value {
    &object["spec"]
}

pub(crate) fn reference(kind: &str, object: &Value) -> ObjectRef {
    let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default();
    ObjectRef::new(kind, text("namespace"), text("name"), text("uid"))
}

/// The outcome of a check by its name.
pub(crate) fn check<'a>(rehearsal: &'a Rehearsal, name: &str) -> &'a CheckOutcome {
    match rehearsal.checks.iter().find(|c| c.name == name) {
        Some(check) => &check.outcome,
        None => panic!("no check {name} in {:#?}", rehearsal.checks),
    }
}

/// Why a check failed.
pub(crate) fn failure(rehearsal: &Rehearsal, name: &str) -> String {
    match check(rehearsal, name) {
        CheckOutcome::Failed { why } => why.clone(),
        other => panic!("{name} is {other:?}: {:#?}", rehearsal.checks),
    }
}

pub(crate) fn is_ready(pod: &Value) -> bool {
    pod["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|c| c["type"] == "Ready" && c["status"] == "True")
}

/// A workload of one container of the `stage` program, version 1.
pub(crate) fn workload(kind: &str, name: &str, replicas: u32) -> Value {
    let mut spec = json!({
        "selector": {"matchLabels": {"app": name}},
        "template": {
            "metadata": {"labels": {"app": name}},
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "containers": [{"name": "main", "image": "docker.io/library/stage:1"}],
            },
        },
    });
    if kind != "DaemonSet" {
        spec["replicas"] = json!(replicas);
    }
    if kind == "StatefulSet" {
        spec["serviceName"] = json!(name);
    }
    json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "labels": {"app": name}}, "spec": spec})
}

/// A strategic merge patch of the one container.
pub(crate) fn container(fields: &Value) -> Value {
    let mut main = fields.clone();
    main["name"] = json!("main");
    json!({"spec": {"template": {"spec": {"containers": [main]}}}})
}

/// No test asks how an object does.
struct NoReads;

#[async_trait]
impl ClusterRead for NoReads {
    async fn read(&self, _: &Scope, _: ReadRequest) -> Result<ReadResponse, ReadError> {
        Err(ReadError::Invalid {
            why: "not part of this test".into(),
        })
    }
}

/// The credential for the private repository of the test cluster's registry.
struct PrivateImages;

#[async_trait]
impl RegistryCredentials for PrivateImages {
    async fn credential(&self, registry: &str, _namespace: &str) -> Result<Option<RegistryCredential>, StoreError> {
        Ok((registry == "docker.io").then(|| RegistryCredential {
            registry: registry.to_owned(),
            username: "puller".to_owned(),
            password: zeroize::Zeroizing::new("only-for-tests".to_owned()),
        }))
    }
}

struct RealClock(Instant);

#[async_trait]
impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or_default())
    }
    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
    async fn sleep_until(&self, deadline: Duration) {
        tokio::time::sleep_until((self.0 + deadline).into()).await;
    }
}
