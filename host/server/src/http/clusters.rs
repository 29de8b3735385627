//! `/api/v1/clusters`: what is connected. Connecting is [`agno`](super::agno)'s.

use super::App;
use super::caller::{Administer, May, Read};
use super::extract::{Asked, Named};
use super::problem::{Kind, Problem};
use super::view::{Listed, Part, value};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use dreamops_domain::fleet::ClusterRecord;
use dreamops_domain::phase::Mode;
use dreamops_domain::time::Timestamp;
use serde::Serialize;
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
