//! set-pull-secret.

use crate::world::{check, is_ready, on_cluster, workload};
use anyhow::Result;
use dreamops_domain::journal::WriteOutcome;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::plan::Action;
use dreamops_domain::rehearsal::{CheckOutcome, Write};
use serde_json::{Value, json};

fn private(name: &str) -> Value {
    let mut web = workload("Deployment", name, 1);
    let main = &mut web["spec"]["template"]["spec"]["containers"][0];
    main["image"] = json!("docker.io/private/stage:2");
    main["imagePullPolicy"] = json!("Always");
    web
}

fn give(workload: &ObjectRef) -> Action {
    Action::SetPullSecret {
        workload: workload.clone(),
        registry: "docker.io".into(),
    }
}

#[tokio::test]
async fn a_private_image_is_pulled_with_a_secret_of_ours_that_goes_when_it_is_taken_back() -> Result<()> {
    on_cluster("pull", |world| async move {
        let web = world.create(private("web")).await?;
        let before = world.get(&web).await?;
        let rehearsal = world.rehearse_quietly(give(&web)).await?;
        assert_eq!(check(&rehearsal, "dry run of the Secret"), &CheckOutcome::Passed);
        assert!(!rehearsal.diff.contains("only-for-tests"), "{}", rehearsal.diff);
        assert!(!format!("{rehearsal:?}").contains("only-for-tests"));
        let [Write::Create { target: secret, .. }, Write::Patch { .. }] = &rehearsal.writes[..] else {
            panic!("{:?}", rehearsal.writes)
        };
        assert!(world.get(secret).await.is_err(), "a rehearsal creates nothing");
        let outcomes = world.carry_out(&rehearsal).await?;
        world
            .until_pods("the private image to run", |p| p.iter().any(is_ready))
            .await?;
        let again = world.rehearse_quietly(give(&web)).await?;
        assert!(again.writes.is_empty(), "{:?}", again.writes);

        world.take_back(&rehearsal, &outcomes, &before).await?;
        assert!(world.get(secret).await.is_err(), "our Secret is gone");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_secret_of_the_same_name_is_never_touched() -> Result<()> {
    on_cluster("foreign", |world| async move {
        let web = world.create(private("web")).await?;
        let rehearsal = world.rehearse_quietly(give(&web)).await?;
        let Write::Create { target, .. } = &rehearsal.writes[0] else {
            panic!("{:?}", rehearsal.writes)
        };
        let foreign = world
            .create(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": target.name}}))
            .await?;
        let outcome = world.apply(&rehearsal.writes[0]).await?;
        assert!(matches!(outcome, WriteOutcome::Conflict { .. }), "{outcome:?}");
        let next = world.rehearse_quietly(give(&web)).await?;
        let Write::Create { target: other, .. } = &next.writes[0] else {
            panic!("{:?}", next.writes)
        };
        assert_ne!(other.name, target.name);
        assert!(world.get(&foreign).await?["data"].is_null());
        Ok(())
    })
    .await
}
