//! All three methods against a real API server, through both kinds of proxy too.

use crate::proxy::{Kind, Proxy};
use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dreamops_cluster::connect::{self, ConnectError, Given, Method, Options};
use dreamops_cluster::rights;
use dreamops_domain::ports::Clock;
use dreamops_domain::time::Timestamp;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::config::{KubeConfigOptions, Kubeconfig};
use secrecy::ExposeSecret;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const VARIABLE: &str = "DREAMOPS_TEST_KUBECONFIG";

/// A real cluster keeps real time.
struct RealClock(Instant);

#[allow(clippy::disallowed_methods, reason = "a real cluster keeps real time")]
#[async_trait]
impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::default() + since
    }
    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
    async fn sleep_until(&self, _: Duration) {}
}

#[allow(clippy::disallowed_methods, reason = "a real cluster keeps real time")]
fn options() -> Options {
    Options {
        clock: Arc::new(RealClock(Instant::now())),
        ..crate::world::options()
    }
}

/// What the administrator's kubeconfig holds, and a token of an account without rights.
struct Real {
    path: PathBuf,
    text: String,
    endpoint: String,
    authority: String,
    certificate: String,
    key: String,
    token: String,
    /// For what the tests do beside the program.
    client: kube::Client,
}

impl Real {
    #[allow(
        clippy::disallowed_methods,
        reason = "a real cluster's kubeconfig is named by the environment"
    )]
    async fn find(test: &str) -> Result<Option<Self>> {
        let Ok(path) = std::env::var(VARIABLE) else {
            eprintln!("skipped: {test} needs a real cluster; set {VARIABLE} to its kubeconfig");
            return Ok(None);
        };
        let text = std::fs::read_to_string(&path)?;
        let config = Kubeconfig::read_from(&path)?;
        let cluster = config.clusters[0].cluster.clone().context("no cluster")?;
        let user = config.auth_infos[0].auth_info.clone().context("no user")?;
        let client = kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await?;
        let client = kube::Client::try_from(client)?;
        let accounts: kube::Api<ServiceAccount> = kube::Api::namespaced(client.clone(), "default");
        let wanted = TokenRequest {
            spec: TokenRequestSpec {
                expiration_seconds: Some(3600),
                ..TokenRequestSpec::default()
            },
            ..TokenRequest::default()
        };
        let made = accounts
            .create_token_request("default", &kube::api::PostParams::default(), &wanted)
            .await?;
        Ok(Some(Self {
            path: path.into(),
            text,
            endpoint: cluster.server.context("no server")?,
            authority: cluster.certificate_authority_data.context("no authority")?,
            certificate: user.client_certificate_data.context("no certificate")?,
            key: user.client_key_data.context("no key")?.expose_secret().to_owned(),
            token: made.status.context("no token")?.token,
            client,
        }))
    }

    fn given(&self, method: Method) -> Given {
        Given {
            method,
            name: "real".to_owned(),
            endpoint: self.endpoint.clone(),
            namespace: String::new(),
            ca_certificate: Some(self.authority.clone()),
            verify_ssl: true,
            proxy_url: None,
            loopback_allowed: false,
        }
    }

    fn by_token(&self) -> Given {
        self.given(Method::ServiceAccount {
            token: self.token.as_str().into(),
        })
    }

    fn by_certificate(&self) -> Given {
        self.given(Method::ClientCert {
            certificate: self.certificate.clone(),
            key: self.key.as_str().into(),
        })
    }

    fn by_kubeconfig(&self) -> Given {
        self.given(Method::Kubeconfig {
            text: self.text.as_str().into(),
        })
    }
}

