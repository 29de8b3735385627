//! `/api/v1/sources`: places that send alerts to a route of their own. Their secrets are never shown.

use super::App;
use super::caller::{Administer, May};
use super::extract::{Asked, Body, Named, created};
use super::problem::{Kind, Problem};
use super::view::{Listed, Part, SourceKind};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use dreamops_domain::access::SourceRecord;
use dreamops_domain::id::SourceId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

/// Shorter secrets can be guessed, in bytes.
const SHORTEST_SECRET: usize = 16;
/// More secrets than a rotation needs are refused.
const MOST_SECRETS: usize = 4;
/// Names are a part of a path.
const LONGEST_NAME: usize = 63;

/// A source, without its secrets.
#[derive(Serialize, ToSchema)]
pub(super) struct SourceView {
    /// Its id.
    #[schema(format = Uuid)]
    id: String,
    /// The name in its route.
    name: String,
    /// What it sends.
    kind: SourceKind,
    /// The cluster its alerts are about, where they do not name one.
    cluster: Option<String>,
    /// Where it sends to.
    path: String,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
}

/// A source that is wanted.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewSource {
    /// The name in its route, unique in the program.
    #[schema(min_length = 1, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    name: String,
    /// What it sends: `pagerduty` or `alertmanager`.
    kind: SourceKind,
    /// The registered cluster its alerts are about, where they do not name one.
    cluster: Option<String>,
    /// PagerDuty: the webhook's secrets, at least one. Alertmanager: bearer tokens that it sends; without any, an API token that may
    /// post alerts is asked for. Up to 4, so that they can be rotated; each of 16 bytes or more.
    #[serde(default)]
    #[schema(value_type = Vec<String>, max_items = 4)]
    secrets: Vec<Zeroizing<String>>,
}

fn shown(source: SourceRecord) -> SourceView {
    let segment = match source.kind.into() {
        SourceKind::PagerDuty => "pagerduty",
        SourceKind::Alertmanager => "alertmanager",
        SourceKind::ProcessIncident => "process-incident",
    };
    SourceView {
        id: source.id.to_string(),
        path: format!("/api/v1/webhooks/{segment}/{}", source.name),
        name: source.name,
        kind: source.kind.into(),
        cluster: source.cluster,
        created_at: source.created_at.to_string(),
    }
}

/// The tenant's sources, newest first
#[utoipa::path(get, path = "/api/v1/sources", tag = "access", params(Part), responses((status = 200, body = Listed<SourceView>)))]
pub(super) async fn list(
    State(app): State<App>,
    May(by, ..): May<Administer>,
    Asked(part): Asked<Part>,
) -> Result<Json<Listed<SourceView>>, Problem> {
    let page = app.access.sources(by.tenant, &part.request()?).await?;
    Ok(Json(Listed::of(page, shown)))
}

/// Make a source
#[utoipa::path(
    post, path = "/api/v1/sources", tag = "access", request_body = NewSource,
    responses((status = 201, body = SourceView), (status = 409, description = "the name is taken", body = Problem))
)]
pub(super) async fn create(
    State(app): State<App>,
    May(by, ..): May<Administer>,
    Body(wanted): Body<NewSource>,
) -> Result<Response, Problem> {
    check(&wanted)?;
    let now = app.clock.now();
    let source = SourceRecord {
        id: SourceId::new(now),
        tenant: by.tenant,
        name: wanted.name,
        kind: wanted.kind.into(),
        cluster: wanted.cluster.filter(|c| !c.is_empty()),
        created_at: now,
    };
    if app.access.source_create(&source, &wanted.secrets, &by.user).await? {
        return Ok(created(shown(source)));
    }
    Err(Problem::new(
        Kind::Taken,
        format!("the name {} is taken", source.name),
        "choose another name: names of sources are unique in the program",
    ))
}

fn check(wanted: &NewSource) -> Result<(), Problem> {
    let invalid = |detail: String, hint: &str| Err(Problem::new(Kind::Invalid, detail, hint));
    if !is_name(&wanted.name) {
        return invalid(
            "`name` is no name for a path".to_owned(),
            "use 1 to 63 lower-case letters, digits and dashes, beginning and ending with a letter or digit",
        );
    }
    if wanted.kind == SourceKind::ProcessIncident {
        return invalid(
            "process-incident has no sources".to_owned(),
            "kind is pagerduty or alertmanager",
        );
    }
    if wanted
        .cluster
        .as_ref()
        .is_some_and(|c| c.len() > 253 || c.contains('\0'))
    {
        return invalid(
            "`cluster` is no name of a cluster".to_owned(),
            "GET /api/v1/clusters lists them",
        );
    }
    if wanted.kind == SourceKind::PagerDuty && wanted.secrets.is_empty() {
        return invalid(
            "`secrets` is empty, so that nothing could prove itself".to_owned(),
            "give the secret that PagerDuty has shown for the webhook subscription",
        );
    }
    if wanted.secrets.len() > MOST_SECRETS || wanted.secrets.iter().any(|s| s.len() < SHORTEST_SECRET) {
        return invalid(
            format!("`secrets` are up to {MOST_SECRETS} texts of {SHORTEST_SECRET} bytes or more"),
            "make one with `openssl rand -hex 32`",
        );
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = name.as_bytes();
    (1..=LONGEST_NAME).contains(&bytes.len())
        && bytes.iter().all(|&b| plain(b) || b == b'-')
        && bytes.first().copied().is_some_and(plain)
        && bytes.last().copied().is_some_and(plain)
}

/// Remove a source; its route answers as if it had never been
#[utoipa::path(delete, path = "/api/v1/sources/{id}", tag = "access", params(("id" = String, Path, format = Uuid)), responses((status = 204, description = "it is removed")))]
pub(super) async fn remove(
    State(app): State<App>,
    May(by, ..): May<Administer>,
    Named(id): Named<SourceId>,
) -> Result<StatusCode, Problem> {
    if app.access.source_remove(by.tenant, id, &by.user).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("source", id))
    }
}
