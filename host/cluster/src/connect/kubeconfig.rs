//! A kubeconfig: read, one context chosen, its fields checked.
//!
//! Promise: what is used comes from this file, and files that it names, alone. Paths in it are
//! relative to its folder, as kubectl reads them.

use super::address::Reach;
use super::certificate::{self, Identity};
use super::error::{ConnectError, Holder};
use super::plugin::Plugin;
use super::proxy::{self, ProxySettings};
use super::target::{Bearer, Target, in_force};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dreamops_domain::time::Timestamp;
use http::Uri;
use kube::config::{AuthInfo, Cluster, ExecAuthCluster, Kubeconfig, KubeconfigError};
use secrecy::ExposeSecret;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Reads the file and chooses `context`, or the current one.
pub(crate) fn target(
    path: &Path,
    context: Option<&str>,
    settings: &ProxySettings,
    now: Timestamp,
) -> Result<Target, ConnectError> {
    let config = read(path)?;
    let (name, cluster, user, namespace) = choose(path, config, context)?;
    let holder = Holder::Context(name.clone());
    let bad = |field: &'static str| {
        let of = holder.clone();
        move |why: String| ConnectError::BadField { of, field, why }
    };
    let server = server(&cluster).map_err(bad("server"))?;
    let proxy = proxy::choose(&server, cluster.proxy_url.as_deref(), settings).map_err(bad("proxy-url"))?;
    let insecure = cluster.insecure_skip_tls_verify.unwrap_or(false);
    let authorities = data(
        cluster.certificate_authority_data.as_deref(),
        cluster.certificate_authority.as_deref(),
    )
    .and_then(|pem| pem.map_or(Ok(Vec::new()), |pem| certificate::bundle(&pem)))
    .map_err(bad("certificate-authority"))?;
    let identity = identity(&holder, &user, now)?;
    let bearer = bearer(&name, &user, &cluster)?;
    Ok(Target {
        holder,
        namespace,
        server,
        authorities,
        insecure,
        server_name: cluster.tls_server_name.filter(|n| !n.is_empty()),
        proxy,
        reach: Reach::anywhere(),
        identity,
        bearer,
        rest: AuthInfo {
            username: user.username,
            password: user.password,
            impersonate: user.impersonate,
            impersonate_uid: user.impersonate_uid,
            impersonate_groups: user.impersonate_groups,
            impersonate_user_extra: user.impersonate_user_extra,
            ..AuthInfo::default()
        },
    })
}

fn read(path: &Path) -> Result<Kubeconfig, ConnectError> {
    Kubeconfig::read_from(path).map_err(|error| match error {
        KubeconfigError::ReadConfig(error, path) => ConnectError::Unreadable {
            path,
            why: error.to_string(),
        },
        // the parser's own message quotes the text, which may be a credential
        KubeconfigError::Parse(error) => ConnectError::NotKubeconfig {
            path: path.to_owned(),
            place: error
                .location()
                .map(|at| format!(" (line {}, column {})", at.line(), at.column()))
                .unwrap_or_default(),
        },
        _ => ConnectError::NotKubeconfig {
            path: path.to_owned(),
            place: String::new(),
        },
    })
}

type Chosen = (String, Cluster, AuthInfo, String);

fn choose(path: &Path, config: Kubeconfig, wanted: Option<&str>) -> Result<Chosen, ConnectError> {
    let path = path.to_owned();
    let there: Vec<String> = config.contexts.iter().map(|c| c.name.clone()).collect();
    if there.is_empty() {
        return Err(ConnectError::NoContexts { path });
    }
    let current = config.current_context.filter(|name| !name.is_empty());
    let Some(name) = wanted.map(str::to_owned).or(current) else {
        return Err(ConnectError::NoCurrentContext { path, there });
    };
    let context = config
        .contexts
        .into_iter()
        .find(|c| c.name == name)
        .and_then(|c| c.context);
    let Some(context) = context else {
        return Err(ConnectError::NoSuchContext {
            path,
            wanted: name,
            there,
        });
    };
    let dangling = |what, missing: &str| ConnectError::Dangling {
        context: name.clone(),
        what,
        name: missing.to_owned(),
    };
    let cluster = config
        .clusters
        .into_iter()
        .find(|c| c.name == context.cluster)
        .and_then(|c| c.cluster);
    let cluster = cluster.ok_or_else(|| dangling("cluster", &context.cluster))?;
    let user = match context.user.filter(|user| !user.is_empty()) {
        Some(user) => config
            .auth_infos
            .into_iter()
            .find(|u| u.name == user)
            .map(|u| u.auth_info.unwrap_or_default())
            .ok_or_else(|| dangling("user", &user))?,
        None => AuthInfo::default(),
    };
    let namespace = context.namespace.filter(|n| !n.is_empty());
    Ok((name, cluster, user, namespace.unwrap_or_else(|| "default".to_owned())))
}

