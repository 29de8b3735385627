//! restart-pod.

use crate::world::{check, container, failure, is_ready, on_cluster, reference, workload};
use anyhow::Result;
use dreamops_domain::journal::WriteOutcome;
use dreamops_domain::plan::Action;
use dreamops_domain::ports::ActError;
use dreamops_domain::rehearsal::{CheckOutcome, Write};
use serde_json::json;

#[tokio::test]
async fn a_ready_pod_is_evicted_and_its_controller_makes_a_new_one() -> Result<()> {
    on_cluster("evict", |world| async move {
        world.create(workload("Deployment", "web", 1)).await?;
        let pods = world
            .until_pods("a ready pod", |p| p.len() == 1 && is_ready(&p[0]))
            .await?;
        let pod = reference("Pod", &pods[0]);
        let rehearsal = world.rehearse_quietly(Action::RestartPod { pod: pod.clone() }).await?;
        assert!(matches!(rehearsal.writes[..], [Write::Evict { .. }]));
        assert_eq!(check(&rehearsal, "disruption budget"), &CheckOutcome::Passed);
        assert!(!rehearsal.reversible);
        let before = world.get(&pod).await?;
        assert!(before["metadata"]["deletionTimestamp"].is_null());
        world.carry_out(&rehearsal).await?;
        let pods = world
            .until_pods("a successor", |p| {
                p.iter()
                    .any(|p| is_ready(p) && p["metadata"]["uid"] != pod.uid.as_str())
            })
            .await?;
        assert!(!pods.is_empty());
        assert_eq!(world.apply(&rehearsal.writes[0]).await?, WriteOutcome::AlreadySo);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_disruption_budget_holds_ready_pods_and_not_broken_ones() -> Result<()> {
    on_cluster("budget", |world| async move {
        let web = world.create(workload("Deployment", "web", 1)).await?;
        let budget = world
            .create(
                json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"},
                "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}}),
            )
            .await?;
        let pods = world
            .until_pods("a ready pod", |p| p.len() == 1 && is_ready(&p[0]))
            .await?;
        world
            .until("the budget to count", &budget, |b| b["status"]["currentHealthy"] == 1)
            .await?;
        let ready = reference("Pod", &pods[0]);
        let rehearsal = world.rehearse_quietly(Action::RestartPod { pod: ready }).await?;
        assert!(failure(&rehearsal, "disruption budget").contains("disruption budget"));
        let refused = world.apply(&rehearsal.writes[0]).await?;
        assert!(matches!(refused, WriteOutcome::Refused { .. }), "{refused:?}");

        let broken = json!({"readinessProbe": {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1},
            "env": [{"name": "NOT_READY", "value": "1"}]});
        world.meddle(&web, container(&broken)).await?;
        let pods = world
            .until_pods("an unready pod", |p| {
                p.iter().any(|p| !is_ready(p) && p["status"]["phase"] == "Running")
            })
            .await?;
        let unready = pods.iter().find(|p| !is_ready(p)).map(|p| reference("Pod", p));
        let pod = unready.unwrap_or_else(|| panic!("no unready pod in {pods:?}"));
        let rehearsal = world.rehearse_quietly(Action::RestartPod { pod }).await?;
        assert!(matches!(rehearsal.writes[..], [Write::Delete { .. }]));
        world.carry_out(&rehearsal).await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_pod_that_nothing_would_make_anew_is_left_alone() -> Result<()> {
    on_cluster("bare", |world| async move {
        let pod = world
            .create(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bare"},
                "spec": {"containers": [{"name": "main", "image": "docker.io/library/stage:1"}]}}))
            .await?;
        let refused = world.rehearse(Action::RestartPod { pod }).await;
        assert!(matches!(refused, Err(ActError::NotAllowed { .. })), "{refused:?}");
        Ok(())
    })
    .await
}
