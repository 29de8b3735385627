//! patch: the shipped table, on real objects.

use crate::world::{on_cluster, workload};
use anyhow::Result;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::plan::Action;
use dreamops_domain::ports::ActError;
use dreamops_domain::rehearsal::Risk;
use serde_json::json;

fn patch(target: &ObjectRef, path: &str, value: &str) -> Action {
    Action::Patch {
        target: target.clone(),
        path: path.into(),
        value: value.into(),
    }
}

#[tokio::test]
async fn a_services_selector_and_ports_are_set_and_taken_back() -> Result<()> {
    on_cluster("service", |world| async move {
        let service = world
            .create(
                json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
                "spec": {"selector": {"app": "wbe", "tier": "front"}, "ports": [{"port": 80, "targetPort": 8080}]}}),
            )
            .await?;
        let rehearsal = world
            .there_and_back(patch(&service, "/spec/selector/app", "\"web\""))
            .await?;
        assert_eq!(rehearsal.risk, Risk::Low);
        world.there_and_back(patch(&service, "/spec/selector/tier", "")).await?;
        world
            .there_and_back(patch(&service, "/spec/ports/0/targetPort", "\"http\""))
            .await?;
        let refused = world.rehearse(patch(&service, "/spec/type", "\"NodePort\"")).await;
        assert!(
            matches!(&refused, Err(ActError::NotAllowed { why }) if why.contains("/spec/selector/KEY")),
            "{refused:?}"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_autoscalers_maximum_and_a_probes_timing_are_set_and_taken_back() -> Result<()> {
    on_cluster("fields", |world| async move {
        let mut web = workload("Deployment", "web", 1);
        web["spec"]["template"]["spec"]["containers"][0]["livenessProbe"] =
            json!({"httpGet": {"path": "/healthz", "port": 8080}});
        let web = world.create(web).await?;
        let hpa = world
            .create(
                json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
                "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                    "minReplicas": 1, "maxReplicas": 2}}),
            )
            .await?;
        world.there_and_back(patch(&hpa, "/spec/maxReplicas", "4")).await?;
        let probe = "/spec/template/spec/containers/0/livenessProbe";
        world
            .there_and_back(patch(&web, &format!("{probe}/timeoutSeconds"), "5"))
            .await?;
        world
            .there_and_back(patch(&web, &format!("{probe}/initialDelaySeconds"), "20"))
            .await?;
        // what is removed comes back as the server's default, which is what was there
        let removed = world
            .rehearse(patch(&web, &format!("{probe}/timeoutSeconds"), ""))
            .await?;
        assert_eq!(removed.failure(), None, "{:?}", removed.checks);
        Ok(())
    })
    .await
}
