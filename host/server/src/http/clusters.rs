//! `/api/v1/clusters`: what is connected. Connecting is [`agno`](super::agno)'s.

use super::App;
use super::caller::{Administer, May, Read, Respond};
use super::extract::{Asked, Body, Named};
use super::problem::{Kind, Problem};
use super::view::{Listed, Part, value};
use crate::ports::ConnectRefusal;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use dreamops_domain::access::Principal;
use dreamops_domain::fleet::ClusterRecord;
use dreamops_domain::phase::Mode;
use dreamops_domain::time::Timestamp;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A cluster, without its credential.
#[derive(Serialize, ToSchema)]
pub(super) struct ClusterView {
    /// Its id.
    #[schema(format = Uuid)]
    id: String,
    /// The name, unique in the tenant.
    name: String,
    /// `service_account`, `kubeconfig`, `client_cert` or `local`.
    auth_method: Value,
    /// The namespace where alerts name none.
    namespace: String,
    /// `pending`, `connected`, `failed` or `expired`.
    status: Value,
    /// Why it failed or expired; empty otherwise.
    status_reason: String,
    /// The API server's version.
    version: String,
    /// The platform it says it runs on.
    platform: String,
    /// The API server's address.
    address: String,
    /// How far the host may go there; null for the server's mode.
    mode: Option<&'static str>,
    /// When certificate or token run out, where that is known.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// When it was connected.
    #[schema(format = DateTime)]
    created_at: String,
    /// When record or status changed last.
    #[schema(format = DateTime)]
    updated_at: String,
    /// When it was used last.
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
}

fn shown(record: ClusterRecord, now: Timestamp) -> ClusterView {
    let (status, status_reason) = record.standing(now);
    ClusterView {
        id: record.id.to_string(),
        name: record.name,
        auth_method: value(record.auth_method),
        namespace: record.namespace,
        status: value(status),
        status_reason,
        version: record.version,
        platform: record.platform,
        address: record.cluster.address,
        mode: record.mode.map(Mode::name),
        expires_at: record.expires_at.map(|t| t.to_string()),
        created_at: record.created_at.to_string(),
        updated_at: record.updated_at.to_string(),
        last_used_at: record.last_used_at.map(|t| t.to_string()),
    }
}

/// Refuses where the Kubernetes integration is off.
pub(super) fn must_be_on(app: &App) -> Result<(), Problem> {
    if app.settings.kubernetes {
        return Ok(());
    }
    Err(Problem::new(
        Kind::Unavailable,
        "the Kubernetes integration is off; alerts are stored and nothing is done about them",
        "the operator sets K8S_ENABLED=true",
    ))
}

/// Connected clusters, by name
#[utoipa::path(get, path = "/api/v1/clusters", tag = "clusters", params(Part), responses((status = 200, body = Listed<ClusterView>)))]
pub(super) async fn list(
    State(app): State<App>,
    May(by, ..): May<Read>,
    Asked(part): Asked<Part>,
) -> Result<Json<Listed<ClusterView>>, Problem> {
    must_be_on(&app)?;
    let page = app.fleet.clusters(by.tenant, &part.request()?).await?;
    let now = app.clock.now();
    Ok(Json(Listed::of(page, |record| shown(record, now))))
}

/// One cluster
#[utoipa::path(get, path = "/api/v1/clusters/{name}", tag = "clusters", params(("name" = String, Path)), responses((status = 200, body = ClusterView)))]
pub(super) async fn show(
    State(app): State<App>,
    May(by, ..): May<Read>,
    Named(name): Named<String>,
) -> Result<Json<ClusterView>, Problem> {
    must_be_on(&app)?;
    find(&app, &by, &name)
        .await
        .map(|record| Json(shown(record, app.clock.now())))
}

async fn find(app: &App, by: &Principal, name: &str) -> Result<ClusterRecord, Problem> {
    let record = app.fleet.cluster(by.tenant, name).await?;
    record.ok_or_else(|| Problem::not_found("cluster", name))
}

