//! How a workload, pod or Service does.
//!
//! Pods are counted as they are now, not as a controller's status had them: a status lags.
//!
//! | kind | desired | updated | settled |
//! | --- | --- | --- | --- |
//! | Deployment | `spec.replicas` | pods of the `ReplicaSet` with the present template | the spec was seen, all pods that are wanted exist, none of another revision counts |
//! | `StatefulSet` | `spec.replicas` | pods of `status.updateRevision`, and those a partition holds back | as above |
//! | `DaemonSet` | `status.desiredNumberScheduled` | `status.updatedNumberScheduled` | as above |
//! | `ReplicaSet` | `spec.replicas` | its pods | the spec was seen, all pods that are wanted exist |
//! | Pod | 1 | 1 | it is not on its way out |
//! | Service | pods selected | pods selected | always |
//! | Job | 1 | 1 | always; ready: it is complete, or under way without a pod that failed or is not ready |
//! | `CronJob` | 1 | 1 | always; ready: its newest Job is, or there is none |
//!
//! With the strategy `OnDelete` pods of older revisions are left on purpose: those that are ready
//! count as updated.

use super::{Stop, count, invalid, live, pods, reference, revisions, service, text};
use crate::api::Api;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::read::Health;
use serde_json::Value;

/// The most pods that are named.
const NAMED: usize = 10;
/// `progressDeadlineSeconds` where a Deployment does not say (Kubernetes' default).
const PROGRESS_DEADLINE: u32 = 600;

pub(crate) async fn of(api: &Api, object: &ObjectRef) -> Result<Health, Stop> {
    let present = live(api, object).await?;
    match object.kind.as_str() {
        "Deployment" => {
            let (sets, pods) = pods::of_deployment(api, &present).await?;
            Ok(of_deployment(&present, &sets, &pods))
        }
        "StatefulSet" => Ok(of_stateful_set(&present, &pods::of_workload(api, &present).await?)),
        "DaemonSet" => Ok(of_daemon_set(&present, &pods::of_workload(api, &present).await?)),
        "ReplicaSet" => Ok(of_replica_set(&present, &pods::of_workload(api, &present).await?)),
        "Pod" => Ok(of_pod(&present)),
        "Service" => of_service(api, &present).await,
        "Job" => Ok(of_job(&present, &pods::of_workload(api, &present).await?)),
        "CronJob" => of_cron_job(api, &present).await,
        other => {
            let why = format!(
                "a {other} has no health; Deployment, StatefulSet, DaemonSet, ReplicaSet, Pod, Service, Job and CronJob have"
            );
            Err(invalid(&why).into())
        }
    }
}

fn of_deployment(deployment: &Value, sets: &[Value], pods: &[Value]) -> Health {
    let present = present_set(deployment, sets);
    let uid = present.map_or("", |set| text(set, "/metadata/uid"));
    let of_present = |pod: &&Value| !uid.is_empty() && pods::controller_uid(pod) == uid;
    let counting = || pods.iter().filter(|p| pods::counts(p));
    let updated = number(counting().filter(of_present));
    let old = number(counting()) - updated;
    let desired = count(deployment, "/spec/replicas").unwrap_or(1);
    let condition = pods::condition(deployment, "Progressing");
    let by_controller = condition.is_some_and(|c| c["status"] == "True" && c["reason"] != "NewReplicaSetAvailable");
    Health {
        desired,
        updated,
        settled: seen(deployment) && old == 0 && updated == desired,
        progressing: !seen(deployment) || by_controller,
        progress_deadline_seconds: Some(
            count(deployment, "/spec/progressDeadlineSeconds").unwrap_or(PROGRESS_DEADLINE),
        ),
        ..common(deployment, pods)
    }
}

/// The `ReplicaSet` with the Deployment's present template; of several the oldest, as its controller chooses.
fn present_set<'a>(deployment: &Value, sets: &'a [Value]) -> Option<&'a Value> {
    let template = |object: &Value| revisions::bare(object.pointer("/spec/template").unwrap_or(&Value::Null));
    let wanted = template(deployment);
    sets.iter()
        .filter(|set| template(set) == wanted)
        .min_by_key(|set| text(set, "/metadata/creationTimestamp"))
}

