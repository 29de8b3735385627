//! set-pull-secret: a Secret of ours with the credential that the host holds, then a reference to it in the template.
//!
//! Promises: no Secret is ever edited; ours is named by workload and registry, so that no two workloads share one
//! and taking it back harms nobody. A pod that names pull secrets does not get those of its `ServiceAccount`: where
//! the template named none, those are written down with ours, so that what could be pulled before still can.

use crate::act::draft::{Draft, Effect};
use crate::act::{Actor, not_allowed, pods, pointer};
use crate::error::Failure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dreamops_domain::object::ObjectRef;
use dreamops_domain::ports::{ActError, RegistryCredential};
use dreamops_domain::read::ReadError;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The label that marks a Secret as ours.
const LABEL: (&str, &str) = ("app.kubernetes.io/managed-by", "dreamops");
/// So many Secrets of ours may hold outdated credentials for one workload and registry before we stop.
const OUTDATED_AT_MOST: u32 = 4;
/// Where the kubelet looks for credentials of images without a registry in their name.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

impl Actor {
    pub(super) async fn set_pull_secret(
        &self,
        workload: &ObjectRef,
        live: Value,
        registry: &str,
    ) -> Result<Draft, ActError> {
        pods::rolls_by_itself(workload, &live)?;
        let credential = self
            .credentials
            .credential(registry, &workload.namespace)
            .await
            .map_err(|e| ReadError::Unavailable { why: e.to_string() })?
            .ok_or_else(|| {
                not_allowed(format!(
                    "no credential for registry {registry} may be used in namespace {}; `dreamops credential registry add` gives one",
                    workload.namespace
                ))
            })?;
        let (secret, create) = self.secret_for(workload, &credential).await?;
        let wanted = with_reference(&live, &self.account_secrets(workload, &live).await?, &secret);
        let mut draft = Draft::new(workload, live, wanted, Effect::Rollout);
        draft.create = create;
        draft.stuck = self.stuck_pods(&draft).await?;
        Ok(draft)
    }

    /// The Secret to refer to, and the object to create where it is not there yet.
    async fn secret_for(
        &self,
        workload: &ObjectRef,
        credential: &RegistryCredential,
    ) -> Result<(String, Option<(ObjectRef, Value)>), ActError> {
        for number in 0..=OUTDATED_AT_MOST {
            let name = secret_name(workload, &credential.registry, number);
            let target = ObjectRef::new("Secret", &workload.namespace, &name, "");
            let object = secret(&target, workload, credential);
            let there = match self.made_before(&target, &object).await {
                // without the right to read it, creating it tells whether it is there
                Err(ActError::Read(ReadError::Forbidden { .. })) => None,
                other => other?,
            };
            match there {
                None => return Ok((name, Some((target, object)))),
                Some(true) => return Ok((name, None)),
                Some(false) => {}
            }
        }
        Err(not_allowed(format!(
            "namespace {} has {} outdated Secrets of ours for {workload}; `kubectl delete secret -l {}={}` clears those that nothing refers to",
            workload.namespace,
            OUTDATED_AT_MOST + 1,
            LABEL.0,
            LABEL.1
        )))
    }

    /// Names of the pull secrets that pods of the template get from their `ServiceAccount`.
    async fn account_secrets(&self, workload: &ObjectRef, live: &Value) -> Result<Vec<Value>, ActError> {
        if !pointer::list(live, "/spec/template/spec/imagePullSecrets").is_empty() {
            return Ok(Vec::new());
        }
        let account = match pointer::text(live, "/spec/template/spec/serviceAccountName") {
            "" => "default",
            name => name,
        };
        match self.api.get("ServiceAccount", &workload.namespace, account).await {
            Ok(account) => Ok(pointer::list(&account, "/imagePullSecrets").to_vec()),
            Err(e) if e.failure == Failure::NotFound => Ok(Vec::new()),
            Err(e) => Err(self.act(e)),
        }
    }
}