#[tokio::test]
async fn each_method_learns_the_same_of_a_real_cluster() -> Result<()> {
    let Some(real) = Real::find("each_method_learns_the_same_of_a_real_cluster").await? else {
        return Ok(());
    };
    let by_certificate = connect::with(&real.by_certificate(), &options()).await?;
    ensure!(by_certificate.version.starts_with('v') && by_certificate.platform.starts_with("linux/"));
    ensure!(by_certificate.expires_at.is_some());
    ensure!(by_certificate.may_list_namespaces().await.ok() == Some(true));
    let missing = rights::check(&by_certificate, "default")
        .await
        .map_err(|e| anyhow::anyhow!("{e:?}"))?;
    ensure!(missing.is_empty(), "{missing:?}");

    let by_kubeconfig = connect::with(&real.by_kubeconfig().kept()?, &options()).await?;
    ensure!(by_kubeconfig.cluster == by_certificate.cluster);
    ensure!(by_kubeconfig.expires_at == by_certificate.expires_at);

    let by_file = connect::kubeconfig(&real.path, &options()).await?;
    ensure!(by_file.cluster.key == by_certificate.cluster.key);
    ensure!(by_file.expires_at == by_certificate.expires_at);

    let by_token = connect::with(&real.by_token(), &options()).await?;
    ensure!(by_token.version == by_certificate.version);
    ensure!(by_token.expires_at.is_some());
    ensure!(by_token.may_list_namespaces().await.ok() == Some(false));
    let missing = rights::check(&by_token, "default")
        .await
        .map_err(|e| anyhow::anyhow!("{e:?}"))?;
    ensure!(missing.len() == rights::needed().len(), "{missing:?}");
    Ok(())
}

#[tokio::test]
async fn a_real_cluster_is_reached_through_proxies() -> Result<()> {
    let Some(real) = Real::find("a_real_cluster_is_reached_through_proxies").await? else {
        return Ok(());
    };
    for (kind, scheme) in [(Kind::Connect, "http"), (Kind::Socks5, "socks5")] {
        for mut given in [real.by_certificate(), real.by_token(), real.by_kubeconfig()] {
            let proxy = Proxy::start(kind, Some("user:secret"), None).await;
            given.proxy_url = Some(format!("{scheme}://user:secret@{}", proxy.address).into());
            given.loopback_allowed = true;
            connect::with(&given, &options()).await?;
            ensure!(!proxy.wanted().is_empty(), "{kind:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_real_cluster_refuses_what_is_none_of_its_credentials() -> Result<()> {
    let Some(real) = Real::find("a_real_cluster_refuses_what_is_none_of_its_credentials").await? else {
        return Ok(());
    };
    let mut spoiled = real.token.clone();
    spoiled.truncate(spoiled.len() - 8);
    spoiled.push_str("AAAAAAAA");
    let (certificate, key) = crate::server::Authority::make().client();
    for method in [
        Method::ServiceAccount {
            token: spoiled.as_str().into(),
        },
        Method::ClientCert {
            certificate: STANDARD.encode(certificate),
            key: STANDARD.encode(key).into(),
        },
    ] {
        let error = connect::with(&real.given(method), &options())
            .await
            .err()
            .context("it was accepted")?;
        ensure!(matches!(error, ConnectError::Unauthorized { .. }), "{error}");
        ensure!(!error.to_string().contains("AAAAAAAA"), "{error}");
    }
    Ok(())
}

/// Each document is applied without being kept.
#[tokio::test]
async fn a_real_cluster_accepts_the_manifest_of_rights() -> Result<()> {
    let Some(real) = Real::find("a_real_cluster_accepts_the_manifest_of_rights").await? else {
        return Ok(());
    };
    let documents: Vec<Value> = serde_saphyr::from_multiple(&rights::manifest("default", "dreamops-agent")?)?;
    for document in &documents {
        let kind = document["kind"].as_str().unwrap_or_default();
        let rbac = "/apis/rbac.authorization.k8s.io/v1";
        let path = match kind {
            "ServiceAccount" => "/api/v1/namespaces/default/serviceaccounts".to_owned(),
            "Role" | "RoleBinding" => format!("{rbac}/namespaces/default/{}s", kind.to_lowercase()),
            "ClusterRole" | "ClusterRoleBinding" => format!("{rbac}/{}s", kind.to_lowercase()),
            other => anyhow::bail!("a {other} in the manifest"),
        };
        let name = document["metadata"]["name"].as_str().unwrap_or_default();
        let query = "dryRun=All&fieldValidation=Strict&fieldManager=dreamops-test&force=true";
        let request = http::Request::patch(format!("{path}/{name}?{query}"))
            .header("Content-Type", "application/apply-patch+yaml")
            .body(document.to_string().into_bytes())?;
        let made: Value = real.client.request(request).await.with_context(|| kind.to_owned())?;
        ensure!(made["metadata"]["name"] == name, "{made}");
    }
    ensure!(documents.len() == 5);
    Ok(())
}
