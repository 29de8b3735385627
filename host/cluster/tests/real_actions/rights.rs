//! A credential that may do less.

use crate::world::{World, actor, api, check, failure, on_cluster, step, workload};
use anyhow::{Context, Result};
use dreamops_domain::journal::WriteOutcome;
use dreamops_domain::plan::Action;
use dreamops_domain::ports::ClusterWrite;
use dreamops_domain::rehearsal::CheckOutcome;
use serde_json::{Value, json};

#[tokio::test]
async fn a_missing_right_is_named_with_the_rule_that_would_give_it() -> Result<()> {
    on_cluster("rights", |world| async move {
        let web = world.create(workload("Deployment", "web", 1)).await?;
        let rules = json!([
            {"apiGroups": ["apps"], "resources": ["deployments", "replicasets"], "verbs": ["get", "list"]},
            {"apiGroups": [""], "resources": ["pods", "resourcequotas", "limitranges"], "verbs": ["get", "list"]},
        ]);
        let file = restricted(&world, rules).await?;
        let path = file.path().to_str().context("a path")?;
        let less = actor(api(path).await?);
        let action = Action::RestartWorkload { workload: web.clone() };
        let rehearsal = less.rehearse(&world.scope, &step(action.clone())).await?;
        for name in ["dry run", "rbac"] {
            let why = failure(&rehearsal, name);
            assert!(
                why.contains(r#"{apiGroups: ["apps"], resources: ["deployments"], verbs: ["patch"]}"#),
                "{why}"
            );
        }
        for name in ["pod dry run", "node room"] {
            assert!(
                matches!(check(&rehearsal, name), CheckOutcome::NotChecked { .. }),
                "{name}"
            );
        }
        let rehearsal = world.rehearse_quietly(action).await?;
        let refused = less.apply(&world.scope, &rehearsal.writes[0]).await?;
        assert!(
            matches!(&refused, WriteOutcome::Refused { why } if why.contains("patch") && why.contains("deployments")),
            "{refused:?}"
        );
        Ok(())
    })
    .await
}

/// A kubeconfig of a service account with these rules in the namespace.
async fn restricted(world: &World, rules: Value) -> Result<tempfile::NamedTempFile> {
    let namespace = &world.namespace;
    world
        .create(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "less"}}))
        .await?;
    let rbac = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}");
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "less"}, "rules": rules});
    post(world, &format!("{rbac}/roles"), &role).await?;
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "less"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "less"},
        "subjects": [{"kind": "ServiceAccount", "name": "less", "namespace": namespace}]});
    post(world, &format!("{rbac}/rolebindings"), &binding).await?;
    let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
    let accounts = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
    let answer = post(world, &format!("{accounts}/less/token"), &request).await?;

    let admin = std::env::var("DREAMOPS_TEST_KUBECONFIG")?;
    let mut config: Value = serde_saphyr::from_str(&std::fs::read_to_string(admin)?)?;
    config["users"][0]["user"] = json!({"token": answer["status"]["token"]});
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), config.to_string())?;
    Ok(file)
}

async fn post(world: &World, path: &str, object: &Value) -> Result<Value> {
    let request = http::Request::post(path)
        .header("Content-Type", "application/json")
        .body(object.to_string().into_bytes())?;
    Ok(world.client.request(request).await?)
}