fn secret_name(workload: &ObjectRef, registry: &str, number: u32) -> String {
    let digest = Sha256::digest(format!("{}\n{registry}\n{number}", workload.uid));
    format!("dreamops-pull-{}", hex::encode(&digest[..6]))
}

fn secret(target: &ObjectRef, workload: &ObjectRef, credential: &RegistryCredential) -> Value {
    let server = match credential.registry.as_str() {
        "docker.io" | "index.docker.io" => DOCKER_HUB,
        other => other,
    };
    let password = credential.password.as_str();
    let pair = STANDARD.encode(format!("{}:{password}", credential.username));
    let config = json!({"auths": {server: {
        "username": credential.username, "password": password, "auth": pair}}});
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": target.name,
            "namespace": target.namespace,
            "labels": { LABEL.0: LABEL.1 },
            "annotations": {
                "dreamops.dev/made-for": workload.to_string(),
                "dreamops.dev/registry": credential.registry,
            },
        },
        "type": "kubernetes.io/dockerconfigjson",
        "data": { ".dockerconfigjson": STANDARD.encode(config.to_string()) },
    })
}

/// The workload with a reference to `secret`, beside those that its pods have now.
fn with_reference(live: &Value, inherited: &[Value], secret: &str) -> Value {
    let mut names = pointer::list(live, "/spec/template/spec/imagePullSecrets").to_vec();
    if names.is_empty() {
        names = inherited.to_vec();
    }
    if !names.iter().any(|n| n["name"] == secret) {
        names.push(json!({ "name": secret }));
    }
    let mut wanted = live.clone();
    pointer::set(
        &mut wanted,
        &["spec", "template", "spec", "imagePullSecrets"],
        Value::Array(names),
    );
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::Zeroizing;

    fn web() -> ObjectRef {
        ObjectRef::new("Deployment", "n", "web", "u")
    }

    fn credential(registry: &str) -> RegistryCredential {
        RegistryCredential {
            registry: registry.into(),
            username: "robot".into(),
            password: Zeroizing::new("s3cret".into()),
        }
    }

    #[test]
    fn the_secret_is_one_that_the_kubelet_reads_and_is_marked_as_ours() {
        let target = ObjectRef::new("Secret", "n", "s", "");
        let made = secret(&target, &web(), &credential("docker.io"));
        assert_eq!(made["type"], "kubernetes.io/dockerconfigjson");
        assert_eq!(made["metadata"]["labels"]["app.kubernetes.io/managed-by"], "dreamops");
        let text = made["data"][".dockerconfigjson"].as_str().unwrap_or_default();
        let config: Value = serde_json::from_slice(&STANDARD.decode(text).expect("base64")).expect("JSON");
        assert_eq!(config["auths"][DOCKER_HUB]["username"], "robot");
        assert_eq!(config["auths"][DOCKER_HUB]["auth"], STANDARD.encode("robot:s3cret"));
    }

    #[test]
    fn two_workloads_never_share_a_secret() {
        let other = ObjectRef::new("Deployment", "n", "shop", "v");
        assert_eq!(secret_name(&web(), "r", 0), secret_name(&web(), "r", 0));
        assert_ne!(secret_name(&web(), "r", 0), secret_name(&other, "r", 0));
        assert_ne!(secret_name(&web(), "r", 0), secret_name(&web(), "q", 0));
    }

    #[test]
    fn what_could_be_pulled_before_still_can() {
        let bare = json!({"spec": {"template": {"spec": {}}}});
        let secrets = |o: &Value| o["spec"]["template"]["spec"]["imagePullSecrets"].clone();
        let inherited = [json!({"name": "team"})];
        assert_eq!(
            secrets(&with_reference(&bare, &inherited, "ours")),
            json!([{"name": "team"}, {"name": "ours"}])
        );
        let own = json!({"spec": {"template": {"spec": {"imagePullSecrets": [{"name": "a"}]}}}});
        let once = with_reference(&own, &[], "ours");
        assert_eq!(secrets(&once), json!([{"name": "a"}, {"name": "ours"}]));
        assert_eq!(with_reference(&once, &[], "ours"), once);
    }
}