fn of_stateful_set(set: &Value, pods: &[Value]) -> Health {
    let update = text(set, "/status/updateRevision");
    let partition = count(set, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or(0);
    let held_back = |pod: &Value| {
        let ordinal = text(pod, "/metadata/name")
            .rsplit_once('-')
            .map(|(_, n)| n.parse::<u32>());
        matches!(ordinal, Some(Ok(ordinal)) if ordinal < partition)
    };
    let revision = |pod: &Value| text(pod, "/metadata/labels/controller-revision-hash") == update;
    let left = on_delete(set);
    let is_updated = |pod: &Value| revision(pod) || held_back(pod) || (left && pods::ready(pod));
    rolled(set, pods, count(set, "/spec/replicas").unwrap_or(1), is_updated)
}

fn of_daemon_set(set: &Value, pods: &[Value]) -> Health {
    let desired = count(set, "/status/desiredNumberScheduled").unwrap_or(0);
    // labelled by the controller with the template's generation; the hash would need its revisions
    let generation = text(set, "/metadata/annotations/deprecated.daemonset.template.generation");
    let by_generation = |pod: &Value| text(pod, "/metadata/labels/pod-template-generation") == generation;
    let left = on_delete(set);
    let mut health = rolled(set, pods, desired, |pod| {
        by_generation(pod) || (left && pods::ready(pod))
    });
    // pods that outlived their DaemonSet (deleted with orphans) carry no such number of this one
    let by_status = count(set, "/status/updatedNumberScheduled").unwrap_or(0);
    if seen(set) && by_status > health.updated {
        health.updated = by_status;
        health.settled = by_status == desired && number(pods.iter().filter(|p| pods::counts(p))) <= by_status;
        health.progressing = !health.settled;
    }
    health
}

fn rolled(workload: &Value, pods: &[Value], desired: u32, is_updated: impl Fn(&Value) -> bool) -> Health {
    let counting = || pods.iter().filter(|p| pods::counts(p));
    let updated = number(counting().filter(|p| is_updated(p)));
    let old = number(counting()) - updated;
    let settled = seen(workload) && old == 0 && updated == desired;
    Health {
        desired,
        updated,
        settled,
        progressing: !settled,
        ..common(workload, pods)
    }
}

fn of_replica_set(set: &Value, pods: &[Value]) -> Health {
    let desired = count(set, "/spec/replicas").unwrap_or(1);
    let updated = number(pods.iter().filter(|p| pods::counts(p)));
    Health {
        desired,
        updated,
        settled: seen(set) && updated == desired,
        ..common(set, pods)
    }
}

fn of_pod(pod: &Value) -> Health {
    let one = std::slice::from_ref(pod);
    Health {
        desired: 1,
        updated: u32::from(pods::counts(pod)),
        settled: !pods::leaving(pod),
        ..common(pod, one)
    }
}

/// How a Job does on its way to its end, after which no pod of it has to be there.
fn of_job(job: &Value, pods: &[Value]) -> Health {
    let is = |kind| pods::condition(job, kind).is_some_and(|c| c["status"] == "True");
    let failed = is("Failed") || is("FailureTarget") || count(job, "/status/failed").unwrap_or(0) > 0;
    let under_way = pods.iter().filter(|p| pods::counts(p)).all(pods::ready);
    Health {
        desired: 1,
        ready: u32::from(is("Complete") || (!failed && under_way)),
        updated: 1,
        settled: true,
        ..common(job, pods)
    }
}

/// As its newest Job does: what failed before is past.
async fn of_cron_job(api: &Api, present: &Value) -> Result<Health, Stop> {
    let uid = text(present, "/metadata/uid");
    let mut jobs = api
        .list_all("Job", text(present, "/metadata/namespace"), "", "")
        .await?;
    jobs.retain(|job| pods::controller_uid(job) == uid);
    let newest = jobs
        .iter()
        .max_by_key(|job| text(job, "/metadata/creationTimestamp").to_owned());
    match newest {
        Some(job) => Ok(of_job(job, &pods::of_workload(api, job).await?)),
        None => Ok(of_job(&Value::Null, &[])),
    }
}

async fn of_service(api: &Api, present: &Value) -> Result<Health, Stop> {
    let behind = service::behind(api, present).await?;
    let selected: Vec<Value> = behind.selected;
    let endpoints = behind.ready.len() + behind.not_ready.len();
    let desired = if selected.is_empty() {
        u32::try_from(endpoints).unwrap_or(u32::MAX)
    } else {
        number(selected.iter())
    };
    Ok(Health {
        desired,
        ready: u32::try_from(behind.ready.len()).unwrap_or(u32::MAX),
        updated: desired,
        settled: !pods::leaving(present),
        ..common(present, &selected)
    })
}

/// What is counted alike for all kinds.
fn common(object: &Value, pods: &[Value]) -> Health {
    let counting = || pods.iter().filter(|p| pods::counts(p));
    Health {
        ready: number(pods.iter().filter(|p| pods::ready(p))),
        restarts: counting().map(pods::restarts).fold(0, u32::saturating_add),
        last_restart: counting().filter_map(pods::last_end).max(),
        next_start: counting().filter_map(pods::next_start).max(),
        unready_pods: counting()
            .filter(|p| !pods::ready(p))
            .take(NAMED)
            .map(reference)
            .collect(),
        min_ready_seconds: count(object, "/spec/minReadySeconds").unwrap_or(0),
        ..Health::default()
    }
}

/// Whether the controller has seen the present spec, and the object is not being deleted.
fn seen(object: &Value) -> bool {
    let generation = object.pointer("/metadata/generation").and_then(Value::as_u64);
    let observed = object.pointer("/status/observedGeneration").and_then(Value::as_u64);
    !pods::leaving(object) && observed >= generation
}

fn on_delete(workload: &Value) -> bool {
    text(workload, "/spec/updateStrategy/type") == "OnDelete"
}

fn number<'a>(pods: impl Iterator<Item = &'a Value>) -> u32 {
    u32::try_from(pods.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(name: &str, owner: &str, ready: bool) -> Value {
        json!({"kind": "Pod", "metadata": {"name": name, "namespace": "shop", "uid": name,
                "labels": {"controller-revision-hash": owner},
                "ownerReferences": [{"uid": owner, "controller": true}]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}],
                "containerStatuses": [{"restartCount": 1}]}})
    }

    fn deployment() -> Value {
        json!({"kind": "Deployment", "metadata": {"generation": 3}, "spec": {"replicas": 2, "minReadySeconds": 4,
                "template": {"spec": {"containers": [{"image": "i:2"}]}}},
            "status": {"observedGeneration": 3, "conditions": [{"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}]}})
    }

    fn sets() -> Vec<Value> {
        ["i:1", "i:2"]
            .iter()
            .map(|image| {
                json!({"kind": "ReplicaSet", "metadata": {"uid": image}, "spec": {"template":
                {"metadata": {"labels": {"pod-template-hash": "x"}}, "spec": {"containers": [{"image": image}]}}}})
            })
            .map(|mut set| {
                set["spec"]["template"]["metadata"]["labels"] = Value::Null;
                set["spec"]["template"]["metadata"] = Value::Null;
                set
            })
            .collect()
    }

    #[test]
    fn a_job_is_well_while_it_comes_along_and_when_it_is_done() {
        let with = |status: Value| json!({"kind": "Job", "metadata": {"uid": "j"}, "status": status});
        let ended = |kind: &str| json!({"failed": 1, "conditions": [{"type": kind, "status": "True"}]});
        assert!(of_job(&with(ended("Complete")), &[]).whole());
        assert!(!of_job(&with(ended("Failed")), &[]).whole());
        assert!(of_job(&with(json!({"active": 1})), &[pod("a", "j", true)]).whole());
        assert!(!of_job(&with(json!({"active": 1})), &[pod("a", "j", false)]).whole());
        assert!(!of_job(&with(json!({"active": 1, "failed": 2})), &[]).whole());
    }

    #[test]
    fn a_deployment_is_whole_only_with_all_pods_ready_and_of_the_present_revision() {
        let (deployment, sets) = (deployment(), sets());
        let health = of_deployment(&deployment, &sets, &[pod("a", "i:2", true), pod("b", "i:2", true)]);
        assert!(health.whole(), "{health:?}");
        assert_eq!(
            (
                health.min_ready_seconds,
                health.progress_deadline_seconds,
                health.restarts
            ),
            (4, Some(600), 2)
        );

        let halfway = of_deployment(&deployment, &sets, &[pod("a", "i:2", true), pod("b", "i:1", true)]);
        assert!(!halfway.whole() && !halfway.settled && halfway.progressing);
        assert_eq!((halfway.ready, halfway.updated), (2, 1));

        let surging = of_deployment(
            &deployment,
            &sets,
            &[pod("a", "i:2", true), pod("b", "i:2", true), pod("c", "i:1", false)],
        );
        assert!(!surging.settled);
        assert_eq!(surging.unready_pods.len(), 1);
    }

    #[test]
    fn a_spec_that_the_controller_has_not_seen_is_not_settled() {
        let mut deployment = deployment();
        deployment["metadata"]["generation"] = json!(4);
        let health = of_deployment(&deployment, &sets(), &[pod("a", "i:2", true), pod("b", "i:2", true)]);
        assert!(!health.settled && health.progressing);
    }

    #[test]
    fn a_deployment_past_its_deadline_makes_no_progress() {
        let mut deployment = deployment();
        deployment["status"]["conditions"][0] =
            json!({"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"});
        assert!(!of_deployment(&deployment, &sets(), &[]).progressing);
    }

    #[test]
    fn a_partition_and_on_delete_leave_old_pods_on_purpose() {
        let mut set = json!({"kind": "StatefulSet", "metadata": {"generation": 1},
            "spec": {"replicas": 2, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}},
            "status": {"observedGeneration": 1, "updateRevision": "new"}});
        let pods = [pod("db-0", "old", true), pod("db-1", "new", true)];
        assert!(of_stateful_set(&set, &pods).whole());
        set["spec"]["updateStrategy"] = json!({"type": "RollingUpdate"});
        assert!(!of_stateful_set(&set, &pods).whole());
        set["spec"]["updateStrategy"] = json!({"type": "OnDelete"});
        assert!(of_stateful_set(&set, &pods).whole());
        assert!(!of_stateful_set(&set, &[pod("db-0", "old", false), pod("db-1", "new", true)]).settled);
    }

    #[test]
    fn a_daemon_set_that_wants_no_pod_is_not_whole() {
        let set = json!({"kind": "DaemonSet", "metadata": {"generation": 1}, "spec": {}, "status": {"observedGeneration": 1}});
        assert!(!of_daemon_set(&set, &[]).whole());
    }

    #[test]
    fn a_pod_on_its_way_out_is_neither_ready_nor_settled() {
        let mut leaving = pod("a", "x", true);
        assert!(of_pod(&leaving).whole());
        leaving["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        let health = of_pod(&leaving);
        assert!(!health.settled && health.ready == 0 && !health.whole());
    }
}
