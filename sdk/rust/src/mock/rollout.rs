//! A workload with its revisions and pods, as a cluster holds them.

use super::world::uid;
use crate::json;
use crate::time::rfc3339;
use serde_json::{Value, json};

/// A pod of a [`Rollout`].
#[derive(Clone, Debug)]
pub struct MockPod {
    ready: bool,
    restarts: u32,
    container: Option<String>,
    state: Value,
    last: Value,
    phase: &'static str,
    node: String,
    conditions: Vec<Value>,
    reason: String,
}

impl MockPod {
    fn with_state(ready: bool, phase: &'static str, state: Value) -> Self {
        Self {
            ready,
            restarts: 0,
            container: None,
            state,
            last: Value::Null,
            phase,
            node: "node-1".into(),
            conditions: Vec::new(),
            reason: String::new(),
        }
    }

    /// It runs and is ready.
    #[must_use]
    pub fn ready() -> Self {
        Self::with_state(
            true,
            "Running",
            json!({"running": {"startedAt": "2025-11-24T09:00:00Z"}}),
        )
    }

    /// It runs and is not ready.
    #[must_use]
    pub fn unready() -> Self {
        Self::with_state(
            false,
            "Running",
            json!({"running": {"startedAt": "2025-11-24T10:18:30Z"}}),
        )
    }

    /// A container waits.
    #[must_use]
    pub fn waiting(reason: &str, message: &str) -> Self {
        Self::with_state(
            false,
            "Pending",
            json!({"waiting": {"reason": reason, "message": message}}),
        )
    }

    /// No node takes it.
    #[must_use]
    pub fn pending(message: &str) -> Self {
        let mut pod = Self::with_state(false, "Pending", Value::Null);
        pod.node = String::new();
        pod.conditions.push(json!({
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message,
        }));
        pod
    }

    /// `CrashLoopBackOff` after five restarts, the last of which ended so.
    #[must_use]
    pub fn crashing(reason: &str, exit_code: i64) -> Self {
        let mut pod = Self::waiting("CrashLoopBackOff", "back-off 2m40s restarting failed container")
            .ended(reason, exit_code, 3)
            .restarts(5);
        pod.phase = "Running";
        pod
    }

    /// How the run before ended, half a minute ago after `lasted` seconds.
    #[must_use]
    pub fn ended(mut self, reason: &str, exit_code: i64, lasted: u64) -> Self {
        let finished = super::NOW_MS - 30_000;
        self.last = json!({"terminated": {
            "reason": reason, "exitCode": exit_code,
            "startedAt": rfc3339(finished - lasted * 1_000), "finishedAt": rfc3339(finished),
        }});
        self
    }

    /// What the runtime said when the run before ended.
    #[must_use]
    pub fn end_message(mut self, message: &str) -> Self {
        self.last["terminated"]["message"] = json!(message);
        self
    }

    /// How often its container was started anew.
    #[must_use]
    pub fn restarts(mut self, count: u32) -> Self {
        self.restarts = count;
        self
    }

    /// The container that this is about; without, it is the first that is no init container.
    #[must_use]
    pub fn of_container(mut self, name: &str) -> Self {
        self.container = Some(name.into());
        self
    }

    /// The node.
    #[must_use]
    pub fn on(mut self, node: &str) -> Self {
        self.node = node.into();
        self
    }

    /// It has failed as a whole, such as `Evicted`.
    #[must_use]
    pub fn failed(mut self, reason: &str) -> Self {
        self.phase = "Failed";
        self.reason = reason.into();
        self.ready = false;
        self
    }

    fn object(&self, metadata: &Value, template: &Value) -> Value {
        let mut spec = template["spec"].clone();
        if !self.node.is_empty() {
            spec["nodeName"] = json!(self.node);
        }
        let first = json::items(&spec, "/containers")
            .first()
            .map_or("", |c| json::text(c, "/name"))
            .to_owned();
        let culprit = self.container.clone().unwrap_or(first);
        let culprit_is_init = json::named(&spec, "/initContainers", &culprit).is_some();
        let status = |list: &str, init: bool| -> Vec<Value> {
            json::items(&spec, list)
                .iter()
                .map(|c| self.container_status(c, &culprit, init, culprit_is_init))
                .collect()
        };
        let mut conditions = self.conditions.clone();
        conditions.push(json!({"type": "Ready", "status": if self.ready { "True" } else { "False" }}));
        json!({
            "kind": "Pod", "metadata": metadata,
            "status": {
                "phase": self.phase, "reason": self.reason, "conditions": conditions,
                "initContainerStatuses": status("/initContainers", true),
                "containerStatuses": status("/containers", false),
            },
            "spec": spec,
        })
    }