/// How far the host may go on a cluster.
#[derive(Deserialize, ToSchema)]
pub(super) struct ModeOfCluster {
    /// `observe`, `approval` or `yolo`; null for the server's mode.
    #[serde(deserialize_with = "mode")]
    #[schema(value_type = Option<String>, example = "approval")]
    mode: Option<Mode>,
}

/// A mode, or null; it has to be said.
fn mode<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Mode>, D::Error> {
    let Some(name) = Option::<String>::deserialize(from)? else {
        return Ok(None);
    };
    let known = [Mode::Observe, Mode::Approval, Mode::Yolo].into_iter();
    let found = known.clone().find(|mode| mode.name() == name);
    found
        .map(Some)
        .ok_or_else(|| D::Error::custom("mode is observe, approval, yolo or null"))
}

/// Set how far the host may go on a cluster
///
/// It holds for incidents that are opened from then on.
#[utoipa::path(put, path = "/api/v1/clusters/{name}/mode", tag = "clusters", params(("name" = String, Path)), request_body = ModeOfCluster, responses((status = 200, body = ClusterView)))]
pub(super) async fn set_mode(
    State(app): State<App>,
    May(by, ..): May<Administer>,
    Named(name): Named<String>,
    Body(wanted): Body<ModeOfCluster>,
) -> Result<Json<ClusterView>, Problem> {
    must_be_on(&app)?;
    if !app.fleet.set_mode(by.tenant, &name, wanted.mode, &by.user).await? {
        return Err(Problem::not_found("cluster", name));
    }
    find(&app, &by, &name)
        .await
        .map(|record| Json(shown(record, app.clock.now())))
}

/// How a cluster that was tried does.
#[derive(Serialize, ToSchema)]
pub(super) struct TriedView {
    /// Whether it accepts the credential.
    connected: bool,
    /// Why it does not; empty otherwise.
    reason: String,
    /// Whether namespaces may be listed.
    can_list_namespaces: bool,
    /// The cluster as it is known now.
    cluster: ClusterView,
}

/// Try a cluster's credential
///
/// Answers 200 also where the cluster does not accept it or cannot be reached: `connected` and `reason` tell.
#[utoipa::path(post, path = "/api/v1/clusters/{name}/test", tag = "clusters", params(("name" = String, Path)), responses((status = 200, body = TriedView)))]
pub(super) async fn test(
    State(app): State<App>,
    May(by, ..): May<Respond>,
    Named(name): Named<String>,
) -> Result<Json<TriedView>, Problem> {
    must_be_on(&app)?;
    let record = find(&app, &by, &name).await?;
    let tried = match app.connector.test(&record).await {
        Err(ConnectRefusal::Unavailable(why)) => return Err(ConnectRefusal::Unavailable(why).into()),
        other => other,
    };
    let mut cluster = shown(find(&app, &by, &name).await?, app.clock.now());
    Ok(Json(match tried {
        Ok(tried) => {
            cluster.version = tried.version;
            cluster.platform = tried.platform;
            TriedView {
                connected: true,
                reason: String::new(),
                can_list_namespaces: tried.can_list_namespaces,
                cluster,
            }
        }
        Err(refusal) => TriedView {
            connected: false,
            reason: refusal.to_string(),
            can_list_namespaces: false,
            cluster,
        },
    }))
}

/// Forget a cluster and its credential
#[utoipa::path(delete, path = "/api/v1/clusters/{name}", tag = "clusters", params(("name" = String, Path)), responses((status = 204, description = "it is forgotten")))]
pub(super) async fn remove(
    State(app): State<App>,
    May(by, ..): May<Administer>,
    Named(name): Named<String>,
) -> Result<StatusCode, Problem> {
    must_be_on(&app)?;
    if app.fleet.remove(by.tenant, &name, &by.user).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("cluster", name))
    }
}
