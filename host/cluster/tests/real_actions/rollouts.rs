//! restart-workload and undo-rollout, on each kind of workload.

use crate::world::{World, container, is_ready, on_cluster, reference, workload};
use anyhow::{Context, Result};
use dreamops_domain::object::ObjectRef;
use dreamops_domain::plan::Action;
use dreamops_domain::ports::ActError;
use dreamops_domain::rehearsal::{Risk, Write};
use serde_json::{Value, json};

#[tokio::test]
async fn each_kind_of_workload_is_restarted_and_taken_back() -> Result<()> {
    on_cluster("restart", |world| async move {
        for kind in ["Deployment", "StatefulSet", "DaemonSet"] {
            let name = kind.to_lowercase();
            let object = world.create(workload(kind, &name, 1)).await?;
            all_ready(&world, &object).await?;
            let rehearsal = world
                .there_and_back(Action::RestartWorkload { workload: object })
                .await?;
            assert_eq!((rehearsal.risk, rehearsal.pods_affected), (Risk::Medium, 1), "{kind}");
            assert!(
                rehearsal.diff.contains("dreamops.dev/restarted-at") && !rehearsal.diff.contains("template.generation"),
                "{}",
                rehearsal.diff
            );
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_bad_rollout_of_a_deployment_is_undone_to_the_revision_that_is_ready() -> Result<()> {
    on_cluster("undo", |world| async move {
        let web = world.create(workload("Deployment", "web", 2)).await?;
        let good = all_ready(&world, &web).await?;
        let revision = revision_of(&world, "ReplicaSet").await?;
        world
            .meddle(
                &web,
                container(&json!({"image": "docker.io/library/absent:9",
                "env": [{"name": "A", "value": "1"}], "args": ["x"]})),
            )
            .await?;
        world
            .until_pods("a broken pod", |p| p.iter().any(|p| !is_ready(p)))
            .await?;
        let action = Action::UndoRollout {
            workload: web.clone(),
            revision: revision.uid,
        };
        let rehearsal = world.there_and_back(action.clone()).await?;
        assert_eq!(rehearsal.writes.len(), 1);

        let rehearsal = world.rehearse_quietly(action.clone()).await?;
        world.carry_out(&rehearsal).await?;
        let healed = all_ready(&world, &web).await?;
        assert_eq!(healed["spec"]["template"], good["spec"]["template"]);
        let nothing = world.rehearse_quietly(action).await?;
        assert_eq!((nothing.diff.as_str(), nothing.writes.len()), ("", 0));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_stuck_stateful_set_is_undone_and_its_unready_pod_is_replaced() -> Result<()> {
    on_cluster("undo-sts", |world| async move {
        let db = world.create(workload("StatefulSet", "db", 2)).await?;
        let good = all_ready(&world, &db).await?;
        let revision = revision_of(&world, "ControllerRevision").await?;
        world
            .meddle(&db, container(&json!({"image": "docker.io/library/absent:9"})))
            .await?;
        world
            .until_pods("the broken pod", |p| {
                p.iter().any(|p| {
                    p["metadata"]["name"] == "db-1"
                        && !is_ready(p)
                        && p["spec"]["containers"][0]["image"] == "docker.io/library/absent:9"
                })
            })
            .await?;
        let rehearsal = world
            .rehearse_quietly(Action::UndoRollout {
                workload: db.clone(),
                revision: revision.uid,
            })
            .await?;
        assert!(
            matches!(&rehearsal.writes[..], [Write::Patch { .. }, Write::Delete { target }] if target.name == "db-1"),
            "{:?}",
            rehearsal.writes
        );
        assert!(rehearsal.reversible);
        world.carry_out(&rehearsal).await?;
        let healed = all_ready(&world, &db).await?;
        assert_eq!(healed["spec"]["template"], good["spec"]["template"]);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_daemon_set_is_undone_and_the_undo_taken_back() -> Result<()> {
    on_cluster("undo-ds", |world| async move {
        let agent = world.create(workload("DaemonSet", "agent", 1)).await?;
        let good = all_ready(&world, &agent).await?;
        let revision = revision_of(&world, "ControllerRevision").await?;
        world
            .meddle(&agent, container(&json!({"image": "docker.io/library/absent:9"})))
            .await?;
        let action = Action::UndoRollout {
            workload: agent.clone(),
            revision: revision.uid,
        };
        world.there_and_back(action.clone()).await?;
        let rehearsal = world.rehearse_quietly(action).await?;
        world.carry_out(&rehearsal).await?;
        let healed = all_ready(&world, &agent).await?;
        assert_eq!(healed["spec"]["template"], good["spec"]["template"]);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_paused_deployment_is_not_undone_and_an_unknown_revision_neither() -> Result<()> {
    on_cluster("paused", |world| async move {
        let web = world.create(workload("Deployment", "web", 1)).await?;
        all_ready(&world, &web).await?;
        let revision = revision_of(&world, "ReplicaSet").await?.uid;
        let unknown = Action::UndoRollout {
            workload: web.clone(),
            revision: "no-such-uid".into(),
        };
        let refused = world.rehearse(unknown).await;
        assert!(matches!(refused, Err(ActError::NotAllowed { .. })), "{refused:?}");
        world.meddle(&web, json!({"spec": {"paused": true}})).await?;
        let refused = world
            .rehearse(Action::UndoRollout {
                workload: web,
                revision,
            })
            .await;
        assert!(
            matches!(&refused, Err(ActError::NotAllowed { why }) if why.contains("paused")),
            "{refused:?}"
        );
        Ok(())
    })
    .await
}

async fn all_ready(world: &World, object: &ObjectRef) -> Result<Value> {
    let done = |o: &Value| {
        let (spec, status) = (&o["spec"], &o["status"]);
        let seen = status["observedGeneration"] == o["metadata"]["generation"];
        let counts = if object.kind == "DaemonSet" {
            let wanted = status["desiredNumberScheduled"].as_u64().unwrap_or(0);
            wanted > 0
                && status["numberReady"].as_u64() == Some(wanted)
                && status["updatedNumberScheduled"].as_u64() == Some(wanted)
        } else {
            let wanted = &spec["replicas"];
            status["readyReplicas"] == *wanted && status["updatedReplicas"] == *wanted && status["replicas"] == *wanted
        };
        seen && counts
    };
    world.until("all replicas", object, done).await
}

/// The only revision there is.
async fn revision_of(world: &World, kind: &str) -> Result<ObjectRef> {
    let found = world.list(kind, "").await?;
    let first = found.first().context("a revision")?;
    Ok(reference(kind, first))
}