    fn container_status(&self, spec: &Value, culprit: &str, init: bool, culprit_is_init: bool) -> Value {
        let name = json::text(spec, "/name");
        if name == culprit {
            return json!({
                "name": name, "image": spec["image"], "ready": self.ready, "restartCount": self.restarts,
                "state": self.state, "lastState": self.last,
            });
        }
        let (ready, state) = match (init, culprit_is_init) {
            (true, _) => (true, json!({"terminated": {"exitCode": 0, "reason": "Completed"}})),
            (false, true) => (false, json!({"waiting": {"reason": "PodInitializing"}})),
            (false, false) => (true, json!({"running": {"startedAt": "2025-11-24T09:00:00Z"}})),
        };
        json!({"name": name, "image": spec["image"], "ready": ready, "restartCount": 0, "state": state})
    }
}

struct Made {
    template: Value,
    ago_s: u64,
    pods: Vec<MockPod>,
}

/// A Deployment, StatefulSet or DaemonSet with revisions and pods, the newest revision last. Each revision was
/// made an hour before the next, the newest ten minutes ago.
pub struct Rollout {
    kind: &'static str,
    name: String,
    replicas: u32,
    made: Vec<Made>,
    changes: Vec<(String, Value)>,
}

impl Rollout {
    fn new(kind: &'static str, name: &str, replicas: u32) -> Self {
        Self {
            kind,
            name: name.into(),
            replicas,
            made: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// A Deployment.
    #[must_use]
    pub fn deployment(name: &str, replicas: u32) -> Self {
        Self::new("Deployment", name, replicas)
    }

    /// A StatefulSet.
    #[must_use]
    pub fn stateful_set(name: &str, replicas: u32) -> Self {
        Self::new("StatefulSet", name, replicas)
    }

    /// A DaemonSet on so many nodes.
    #[must_use]
    pub fn daemon_set(name: &str, nodes: u32) -> Self {
        Self::new("DaemonSet", name, nodes)
    }

    /// A newer revision: a pod template, or only its `spec`.
    #[must_use]
    pub fn revision(mut self, template: Value) -> Self {
        let template = if template["spec"].is_null() {
            json!({"spec": template})
        } else {
            template
        };
        for made in &mut self.made {
            made.ago_s += 3_600;
        }
        self.made.push(Made {
            template,
            ago_s: 600,
            pods: Vec::new(),
        });
        self
    }

    /// A newer revision with one container.
    #[must_use]
    pub fn container(self, container: Value) -> Self {
        self.revision(json!({"containers": Value::Array(vec![container])}))
    }

    /// So many pods of the newest revision.
    #[must_use]
    pub fn pods(mut self, count: usize, pod: &MockPod) -> Self {
        let made = self.made.last_mut().expect("a revision comes before pods");
        made.pods.extend(std::iter::repeat_n(pod.clone(), count));
        self
    }

    /// The newest revision was made so many seconds ago.
    #[must_use]
    pub fn made_ago_s(mut self, seconds: u64) -> Self {
        let made = self.made.last_mut().expect("a revision comes before its age");
        made.ago_s = seconds;
        self
    }

    /// Sets a field of the workload's object, such as `/spec/strategy/type`. Parents are made.
    #[must_use]
    pub fn with(mut self, pointer: &str, value: Value) -> Self {
        self.changes.push((pointer.into(), value));
        self
    }

    /// The name of a pod: of the revision's number from 1 and the pod's index from 0, as [`MockHost`](super::MockHost)
    /// makes it. Pods of a StatefulSet are counted through all revisions.
    pub fn pod_name(&self, revision: usize, index: usize) -> String {
        if self.kind == "StatefulSet" {
            let before: usize = self.made[..revision - 1].iter().map(|m| m.pods.len()).sum();
            return format!("{}-{}", self.name, before + index);
        }
        format!("{}-r{revision}-{index}", self.name)
    }

    /// The objects, as the API server returns them.
    pub(super) fn objects(self, now_ms: u64) -> Vec<Value> {
        let owner = json!([{
            "kind": self.kind, "name": self.name, "uid": uid(self.kind, &self.name), "controller": true,
        }]);
        let mut objects = vec![self.workload(now_ms)];
        for (at, made) in self.made.iter().enumerate() {
            let number = at + 1;
            let revision = format!("{}-r{number}", self.name);
            let created = rfc3339(now_ms - made.ago_s * 1_000);
            let ready = made.pods.iter().filter(|p| p.ready).count();
            let (made_by, hash) = if self.kind == "Deployment" {
                objects.push(json!({
                    "kind": "ReplicaSet",
                    "metadata": {
                        "name": revision, "ownerReferences": owner, "creationTimestamp": created,
                        "annotations": {"deployment.kubernetes.io/revision": number.to_string()},
                    },
                    "spec": {"replicas": made.pods.len(), "template": made.template},
                    "status": {"replicas": made.pods.len(), "readyReplicas": ready},
                }));
                let by = json!([{
                    "kind": "ReplicaSet", "name": revision, "uid": uid("ReplicaSet", &revision), "controller": true,
                }]);
                (by, ("pod-template-hash", format!("r{number}")))
            } else {
                objects.push(json!({
                    "kind": "ControllerRevision", "revision": number,
                    "metadata": {"name": revision, "ownerReferences": owner, "creationTimestamp": created},
                    "data": {"spec": {"template": made.template}},
                }));
                (owner.clone(), ("controller-revision-hash", revision.clone()))
            };
            for (index, pod) in made.pods.iter().enumerate() {
                let mut labels = json!({"app": self.name});
                if let Some(own) = made.template.pointer("/metadata/labels").and_then(Value::as_object) {
                    for (k, v) in own {
                        labels[k] = v.clone();
                    }
                }
                labels[hash.0] = json!(hash.1);
                let metadata = json!({
                    "name": self.pod_name(number, index), "labels": labels,
                    "ownerReferences": made_by, "creationTimestamp": created,
                });
                objects.push(pod.object(&metadata, &made.template));
            }
        }
        objects
    }

    fn workload(&self, now_ms: u64) -> Value {
        let ready: usize = self.made.iter().flat_map(|m| &m.pods).filter(|p| p.ready).count();
        let updated = self.made.last().map_or(0, |m| m.pods.len());
        let template = self.made.last().map_or(&Value::Null, |m| &m.template);
        let oldest = self.made.first().map_or(3_600, |m| m.ago_s);
        let name = |at: Option<usize>| at.map_or_else(String::new, |n| format!("{}-r{n}", self.name));
        let newest = self.made.len();
        let mut object = json!({
            "kind": self.kind,
            "metadata": {
                "name": self.name, "generation": newest, "labels": {"app": self.name},
                "creationTimestamp": rfc3339(now_ms - oldest * 1_000),
            },
            "spec": {
                "replicas": self.replicas, "selector": {"matchLabels": {"app": self.name}}, "template": template,
            },
            "status": {
                "observedGeneration": newest, "replicas": self.made.iter().map(|m| m.pods.len()).sum::<usize>(),
                "readyReplicas": ready, "availableReplicas": ready, "updatedReplicas": updated,
            },
        });
        match self.kind {
            "DaemonSet" => {
                object["status"] = json!({
                    "observedGeneration": newest, "desiredNumberScheduled": self.replicas, "numberReady": ready,
                    "updatedNumberScheduled": updated,
                });
            }
            "StatefulSet" => {
                object["status"]["updateRevision"] = json!(name(Some(newest)));
                object["status"]["currentRevision"] = json!(name(newest.checked_sub(1).filter(|n| *n > 0)));
            }
            _ => {}
        }
        for (pointer, value) in &self.changes {
            let mut at = &mut object;
            for part in pointer.split('/').skip(1) {
                at = &mut at[part.replace("~1", "/")];
            }
            *at = value.clone();
        }
        object
    }
}
