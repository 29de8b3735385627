//! What others do to the same object between rehearsal, write and revert.

use crate::world::{container, on_cluster, workload};
use anyhow::{Context, Result};
use dreamops_domain::journal::WriteOutcome;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::plan::{Action, Amounts};
use dreamops_domain::ports::{ActError, ClusterWrite};
use dreamops_domain::read::{ReadError, Scope};
use serde_json::json;

fn raise(workload: &ObjectRef) -> Action {
    Action::SetResources {
        workload: workload.clone(),
        container: "main".into(),
        requests: Amounts::default(),
        limits: Amounts {
            cpu_millis: None,
            memory_bytes: Some(96 << 20),
        },
    }
}

fn limited(memory: &str) -> serde_json::Value {
    container(&json!({"resources": {"limits": {"memory": memory}}}))
}

#[tokio::test]
async fn a_change_between_rehearsal_and_write_is_a_conflict_and_status_is_not() -> Result<()> {
    on_cluster("drift", |world| async move {
        let web = world.create(workload("Deployment", "web", 1)).await?;
        let rehearsal = world.rehearse_quietly(raise(&web)).await?;
        // status and metadata move all the time
        world
            .meddle(&web, json!({"metadata": {"labels": {"note": "x"}}}))
            .await?;
        let again = world.rehearse_quietly(raise(&web)).await?;
        assert_eq!(rehearsal.versions, again.versions);
        world.meddle(&web, json!({"spec": {"replicas": 2}})).await?;
        let later = world.rehearse_quietly(raise(&web)).await?;
        assert_ne!(rehearsal.versions, later.versions);
        let outcome = world.apply(&rehearsal.writes[0]).await?;
        assert!(matches!(outcome, WriteOutcome::Conflict { .. }), "{outcome:?}");
        let limit = world.get(&web).await?["spec"]["template"]["spec"]["containers"][0]["resources"].clone();
        assert_eq!(limit, json!({}), "nothing was changed");
        assert!(matches!(
            world.apply(&later.writes[0]).await?,
            WriteOutcome::Applied { .. }
        ));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_field_set_back_by_someone_is_a_breach_that_names_them_and_blocks_the_revert() -> Result<()> {
    on_cluster("breach", |world| async move {
        let web = world.create(workload("Deployment", "web", 1)).await?;
        world.meddle(&web, limited("64Mi")).await?;
        let rehearsal = world.rehearse_quietly(raise(&web)).await?;
        let outcomes = world.carry_out(&rehearsal).await?;
        let write = &rehearsal.writes[0];
        world.meddle(&web, json!({"spec": {"replicas": 2}})).await?;
        assert_eq!(
            world.actor.breach(&world.scope, write).await?,
            None,
            "another field is no breach"
        );

        world.meddle(&web, limited("32Mi")).await?;
        let said = world.actor.breach(&world.scope, write).await?.context("a breach")?;
        assert!(
            said.contains("resources/limits/memory") && said.contains("32Mi") && said.contains("meddler"),
            "{said}"
        );
        let back = world.actor.inverse(write, &outcomes[0]).context("an inverse")?;
        let outcome = world.apply(&back).await?;
        assert!(
            matches!(&outcome, WriteOutcome::Conflict { why } if why.contains("meddler")),
            "{outcome:?}"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_object_made_anew_or_elsewhere_is_not_the_one_that_was_meant() -> Result<()> {
    on_cluster("identity", |world| async move {
        let web = world.create(workload("Deployment", "web", 1)).await?;
        let rehearsal = world.rehearse_quietly(raise(&web)).await?;
        let elsewhere = Scope {
            namespaces: vec!["kube-system".into()],
        };
        let refused = world.actor.apply(&elsewhere, &rehearsal.writes[0]).await;
        assert!(
            matches!(refused, Err(ActError::Read(ReadError::NotFound { .. }))),
            "{refused:?}"
        );

        world
            .api
            .delete("Deployment", &world.namespace, "web", &web.uid, false)
            .await
            .map_err(|e| anyhow::anyhow!("{e:?}"))?;
        world.create(workload("Deployment", "web", 1)).await?;
        let outcome = world.apply(&rehearsal.writes[0]).await?;
        assert!(matches!(outcome, WriteOutcome::Conflict { .. }), "{outcome:?}");
        let refused = world.rehearse(raise(&web)).await;
        assert!(
            matches!(refused, Err(ActError::Read(ReadError::NotFound { .. }))),
            "{refused:?}"
        );
        Ok(())
    })
    .await
}