fn server(cluster: &Cluster) -> Result<Uri, String> {
    let text = cluster.server.as_deref().unwrap_or_default().trim_end_matches('/');
    let uri: Uri = text
        .parse()
        .map_err(|_| format!("{text:?} is no URL; write https://HOST:PORT"))?;
    match (uri.scheme_str(), uri.host()) {
        (Some("https" | "http"), Some(host)) if !host.is_empty() => Ok(uri),
        _ => Err(format!("{text:?} is no URL of a server; write https://HOST:PORT")),
    }
}

/// Base64 in the kubeconfig comes before a file that it names.
fn data(inline: Option<&str>, file: Option<&str>) -> Result<Option<Vec<u8>>, String> {
    if let Some(inline) = inline.filter(|text| !text.is_empty()) {
        let packed: String = inline.split_ascii_whitespace().collect();
        return match STANDARD.decode(packed) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(_) => Err("its -data form is not base64".to_owned()),
        };
    }
    match file.filter(|path| !path.is_empty()) {
        Some(path) => std::fs::read(path)
            .map(Some)
            .map_err(|e| format!("the file {path}: {e}")),
        None => Ok(None),
    }
}

fn identity(holder: &Holder, user: &AuthInfo, now: Timestamp) -> Result<Option<Identity>, ConnectError> {
    let bad = |field: &'static str| {
        let of = holder.clone();
        move |why: String| ConnectError::BadField { of, field, why }
    };
    let certificate = data(
        user.client_certificate_data.as_deref(),
        user.client_certificate.as_deref(),
    )
    .map_err(bad("client-certificate"))?;
    let key_data = user.client_key_data.as_ref().map(ExposeSecret::expose_secret);
    let key = data(key_data, user.client_key.as_deref()).map_err(bad("client-key"))?;
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(bad("client-key")(
            "there is a client-certificate but no client-key".to_owned(),
        )),
        (None, Some(_)) => Err(bad("client-certificate")(
            "there is a client-key but no client-certificate".to_owned(),
        )),
        (Some(certificate), Some(key)) => {
            let key = Zeroizing::new(key);
            certificate::private_key(&key).map_err(bad("client-key"))?;
            let identity = Identity { certificate, key };
            in_force(holder, &identity, now)?;
            Ok(Some(identity))
        }
    }
}

fn bearer(context: &str, user: &AuthInfo, cluster: &Cluster) -> Result<Bearer, ConnectError> {
    if let Some(token) = &user.token
        && !token.expose_secret().trim().is_empty()
    {
        let token = token.expose_secret().trim().to_owned();
        return Ok(Bearer::Token(Zeroizing::new(token)));
    }
    if let Some(file) = user.token_file.as_deref().filter(|file| !file.is_empty()) {
        return Ok(Bearer::File(PathBuf::from(file)));
    }
    if let Some(exec) = &user.exec {
        let about = exec.provide_cluster_info.then(|| ExecAuthCluster::try_from(cluster));
        let about = about.transpose().map_err(|error| ConnectError::BadField {
            of: Holder::Context(context.to_owned()),
            field: "certificate-authority",
            why: error.to_string(),
        })?;
        return Plugin::new(context, exec, about).map(|plugin| Bearer::Plugin(Box::new(plugin)));
    }
    match &user.auth_provider {
        None => Ok(Bearer::None),
        Some(provider) => match provider.config.get("id-token") {
            Some(token) if provider.name == "oidc" => Ok(Bearer::Token(Zeroizing::new(token.clone()))),
            _ => Err(ConnectError::BadField {
                of: Holder::Context(context.to_owned()),
                field: "auth-provider",
                why: format!(
                    "{:?} was taken out of Kubernetes; take a kubeconfig with `exec` from the provider's own tool",
                    provider.name
                ),
            }),
        },
    }
}

#[cfg(test)]
mod tests;
