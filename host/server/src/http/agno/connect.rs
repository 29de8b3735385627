//! `connect-cluster`: reach, prove, and only then store, sealed. `clusters`: what is connected, as a bare list.
//!
//! Connecting a cluster again under its name puts the new credential in place of the old one, at once, after it was proved.
//! Another cluster under a taken name is refused.

use crate::http::App;
use crate::http::caller::{Administer, May, Read};
use crate::http::clusters::must_be_on;
use crate::http::extract::Body;
use crate::http::problem::{Kind, Problem};
use crate::http::view::value;
use crate::ports::{ConnectRequest, GivenCredential, Proved};
use axum::Json;
use axum::extract::State;
use dreamops_domain::access::{PageRequest, Principal};
use dreamops_domain::fleet::{AuthMethod, ClusterRecord, ConnectionStatus};
use dreamops_domain::id::{ClusterRecordId, TenantId};
use dreamops_domain::ports::StoreError;
use dreamops_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use zeroize::Zeroizing;

/// Names are shown and stand in paths, in bytes.
const LONGEST_NAME: usize = 253;

/// How the host shall prove itself.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Method {
    /// A service account's token.
    ServiceAccount,
    /// A kubeconfig with inline fields.
    Kubeconfig,
    /// A client certificate and its key.
    #[serde(alias = "client_certificate")]
    ClientCert,
}

/// A cluster that is to be connected. CA, certificate and key are PEM or base64 of PEM.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Connect {
    /// How the host shall prove itself.
    auth_method: Method,
    /// The name it is to be known by.
    #[schema(min_length = 1, max_length = 253)]
    cluster_name: String,
    /// The API server's address; a kubeconfig names it by itself.
    #[serde(default)]
    cluster_endpoint: String,
    /// The namespace where alerts name none; the kubeconfig's if empty, else `default`.
    #[serde(default)]
    namespace: String,
    /// A kubeconfig, as text.
    #[schema(value_type = Option<String>)]
    kubeconfig_data: Option<Zeroizing<String>>,
    /// A service account's token.
    #[schema(value_type = Option<String>)]
    service_account_token: Option<Zeroizing<String>>,
    /// The CA bundle.
    ca_certificate: Option<String>,
    /// The client's certificate.
    client_certificate: Option<String>,
    /// The client's key.
    #[schema(value_type = Option<String>)]
    client_key: Option<Zeroizing<String>>,
    /// Whether the server's certificate is checked.
    #[serde(default = "yes")]
    verify_ssl: bool,
    /// The proxy to go through: http, https or socks5.
    proxy_url: Option<String>,
}

fn yes() -> bool {
    true
}

/// That it is connected.
#[derive(Serialize, ToSchema)]
pub(crate) struct Connected {
    /// `success`.
    status: &'static str,
    /// The name it is known by.
    cluster_name: String,
    /// What was learned.
    connection_result: ConnectionResult,
}

#[derive(Serialize, ToSchema)]
struct ConnectionResult {
    /// Whether the cluster accepts the credential.
    connected: bool,
    /// The API server's version.
    cluster_version: String,
    /// The platform it says it runs on.
    platform: String,
    /// Whether namespaces may be listed.
    can_list_namespaces: bool,
    /// The id of what was stored.
    #[schema(format = Uuid)]
    credential_id: String,
    /// Whether incidents of this cluster are worked on.
    agent_initialized: bool,
    /// Tools of the MCP server; empty without one.
    mcp_tools_available: Vec<String>,
}

/// Connect a cluster
#[utoipa::path(
    post, path = "/api/v1/kubernetes/agno/connect-cluster", tag = "agno", request_body = Connect,
    responses((status = 200, body = Connected),
              (status = 400, description = "it cannot be reached, or does not accept the credential", body = Problem),
              (status = 409, description = "another cluster has the name", body = Problem))
)]
pub(crate) async fn connect(
    State(app): State<App>,
    May(by, ..): May<Administer>,
    Body(wanted): Body<Connect>,
) -> Result<Json<Connected>, Problem> {
    must_be_on(&app)?;
    let request = checked(wanted, &by)?;
    let before = app.fleet.cluster(by.tenant, &request.name).await?;
    let proved = app.connector.prove(by.tenant, &request).await?;
    let record = record(&app, &by, &request, &proved, before.as_ref());
    let stored = match before {
        Some(before) if before.cluster.key != proved.cluster.key => false,
        Some(_) => app.fleet.rotate(&record, &proved.credential, &by.user).await?,
        None => app.fleet.add(&record, &proved.credential, &by.user).await?,
    };
    if !stored {
        return Err(Problem::new(
            Kind::Taken,
            format!("another cluster is connected as {}", record.name),
            "choose another name, or remove that one with DELETE /api/v1/clusters/{name}",
        ));
    }
    app.desk.nudge();
    Ok(Json(answer(&record, &proved)))
}

