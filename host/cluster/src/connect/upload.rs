//! A kubeconfig that a user uploaded: one context of it, inline fields only.
//!
//! Promises: nothing that it names is run or read here; of its contexts the current one is kept, and
//! nothing else of it leaves this file; a field that would run, read or impersonate is refused by its name
//! instead of being passed over, since the credential would then be another than the user means.
//!
//! | kept | refused | passed over |
//! | --- | --- | --- |
//! | `server`, `certificate-authority-data`, `insecure-skip-tls-verify`, `tls-server-name`, `proxy-url` | `certificate-authority` | the rest of a cluster |
//! | `token`, `client-certificate-data`, `client-key-data` | `exec`, `auth-provider`, `tokenFile`, `username`, `password`, `client-certificate`, `client-key`, `as`, `as-uid`, `as-groups`, `as-user-extra` | the rest of a user |
//! | `namespace` | | other contexts with their clusters and users, `extensions`, `preferences` |

use super::given::Secret;
use super::refusal::Refusal;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use zeroize::Zeroizing;

/// The longest upload, in bytes: a kubeconfig of one cluster has about 10 KiB.
pub(crate) const LONGEST: usize = 256 * 1024;
/// Deeper than any kubeconfig, `extensions` included.
const DEEPEST: usize = 32;
/// More parts than a kubeconfig of [`LONGEST`] bytes needs.
const MOST_NODES: usize = 20_000;

const FILES: &str = "it would read a file of the server; give its content as the field that ends in -data";
const PROGRAMS: &str = "it would run a program on the server; give a service account's token or a client certificate";
const TOKEN_FILES: &str = "it would read a file of the server; give the token itself as token";
const PROVIDERS: &str = "it was taken out of Kubernetes; give a service account's token or a client certificate";
const PASSWORDS: &str = "Kubernetes takes no passwords; give a service account's token or a client certificate";
const DISGUISES: &str = "the credential must have its rights by itself; give one that has them";

/// What of a kubeconfig is used.
#[derive(Debug)]
pub(crate) struct Upload {
    cluster: String,
    user: String,
    context: String,
    /// The context's namespace.
    pub(crate) namespace: Option<String>,
    /// What is said of the cluster.
    pub(crate) server: Server,
    /// The credential.
    pub(crate) account: Account,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case", default)]
struct File {
    kind: Option<String>,
    current_context: Option<String>,
    contexts: Option<Vec<NamedContext>>,
    clusters: Option<Vec<NamedServer>>,
    users: Option<Vec<NamedAccount>>,
}

#[derive(Serialize, Deserialize)]
struct NamedContext {
    name: String,
    context: Option<Context>,
}

#[derive(Serialize, Deserialize)]
struct Context {
    cluster: String,
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct NamedServer {
    name: String,
    cluster: Option<Server>,
}

#[derive(Serialize, Deserialize)]
struct NamedAccount {
    name: String,
    user: Option<Account>,
}

/// What a kubeconfig says of a cluster.
#[derive(Serialize, Deserialize, Default, Debug)]
#[serde(rename_all = "kebab-case", default)]
pub(crate) struct Server {
    #[serde(rename = "server")]
    pub(crate) address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) certificate_authority_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) insecure_skip_tls_verify: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tls_server_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) proxy_url: Option<Secret>,
    #[serde(skip_serializing)]
    certificate_authority: Option<String>,
}

/// A credential of a kubeconfig.
#[derive(Serialize, Deserialize, Default, Debug)]
#[serde(rename_all = "kebab-case", default)]
pub(crate) struct Account {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_certificate_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_key_data: Option<Secret>,
    #[serde(skip_serializing)]
    client_certificate: Option<String>,
    #[serde(skip_serializing)]
    client_key: Option<String>,
    #[serde(rename = "tokenFile", skip_serializing)]
    token_file: Option<String>,
    #[serde(skip_serializing)]
    username: Option<Secret>,
    #[serde(skip_serializing)]
    password: Option<Secret>,
    #[serde(skip_serializing)]
    exec: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    auth_provider: Option<IgnoredAny>,
    #[serde(rename = "as", skip_serializing)]
    as_user: Option<String>,
    #[serde(skip_serializing)]
    as_uid: Option<String>,
    #[serde(skip_serializing)]
    as_groups: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    as_user_extra: Option<IgnoredAny>,
}

