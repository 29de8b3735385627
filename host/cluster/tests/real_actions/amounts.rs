//! scale and set-resources, and what quotas, limit ranges, nodes and Pod Security say to the pods.

use crate::world::{check, container, failure, on_cluster, workload};
use anyhow::Result;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::plan::{Action, Amounts};
use dreamops_domain::ports::ActError;
use dreamops_domain::rehearsal::CheckOutcome;
use serde_json::json;

const MI: u64 = 1 << 20;

fn raise(workload: &ObjectRef, limit: u64) -> Action {
    Action::SetResources {
        workload: workload.clone(),
        container: "main".into(),
        requests: Amounts::default(),
        limits: Amounts {
            cpu_millis: None,
            memory_bytes: Some(limit),
        },
    }
}

#[tokio::test]
async fn replicas_rise_and_are_taken_back_and_never_fall() -> Result<()> {
    on_cluster("scale", |world| async move {
        let web = world.create(workload("Deployment", "web", 0)).await?;
        let scale = |replicas| Action::Scale {
            workload: web.clone(),
            replicas,
        };
        let rehearsal = world.there_and_back(scale(2)).await?;
        assert_eq!(rehearsal.pods_affected, 0);
        let rehearsal = world.rehearse_quietly(scale(2)).await?;
        world.carry_out(&rehearsal).await?;
        for fewer in [1, 0] {
            let refused = world.rehearse(scale(fewer)).await;
            assert!(matches!(refused, Err(ActError::NotAllowed { .. })), "{refused:?}");
        }
        world
            .create(
                json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
                "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                    "minReplicas": 1, "maxReplicas": 3}}),
            )
            .await?;
        assert!(world.rehearse(scale(3)).await.is_ok());
        assert!(world.rehearse(scale(4)).await.is_err());
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_limit_is_raised_and_taken_back_and_the_same_amount_is_no_change() -> Result<()> {
    on_cluster("raise", |world| async move {
        let web = world.create(workload("Deployment", "web", 1)).await?;
        let rehearsal = world.there_and_back(raise(&web, 96 * MI)).await?;
        assert!(rehearsal.diff.contains("memory: 96Mi"), "{}", rehearsal.diff);
        for name in [
            "dry run",
            "inverse",
            "rbac",
            "pod dry run",
            "quota",
            "limit range",
            "node room",
        ] {
            assert_eq!(check(&rehearsal, name), &CheckOutcome::Passed, "{name}");
        }
        world
            .meddle(&web, container(&json!({"resources": {"limits": {"memory": "1024Mi"}}})))
            .await?;
        let same = world.rehearse_quietly(raise(&web, 1 << 30)).await?;
        assert_eq!((same.diff.as_str(), same.writes.len()), ("", 0));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_raise_beyond_the_quota_passes_as_a_patch_and_is_refused_with_the_numbers() -> Result<()> {
    on_cluster("quota", |world| async move {
        let mut web = workload("Deployment", "web", 1);
        web["spec"]["template"]["spec"]["containers"][0]["resources"] =
            json!({"limits": {"memory": "64Mi"}, "requests": {"memory": "64Mi"}});
        let quota = world
            .create(
                json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "team"},
                "spec": {"hard": {"limits.memory": "128Mi"}}}),
            )
            .await?;
        world
            .until("the quota", &quota, |q| q["status"]["hard"].is_object())
            .await?;
        let web = world.create(web).await?;
        world
            .until("the pod to count", &quota, |q| {
                q["status"]["used"]["limits.memory"] == "64Mi"
            })
            .await?;
        let rehearsal = world.rehearse_quietly(raise(&web, 96 * MI)).await?;
        assert_eq!(check(&rehearsal, "dry run"), &CheckOutcome::Passed);
        let why = failure(&rehearsal, "quota");
        assert!(
            why.contains("128Mi") && why.contains("64Mi") && why.contains("96Mi"),
            "{why}"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_limit_range_and_the_nodes_are_asked() -> Result<()> {
    on_cluster("range", |world| async move {
        let web = world.create(workload("Deployment", "web", 1)).await?;
        let huge = Action::SetResources {
            workload: web.clone(),
            container: "main".into(),
            requests: Amounts {
                cpu_millis: Some(7_900),
                memory_bytes: None,
            },
            limits: Amounts::default(),
        };
        let rehearsal = world.rehearse_quietly(huge).await?;
        assert!(failure(&rehearsal, "node room").contains("cpu"));
        world
            .create(
                json!({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "lr"},
                "spec": {"limits": [{"type": "Container", "max": {"memory": "128Mi"}}]}}),
            )
            .await?;
        let rehearsal = world.rehearse_quietly(raise(&web, 192 * MI)).await?;
        assert!(failure(&rehearsal, "limit range").contains("128Mi"));
        assert!(failure(&rehearsal, "pod dry run").contains("maximum memory usage"));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn pod_security_is_met_in_rehearsal_and_not_first_by_the_pods() -> Result<()> {
    on_cluster("security", |world| async move {
        let web = world.create(workload("Deployment", "web", 1)).await?;
        let namespace = ObjectRef::new("Namespace", "", &world.namespace, "");
        let label = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
        let request = http::Request::patch(format!("/api/v1/namespaces/{}", namespace.name))
            .header("Content-Type", "application/merge-patch+json")
            .body(label.to_string().into_bytes())?;
        world.client.request::<serde_json::Value>(request).await?;
        let rehearsal = world
            .rehearse_quietly(Action::RestartWorkload { workload: web })
            .await?;
        assert_eq!(check(&rehearsal, "dry run"), &CheckOutcome::Passed);
        assert!(failure(&rehearsal, "pod dry run").contains("PodSecurity"));
        Ok(())
    })
    .await
}