/// The request, where its parts go together.
fn checked(wanted: Connect, by: &Principal) -> Result<ConnectRequest, Problem> {
    let missing = |field: &str| {
        Problem::new(
            Kind::NotConnected,
            format!("`{field}` is missing, which this auth_method needs"),
            "add it and send the request again",
        )
    };
    let name = wanted.cluster_name;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.@:".contains(c);
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(plain) {
        return Err(Problem::new(
            Kind::Invalid,
            "`cluster_name` is no name",
            "use 1 to 253 letters, digits and -_.@:",
        ));
    }
    let secret = |text: Option<Zeroizing<String>>, field: &str| {
        let text = text.filter(|text| !text.trim().is_empty());
        text.ok_or_else(|| missing(field))
    };
    let certificate = wanted.client_certificate.filter(|text| !text.trim().is_empty());
    let credential = match wanted.auth_method {
        Method::Kubeconfig => GivenCredential::Kubeconfig(secret(wanted.kubeconfig_data, "kubeconfig_data")?),
        Method::ServiceAccount => {
            GivenCredential::Token(secret(wanted.service_account_token, "service_account_token")?)
        }
        Method::ClientCert => GivenCredential::ClientCert {
            certificate: certificate.ok_or_else(|| missing("client_certificate"))?,
            key: secret(wanted.client_key, "client_key")?,
        },
    };
    if wanted.auth_method != Method::Kubeconfig && wanted.cluster_endpoint.trim().is_empty() {
        return Err(missing("cluster_endpoint"));
    }
    Ok(ConnectRequest {
        name,
        credential,
        endpoint: wanted.cluster_endpoint.trim().to_owned(),
        namespace: wanted.namespace,
        ca_certificate: wanted.ca_certificate,
        verify_ssl: wanted.verify_ssl,
        proxy_url: wanted.proxy_url.filter(|p| !p.is_empty()),
        loopback_allowed: by.tenant == TenantId::DEFAULT,
    })
}

fn record(
    app: &App,
    by: &Principal,
    request: &ConnectRequest,
    proved: &Proved,
    before: Option<&ClusterRecord>,
) -> ClusterRecord {
    let now = app.clock.now();
    ClusterRecord {
        id: before.map_or_else(|| ClusterRecordId::new(now), |b| b.id),
        tenant: by.tenant,
        name: request.name.clone(),
        auth_method: request.credential.auth_method(),
        namespace: proved.namespace.clone(),
        status: ConnectionStatus::Connected,
        status_reason: String::new(),
        version: proved.version.clone(),
        platform: proved.platform.clone(),
        cluster: proved.cluster.clone(),
        mode: before.and_then(|b| b.mode),
        expires_at: proved.expires_at,
        created_at: before.map_or(now, |b| b.created_at),
        updated_at: now,
        last_used_at: Some(now),
    }
}

fn answer(record: &ClusterRecord, proved: &Proved) -> Connected {
    Connected {
        status: "success",
        cluster_name: record.name.clone(),
        connection_result: ConnectionResult {
            connected: true,
            cluster_version: proved.version.clone(),
            platform: proved.platform.clone(),
            can_list_namespaces: proved.can_list_namespaces,
            credential_id: record.id.to_string(),
            agent_initialized: true,
            mcp_tools_available: Vec::new(),
        },
    }
}

/// A connected cluster.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClusterOfList {
    /// Its id.
    #[schema(format = Uuid)]
    id: String,
    /// The name it is known by.
    cluster_name: String,
    /// `service_account`, `kubeconfig`, `client_cert` or `local`.
    auth_method: Value,
    /// The namespace where alerts name none.
    namespace: String,
    /// `pending`, `connected`, `failed` or `expired`.
    connection_status: Value,
    /// When it was used last.
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
    /// When it was connected.
    #[schema(format = DateTime)]
    created_at: String,
    /// The API server's version.
    cluster_version: String,
    /// The platform it says it runs on.
    platform: String,
    /// `local` for a cluster that an operator registered on the host, else `remote`.
    #[serde(rename = "type")]
    kind: &'static str,
}

/// Connected clusters, by name
#[utoipa::path(get, path = "/api/v1/kubernetes/agno/clusters", tag = "agno", responses((status = 200, body = Vec<ClusterOfList>)))]
pub(crate) async fn clusters(
    State(app): State<App>,
    May(by, ..): May<Read>,
) -> Result<Json<Vec<ClusterOfList>>, Problem> {
    must_be_on(&app)?;
    let records = all(&app, by.tenant).await?;
    let now = app.clock.now();
    Ok(Json(records.into_iter().map(|record| shown(record, now)).collect()))
}

async fn all(app: &App, tenant: TenantId) -> Result<Vec<ClusterRecord>, StoreError> {
    let mut records = Vec::new();
    let mut part = PageRequest {
        limit: 500,
        after: None,
    };
    loop {
        let page = app.fleet.clusters(tenant, &part).await?;
        records.extend(page.items);
        part.after = page.next_cursor;
        if part.after.is_none() {
            return Ok(records);
        }
    }
}

fn shown(record: ClusterRecord, now: Timestamp) -> ClusterOfList {
    let (status, _) = record.standing(now);
    ClusterOfList {
        id: record.id.to_string(),
        cluster_name: record.name,
        auth_method: value(record.auth_method),
        namespace: record.namespace,
        connection_status: value(status),
        last_used_at: record.last_used_at.map(|t| t.to_string()),
        created_at: record.created_at.to_string(),
        cluster_version: record.version,
        platform: record.platform,
        kind: if record.auth_method == AuthMethod::Local {
            "local"
        } else {
            "remote"
        },
    }
}