impl Upload {
    /// Takes the current context out of a kubeconfig.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        if text.len() > LONGEST {
            return Err(Refusal::TooLong {
                field: "kubeconfig",
                limit: LONGEST,
            });
        }
        let file: File = read(text)?;
        if file.kind.as_deref().is_some_and(|kind| kind != "Config") {
            return Err(Refusal::NotKubeconfig { place: String::new() });
        }
        let upload = choose(file)?;
        upload.server.allowed()?;
        upload.account.allowed()?;
        Ok(upload)
    }

    /// A kubeconfig with what was kept; it parses to the same.
    pub(crate) fn text(self) -> Result<Zeroizing<String>, Refusal> {
        let file = File {
            kind: Some("Config".to_owned()),
            current_context: Some(self.context.clone()),
            contexts: Some(vec![NamedContext {
                name: self.context,
                context: Some(Context {
                    cluster: self.cluster.clone(),
                    user: Some(self.user.clone()),
                    namespace: self.namespace,
                }),
            }]),
            clusters: Some(vec![NamedServer {
                name: self.cluster,
                cluster: Some(self.server),
            }]),
            users: Some(vec![NamedAccount {
                name: self.user,
                user: Some(self.account),
            }]),
        };
        super::given::written(&file)
    }
}

/// Errors of the parser quote the text, which may be a credential: only their place is kept.
fn read<T: DeserializeOwned + Default>(text: &str) -> Result<T, Refusal> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_documents: 1,
            max_depth: DEEPEST,
            max_nodes: MOST_NODES,
            max_aliases: 0,
            max_anchors: 0,
        },
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| match error.without_snippet() {
        serde_saphyr::Error::Budget { .. } => Refusal::TooIntricate,
        _ => Refusal::NotKubeconfig {
            place: error
                .location()
                .map(|at| format!(" (line {}, column {})", at.line(), at.column()))
                .unwrap_or_default(),
        },
    })
}

fn choose(file: File) -> Result<Upload, Refusal> {
    let contexts = file.contexts.unwrap_or_default();
    let clusters = file.clusters.unwrap_or_default();
    let users = file.users.unwrap_or_default();
    unique("contexts", contexts.iter().map(|c| &c.name))?;
    unique("clusters", clusters.iter().map(|c| &c.name))?;
    unique("users", users.iter().map(|u| &u.name))?;
    let there: Vec<String> = contexts.iter().map(|c| c.name.clone()).collect();
    let Some(wanted) = file.current_context.filter(|name| !name.is_empty()) else {
        return Err(Refusal::NoCurrentContext { there });
    };
    let context = contexts.into_iter().find(|c| c.name == wanted).and_then(|c| c.context);
    let Some(context) = context else {
        return Err(Refusal::NoSuchContext { wanted, there });
    };
    let server = clusters.into_iter().find(|c| c.name == context.cluster);
    let Some(server) = server.and_then(|c| c.cluster) else {
        return Err(Refusal::Dangling {
            what: "cluster",
            name: context.cluster,
        });
    };
    let user = context
        .user
        .filter(|user| !user.is_empty())
        .ok_or(Refusal::NoCredential)?;
    let Some(account) = users.into_iter().find(|u| u.name == user) else {
        return Err(Refusal::Dangling {
            what: "user",
            name: user,
        });
    };
    Ok(Upload {
        cluster: context.cluster,
        context: wanted,
        namespace: context.namespace.filter(|n| !n.is_empty()),
        server,
        account: account.user.unwrap_or_default(),
        user,
    })
}

fn unique<'a>(what: &'static str, names: impl Iterator<Item = &'a String>) -> Result<(), Refusal> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            let name = name.clone();
            return Err(Refusal::Duplicate { what, name });
        }
    }
    Ok(())
}

impl Server {
    fn allowed(&self) -> Result<(), Refusal> {
        none(&[(
            "certificate-authority",
            filled(self.certificate_authority.as_deref()),
            FILES,
        )])
    }
}

impl Account {
    fn allowed(&self) -> Result<(), Refusal> {
        let secret = |value: &Option<Secret>| filled(value.as_ref().map(Secret::expose));
        none(&[
            ("exec", self.exec.is_some(), PROGRAMS),
            ("auth-provider", self.auth_provider.is_some(), PROVIDERS),
            ("tokenFile", filled(self.token_file.as_deref()), TOKEN_FILES),
            ("username", secret(&self.username), PASSWORDS),
            ("password", secret(&self.password), PASSWORDS),
            ("client-certificate", filled(self.client_certificate.as_deref()), FILES),
            ("client-key", filled(self.client_key.as_deref()), FILES),
            ("as", filled(self.as_user.as_deref()), DISGUISES),
            ("as-uid", filled(self.as_uid.as_deref()), DISGUISES),
            ("as-groups", self.as_groups.is_some(), DISGUISES),
            ("as-user-extra", self.as_user_extra.is_some(), DISGUISES),
        ])
    }
}

fn filled(value: Option<&str>) -> bool {
    value.is_some_and(|text| !text.is_empty())
}

fn none(fields: &[(&'static str, bool, &'static str)]) -> Result<(), Refusal> {
    match fields.iter().find(|(_, present, _)| *present) {
        Some((field, _, why)) => Err(Refusal::FieldNotAllowed { field, why }),
        None => Ok(()),
    }
}
